package api_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

var t0 = time.Date(2019, 5, 29, 1, 30, 0, 0, time.UTC)

// fake is a table with one snapshot, that counts its reads.
type fake struct {
	snapshot store.Snapshot
	version  int64
	err      error
	reads    int
	past     map[string]store.IncidentView
	pings    []string

	days     []store.DayView
	series   []store.LatencyPoint
	batches  []store.Batch
	cut      bool
	batchErr error
}

func (f *fake) Snapshot(context.Context) (store.Snapshot, int64, error) {
	f.reads++
	return f.snapshot, f.version, f.err
}

func (f *fake) RecordPing(_ context.Context, token string, beat monitor.Beat) (bool, error) {
	f.pings = append(f.pings, fmt.Sprintf("%s %s %d %q", token, beat.Signal, beat.Exit, beat.Text))
	return token == "known", f.err
}

func (f *fake) Details(_ context.Context, s store.Snapshot, _ ...monitor.ServiceID) (store.Snapshot, error) {
	f.reads++
	s.Services = slices.Clone(s.Services)
	for i := range s.Services {
		s.Services[i].Days, s.Services[i].Series = f.days, f.series
	}
	return s, f.err
}

func (f *fake) PastIncident(_ context.Context, id string) (store.IncidentView, bool, error) {
	if len(id) != 12 { // no id at all: the store reads nothing
		return store.IncidentView{}, false, nil
	}
	f.reads++
	v, has := f.past[id]
	return v, has, f.batchErr
}

func (f *fake) RecentBatches(_ context.Context, _ int, from, to time.Time) ([]store.Batch, bool, error) {
	f.reads++
	var in []store.Batch
	for _, b := range f.batches {
		if !b.Scheduled.Before(from) && b.Scheduled.Before(to) {
			in = append(in, b)
		}
	}
	return in, !f.cut, f.batchErr
}

func (f *fake) FiguresOf(_ context.Context, svc monitor.Service, name string, w uptime.Window) (uptime.Figures, error) {
	f.reads++
	if name < "2018-05" && name != "2016-02" { // of that one there are frozen figures, of others before none
		return uptime.Figures{Service: svc.ID, Window: w, Adjusted: uptime.Seconds{Unknown: w.Duration()}, Raw: uptime.Seconds{Unknown: w.Duration()}}, f.batchErr
	}
	figures := uptime.Figures{Service: svc.ID, Window: w,
		Adjusted: uptime.Seconds{Up: w.Duration() - 3*time.Hour, Down: time.Hour, Maintenance: 2 * time.Hour},
		Raw:      uptime.Seconds{Up: w.Duration() - 3*time.Hour, Down: 3 * time.Hour},
	}
	if w.To.Before(t0.Add(-48 * time.Hour)) {
		figures.Frozen = w.To.Add(24 * time.Hour)
	}
	figures.Exclusions, figures.Corrections = why(svc.ID, w)
	for _, id := range svc.Monitors {
		figures.Monitors = append(figures.Monitors, uptime.Figures{Service: svc.ID, Monitor: id, Window: w, Adjusted: uptime.Seconds{Up: 3 * w.Duration() / 4, Down: w.Duration() / 4}})
	}
	return figures, f.batchErr
}

func (f *fake) Reasons(_ context.Context, id monitor.ServiceID, w uptime.Window) ([]uptime.Exclusion, []uptime.Correction, error) {
	f.reads++
	exclusions, corrections := why(id, w)
	return exclusions, corrections, f.batchErr
}

func why(id monitor.ServiceID, w uptime.Window) ([]uptime.Exclusion, []uptime.Correction) {
	return []uptime.Exclusion{{From: w.From, To: w.From.Add(2 * time.Hour), Reason: "Patches"}},
		[]uptime.Correction{{ID: "c1", Service: id, From: w.From, To: w.From.Add(time.Hour), As: monitor.Operational, Reason: "our own firewall", By: "secret-author", At: t0}}
}

func night() *fake {
	return &fake{version: 1, snapshot: store.Snapshot{
		Generated: t0.Add(-5 * time.Second), Fresh: time.Minute, Site: monitor.Site{Name: "Intervals", TimeZone: "America/Los_Angeles"}, Config: 1,
		Services: []store.ServiceView{
			{
				ID: "balancers", Name: "Load balancers", Group: "Platform", Status: monitor.MajorOutage, Since: t0.Add(-30 * time.Minute), Total: 2,
				Monitors: []store.MonitorView{{ID: "lb-primary", Name: "Primary", Type: monitor.KindHTTP, State: monitor.Down}},
				Uptime:   []store.WindowView{{Window: "24h", Known: true, Uptime: 0.979166, RawKnown: true, Raw: 0.9375, Coverage: 1, DownS: 1800, MaintS: 3600}, {Window: "7d"}},
				Days:     []store.DayView{{Date: "2019-05-28", Known: true, Uptime: 0.979166, Coverage: 1, DownS: 1800, Worst: monitor.MajorOutage}},
			},
			{ID: "web", Name: "Web application", Status: monitor.Operational, Since: t0.Add(-time.Hour), Alive: 1, Total: 1},
		},
		Incidents: []store.IncidentView{
			{ID: "abc", Title: "Load balancers: outage", State: incident.Open, Phase: incident.Investigating, Impact: monitor.ImpactCritical, Worst: monitor.ImpactCritical,
				Opened: t0.Add(-30 * time.Minute), Updated: t0, Services: []monitor.ServiceID{"balancers"},
				Updates: []store.UpdateView{{At: t0, Phase: incident.Investigating, Text: "Load balancers: down."}}},
			{ID: "old", Title: "Web application: outage", State: incident.Resolved, Phase: incident.Done, Worst: monitor.ImpactMajor,
				Opened: t0.Add(-50 * time.Hour), Resolved: t0.Add(-49 * time.Hour), Services: []monitor.ServiceID{"web"}},
		},
	}}
}

