package platformtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/sondehq/sonde/internal/cloud/template"
)

// Call is one call of an AWS service that a function makes.
type Call struct {
	Function  string // such as NotifyFunction
	Service   string // such as sns
	Operation string // such as Publish
	Body      []byte
}

// Fault decides what becomes of a call. The zero value of Verdict lets it pass.
type Fault func(Call) Verdict

// Verdict is what a fault does to a call.
type Verdict struct {
	Error string // answer with this error code and do nothing, such as ThrottlingException
	Kill  bool   // end the function's process: before the call, or if After is set after it
	After bool   // do the call, and only then what is asked for
}

// proxy stands between a function and AWS: it holds the function to its role's
// policy, counts what the call costs, and makes faults.
type proxy struct {
	stack    *Stack
	function string
	policy   policy
	server   *httptest.Server
	kill     func()

	mu    sync.Mutex
	used  map[string]bool    // actions
	sids  map[string]bool    // statements
	usage map[string]float64 // by what Usage says
}

func newProxy(s *Stack, function string, role policy) *proxy {
	p := &proxy{stack: s, function: function, policy: role, used: map[string]bool{}, sids: map[string]bool{}, usage: map[string]float64{}}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	return p
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	region, signed := scopeOf(r)
	if signed == "s3" {
		p.serveObject(w, r, body)
		return
	}
	service, operation, accesses, err := accessesOf(r.Header.Get("X-Amz-Target"), body, arnIn(region))
	if err != nil {
		p.stack.complain("%s: %v", p.function, err)
		refuse(w, "dynamodb", "UnknownOperationException")
		return
	}
	if operation == "Publish" && p.stack.Encrypted(accesses[0].resource) {
		// SNS calls the key in the publisher's name (SNS Developer Guide, "Key management").
		key := p.stack.keyOf(accesses[0].resource)
		accesses = append(accesses, access{"kms:GenerateDataKey", key, ""}, access{"kms:Decrypt", key, ""})
	}
	for _, a := range accesses {
		if !p.allows(a) {
			refuse(w, service, "AccessDeniedException")
			return
		}
	}
	verdict := p.stack.verdict(Call{p.function, service, operation, body})
	if !verdict.After {
		if verdict.Kill {
			p.kill()
			return
		}
		if verdict.Error != "" {
			refuse(w, service, verdict.Error)
			return
		}
	}
	status, header, answer, err := p.forward(r, service, operation, accesses[0].leadingKey, body)
	if err != nil {
		refuse(w, service, "InternalServerError")
		return
	}
	switch {
	case verdict.Kill:
		p.kill()
	case verdict.Error != "":
		refuse(w, service, verdict.Error)
	default:
		for _, name := range []string{"Content-Type", "X-Amzn-Requestid", "X-Amz-Crc32", "Date"} {
			if v := header.Get(name); v != "" {
				w.Header().Set(name, v)
			}
		}
		w.WriteHeader(status)
		_, _ = w.Write(answer)
	}
}

// allows holds an access to the function's policy.
func (p *proxy) allows(a access) bool {
	sid, ok := p.policy.allows(a)
	if !ok {
		p.stack.complain("%s may not %s: its policy does not allow it", p.function, a)
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used[a.action], p.sids[sid] = true, true
	return true
}

// serveObject is S3: the stack keeps what is put.
func (p *proxy) serveObject(w http.ResponseWriter, r *http.Request, body []byte) {
	a, err := objectAccess(r.Method, r.URL.Path)
	if err != nil {
		p.stack.complain("%s: %v", p.function, err)
	}
	if err != nil || !p.allows(a) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	p.stack.keep(r.URL.Path, body)
}

// scopeOf is the Region and the service that a request is signed for.
func scopeOf(r *http.Request) (region, service string) {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if parts := strings.Split(scope, "/"); len(parts) > 3 {
		return parts[2], parts[3]
	}
	return "", ""
}

func arnIn(region string) func(service, name string) string {
	return func(service, name string) string {
		return "arn:aws:" + service + ":" + region + ":" + template.Account + ":" + name
	}
}

// forward makes the call. DynamoDB is asked to say what it cost; partition is the first
// that the call is about.
func (p *proxy) forward(r *http.Request, service, operation, partition string, body []byte) (int, http.Header, []byte, error) {
	to := p.stack.platform.moto
	if service == "dynamodb" {
		to = p.stack.platform.dynamo
		var in map[string]any
		if json.Unmarshal(body, &in) == nil {
			in["ReturnConsumedCapacity"] = "TOTAL"
			body, _ = json.Marshal(in)
		}
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	for name, values := range r.Header {
		if name != "Content-Length" && name != "Accept-Encoding" {
			request.Header[name] = values
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if service == "dynamodb" {
		response.Header.Del("X-Amz-Crc32") // moto and the rest have none
		p.count(operation, partition, answer)
	} else {
		p.mu.Lock()
		p.usage[service+" "+operation]++
		p.mu.Unlock()
	}
	return response.StatusCode, response.Header, answer, err
}

// count adds up the capacity units that DynamoDB says a call consumed.
func (p *proxy) count(operation, partition string, answer []byte) {
	var out struct{ ConsumedCapacity any }
	if json.Unmarshal(answer, &out) != nil {
		return
	}
	kind := "read units"
	if strings.HasPrefix(operation, "Put") || strings.HasPrefix(operation, "Delete") || strings.HasPrefix(operation, "TransactWrite") {
		kind = "write units"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.usage["dynamodb "+operation]++
	for _, c := range template.List(out.ConsumedCapacity) {
		if units, is := template.Get(c, "CapacityUnits").(float64); is {
			p.usage[kind] += units
			if operation == "Query" && strings.HasPrefix(partition, "BATCH#") {
				p.usage["batch units"] += units
			}
		}
	}
}

// refuse answers as the service answers an error.
func refuse(w http.ResponseWriter, service, code string) {
	status := http.StatusBadRequest
	if code == "InternalServerError" || code == "InternalError" {
		status = http.StatusInternalServerError
	}
	if service == "sns" {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>by the test platform</Message></Error><RequestId>1</RequestId></ErrorResponse>`, code)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"by the test platform"}`, code)
}
