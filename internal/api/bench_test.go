package api_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/cloud/gateway"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// counting counts the reads of a table.
type counting struct {
	table.Table
	reads int
}

func (c *counting) Get(ctx context.Context, key table.Key) (table.Row, error) {
	c.reads++
	return c.Table.Get(ctx, key)
}

func (c *counting) Query(ctx context.Context, q table.Query) (table.Page, error) {
	c.reads++
	return c.Table.Query(ctx, q)
}

func (c *counting) BatchGet(ctx context.Context, keys []table.Key) ([]table.Row, error) {
	c.reads++
	return c.Table.BatchGet(ctx, keys)
}

// stored is a site in a table, and the API over it.
func stored(t testing.TB, services, monitors int) (*counting, http.Handler) {
	t.Helper()
	clock := func() time.Time { return t0 }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c := &counting{Table: db}
	s := store.New(c, clock)
	if err := s.PutSnapshot(context.Background(), uneven(services, monitors), 0); err != nil {
		t.Fatal(err)
	}
	return c, api.New(api.Deps{Reader: s, History: s, Pinger: s, Now: clock})
}

// uneven is a site with figures as uneven as real ones.
func uneven(services, monitors int) store.Snapshot {
	r := rand.New(rand.NewPCG(1, 2))
	s := night().snapshot
	s.Services = nil
	for i := range services {
		v := store.ServiceView{
			ID: monitor.ServiceID(fmt.Sprintf("service-%d", i)), Name: fmt.Sprintf("Service %d", i), Group: fmt.Sprintf("Group %d", i/20),
			Status: monitor.Operational, Since: t0.Add(-time.Duration(r.IntN(1e7)) * time.Second), Alive: monitors, Total: monitors,
			Latency: &store.LatencyView{P50: float64(r.IntN(1e6)) / 1e3, P95: float64(r.IntN(1e6)) / 1e3, P99: float64(r.IntN(1e6)) / 1e3, N: 60},
		}
		for j := range monitors {
			v.Monitors = append(v.Monitors, store.MonitorView{ID: monitor.ID(fmt.Sprintf("m-%d-%d", i, j)), Name: fmt.Sprintf("Monitor %d of %d", j, i), Type: monitor.KindHTTP, State: monitor.Up, Since: v.Since})
		}
		for _, w := range []string{"24h", "7d", "30d", "90d"} {
			v.Uptime = append(v.Uptime, store.WindowView{Window: w, From: t0.Add(-time.Hour), To: t0, Known: true, Uptime: 1 - r.Float64()/100, Coverage: 1})
		}
		for d := range 90 {
			day := store.DayView{Date: t0.AddDate(0, 0, d-89).Format(time.DateOnly), Known: true, Uptime: 1, Coverage: 1, Worst: monitor.Operational}
			if r.IntN(10) == 0 {
				day.DownS, day.Uptime, day.Worst = int64(r.IntN(3000)), 1-r.Float64()/20, monitor.MajorOutage
			}
			v.Days = append(v.Days, day)
		}
		s.Services = append(s.Services, v)
	}
	return s
}

// TestReads: a summary is one read of the table, however large the site; the
// page of a site that is too large for one item is one more.
func TestReads(t *testing.T) {
	for size, reads := range map[[2]int]map[string]int{
		{100, 10}: {"/api/v1/status": 1, "/api/v2/summary.json": 1, "/": 1, "/api/v1/services/service-99/days": 1},
		{1000, 5}: {"/api/v1/status": 1, "/api/v2/summary.json": 1, "/": 2, "/api/v1/services/service-999": 1, "/api/v1/services/service-999/days": 2},
	} {
		c, h := stored(t, size[0], size[1])
		for path, want := range reads {
			c.reads = 0
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != http.StatusOK || c.reads != want {
				t.Errorf("%s of %d services: %d, %d reads, want %d", path, size[0], w.Code, c.reads, want)
			}
		}
	}
}

var benched = []struct{ name, path string }{{"summary", "/api/v1/status"}, {"statuspage", "/api/v2/summary.json"}, {"page", "/"}}

// BenchmarkServe is a request to a site of 1,000 monitors over a real store, for
// a snapshot that others have asked for before.
func BenchmarkServe(b *testing.B) {
	for _, what := range benched {
		b.Run(what.name, func(b *testing.B) {
			c, h := stored(b, 100, 10)
			r := httptest.NewRequest("GET", what.path, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			b.ReportAllocs()
			size, n := 0, 0
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				size, n = w.Body.Len(), n+1
			}
			b.ReportMetric(float64(size), "bytes-gzip")
			b.ReportMetric(float64(c.reads)/float64(n), "reads/op")
		})
	}
}

// BenchmarkFirst is the first request for a snapshot: it is decoded, and the
// answer is made and compressed.
func BenchmarkFirst(b *testing.B) {
	for _, what := range benched {
		b.Run(what.name, func(b *testing.B) {
			c, _ := stored(b, 100, 10)
			clock := func() time.Time { return t0 }
			r := httptest.NewRequest("GET", what.path, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			b.ReportAllocs()
			for b.Loop() {
				s := store.New(c.Table, clock)
				api.New(api.Deps{Reader: s, History: s, Pinger: s, Now: clock}).ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

// BenchmarkLambda is BenchmarkServe behind the adapter of API Gateway.
func BenchmarkLambda(b *testing.B) {
	for _, what := range benched {
		b.Run(what.name, func(b *testing.B) {
			c, h := stored(b, 100, 10)
			handle := gateway.Wrap(h)
			event := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: what.path, Headers: map[string]string{"accept-encoding": "gzip", "host": "status.example.com"}}
			event.RequestContext.HTTP.Method = "GET"
			b.ReportAllocs()
			size, n := 0, 0
			for b.Loop() {
				answer, err := handle(context.Background(), event)
				if err != nil || answer.StatusCode != http.StatusOK {
					b.Fatal(answer.StatusCode, err)
				}
				size, n = base64.StdEncoding.DecodedLen(len(answer.Body)), n+1
			}
			b.ReportMetric(float64(size), "bytes-gzip")
			b.ReportMetric(float64(c.reads)/float64(n), "reads/op")
		})
	}
}

// TestEditions: an answer that is kept is of the snapshot that stands, and not of
// one before it, nor from when it was fresh.
func TestEditions(t *testing.T) {
	f, now := full(), t0
	h := api.New(api.Deps{Reader: f, History: f, Pinger: f, Now: func() time.Time { return now }})
	get := func() string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/status", nil))
		return w.Body.String()
	}
	first := get()
	if again := get(); again != first {
		t.Errorf("the same snapshot gave\n%sthen\n%s", first, again)
	}
	f.snapshot.Site.Name = "Renamed"
	f.version++
	second := get()
	if second == first {
		t.Error("a new snapshot is not shown")
	}
	now = now.Add(time.Hour)
	if third := get(); third == second {
		t.Error("what was made of a fresh snapshot is shown when it is stale")
	}
}
