package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// full is a site with one of everything.
func full() *fake {
	f := night()
	f.snapshot.Site.URL = "https://status.example.com"
	svc := &f.snapshot.Services[0]
	svc.Added, svc.Description, svc.DependsOn = t0.AddDate(0, -2, 0), "What all traffic goes through.", []monitor.ServiceID{"web"}
	svc.Latency = &store.LatencyView{P50: 20.1, P95: 81.5, P99: 190, N: 120}
	svc.Monitors[0].Only = map[monitor.Location]monitor.Outcome{"eu-west-1": monitor.OutcomeDown}
	f.days = svc.Days
	f.series = []store.LatencyPoint{{At: t0.Truncate(time.Hour), P50: 20.1, P95: 81.5, P99: 190, N: 120}}
	f.snapshot.Services[0].Days, f.snapshot.Services[0].Part = nil, 1
	f.snapshot.Locations = []store.LocationView{{ID: "us-east-1", LastSeen: t0.Add(-time.Minute)}, {ID: "eu-west-1"}}
	f.snapshot.Incidents[0].Updates = append(f.snapshot.Incidents[0].Updates, store.UpdateView{At: t0.Add(-time.Minute), Phase: incident.Identified, Text: "Earlier."})
	work := func(id string, state store.MaintenanceState, starts time.Time) store.MaintenanceView {
		return store.MaintenanceView{ID: id, Title: "New disks", Text: "Short breaks.", State: state, Starts: starts, Ends: starts.Add(time.Hour),
			Created: starts.AddDate(0, 0, -2), Updated: starts.AddDate(0, 0, -1), Services: []monitor.ServiceID{"web"}}
	}
	f.snapshot.Maintenance = []store.MaintenanceView{
		work("going-on", store.MaintenanceInProgress, t0.Add(-10*time.Minute)),
		work("to-come", store.MaintenanceScheduled, t0.AddDate(0, 0, 1)),
		work("over", store.MaintenanceCompleted, t0.AddDate(0, 0, -1)),
	}
	f.snapshot.Maintenance[2].Updates = []store.UpdateView{{At: t0.AddDate(0, 0, -1).Add(time.Hour), Text: "Done."}, {At: t0.AddDate(0, 0, -1), Text: "Begun."}}
	for i := range 5 {
		at := t0.Add(-time.Duration(i+1) * 50 * time.Minute)
		r := monitor.Result{Monitor: "lb-primary", Location: "us-east-1", Scheduled: at, Outcome: monitor.OutcomeUp, Timing: monitor.Timing{Total: 20 * time.Millisecond}}
		if i == 0 {
			r.Outcome, r.Failure = monitor.OutcomeDown, &monitor.Failure{Kind: monitor.FailRefused, Detail: "secret detail"}
			r.Body, r.Address = "secret body", "10.0.0.1:443"
		}
		f.batches = append(f.batches, store.Batch{Scheduled: at, Location: "us-east-1", Results: []monitor.Result{r, {Monitor: "other", Scheduled: at}}})
	}
	return f
}

// stale, empty and broken are a site in bad times.
func stale() *fake {
	f := full()
	f.snapshot.Generated = t0.Add(-time.Hour)
	return f
}

func empty() *fake { return &fake{} }

// newer is a site whose snapshot a newer version wrote.
func newer() *fake {
	f := full()
	f.snapshot.Services[0].Status, f.snapshot.Services[0].Monitors[0].State = "splendid", "superb"
	f.snapshot.Incidents[0].State, f.snapshot.Incidents[0].Phase, f.snapshot.Incidents[0].Impact = "odd", "strange", "enormous"
	f.snapshot.Incidents[0].Updates[0].Phase = "strange"
	f.snapshot.Maintenance[0].State = "paused"
	f.days[0].Worst = "splendid"
	return f
}

func broken() *fake {
	f := full()
	f.err, f.batchErr = errors.New("secret internal text"), errors.New("secret internal text")
	return f
}

// lawful checks answers against the description.
type lawful struct {
	doc    *openapi3.T
	router routers.Router
	seen   map[string]bool // "operation status"
}

func newLawful(t testing.TB) *lawful {
	t.Helper()
	doc := spec(t)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &lawful{doc, router, map[string]bool{}}
}

