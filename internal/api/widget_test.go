package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/api/subscribe"
	"github.com/sondehq/sonde/internal/api/widget"
	"github.com/sondehq/sonde/internal/monitor"
)

func served(f *fake, desk subscribe.Desk) http.Handler {
	return api.New(api.Deps{Reader: f, Pinger: f, Desk: desk, Now: func() time.Time { return t0 }})
}

func ask(h http.Handler, method, target, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestScripts: under a steady name for minutes, under one with a hash for ever.
func TestScripts(t *testing.T) {
	h := served(night(), subscribe.Desk{})
	script, err := widget.Status()
	if err != nil {
		t.Fatal(err)
	}
	for path, caching := range map[string]string{"/widget.js": "max-age=300", script.Versioned: "immutable"} {
		w := ask(h, http.MethodGet, path, "", "")
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), caching) || w.Body.String() != string(script.Body) ||
			w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" || w.Header().Get("ETag") == "" || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if w := ask(h, http.MethodGet, "/widget.000000000000.js", "", ""); w.Code != 404 {
		t.Errorf("another version: %d", w.Code)
	}
}

// TestWidgetPages: their policies name only what the configuration does, and
// their language is the reader's.
func TestWidgetPages(t *testing.T) {
	f := night()
	f.snapshot.Site.Embed = []string{"https://www.example.com"}
	f.snapshot.Services[0].Browser = &monitor.BrowserCheck{URL: "https://app.example.com/health"}
	f.snapshot.Subscribe = "customers"
	h := served(f, subscribe.Desk{Topic: &topic{}, Counter: &topic{}})
	for _, test := range []struct{ path, policy, body string }{
		{"/embed?form=list&lang=de", "frame-ancestors https://www.example.com", "Ausfall"},
		{"/embed?form=list&lang=xx", "frame-ancestors https://www.example.com", "Outage"},
		{"/affected?service=balancers", "connect-src 'self' https://app.example.com;", `service="balancers"`},
		{"/affected?service=%22%3E%3Cscript%3E", "script-src 'self';", `<sonde-affected src="/" lang="en" brief>`},
		{"/incidents/abc", "default-src 'none'", `<a href="/affected">Am I affected?`},
		{"/", "default-src 'none'", `action="/subscribe"`},
		{"/subscribe?service=web&lang=fr", "form-action 'self'", `value="web" checked`},
	} {
		w := ask(h, http.MethodGet, test.path, "", "")
		if w.Code != 200 || !strings.Contains(w.Header().Get("Content-Security-Policy"), test.policy) || !strings.Contains(w.Body.String(), test.body) {
			t.Errorf("%s: %d %s\n%s", test.path, w.Code, w.Header().Get("Content-Security-Policy"), w.Body)
		}
		if vary := w.Header().Values("Vary"); !strings.HasSuffix(strings.Join(vary, ", "), "Accept-Encoding") {
			t.Errorf("%s: Vary %q", test.path, vary)
		}
	}
	if w := ask(h, http.MethodGet, "/affected.json", "", ""); !strings.Contains(w.Body.String(), `"url":"https://app.example.com/health","old":[],"new":[]`) {
		t.Errorf("tests: %s", w.Body)
	}
	f.err = errors.New("table is away")
	for _, path := range []string{"/embed", "/affected", "/affected.json", "/subscribe"} {
		if w := ask(h, http.MethodGet, path, "", ""); w.Code != 503 || strings.Contains(w.Body.String(), "away") {
			t.Errorf("%s without a table: %d %s", path, w.Code, w.Body)
		}
	}
}

// topic takes subscriptions until it fails; it allows as many as it likes.
type topic struct {
	taken  []string
	denied bool
	err    error
}

func (b *topic) Allow(context.Context, string, string, int64, time.Duration) (bool, error) {
	return !b.denied, nil
}

func (b *topic) Subscribe(_ context.Context, tier monitor.TierID, email string, services []monitor.ServiceID) error {
	b.taken = append(b.taken, string(tier)+" "+email)
	return b.err
}

func TestSubscribe(t *testing.T) {
	form, json := "application/x-www-form-urlencoded", "application/json"
	l := newLawful(t)
	for _, test := range []struct {
		name, kind, body string
		change           func(*fake, *topic)
		want             int
		says             string
		taken            int
	}{
		{"form", form, "email=a%40example.com&services=web", nil, 202, "Check your inbox", 1},
		{"JSON", json, `{"email":"a@example.com"}`, nil, 202, `"accepted":true`, 1},
		{"trap", form, "email=a%40example.com&website=x", nil, 202, "Check your inbox", 0},
		{"no address", form, "email=a", nil, 422, "does not look like an e-mail address", 0},
		{"no address, by a script", json, `{}`, nil, 422, `"status":422`, 0},
		{"no such service", json, `{"email":"a@example.com","services":["x"]}`, nil, 422, "does not exist", 0},
		{"too many", form, "email=a%40example.com", func(_ *fake, b *topic) { b.denied = true }, 429, "Too many requests", 0},
		{"too large", json, strings.Repeat("x", 5000), nil, 413, "too large", 0},
		{"no form", "text/plain", "a", nil, 415, "later", 0},
		{"not offered", form, "email=a%40example.com", func(f *fake, _ *topic) { f.snapshot.Subscribe = "" }, 404, "not offered", 0},
		{"the topic fails", form, "email=a%40example.com", func(_ *fake, b *topic) { b.err = errors.New("secret detail") }, 503, "Try again later", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, b := night(), &topic{}
			f.snapshot.Subscribe = "customers"
			if test.change != nil {
				test.change(f, b)
			}
			h := served(f, subscribe.Desk{Topic: b, Counter: b})
			w := ask(h, http.MethodPost, "/subscribe", test.kind, test.body)
			if w.Code != test.want || !strings.Contains(w.Body.String(), test.says) || len(b.taken) != test.taken {
				t.Errorf("%d, taken %q, want %d with %q:\n%s", w.Code, b.taken, test.want, test.says, w.Body)
			}
			if strings.Contains(w.Body.String(), "a@example.com") || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("the answer says too much, or is kept: %v\n%s", w.Header(), w.Body)
			}
			script := httptest.NewRequest(http.MethodPost, "/subscribe", strings.NewReader(test.body))
			script.Header.Set("Content-Type", test.kind)
			script.Header.Set("Accept", "application/json")
			again := httptest.NewRecorder()
			h.ServeHTTP(again, script)
			for _, w := range []*httptest.ResponseRecorder{w, again} {
				if known, err := l.check(httptest.NewRequest(http.MethodPost, "/subscribe", nil), w); !known || err != nil || w.Code != test.want {
					t.Errorf("%d, described: %t: %v\n%s", w.Code, known, err, w.Body)
				}
			}
		})
	}
	for status := range l.doc.Paths.Value("/subscribe").Post.Responses.Map() {
		if !l.seen["subscribe "+http.StatusText(number(status))] {
			t.Errorf("POST /subscribe never answered %s", status)
		}
	}
}
