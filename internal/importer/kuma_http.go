package importer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

func (k *kumaFile) http(o *object, e *entry, kind string) {
	u, auth := k.address(o.values["url"], o.join("url"), e.ID, o.text("url"))
	h := &httpOut{URL: u, Auth: auth, Insecure: o.truth("ignoreTls"), Family: familyOf(o.text("ipFamily"))}
	e.HTTP = h
	if method := strings.ToUpper(o.text("method")); method != "GET" {
		h.Method = method
	}
	h.Headers = k.headers(o, e.ID)
	if body := o.text("body"); body != "" {
		h.Body = k.body(o.values["body"], o.join("body"), e.ID, body)
		k.encoding(o, h)
	}
	k.auth(o, e)
	k.statuses(o, e)
	if o.values["maxredirects"] != nil {
		if n := o.number("maxredirects", 10); n != 10 { // Kuma's own; nobody needs so many
			h.Redirects = redirectsOf(n)
		}
	}
	switch kind {
	case "keyword":
		source := "text contains " + quote(o.text("keyword"))
		if o.truth("invertKeyword") {
			source = "not (" + source + ")"
		}
		e.expect(o.values["keyword"], o.join("keyword"), source, monitor.KindHTTP)
	case "json-query":
		k.jsonQuery(o, e)
	}
	if o.truth("expiryNotification") && strings.HasPrefix(u, "https:") {
		e.warnOf(o.values["expiryNotification"], o.join("expiryNotification"), "cert_days > 14", monitor.KindHTTP)
	}
	e.reach(hostOf(u))
}

// headers are JSON in a text.
func (k *kumaFile) headers(o *object, id string) map[string]string {
	text := o.text("headers")
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		k.warn(o.values["headers"], o.join("headers"), "", "the headers are not JSON: they are not carried over")
		return nil
	}
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out[name] = k.header(o.values["headers"], o.join("headers")+"."+name, id, name, fmt.Sprint(all[name]))
	}
	return out
}

// encoding says to the server what the body is, as Kuma does.
func (k *kumaFile) encoding(o *object, h *httpOut) {
	kind := map[string]string{"json": "application/json", "": "application/json", "xml": "text/xml; charset=utf-8", "form": "application/x-www-form-urlencoded"}[o.text("httpBodyEncoding")]
	for name := range h.Headers {
		if strings.EqualFold(name, "content-type") {
			return
		}
	}
	if h.Headers == nil {
		h.Headers = map[string]string{}
	}
	if kind != "" {
		h.Headers["Content-Type"] = kind
	}
}

func (k *kumaFile) auth(o *object, e *entry) {
	h := e.HTTP
	switch method := o.text("authMethod"); method {
	case "", "null", "none":
		basicOf(h.Headers, &h.Auth)
		if token := o.text("bearer_token"); token != "" {
			h.Auth = &authOut{Bearer: k.secret(o.values["bearer_token"], o.join("bearer_token"), token, e.ID, "bearer")}
		}
	case "basic":
		h.Auth = &authOut{Basic: &basicOut{User: o.text("basic_auth_user"),
			Password: k.secret(o.values["basic_auth_pass"], o.join("basic_auth_pass"), o.text("basic_auth_pass"), e.ID, "password")}}
	case "oauth2-cc":
		h.Auth = &authOut{OAuth2: &oauth2Out{TokenURL: o.text("oauth_token_url"), ClientID: o.text("oauth_client_id"), Scopes: strings.Fields(o.text("oauth_scopes")),
			ClientSecret: k.secret(o.values["oauth_client_secret"], o.join("oauth_client_secret"), o.text("oauth_client_secret"), e.ID, "client secret")}}
	case "mtls":
		h.Cert = &certOut{Cert: k.reference(k.variable(e.ID, "client cert")), Key: k.reference(k.variable(e.ID, "client key"))}
		k.warn(o.keys["authMethod"], o.join("authMethod"), "store their texts (PEM) there", "the client certificate and its key are not written into the file: %s and %s", h.Cert.Cert, h.Cert.Key)
	default:
		k.warn(o.values["authMethod"], o.join("authMethod"), "", "Sonde has no auth of the kind %s: it is not carried over", method)
	}
	if ca := o.text("tlsCa"); strings.Contains(ca, "BEGIN CERTIFICATE") {
		h.CA = ca
	}
}

// statuses is ranges such as 200-299.
func (k *kumaFile) statuses(o *object, e *entry) {
	var each []string
	texts := o.texts("accepted_statuscodes")
	if len(texts) == 0 {
		_ = json.Unmarshal([]byte(o.text("accepted_statuscodes_json")), &texts) // a list, or none
	}
	if len(texts) == 0 {
		texts = []string{"200-299"}
	}
	for _, text := range texts {
		from, to, isRange := strings.Cut(text, "-")
		a, err := strconv.Atoi(strings.TrimSpace(from))
		b, errTo := strconv.Atoi(strings.TrimSpace(to))
		switch {
		case err != nil || isRange && errTo != nil:
			k.warn(o.values["accepted_statuscodes"], o.join("accepted_statuscodes"), "", "%q is no range of status codes: it is not carried over", text)
		case !isRange:
			each = append(each, fmt.Sprintf("status == %d", a))
		case (b+1)%100 == 0:
			each = append(each, fmt.Sprintf("status >= %d && status < %d", a, b+1))
		default:
			each = append(each, fmt.Sprintf("status >= %d && status <= %d", a, b))
		}
	}
	e.expect(o.values["accepted_statuscodes"], o.join("accepted_statuscodes"), strings.Join(each, " || "), monitor.KindHTTP)
}

// jsonQuery carries simple paths of JSONata over.
func (k *kumaFile) jsonQuery(o *object, e *entry) {
	query, want, op := strings.TrimSpace(o.text("jsonPath")), o.text("expectedValue"), o.text("jsonPathOperator")
	path := strings.TrimPrefix(query, "$")
	if path != "" && path[0] != '.' && path[0] != '[' {
		path = "." + path
	}
	value, ok := jsonPath("body", path, op == "!=")
	for name := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if _, err := strconv.Atoi(name); err != nil && member.FindString(name) != name {
			ok = false // functions and filters of JSONata
		}
	}
	source := ""
	switch op {
	case "", "==", "!=", "<", ">", "<=", ">=":
		if op == "" {
			op = "=="
		}
		right, _ := typed(want)
		if _, numeric := number(want); numeric || op == "==" || op == "!=" {
			source = value + " " + op + " " + right
		}
	case "contains":
		source = value + " contains " + quote(want)
	}
	if !ok || source == "" {
		k.warn(o.keys["jsonPath"], o.join("jsonPath"), "write it by hand into expect:, such as body.status == \"ok\"", "the query %q is not carried over", k.hide(query))
		return
	}
	e.expect(o.values["jsonPath"], o.join("jsonPath"), source, monitor.KindHTTP)
}
