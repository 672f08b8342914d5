package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// evening is night with figures of every kind, and a service in each condition.
func evening() *fake {
	f := night()
	ago := func(d time.Duration) time.Time { return t0.Add(-d) }
	s := f.snapshot.Services
	s[0].Turns = []store.TurnView{{At: ago(24 * time.Hour), Status: monitor.Operational}, {At: ago(30 * time.Minute), Status: monitor.MajorOutage}}
	s[0].Monitors[0].Last = &store.CheckView{At: ago(time.Minute), Outcome: monitor.OutcomeDown, MS: 10_000}
	s[0].Monitors[0].Uptime = map[string]float64{"24h": 0.979166, "7d": 0.99702}
	s[1].Turns = []store.TurnView{{At: ago(24 * time.Hour), Status: monitor.Operational}}
	s[1].Uptime = []store.WindowView{{Window: "24h", Known: true, Uptime: 1, Coverage: 1}, {Window: "90d", Known: true, Uptime: 0.99999}}
	s[1].Latency = &store.LatencyView{P50: 123.4, P95: 200, P99: 300, N: 60}
	s[1].Series = []store.LatencyPoint{{At: ago(150 * time.Minute), P50: 90, P95: 100, P99: 110, N: 60}, {At: ago(90 * time.Minute), P50: 110, P95: 120, P99: 130, N: 60}}
	s[1].Monitors = []store.MonitorView{{ID: "web", Name: "Pages", Type: monitor.KindHTTP, State: monitor.Up, Since: ago(time.Hour),
		Last: &store.CheckView{At: ago(time.Minute), Outcome: monitor.OutcomeUp, MS: 45.6, Status: 200, Ends: t0.AddDate(0, 0, 10)}}}
	f.snapshot.Services = append(s,
		store.ServiceView{ID: "new", Name: "Web application", Status: monitor.NotKnown, Monitors: []store.MonitorView{{ID: "m", Name: "M", State: monitor.Unknown}}},
		store.ServiceView{ID: "works", Name: "Data / works_1.0", Group: "Platform", Status: monitor.InMaintenance, Since: ago(5 * time.Minute),
			Turns: []store.TurnView{{At: ago(10 * time.Minute), Status: monitor.AtRisk}, {At: ago(5 * time.Minute), Status: monitor.InMaintenance}}},
	)
	f.snapshot.Maintenance = []store.MaintenanceView{{ID: "m1", Title: "Disks", Text: "New ones.", State: store.MaintenanceInProgress,
		Starts: ago(5 * time.Minute), Ends: t0.Add(time.Hour), Created: ago(48 * time.Hour), Updated: ago(5 * time.Minute), Services: []monitor.ServiceID{"works"}}}
	return f
}

func read[T any](t *testing.T, f *fake, path string) (value T) {
	t.Helper()
	w := serve(f, "GET", path)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &value); err != nil {
		t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
	return value
}

// gatusSite is what gethomepage's Gatus widget reads.
type gatusSite struct {
	Name, Group, Key string
	Results          []struct {
		Success   bool
		Timestamp time.Time
		Duration  int64
		Errors    []string
	}
	Events []struct{ Type string }
}

