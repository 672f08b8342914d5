package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// hourOf is one row of an hour's rollup: so many checks of so many milliseconds.
func (w *world) hourOf(id monitor.ServiceID, from time.Time, ms, n int) {
	w.t.Helper()
	r := uptime.Rollup{Monitor: "app", Window: uptime.Hour(from)}
	for range n {
		r.Add(monitor.Result{Outcome: monitor.OutcomeUp, Timing: monitor.Timing{Total: time.Duration(ms) * time.Millisecond}})
	}
	op, err := store.RollupOp(id, store.Hour, r.Window, []uptime.Rollup{r})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Commit(context.Background(), op); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) rolledUp() store.Snapshot {
	w.t.Helper()
	if err := w.stages.Rollup(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	snapshot, _, err := w.store.Snapshot(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return snapshot
}

// shape is a series as hours before start and counts.
func shape(points []store.LatencyPoint) map[int]int64 {
	m := map[int]int64{}
	for _, p := range points {
		m[int(start.Sub(p.At)/time.Hour)] = p.N
	}
	return m
}

// TestSeries: response times of the last 24 hours, from what is stored at first,
// from the snapshot before afterwards, and from what is stored after a pause.
func TestSeries(t *testing.T) {
	w := newWorld(t, balancers())
	for _, back := range []int{25, 24, 23, 22, 3} {
		w.hourOf("web", start.Add(-time.Duration(back)*time.Hour), 20, 100)
	}
	w.run(time.Minute)
	first := w.rolledUp()
	if diff := cmp.Diff(map[int]int64{23: 100, 22: 100, 3: 100, 0: 6}, shape(first.Service("web").Series)); diff != "" {
		t.Errorf("hours back (-want +got):\n%s", diff)
	}
	if p := first.Service("web").Series[0]; p.P50 < 19.8 || p.P50 > 20.2 || p.P99 < p.P50 {
		t.Errorf("percentiles: %+v, want 20 ms", p)
	}

	w.hourOf("web", start.Add(-2*time.Hour), 20, 50) // not looked at while the snapshot knows
	w.run(time.Minute)
	again := w.rolledUp()
	if diff := cmp.Diff(map[int]int64{23: 100, 22: 100, 3: 100, 0: 12}, shape(again.Service("web").Series)); diff != "" {
		t.Errorf("later, hours back (-want +got):\n%s", diff)
	}

	w.now = w.now.Add(2 * time.Hour)
	after := w.rolledUp()
	if diff := cmp.Diff(map[int]int64{3: 100, 2: 50, 0: 12}, shape(after.Service("web").Series)); diff != "" {
		t.Errorf("after a pause, hours back (-want +got):\n%s", diff)
	}
	if after.Service("web").Latency != nil {
		t.Errorf("response times of an hour without checks: %+v", after.Service("web").Latency)
	}
	if len(after.Service("backoffice").Series) != 0 {
		t.Error("an internal service has response times on the page")
	}
}

// TestLocations: when each location was last heard of.
func TestLocations(t *testing.T) {
	cfg := balancers()
	cfg.Locations = append(cfg.Locations, "eu-west-1") // which nobody runs
	w := newWorld(t, cfg)
	w.run(2 * time.Minute)
	snapshot := w.rolledUp() // keeps what Sweep knew
	want := []store.LocationView{{ID: monitor.Local, LastSeen: start.Add(110 * time.Second)}, {ID: "eu-west-1"}}
	got := snapshot.Locations
	if len(got) != 2 || got[0].LastSeen.Before(want[0].LastSeen) || got[0].LastSeen.After(w.now) || !got[1].LastSeen.IsZero() {
		t.Errorf("got %+v, want about %+v", got, want)
	}
}
