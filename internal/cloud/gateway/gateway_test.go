package gateway_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/cloud/gateway"
)

func event(method, path, query string) events.APIGatewayV2HTTPRequest {
	var e events.APIGatewayV2HTTPRequest
	e.RawPath, e.RawQueryString = path, query
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = method, "198.51.100.7"
	e.Headers = map[string]string{"host": "status.example.com", "x-many": "a,b"}
	e.Cookies = []string{"one=1", "two=2"}
	return e
}

func TestRequest(t *testing.T) {
	var got *http.Request
	var body string
	h := gateway.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		text, _ := io.ReadAll(r.Body)
		body = string(text)
	}))
	e := event("POST", "/ping/a%20b", "x=1&x=2")
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("a \x00 body")), true
	if _, err := h(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.URL.Path != "/ping/a b" || got.Host != "status.example.com" || body != "a \x00 body" || got.RemoteAddr != "198.51.100.7:0" {
		t.Errorf("request: %+v, body %q", got, body)
	}
	if diff := cmp.Diff([]string{"1", "2"}, got.URL.Query()["x"]); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	if c, err := got.Cookie("two"); err != nil || c.Value != "2" {
		t.Errorf("cookie: %v, %v", c, err)
	}
}

func TestResponse(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		status  int
		body    string
		base64  bool
		kind    string
	}{
		{"text", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, "grün")
		}, 200, "grün", false, "text/plain"},
		{"status alone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); w.WriteHeader(500) }, 204, "", false, ""},
		{"nothing at all", func(http.ResponseWriter, *http.Request) {}, 200, "", false, ""},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("abc"))
		}, 200, "YWJj", true, "text/html"},
		{"bytes", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0}) }, 200, "/wA=", true, "application/octet-stream"},
	} {
		out, err := gateway.Wrap(test.handler)(context.Background(), event("GET", "/", ""))
		if err != nil || out.StatusCode != test.status || out.Body != test.body || out.IsBase64Encoded != test.base64 || out.Headers["Content-Type"] != test.kind {
			t.Errorf("%s: %+v, %v", test.name, out, err)
		}
	}
	out, _ := gateway.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
	}))(context.Background(), event("GET", "/", ""))
	if diff := cmp.Diff([]string{"a=1", "b=2"}, out.Cookies); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
}

func TestMalformed(t *testing.T) {
	h := gateway.Wrap(http.NotFoundHandler())
	bad := event("GET", "/", "")
	bad.Body, bad.IsBase64Encoded = "%", true
	for name, e := range map[string]events.APIGatewayV2HTTPRequest{
		"no method": {RawPath: "/"}, "bad base64": bad, "bad path": event("GET", "/\x7f", ""),
	} {
		if _, err := h(context.Background(), e); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestHead: an answer to HEAD has the headers of GET and no body.
func TestHead(t *testing.T) {
	h := gateway.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("{}"))
	}))
	got, err := h(context.Background(), event("HEAD", "/nothing", ""))
	if err != nil || got.StatusCode != http.StatusNotFound || got.Body != "" || got.Headers["Content-Type"] != "application/problem+json" {
		t.Errorf("got %+v, %v", got, err)
	}
}
