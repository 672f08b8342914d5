package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/api"
)

// TestResults: of the last hours, what the public may know, and no more.
func TestResults(t *testing.T) {
	f := full()
	type answer struct {
		Complete bool
		Results  []struct {
			Outcome string
			Failure *string
		}
	}
	for _, test := range []struct {
		query    string
		cut      bool
		results  int
		complete bool
	}{
		{"", false, 1, true}, {"?hours=1", false, 1, true}, {"?hours=2", false, 2, true}, {"?hours=3", false, 3, true}, {"?hours=3", true, 3, false},
	} {
		f.cut = test.cut
		w := serve(f, "GET", "/api/v1/monitors/lb-primary/results"+test.query)
		var got answer
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Results) != test.results || got.Complete != test.complete || *got.Results[0].Failure != "refused" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %s, want %d results, complete %t", test.query, w.Body, test.results, test.complete)
		}
	}
}

// TestHeldBack: the table is not asked for results or months each time somebody
// is.
func TestHeldBack(t *testing.T) {
	for _, path := range []string{"/api/v1/monitors/lb-primary/results", "/api/v1/services/web/uptime?window=2019-04"} {
		f := full()
		h := handler(f)
		for range 10 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != http.StatusOK {
				t.Fatalf("%s: %d", path, w.Code)
			}
		}
		if f.reads != 11 {
			t.Errorf("%s: %d reads for ten requests, want one each and one of the history", path, f.reads)
		}
	}
}

// TestMonth: uptime of a calendar month in the site's time zone.
func TestMonth(t *testing.T) {
	var got api.UptimeAnswer
	w := serve(full(), "GET", "/api/v1/services/web/uptime?window=2019-04")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	from := time.Date(2019, 4, 1, 7, 0, 0, 0, time.UTC) // Pacific daylight time
	if !got.From.Equal(from) || got.DownSeconds != 3600 || got.MaintenanceSeconds != 7200 || got.Uptime.Uptime == nil || *got.Uptime.Uptime != 1-1.0/718 || got.Raw == nil || *got.Raw != 1-3.0/720 || got.Coverage != 1 {
		t.Errorf("got %+v, want an hour down in April from %s on, and two of maintenance that were measured as down", got, from)
	}
	for window, want := range map[string]int{"2019-05": 200, "2019-06": 400, "2017-01": 400, "2016-02": 200, "x": 400, "": 400} {
		if w := serve(full(), "GET", "/api/v1/services/web/uptime?window="+window); w.Code != want {
			t.Errorf("window %q: %d, want %d", window, w.Code, want)
		}
	}
}

// TestWhy: an answer says why it is not what was measured, and not who said so.
func TestWhy(t *testing.T) {
	for window, frozen := range map[string]bool{"30d": false, "2019-04": true, "2016-02": true, "2019-05": false} {
		w := serve(full(), "GET", "/api/v1/services/web/uptime?window="+window)
		body := w.Body.String()
		if !strings.Contains(body, `"reason":"Patches"`) || !strings.Contains(body, `"as":"up","reason":"our own firewall"`) || strings.Contains(body, "secret-author") {
			t.Errorf("%s: %s", window, body)
		}
		if strings.Contains(body, `"frozen":null`) == frozen {
			t.Errorf("%s: frozen %t, want it so: %s", window, frozen, body)
		}
	}
}

// TestMonitorUptime: a monitor's windows, and its calendar months, with how much of
// each was observed.
func TestMonitorUptime(t *testing.T) {
	f := full()
	f.snapshot.Services[0].Monitors[0].Uptime = map[string]float64{"24h": 0.5, "7d": 0.75}
	f.snapshot.Services[0].Monitors[0].Coverage = map[string]float64{"7d": 0.25, "30d": 0.125}
	for path, want := range map[string]string{
		"/api/v1/monitors/lb-primary":                       `"uptime":{"24h":{"uptime":0.5,"coverage":1},"30d":{"uptime":null,"coverage":0.125},"7d":{"uptime":0.75,"coverage":0.25},"90d":{"uptime":null,"coverage":0}}`,
		"/api/v1/monitors/lb-primary/uptime?window=7d":      `"uptime":0.75,"coverage":0.25}`,
		"/api/v1/monitors/lb-primary/uptime":                `"uptime":null,"coverage":0}`,
		"/api/v1/monitors/lb-primary/uptime?window=2019-04": `"from":"2019-04-01T07:00:00Z","to":"2019-05-01T07:00:00Z","uptime":0.75,"coverage":1}`,
		"/badge/lb-primary/uptime/2019-04.json":             `"message":"75.00%"`,
		"/badge/web/uptime/2016-02.json":                    `"message":"99.85%"`,
		"/badge/all/uptime/2019-04.json":                    `of the whole page there are 24h`,
		"/badge/web/uptime/2017-01.json":                    `figures go back 400 days`,
	} {
		if w := serve(f, "GET", path); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s, want %s", path, w.Body, want)
		}
	}
}

// TestCorrectedMonth: what was read of a month is read again within a minute.
func TestCorrectedMonth(t *testing.T) {
	f, now := full(), t0
	h := api.New(api.Deps{Reader: f, History: f, Now: func() time.Time { return now }})
	for range 2 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/services/web/uptime?window=2019-04", nil))
		now = now.Add(time.Minute)
	}
	if f.reads != 4 {
		t.Errorf("%d reads for two requests a minute apart, want two each", f.reads)
	}
}

