package detect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

// fleet is a service of n monitors that have been up for an hour, and one good
// result of each, as a batch brings them.
func fleet(tb testing.TB, n int) (*world, []monitor.Result) {
	var monitors []monitor.Monitor
	for i := range n {
		monitors = append(monitors, watch(monitor.ID(fmt.Sprintf("m%03d", i)), "x", "y", "z"))
	}
	w := newWorld(tb, n, monitors...)
	for _, l := range places {
		w.step(t0.Add(time.Second), each(monitors, l, t0, monitor.OutcomeUp)...)
	}
	return w, each(monitors, "x", t0.Add(time.Hour), monitor.OutcomeUp)
}

func each(monitors []monitor.Monitor, l monitor.Location, at time.Time, o monitor.Outcome) []monitor.Result {
	var results []monitor.Result
	for _, m := range monitors {
		results = append(results, said(m.ID, l, at, 0, o))
	}
	return results
}

// BenchmarkStep is a batch of 50 results against warm state. "healthy" is what
// nearly all batches are: it must write nothing.
func BenchmarkStep(b *testing.B) {
	w, healthy := fleet(b, 50)
	now := t0.Add(time.Hour + time.Second)
	contrary := func(n int) []monitor.Result {
		results := append([]monitor.Result{}, healthy...)
		for i := range n {
			results[i] = said(results[i].Monitor, "x", results[i].Scheduled, 0, monitor.OutcomeDown)
		}
		return results
	}
	suspect, _ := detect.Step(&w.cfg, w.svc, w.state, contrary(50), now)
	for _, c := range []struct {
		name    string
		state   detect.Service
		results []monitor.Result
		changes bool
	}{
		{"healthy", w.state, healthy, false},
		{"one fails", w.state, contrary(1), true},
		{"all fail", w.state, contrary(50), true},
		{"all refuted by one more", suspect, each(w.cfg.Monitors, "y", now, monitor.OutcomeUp), true},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, fx := detect.Step(&w.cfg, w.svc, c.state, c.results, now); fx.Changed != c.changes {
					b.Fatalf("Changed = %v", fx.Changed)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/50, "ns/result")
		})
	}
}

func BenchmarkTick(b *testing.B) {
	w, _ := fleet(b, 50)
	now := t0.Add(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		if _, fx := detect.Tick(&w.cfg, w.svc, w.state, w.lastSeen, silence, now); fx.Changed {
			b.Fatal("a healthy tick writes")
		}
	}
}

// TestHealthyIsFree: a batch of 50 good results allocates but its order.
func TestHealthyIsFree(t *testing.T) {
	w, healthy := fleet(t, 50)
	now := t0.Add(time.Hour + time.Second)
	var fx detect.Effects
	allocs := testing.AllocsPerRun(100, func() { _, fx = detect.Step(&w.cfg, w.svc, w.state, healthy, now) })
	if allocs > 3 {
		t.Errorf("%v allocations, want at most 3", allocs)
	}
	if got := w.describe(fx); got != "unchanged\n" {
		t.Errorf("a healthy batch did:\n%s", got)
	}
}
