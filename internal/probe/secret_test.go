package probe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// TestSecrets: a reference is what the server gets, and nothing that the server
// repeats of it is in the result.
func TestSecrets(t *testing.T) {
	const planted = "s3cr3t/planted+value"
	got := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("X-Plain") + " " + r.URL.Query().Get("q")
		w.WriteHeader(http.StatusTeapot)
		_, _ = fmt.Fprintf(w, "you sent %s", got)
	}))
	defer server.Close()
	m := monitor.Monitor{
		ID: "m", Timeout: 2 * time.Second, Private: true, Expect: []string{"status == 200", `text == "x"`},
		HTTP: &monitor.HTTP{URL: server.URL + "/?q=${env:B}", Method: "GET", Headers: map[string]string{"X-Plain": "${env:A}"}, MaxBody: 1 << 20},
	}
	set := map[string]string{"A": planted, "B": "other-secret"}
	engine := probe.New(probe.Env{Now: time.Now, Secret: secretsOf(set)}, probe.Options{})
	run := func() monitor.Result {
		return engine.Run(context.Background(), []monitor.Check{{Monitor: m, Location: "l", Scheduled: time.Now()}})[0]
	}
	r := run()
	if got != planted+" other-secret" {
		t.Fatalf("the server got %q", got)
	}
	if text := fmt.Sprintf("%+v %+v %s", r, r.Failure, r.Body); strings.Contains(text, planted) || strings.Contains(text, "other-secret") {
		t.Errorf("a secret is in the result: %s", text)
	}
	if m.HTTP.Headers["X-Plain"] != "${env:A}" {
		t.Error("the monitor was changed")
	}
	delete(set, "A")
	if r := run(); r.Outcome != monitor.OutcomeNotRun || !strings.Contains(r.Failure.Detail, "${env:A} is not set") {
		t.Errorf("a secret that is not set: %s %+v", r.Outcome, r.Failure)
	}
}

// secretsOf resolves from a map, as the environment does.
func secretsOf(set map[string]string) func(context.Context, probe.Reference) (string, error) {
	return func(_ context.Context, ref probe.Reference) (string, error) {
		if value, ok := set[ref.Name]; ok {
			return value, nil
		}
		return "", errors.New("is not set")
	}
}

// TestSecretsRefused: what could not be hidden is not sent.
func TestSecretsRefused(t *testing.T) {
	m := monitor.Monitor{
		ID: "m", Timeout: 2 * time.Second, Private: true,
		HTTP: &monitor.HTTP{URL: "http://127.0.0.1:1/", Method: "GET", Headers: map[string]string{"Authorization": "${env:A}"}},
	}
	for _, test := range []struct {
		name string
		env  probe.Env
		want string
	}{
		{"short", probe.Env{Now: time.Now, Secret: secretsOf(map[string]string{"A": "xyz"})}, "the secret ${env:A} is shorter than 4 bytes"},
		{"no source", probe.Env{Now: time.Now}, "the secret ${env:A} cannot be resolved here"},
	} {
		r := probe.New(test.env, probe.Options{}).Run(context.Background(), []monitor.Check{{Monitor: m}})[0]
		if r.Outcome != monitor.OutcomeNotRun || !strings.HasPrefix(r.Failure.Detail, test.want) || strings.Contains(r.Failure.Detail, "xyz") {
			t.Errorf("%s: %s %+v, want %q", test.name, r.Outcome, r.Failure, test.want)
		}
	}
}

// TestSecretsStayWithTheirHost: a redirect takes no secret to somebody else.
func TestSecretsStayWithTheirHost(t *testing.T) {
	var got http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer server.Close()
	m := monitor.Monitor{ID: "m", Timeout: 2 * time.Second, Private: true, HTTP: &monitor.HTTP{
		URL: server.URL + "/?q=${env:A}", Method: "GET", MaxRedirects: 1, MaxBody: 1,
		Headers: map[string]string{"x-plain": "${env:A}", "Accept": "text/plain"},
	}}
	env := probe.Env{Now: time.Now, Secret: secretsOf(map[string]string{"A": "planted-secret"})}
	if r := probe.New(env, probe.Options{}).Run(context.Background(), []monitor.Check{{Monitor: m}})[0]; r.Outcome != monitor.OutcomeUp {
		t.Fatalf("%s %+v", r.Outcome, r.Failure)
	}
	if strings.Contains(fmt.Sprint(got), "planted") || got.Get("Accept") != "text/plain" {
		t.Errorf("the other host got %v", got)
	}
}