// TestRaw: windows say what was measured beside what counts; where nothing was
// observed there is neither.
func TestRaw(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v1/services/balancers/uptime?window=24h": `"uptime":0.979166,"raw":0.9375,"coverage":1,"down_s":1800,"unknown_s":0,"maintenance_s":3600`,
		"/api/v1/services/balancers/uptime?window=7d":  `"uptime":null,"raw":null,"coverage":0,"down_s":0,"unknown_s":0,"maintenance_s":0,"frozen":null`,
		"/api/v1/services/balancers/uptime":            `"uptime":null,"raw":null,"coverage":0,"down_s":0,"unknown_s":0,"maintenance_s":0,"frozen":null`,
		"/api/v1/services/balancers":                   `"uptime":0.979166,"raw":0.9375,"coverage":1,"down_s":1800,"unknown_s":0,"maintenance_s":3600`,
	} {
		if w := serve(full(), "GET", path); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s, want %s", path, w.Body, want)
		}
	}
}

// TestLifetime: no cache may keep an answer for longer than it is true.
func TestLifetime(t *testing.T) {
	for _, test := range []struct {
		age  time.Duration
		want string
	}{
		{0, "public, max-age=30, s-maxage=30, stale-while-revalidate=60, stale-if-error=150"},
		{100 * time.Second, "public, max-age=30, s-maxage=30, stale-while-revalidate=50, stale-if-error=50"},
		{170 * time.Second, "public, max-age=10, s-maxage=10, stale-while-revalidate=0, stale-if-error=0"},
		{181 * time.Second, "public, max-age=30, s-maxage=30, stale-while-revalidate=60, stale-if-error=86400"}, // it says so itself
	} {
		for _, path := range []string{"/api/v1/status", "/api/v2/summary.json", "/"} {
			f := full()
			f.snapshot.Fresh, f.snapshot.Generated = 3*time.Minute, t0.Add(-test.age)
			w := serve(f, "GET", path)
			if got := w.Header().Get("Cache-Control"); got != test.want {
				t.Errorf("%s, %s old: %s, want %s", path, test.age, got, test.want)
			}
			if w.Header().Get("Last-Modified") == "" {
				t.Errorf("%s does not say how old it is", path)
			}
		}
	}
}

// TestManual: the description for people names every operation and every schema,
// and lets nothing in.
func TestManual(t *testing.T) {
	w := serve(full(), "GET", "/docs")
	doc := spec(t)
	for path, item := range doc.Paths.Map() {
		for verb, op := range item.Operations() {
			if !strings.Contains(w.Body.String(), `id="`+op.OperationID+`"`) || !strings.Contains(w.Body.String(), path) {
				t.Errorf("%s %s is not on the page", verb, path)
			}
		}
	}
	for name := range doc.Components.Schemas {
		if !strings.Contains(w.Body.String(), `id="schema-`+name+`"`) {
			t.Errorf("schema %s is not on the page", name)
		}
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(w.Body.String(), "<script") {
		t.Errorf("policy %q", policy)
	}
}

// TestStatuspageManners: what Statuspage's clients take for granted besides the
// bodies.
func TestStatuspageManners(t *testing.T) {
	for _, test := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/api/v2/summary.json?", 200, "application/json"},
		{"GET", "/api/v2/summary.json?_=1574413200000", 200, "application/json"},
		{"GET", "/api/v2/summary.json?page=2&per_page=%zz", 200, "application/json"},
		{"HEAD", "/api/v2/summary.json", 200, "application/json"},
		{"OPTIONS", "/api/v2/summary.json", 204, ""},
		{"GET", "/api/v2/nothing.json", 404, "application/problem+json"},
		{"GET", "/api/v2/summary.json/", 404, "application/problem+json"},
		{"POST", "/api/v2/summary.json", 405, "application/problem+json"},
		{"GET", "/api/v2/subscribers.json", 405, "application/problem+json"},
		{"POST", "/api/v2/subscribers.json", 405, "application/problem+json"},
		{"DELETE", "/api/v2/subscribers.json", 405, "application/problem+json"},
		{"GET", "/api", 200, "text/html; charset=utf-8"},
	} {
		w := serve(full(), test.method, test.path)
		if w.Code != test.status || w.Header().Get("Content-Type") != test.contentType || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: %d %q, want %d %q", test.method, test.path, w.Code, w.Header().Get("Content-Type"), test.status, test.contentType)
		}
		if test.method == "HEAD" && w.Body.Len() > 0 {
			t.Errorf("HEAD has a body of %d bytes", w.Body.Len())
		}
	}
}

// TestBase: the page's address is the configured one; without one it is the one
// that was asked for, if that can be one.
func TestBase(t *testing.T) {
	for _, test := range []struct{ configured, host, want string }{
		{"https://status.example.com", "evil.example", "https://status.example.com"},
		{"", "abc.execute-api.eu-west-1.amazonaws.com", "https://abc.execute-api.eu-west-1.amazonaws.com"},
		{"", "localhost:8080", "http://localhost:8080"},
		{"", "127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"", "[::1]:8080", "http://[::1]:8080"},
		{"", `evil"><script>`, "http://localhost"},
		{"", "", "http://localhost"},
	} {
		f := full()
		f.snapshot.Site.URL = test.configured
		r := httptest.NewRequest("GET", "/api/v2/status.json", nil)
		r.Host = test.host
		w := httptest.NewRecorder()
		handler(f).ServeHTTP(w, r)
		var got struct{ Page struct{ URL string } }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Page.URL != test.want {
			t.Errorf("configured %q, asked %q: %q, %v, want %q", test.configured, test.host, got.Page.URL, err, test.want)
		}
	}
}