// TestGethomepageGatus does the widget's arithmetic: the last result of each site
// says whether it is up, and the share of all results is the uptime.
func TestGethomepageGatus(t *testing.T) {
	f := evening()
	sites := read[[]gatusSite](t, f, "/api/v1/endpoints/statuses")
	up, down, good, all := 0, 0, 0, 0
	for _, site := range sites {
		if n := len(site.Results); n > 0 && site.Results[n-1].Success {
			up++
		} else {
			down++
		}
		for _, r := range site.Results {
			all++
			if r.Success {
				good++
			}
		}
	}
	// Two of twenty results each, one of nothing known, one of maintenance after
	// six minutes of work.
	got := fmt.Sprintf("up %d, down %d, uptime %.1f", up, down, 100*float64(good)/float64(all))
	if want := fmt.Sprintf("up 1, down 3, uptime %.1f", 100*25.0/47); got != want {
		t.Errorf("the widget shows %s, want %s", got, want)
	}
	if f.reads != 1 {
		t.Errorf("%d table reads, want 1", f.reads)
	}
	var keys []string
	for _, site := range sites {
		keys = append(keys, site.Key)
	}
	if diff := cmp.Diff([]string{"platform_load-balancers", "_web-application", "_web-application-new", "platform_data---works-1-0"}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// TestGatusPages: pages do not overlap, and end where nothing is known.
func TestGatusPages(t *testing.T) {
	f := evening()
	var seen []time.Time
	for page := 1; ; page++ {
		site := read[gatusSite](t, f, fmt.Sprintf("/api/v1/endpoints/platform_load-balancers/statuses?page=%d&pageSize=100", page))
		if len(site.Results) == 0 {
			break
		}
		slices.Reverse(site.Results)
		for _, r := range site.Results {
			seen = append(seen, r.Timestamp)
			if wanted := r.Timestamp.Before(t0.Add(-30 * time.Minute)); r.Success != wanted {
				t.Fatalf("%v: success %t", r.Timestamp, r.Success)
			}
		}
		if page > 100 {
			t.Fatal("pages without end")
		}
	}
	for i, at := range seen {
		if want := t0.Add(-time.Duration(i) * time.Minute); !at.Equal(want) {
			t.Fatalf("result %d is of %v, want %v", i, at, want)
		}
	}
	if len(seen) != 24*60+1 {
		t.Errorf("%d results, want a day of minutes", len(seen))
	}
	site := read[gatusSite](t, f, "/api/v1/endpoints/balancers/statuses?page=x&pageSize=-1")
	if len(site.Results) != 20 || len(site.Events) != 3 || site.Events[2].Type != "UNHEALTHY" {
		t.Errorf("%d results, events %v", len(site.Results), site.Events)
	}
}

// homarrPage and homarrBeats are what Homarr's schemas take of Uptime Kuma:
// whole numbers for ids, numbers for uptimes, nothing missing.
type homarrPage struct {
	Incident *struct {
		Title, Content, CreatedDate string
		Pin                         *bool
	}
	PublicGroupList []struct {
		ID          int
		Name        string
		MonitorList []struct {
			ID   int
			Name string
		}
	}
	MaintenanceList []struct{ Title, Status string }
}

type homarrBeats struct {
	HeartbeatList map[string][]struct {
		Status *int
		Time   string
		Ping   *float64
	}
	UptimeList map[string]float64
}

// TestGethomepageUptimeKuma does the arithmetic of gethomepage's widget and of
// Homarr's: the last beat says what a site is, the mean of the list the uptime.
func TestGethomepageUptimeKuma(t *testing.T) {
	f := evening()
	page, beats := read[homarrPage](t, f, "/api/status-page/any"), read[homarrBeats](t, f, "/api/status-page/heartbeat/any")
	up, down, paused, sum := 0, 0, 0, 0.0
	for _, list := range beats.HeartbeatList {
		switch *list[len(list)-1].Status {
		case 1:
			up++
		case 0:
			down++
		default:
			paused++
		}
		for i, b := range list {
			if _, err := time.Parse("2006-01-02 15:04:05.000", b.Time); err != nil || b.Status == nil || i > 0 && b.Time <= list[i-1].Time {
				t.Fatalf("beat %d: %+v, %v", i, b, err)
			}
		}
	}
	for _, share := range beats.UptimeList {
		sum += share
	}
	got := fmt.Sprintf("up %d, down %d, paused %d, uptime %.1f", up, down, paused, 100*sum/float64(len(beats.UptimeList)))
	if want := "up 1, down 1, paused 2, uptime 99.0"; got != want {
		t.Errorf("the widgets show %s, want %s", got, want)
	}
	var names []string
	for _, g := range page.PublicGroupList {
		for _, m := range g.MonitorList {
			list, has := beats.HeartbeatList[strconv.Itoa(m.ID)]
			names = append(names, fmt.Sprintf("%d %s/%s %d", g.ID, g.Name, m.Name, len(list)))
			if _, known := beats.UptimeList[strconv.Itoa(m.ID)+"_24"]; !has || known != (m.Name != "Data / works_1.0" && len(list) == 100 && *list[99].Status != 2) {
				t.Errorf("%s: beats %t, uptime known %t", m.Name, has, known)
			}
		}
	}
	want := []string{"1 Platform/Load balancers 100", "1 Platform/Data / works_1.0 11", "2 Services/Web application 100", "2 Services/Web application 1"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	if page.Incident == nil || page.Incident.Title != "Load balancers: outage" || page.Incident.Content != "Load balancers: down." || page.Incident.CreatedDate != "2019-05-29 01:00:00" {
		t.Errorf("incident %+v", page.Incident)
	}
	if len(page.MaintenanceList) != 1 || page.MaintenanceList[0].Status != "under-maintenance" {
		t.Errorf("maintenance %+v", page.MaintenanceList)
	}
	if f.reads != 2 {
		t.Errorf("%d table reads for two questions", f.reads)
	}
}

// TestKumaIDs: a number stays what it is when other services come and go.
func TestKumaIDs(t *testing.T) {
	number := func(f *fake) (id int) {
		for _, g := range read[homarrPage](t, f, "/api/status-page/x").PublicGroupList {
			for _, m := range g.MonitorList {
				if m.Name == "Load balancers" {
					return m.ID
				}
			}
		}
		return 0
	}
	f := evening()
	before := number(f)
	f.snapshot.Services = append([]store.ServiceView{{ID: "first", Name: "First", Group: "Other"}}, f.snapshot.Services[0])
	if after := number(f); before <= 0 || before >= 1<<31 || after != before {
		t.Errorf("the number was %d and is %d", before, after)
	}
	svg := serve(f, "GET", fmt.Sprintf("/api/badge/%d/status", before)).Body.String()
	if !strings.Contains(svg, `aria-label="Status: Down"`) {
		t.Errorf("badge by number:\n%s", svg)
	}
}

var spoken = regexp.MustCompile(`aria-label="([^"]*)"`)

// TestPictures: every badge says what is so, with 200 whatever that is.
func TestPictures(t *testing.T) {
	const gatus = "/api/v1/endpoints/_web-application"
	for _, test := range []struct{ path, want string }{
		{"/badge/balancers.svg", "Load balancers: outage"},
		{"/badge/all.svg", "Intervals: partial outage"},
		{"/badge/lb-primary.svg", "Primary: down"},
		{"/badge/web.svg", "Web application: operational"},
		{"/badge/web.web.svg", "Pages: up"},
		{"/badge/new.svg", "Web application: unknown"},
		{"/badge/works.svg?style=flat-square", "Data / works_1.0: maintenance"},
		{"/badge/balancers.svg?label=status", "status: outage"},
		{"/badge/balancers.svg?label=", "outage"},
		{"/badge/balancers/uptime/24h.svg", "uptime 24h: 97.91%"},
		{"/badge/balancers/uptime/7d.svg", "uptime 7d: no data"},
		{"/badge/lb-primary/uptime/7d.svg", "uptime 7d: 99.70%"},
		{"/badge/web/uptime/90d.svg", "uptime 90d: 99.99%"},
		{"/badge/all/uptime/24h.svg", "uptime 24h: 98.95%"},
		{"/badge/web/response-time.svg", "response time: 123 ms"},
		{"/badge/web.web/response-time.svg", "response time: 46 ms"},
		{"/badge/balancers/response-time.svg", "response time: no data"},
		{"/badge/lb-primary/response-time.svg", "response time: no data"}, // how long a failure took is no response time
		{"/badge/all/response-time.svg", "response time: 123 ms"},
		{gatus + "/health/badge.svg", "health: up"},
		{"/api/v1/endpoints/works/health/badge.svg", "health: ?"},
		{"/api/v1/endpoints/balancers/health/badge.svg", "health: down"},
		{gatus + "/uptimes/1h/badge.svg", "uptime 1h: 100%"},
		{"/api/v1/endpoints/balancers/uptimes/1h/badge.svg", "uptime 1h: 50.00%"},
		{"/api/v1/endpoints/new/uptimes/24h/badge.svg", "uptime 24h: no data"},
		{gatus + "/response-times/1h/badge.svg", "response time 1h: 123 ms"},
		{gatus + "/response-times/24h/badge.svg", "response time 24h: 100 ms"},
		{gatus + "/response-times/7d/badge.svg", "response time 7d: no data"},
		{gatus + "/response-times/24h/chart.svg", "Response time, last 24 hours: 110 ms at last"},
		{"/api/v1/endpoints/new/response-times/24h/chart.svg", "Response time, last 24 hours: no data"},
		{"/api/status-page/x/badge", "Maintenance"},
		{"/api/badge/web/status", "Status: Up"},
		{"/api/badge/web/status?upLabel=online&label=site", "site: online"},
		{"/api/badge/new/status", "N/A"},
		{"/api/badge/nothing/status", "N/A"},
		{"/api/badge/web/uptime", "Uptime (24h): 100%"},
		{"/api/badge/web/uptime/2160?labelPrefix=my", "my Uptime (2160h): 99.99%"},
		{"/api/badge/web/uptime/48", "N/A"},
		{"/api/badge/web/avg-response", "Avg. Response (24h): 100ms"},
		{"/api/badge/web/ping/1", "Avg. Ping (1h): 123ms"},
		{"/api/badge/web/response?suffix=%20milliseconds", "Response: 123 milliseconds"},
		{"/api/badge/web/cert-exp", "Cert Exp.: 10 days"},
		{"/api/badge/balancers/cert-exp", "N/A"},
	} {
		f := evening()
		w := serve(f, "GET", test.path)
		m := spoken.FindStringSubmatch(w.Body.String())
		if w.Code != http.StatusOK || len(m) != 2 || m[1] != test.want {
			t.Errorf("%s: %d %s, want %q", test.path, w.Code, m, test.want)
		}
		h := w.Header()
		if h.Get("Content-Type") != "image/svg+xml; charset=utf-8" || h.Get("ETag") == "" || !strings.HasPrefix(h.Get("Cache-Control"), "public, max-age=60, s-maxage=60") ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: headers %v", test.path, h)
		}
		if f.reads != 1 {
			t.Errorf("%s: %d table reads", test.path, f.reads)
		}
	}
}

// TestStalePictures: of an old snapshot nothing is green.
func TestStalePictures(t *testing.T) {
	f := evening()
	f.snapshot.Generated = t0.Add(-time.Hour)
	for _, test := range []struct{ path, want string }{
		{"/badge/web.svg", "Web application: unknown"}, {"/badge/all.svg", "Intervals: unknown"}, {"/badge/web.web.svg", "Pages: unknown"},
		{"/api/v1/endpoints/web/health/badge.svg", "health: ?"}, {"/api/badge/web/status", "N/A"}, {"/api/status-page/x/badge", "N/A"},
	} {
		if m := spoken.FindStringSubmatch(serve(f, "GET", test.path).Body.String()); len(m) != 2 || m[1] != test.want {
			t.Errorf("%s: %s, want %q", test.path, m, test.want)
		}
	}
	for _, site := range read[[]gatusSite](t, f, "/api/v1/endpoints/statuses") {
		if n := len(site.Results); n == 0 || site.Results[n-1].Success {
			t.Errorf("%s: the last of %d results is a success", site.Key, n)
		}
	}
	for id, list := range read[homarrBeats](t, f, "/api/status-page/heartbeat/x").HeartbeatList {
		if *list[len(list)-1].Status != 2 {
			t.Errorf("%s is not pending", id)
		}
	}
	type shields struct{ IsError bool }
	if !read[shields](t, f, "/badge/web.json").IsError {
		t.Error("shields.io may colour what is not known")
	}
}

// TestShields holds to the schema of shields.io's endpoint badge.
func TestShields(t *testing.T) {
	for path, want := range map[string]map[string]any{
		"/badge/balancers.json":                      {"label": "Load balancers", "message": "outage", "isError": false},
		"/badge/new.json":                            {"label": "Web application", "message": "unknown", "isError": true},
		"/badge/web/uptime/24h.json":                 {"label": "uptime 24h", "message": "100%", "isError": false},
		"/badge/web/response-time.json":              {"label": "response time", "message": "123 ms", "isError": false},
		"/badge/balancers.json?label=prod":           {"label": "prod", "message": "outage", "isError": false},
		"/api/v1/endpoints/web/health/badge.shields": {"label": "health", "message": "up", "isError": false},
	} {
		got := read[map[string]any](t, evening(), path)
		if got["schemaVersion"] != 1.0 || got["color"] == "" || got["cacheSeconds"] != 60.0 {
			t.Errorf("%s: %v", path, got)
		}
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s: %s is %v, want %v", path, key, got[key], value)
			}
		}
	}
}

