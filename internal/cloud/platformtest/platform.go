// Package platformtest is a small AWS for tests of the whole system: it deploys
// the project's templates to DynamoDB Local and moto, runs the built functions
// as processes under a Lambda runtime API, and does between them what Lambda
// and EventBridge Scheduler do: schedules, queue and stream mappings with
// batches, filters, bisection, partial failures, retries and failure
// destinations (Lambda Developer Guide, "Event source mappings").
//
// Every call that a function makes of AWS passes a proxy, which holds it to the
// policy of the function's role in the template, counts what it costs, and makes
// the faults that a test asks for. What SNS publishes is posted to a sink.
//
// Not as on AWS: a stream has one shard and keeps the records of a transaction
// together, unless the test shuffles them; nothing throttles unless told to;
// schedules may beat faster than once a minute.
package platformtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
)

// Platform is one DynamoDB Local, one moto, and one sink. Stacks are deployed to
// it.
type Platform struct {
	dynamo, moto string
	binaries     string
	root         string // of the project
	sink         *httptest.Server

	mu   sync.Mutex
	mail map[string][]Mail // by topic ARN
}

// Mail is what SNS posted to the sink: one message to one topic.
type Mail struct {
	ID                      string // what Publish answered
	Topic, Subject, Message string
	At                      time.Time
}

// New starts a platform: it ends with the test. root is the project's folder;
// functions are built from its functions folder. Where moto or DynamoDB Local
// cannot be had, the test is skipped, and fails with CI=true.
func New(t testing.TB, root string) *Platform {
	t.Helper()
	p := &Platform{root: root, mail: map[string][]Mail{}, dynamo: dynamotest.Start(t)}
	p.moto = startMoto(t, root)
	p.binaries = p.Build(t, nil)
	p.sink = httptest.NewServer(http.HandlerFunc(p.receive))
	t.Cleanup(p.sink.Close)
	return p
}

// Build builds the functions with some source files replaced, by their path in
// the project, and returns the folder they are in.
func (p *Platform) Build(t testing.TB, replaced map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, source := range replaced {
		file := filepath.Join(dir, strings.ReplaceAll(path, "/", "_"))
		absolute, err := filepath.Abs(filepath.Join(p.root, path))
		if err == nil {
			err = os.WriteFile(file, []byte(source), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		overlay.Replace[absolute] = file
	}
	text, err := json.Marshal(overlay)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-tags", "lambda.norpc",
		"-ldflags", "-s -w", "-o", dir+"/", "./functions/...")
	build.Dir = p.root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build functions: %v\n%s", err, out)
	}
	return dir
}

// Environment returns the bin folder of one of the project's pinned Python
// environments, made on first use.
func Environment(t testing.TB, root, name string) string {
	t.Helper()
	out, err := exec.Command("sh", filepath.Join(root, "infra", "venv.sh"), name).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("make the Python environment %s, which CI must: %v", name, err)
		}
		t.Skipf("no Python environment %s, so not tested: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// startMoto runs moto_server on a free port.
func startMoto(t testing.TB, root string) string {
	t.Helper()
	bin := Environment(t, root, "moto")
	port := freePort(t)
	command := exec.Command(filepath.Join(bin, "moto_server"), "-H", "127.0.0.1", "-p", port)
	var log bytes.Buffer
	command.Stdout, command.Stderr = io.Discard, &log
	if err := command.Start(); err != nil {
		t.Fatalf("start moto: %v", err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	url := "http://127.0.0.1:" + port
	if !eventually(time.Minute, func() bool {
		response, err := http.Get(url + "/moto-api/data.json")
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	}) {
		t.Fatalf("moto does not answer:\n%s", log.String())
	}
	return url
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// eventually asks until it is so, or the time is over.
func eventually(limit time.Duration, so func() bool) bool {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-ticker.C {
		if so() {
			return true
		}
	}
	return so()
}

// PutSecret puts an encrypted parameter into Parameter Store.
func (p *Platform) PutSecret(t testing.TB, region, name, value string) {
	t.Helper()
	in := map[string]any{"Name": name, "Value": value, "Type": "SecureString"}
	if err := post(t.Context(), p.moto, "ssm", region, "AmazonSSM.PutParameter", in, nil); err != nil {
		t.Fatal(err)
	}
}

// receive takes what SNS posts (SNS Developer Guide, "HTTP/HTTPS notification
// JSON format").
func (p *Platform) receive(w http.ResponseWriter, r *http.Request) {
	var in struct{ Type, MessageId, TopicArn, Subject, Message string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Type != "Notification" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mail[in.TopicArn] = append(p.mail[in.TopicArn], Mail{in.MessageId, in.TopicArn, in.Subject, in.Message, time.Now()})
}

// post calls an emulator as an AWS client does, and decodes what it answers.
func post(ctx context.Context, url, service, region, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := http.Header{
		"Content-Type":  {"application/x-amz-json-1.0"},
		"X-Amz-Target":  {target},
		"Authorization": {authorization(service, region)},
	}
	status, answer, err := call(ctx, url, header, body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s: %d: %s", target, status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// call posts to an emulator, and again where it fails by itself, as every AWS client
// does: moto goes through dictionaries that other requests change meanwhile
// ("RuntimeError: dictionary changed size during iteration", answered with 500).
func call(ctx context.Context, url string, header http.Header, body []byte) (status int, answer []byte, err error) {
	for range 5 {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/", bytes.NewReader(body))
		if err != nil {
			return 0, nil, err
		}
		request.Header = header
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, nil, err
		}
		answer, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return 0, nil, err
		}
		if status = response.StatusCode; status < http.StatusInternalServerError {
			break
		}
	}
	return status, answer, nil
}

// authorization is a signature as emulators take it: they read where a request goes,
// and check nothing.
func authorization(service, region string) string {
	return "AWS4-HMAC-SHA256 Credential=local/20260101/" + region + "/" + service + "/aws4_request, SignedHeaders=host, Signature=0"
}
