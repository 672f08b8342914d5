package publish_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/publish"
	"github.com/sondehq/sonde/internal/store"
)

var t0 = time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)

// world is a table with a snapshot, a bucket that may fail, and a clock.
type world struct {
	snapshot store.Snapshot
	version  int64
	now      time.Time
	objects  map[string]publish.Object
	puts     int
	fails    string // the key that cannot be put
}

func (w *world) Snapshot(context.Context) (store.Snapshot, int64, error) {
	return w.snapshot, w.version, nil
}

func (w *world) Put(_ context.Context, key string, o publish.Object) error {
	if key == w.fails {
		return errors.New("no bucket")
	}
	w.puts++
	w.objects[key] = o
	return nil
}

func newWorld() (*world, *publish.Publisher) {
	w := &world{version: 1, now: t0, objects: map[string]publish.Object{}, snapshot: store.Snapshot{
		Generated: t0, Fresh: time.Minute, Site: monitor.Site{Name: "Acme", TimeZone: "UTC"},
		Services:  []store.ServiceView{{ID: "app", Name: "App", Status: monitor.Operational}},
		Incidents: []store.IncidentView{{ID: "i-1", Title: "App: outage", State: incident.Open, Opened: t0, Updated: t0, Services: []monitor.ServiceID{"app"}}},
	}}
	serve := func(r publish.Reader, now func() time.Time) http.Handler {
		return api.New(api.Deps{Reader: r, Now: now})
	}
	return w, publish.New(w, serve, w, func() time.Time { return w.now })
}

func publishing(t *testing.T, p *publish.Publisher) int {
	t.Helper()
	n, err := p.Publish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCopy: it holds what the API answers, and claims nothing of the present.
func TestCopy(t *testing.T) {
	w, p := newWorld()
	if n := publishing(t, p); n < 8 || n != w.puts {
		t.Errorf("%d objects, %d puts", n, w.puts)
	}
	for key, want := range map[string]struct{ kind, holds string }{
		"index.html":           {"text/html; charset=utf-8", "The current state is not known"},
		"incidents/i-1":        {"text/html; charset=utf-8", "App: outage"},
		"affected":             {"text/html; charset=utf-8", "Am I affected?"},
		"api/v1/status":        {"application/json", `"stale":true`},
		"api/v1/incidents/i-1": {"application/json", "App: outage"},
		"widget.js":            {"text/javascript; charset=utf-8", "sonde-status"},
		"affected.json":        {"application/json", `"stale":true`},
	} {
		o := w.objects[key]
		if o.ContentType != want.kind || !strings.Contains(string(o.Body), want.holds) || !strings.HasPrefix(o.CacheControl, "public, max-age=10,") {
			t.Errorf("%s: %s, %s, want %q in\n%.600s", key, o.ContentType, o.CacheControl, want.holds, o.Body)
		}
		if strings.Contains(string(o.Body), `"status":"operational"`) || strings.Contains(string(o.Body), "All systems operational</") {
			t.Errorf("%s says that all is well:\n%.600s", key, o.Body)
		}
		if page := string(o.Body); want.kind[:9] == "text/html" && (!strings.Contains(page, `<head>`+"\n"+`<meta http-equiv="Content-Security-Policy" content="default-src 'none'`) || strings.Contains(page, "frame-ancestors")) {
			t.Errorf("%s has no policy, or one that has no effect:\n%.600s", key, page)
		}
	}
}

// TestSparing: nothing is written while nothing changes but the time, for five
// minutes; a change is written at once, and only what changed.
func TestSparing(t *testing.T) {
	w, p := newWorld()
	first := publishing(t, p)
	for i := range 4 {
		w.now, w.snapshot.Generated = w.now.Add(time.Minute), w.snapshot.Generated.Add(time.Minute)
		w.snapshot.Locations = []store.LocationView{{ID: "eu-west-1", LastSeen: w.now}}
		if n := publishing(t, p); n != 0 {
			t.Errorf("minute %d: %d objects", i, n)
		}
	}
	w.snapshot.Incidents[0].Title = "App: worse"
	if n := publishing(t, p); n == 0 || n >= first || !strings.Contains(string(w.objects["index.html"].Body), "App: worse") {
		t.Errorf("a change: %d of %d objects", n, first)
	}
	w.now, w.snapshot.Generated = w.now.Add(5*time.Minute), w.snapshot.Generated.Add(5*time.Minute)
	if n := publishing(t, p); n == 0 || n >= first {
		t.Errorf("after five minutes: %d of %d objects", n, first)
	}
}

// TestFailure: what could not be written is written the next time; what could
// stays written.
func TestFailure(t *testing.T) {
	w, p := newWorld()
	w.fails = "api/v1/status"
	n, err := p.Publish(context.Background())
	if err == nil || n == 0 || w.objects["index.html"].Body == nil {
		t.Errorf("got %d, %v", n, err)
	}
	w.fails = ""
	if n := publishing(t, p); n != 1 || w.objects["api/v1/status"].Body == nil {
		t.Errorf("the next time: %d objects", n)
	}
}

func TestNothingYet(t *testing.T) {
	w, p := newWorld()
	w.version = 0
	if n := publishing(t, p); n != 0 {
		t.Errorf("%d objects of nothing", n)
	}
}

// TestManyIncidents: each has its page, whatever its id.
func TestManyIncidents(t *testing.T) {
	w, p := newWorld()
	for i := range 49 {
		inc := w.snapshot.Incidents[0]
		inc.ID = fmt.Sprintf("i-%d", i+2)
		w.snapshot.Incidents = append(w.snapshot.Incidents, inc)
	}
	publishing(t, p)
	if w.objects["incidents/i-50"].Body == nil {
		t.Error("the last incident has no page")
	}
}