// TestLikenessErrors: what there is not is said, and what there is instead.
func TestLikenessErrors(t *testing.T) {
	for _, test := range []struct {
		path     string
		status   int
		contains string
	}{
		{"/badge/nothing.svg", 404, "there is no nothing"},
		{"/badge/nothing.json", 404, "/api/v1/status lists them"},
		{"/badge/web.png", 404, "ends in .svg"},
		{"/badge/web/uptime/1y.svg", 400, "expected one of 24h, 7d, 30d, 90d"},
		{"/badge/web/nothing.svg", 404, "response-time.svg"},
		{"/badge/web.svg?style=social", 400, "expected flat or flat-square"},
		{"/api/v1/endpoints/nothing/statuses", 404, "/api/v1/endpoints/statuses lists them"},
		{"/api/v1/endpoints/web/uptimes/2h", 400, "expected one of 1h, 24h, 7d, 30d"},
		{"/api/v1/endpoints/new/uptimes/24h", 404, "nothing is known"},
		{"/api/v1/endpoints/web/response-times/30d", 404, "nothing is known"},
		{"/api/v1/endpoints/web/response-times/1h/chart.svg", 400, "expected one of 24h"},
		{"/api/status-page/x/nothing", 404, "heartbeat"},
		{"/api/badge/web/nothing", 404, "cert-exp"},
	} {
		w := serve(evening(), "GET", test.path)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.contains) {
			t.Errorf("%s: %d %s, want %d with %q", test.path, w.Code, w.Body, test.status, test.contains)
		}
	}
	for path, want := range map[string]string{
		"/api/v1/endpoints/balancers/uptimes/24h": "0.979166", "/api/v1/endpoints/web/response-times/1h": "123", "/api/v1/endpoints/web/response-times/24h": "100",
	} {
		if got := serve(evening(), "GET", path).Body.String(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	history := read[map[string][]int64](t, evening(), "/api/v1/endpoints/web/response-times/24h/history")
	if diff := cmp.Diff([]int64{90, 110}, history["values"]); diff != "" || len(history["timestamps"]) != 2 {
		t.Errorf("history %v", history)
	}
}