func handler(f *fake) http.Handler {
	return api.New(api.Deps{Reader: f, History: f, Pinger: f, Now: func() time.Time { return t0 }})
}

func serve(f *fake, method, path string, header ...string) *httptest.ResponseRecorder {
	h := handler(f)
	r := httptest.NewRequest(method, path, strings.NewReader("a body"))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRoutes(t *testing.T) {
	for _, test := range []struct {
		method, path string
		status       int
		contentType  string
		contains     string
		reads        int
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", "Some services are down", 1},
		{"GET", "/incidents/abc", 200, "text/html; charset=utf-8", "Load balancers: outage", 1},
		{"GET", "/incidents/nothing", 404, "application/problem+json", "nothing at /incidents/nothing", 1},
		{"GET", "/services/balancers", 200, "text/html; charset=utf-8", "Load balancers", 1},
		{"GET", "/services/nothing", 404, "application/problem+json", "nothing at /services/nothing", 1},
		{"GET", "/history", 200, "text/html; charset=utf-8", "Web application: outage", 1},
		{"GET", "/?lang=de", 200, "text/html; charset=utf-8", "Einige Dienste sind ausgefallen", 1},
		{"GET", "/api/v1/status", 200, "application/json", `"status":"partial_outage"`, 1},
		{"GET", "/api/v1/services/balancers", 200, "application/json", `"id":"balancers"`, 1},
		{"GET", "/api/v1/services/nothing", 404, "application/problem+json", `no service \"nothing\"`, 1},
		{"GET", "/api/v1/services/balancers/uptime?window=24h", 200, "application/json", `"uptime":0.979166`, 2},
		{"GET", "/api/v1/services/balancers/uptime?window=7d", 200, "application/json", `"uptime":null`, 2},
		{"GET", "/api/v1/services/balancers/uptime", 200, "application/json", `"window":"90d"`, 2},
		{"GET", "/api/v1/services/balancers/uptime?window=1y", 400, "application/problem+json", "expected one of 24h, 7d, 30d, 90d, or a month", 1},
		{"GET", "/api/v1/incidents", 200, "application/json", `"id":"old"`, 1},
		{"GET", "/api/v1/incidents/abc", 200, "application/json", `"phase":"investigating"`, 1},
		{"GET", "/api/v1/incidents/nothing", 404, "application/problem+json", "no incident", 1},
		{"GET", "/healthz", 200, "application/json", `"ok":true`, 1},
		{"GET", "/nothing", 404, "application/problem+json", "nothing at /nothing; the JSON begins at /api/v1/status\"", 0},
		{"GET", "/badge/", 404, "application/problem+json", "nothing at /badge/; the JSON begins at /api/v1/status\"", 0},
		{"POST", "/api/v1/status", 405, "application/problem+json", "only to GET, HEAD", 0},
		{"DELETE", "/", 405, "application/problem+json", "only to GET, HEAD", 0},
		{"OPTIONS", "/api/v1/status", 204, "", "", 0},
		{"POST", "/ping/known", 200, "text/plain; charset=utf-8", "OK", 0},
		{"GET", "/ping/unknown", 200, "text/plain; charset=utf-8", "OK", 0},
		{"POST", "/ping/known/maybe", 404, "application/problem+json", "exit code", 0},
	} {
		f := night()
		w := serve(f, test.method, test.path)
		if w.Code != test.status || w.Header().Get("Content-Type") != test.contentType || !strings.Contains(w.Body.String(), test.contains) {
			t.Errorf("%s %s: got %d %q\n%s\nwant %d %q with %s", test.method, test.path, w.Code, w.Header().Get("Content-Type"), w.Body, test.status, test.contentType, test.contains)
		}
		if f.reads != test.reads {
			t.Errorf("%s %s: %d table reads, want %d", test.method, test.path, f.reads, test.reads)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: headers %v", test.method, test.path, w.Header())
		}
	}
}

func TestPings(t *testing.T) {
	f := night()
	for _, path := range []string{"/ping/known", "/ping/known/start", "/ping/known/fail", "/ping/known/0", "/ping/known/3"} {
		if w := serve(f, "POST", path); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	want := []string{`known success 0 "a body"`, `known start 0 "a body"`, `known fail 0 "a body"`, `known success 0 "a body"`, `known fail 3 "a body"`}
	if diff := cmp.Diff(want, f.pings); diff != "" {
		t.Errorf("pings (-want +got):\n%s", diff)
	}
}

func TestTableDown(t *testing.T) {
	for _, path := range []string{"/", "/api/v1/status", "/healthz", "/incidents/abc"} {
		f := night()
		f.err = errors.New("secret internal text")
		w := serve(f, "GET", path)
		if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestStale: old news is never shown as health.
func TestStale(t *testing.T) {
	f := night()
	f.snapshot.Generated = t0.Add(-time.Hour)
	var status api.Status
	if err := json.Unmarshal(serve(f, "GET", "/api/v1/status").Body.Bytes(), &status); err != nil {
		t.Fatal(err)
	}
	if !status.Stale || status.Status != monitor.NotKnown {
		t.Errorf("status: %+v", status)
	}
	for _, s := range status.Services {
		if s.Status != monitor.NotKnown {
			t.Errorf("%s is %s in a stale snapshot", s.ID, s.Status)
		}
	}
	if page := serve(f, "GET", "/").Body.String(); strings.Contains(page, "Operational") || !strings.Contains(page, "The current state is not known") {
		t.Errorf("the page calls something operational:\n%s", page)
	}
	empty := &fake{}
	if page := serve(empty, "GET", "/").Body.String(); !strings.Contains(page, "No data yet") {
		t.Errorf("empty page:\n%s", page)
	}
}

// TestUnknownEnum: a status of a newer version is not green.
func TestUnknownEnum(t *testing.T) {
	f := night()
	f.snapshot.Services = []store.ServiceView{{ID: "x", Name: "X", Status: "splendid"}}
	f.snapshot.Incidents = nil
	page := serve(f, "GET", "/").Body.String()
	if strings.Contains(page, "All systems operational") || !strings.Contains(page, "Unknown") {
		t.Errorf("page:\n%s", page)
	}
}

func TestCaching(t *testing.T) {
	f := night()
	first := serve(f, "GET", "/api/v1/status")
	etag := first.Header().Get("ETag")
	if etag == "" || !strings.Contains(first.Header().Get("Cache-Control"), "stale-if-error") {
		t.Fatalf("headers: %v", first.Header())
	}
	for _, tag := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
		if w := serve(f, "GET", "/api/v1/status", "If-None-Match", tag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: %d, %d bytes", tag, w.Code, w.Body.Len())
		}
	}
	if w := serve(f, "GET", "/api/v1/status", "If-None-Match", `"other"`); w.Code != http.StatusOK {
		t.Errorf("another tag: %d", w.Code)
	}
	if w := serve(f, "HEAD", "/api/v1/status"); w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("ETag") != etag {
		t.Errorf("HEAD: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	packed := serve(f, "GET", "/api/v1/status", "Accept-Encoding", "br, gzip")
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil || string(plain) != first.Body.String() || packed.Header().Get("ETag") == etag {
		t.Errorf("gzip: %v, same text %t, tag %s", err, string(plain) == first.Body.String(), packed.Header().Get("ETag"))
	}
	if w := serve(f, "GET", "/api/v1/status", "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
		t.Error("gzip was refused and sent")
	}
}

// TestHostile: what targets and operators write appears as text.
func TestHostile(t *testing.T) {
	f := night()
	f.snapshot.Services[0].Name = `<script>alert(1)</script>`
	f.snapshot.Incidents[0].Title = `"><img src=x onerror=alert(1)>`
	f.snapshot.Incidents[0].Updates[0].Text = `</style><script>alert(2)</script>`
	for _, path := range []string{"/", "/incidents/abc", "/services/balancers", "/history"} {
		w := serve(f, "GET", path)
		if body := w.Body.String(); strings.Count(body, "<script") != 1 || strings.Contains(body, "<img") || strings.Contains(body, "alert(1)</script>") {
			t.Errorf("%s holds markup of a target:\n%s", path, body)
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
}

// TestPageWeight: twenty services with ninety days each, under 30 kB as sent.
func TestPageWeight(t *testing.T) {
	w := serve(large(20), "GET", "/", "Accept-Encoding", "gzip")
	t.Logf("a page of 20 services has %d bytes gzipped", w.Body.Len())
	if w.Body.Len() > 30_000 {
		t.Errorf("%d bytes, want at most 30,000", w.Body.Len())
	}
}

// large is a site of so many services.
func large(services int) *fake {
	f := night()
	one := f.snapshot.Services[0]
	one.Days = nil
	for i := range 90 {
		one.Days = append(one.Days, store.DayView{Date: t0.AddDate(0, 0, i-89).Format(time.DateOnly), Known: true, Uptime: 1, Coverage: 1, Worst: monitor.Operational})
	}
	f.snapshot.Services = nil
	for range services {
		f.snapshot.Services = append(f.snapshot.Services, one)
	}
	return f
}