// check holds an answer against what the description says of it. It reports
// whether the description knows the request.
func (l *lawful) check(r *http.Request, w *httptest.ResponseRecorder) (bool, error) {
	route, params, err := l.router.FindRoute(r)
	if err != nil {
		return false, nil
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 w.Code, Header: w.Result().Header, Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	l.seen[route.Operation.OperationID+" "+http.StatusText(w.Code)] = true
	return true, openapi3filter.ValidateResponse(context.Background(), input)
}

func (l *lawful) get(t *testing.T, f *fake, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := serve(f, "GET", path, header...)
	r := httptest.NewRequest("GET", path, nil)
	known, err := l.check(r, w)
	if !known {
		t.Errorf("GET %s is not described", path)
	}
	if err != nil {
		t.Errorf("GET %s: %v\n%s", path, err, w.Body)
	}
	return w
}

// TestDescription: every operation is there and answers as it is described, in
// good times and in bad ones; every status that is described can happen; and no
// route is left out.
func TestDescription(t *testing.T) {
	l := newLawful(t)
	ids := map[string]string{"services": "balancers", "monitors": "lb-primary", "incidents": "abc"}
	var described []string
	for path, item := range l.doc.Paths.Map() {
		described = append(described, "GET "+path)
		of := strings.Split(path, "/")
		real, other := path, path
		if len(of) > 3 {
			real, other = strings.Replace(path, "{id}", ids[of[3]], 1), strings.Replace(path, "{id}", "nothing", 1)
		}
		first := l.get(t, full(), real)
		for _, f := range []*fake{stale(), empty(), newer(), broken()} {
			l.get(t, f, real)
		}
		l.get(t, full(), real, "If-None-Match", first.Header().Get("ETag"))
		if other != path {
			l.get(t, full(), other)
		}
		for _, p := range item.Get.Parameters {
			l.get(t, full(), real+"?"+p.Value.Name+"=nonsense")
			l.get(t, full(), real+"?"+p.Value.Name+"=")
			l.get(t, full(), real+"?"+p.Value.Name+"="+strings.TrimSuffix(url.QueryEscape(toText(p.Value.Example)), "\n"))
		}
		for status := range item.Get.Responses.Map() {
			if !l.seen[item.Get.OperationID+" "+http.StatusText(number(status))] {
				t.Errorf("GET %s never answered %s", path, status)
			}
		}
	}
	slices.Sort(described)
	routes := slices.DeleteFunc(api.Patterns(), func(p string) bool {
		return !strings.HasPrefix(p, "GET /api/v1/") && !strings.HasPrefix(p, "GET /api/v2/") && p != "GET /healthz" ||
			strings.HasPrefix(p, "GET /api/v1/endpoints/") // Gatus's own
	})
	slices.Sort(routes)
	if diff := cmp.Diff(described, routes); diff != "" {
		t.Errorf("description and routes (-described +served):\n%s", diff)
	}
}

func toText(v any) string {
	text, _ := json.Marshal(v)
	return strings.Trim(string(text), `"`)
}

func number(status string) int {
	n := 0
	for _, c := range status {
		n = n*10 + int(c-'0')
	}
	return n
}

// TestNeverFails: whatever is asked, the answer is no server error, and one that
// is described is as described.
func TestNeverFails(t *testing.T) {
	l := newLawful(t)
	sites := map[string]*fake{"full": full(), "stale": stale(), "empty": empty(), "newer": newer()}
	paths := slices.Sorted(maps.Keys(l.doc.Paths.Map()))
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.OneOf(
			rapid.SampledFrom(paths),
			rapid.StringMatching(`/(api/v[12]/|incidents/|services/)?[a-z./%{}~0-9 ]{0,20}`),
		).Draw(t, "path")
		id := rapid.OneOf(rapid.SampledFrom([]string{"balancers", "web", "lb-primary", "abc", "old"}), rapid.String()).Draw(t, "id")
		path = strings.ReplaceAll(path, "{id}", url.PathEscape(id))
		query := rapid.OneOf(
			rapid.Just(""),
			rapid.StringMatching(`(window|hours|id|x)=[0-9a-z%+&=-]{0,12}`),
			rapid.SampledFrom([]string{"window=90d", "window=2019-05", "window=2019-06", "window=0001-01", "window=9999-12", "hours=3", "hours=-1", "hours=99999999999999999999", "%zz", "&&;", "_=12345"}),
		).Draw(t, "query")
		method := rapid.SampledFrom([]string{"GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE"}).Draw(t, "method")
		name := rapid.SampledFrom([]string{"If-None-Match", "Accept-Encoding", "Accept", "Accept-Language", "Host", "Origin", "Range"}).Draw(t, "header")
		value := rapid.StringMatching(`[ -~]{0,30}`).Draw(t, "value")
		site := rapid.SampledFrom(slices.Sorted(maps.Keys(sites))).Draw(t, "site")

		target, err := url.Parse("http://status.example.com")
		if err != nil {
			t.Fatal(err)
		}
		if target.Path, err = url.PathUnescape(path); err != nil {
			target.Path = path
		}
		target.RawPath, target.RawQuery = path, query
		r := &http.Request{Method: method, URL: target, Host: target.Host, Header: http.Header{name: {value}}, Body: http.NoBody}
		w := httptest.NewRecorder()
		handler(sites[site]).ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 {
			t.Fatalf("%s %s?%s: %d %s", method, path, query, w.Code, w.Body)
		}
		if method == "GET" && w.Header().Get("Content-Encoding") == "" {
			if _, err := l.check(r, w); err != nil {
				t.Fatalf("GET %s?%s: %v\n%s", path, query, err, w.Body)
			}
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Fatalf("%s %s tells a secret:\n%s", method, path, w.Body)
		}
	})
}

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
	if !got.From.Equal(from) || got.DownSeconds != 3600 || got.Uptime.Uptime == nil || got.Coverage != 1 {
		t.Errorf("got %+v, want an hour down in April from %s on", got, from)
	}
	for window, want := range map[string]int{"2019-05": 200, "2019-06": 400, "2017-01": 400, "x": 400, "": 400} {
		if w := serve(full(), "GET", "/api/v1/services/web/uptime?window="+window); w.Code != want {
			t.Errorf("window %q: %d, want %d", window, w.Code, want)
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
		if !strings.Contains(w.Body.String(), `id="`+item.Get.OperationID+`"`) || !strings.Contains(w.Body.String(), path) {
			t.Errorf("%s is not on the page", path)
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
