package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

// TestTheNight: one balancer dies, then the other; the application below them
// fails too; all come back. One incident, each tier told once of its beginning
// and once of its end, in a world where everything comes once and in one where
// everything comes twice.
func TestTheNight(t *testing.T) {
	for _, twice := range []bool{false, true} {
		w := newWorld(t, balancers())
		w.twice = twice
		w.run(30 * time.Second)
		if len(w.sent) != 0 {
			t.Fatalf("twice=%t: told of nothing: %v", twice, w.sent)
		}
		w.down["lb-primary"] = true
		w.run(30 * time.Second)
		if diff := cmp.Diff([]string{"opened"}, w.told("oncall")); diff != "" {
			t.Errorf("twice=%t: redundancy lost: on-call (-want +got):\n%s", twice, diff)
		}
		if len(w.told("administrators")) != 0 {
			t.Errorf("twice=%t: administrators were told of a lost redundancy", twice)
		}
		w.down["lb-secondary"], w.down["app"] = true, true
		w.run(2 * time.Minute)
		board := w.board()
		if len(board.Open) != 1 {
			t.Fatalf("twice=%t: %d open incidents, want 1: %+v", twice, len(board.Open), board.Open)
		}
		inc := board.Open[0]
		if _, affected := inc.Affects("web"); inc.Root != "balancers" || !affected || inc.Impact != monitor.ImpactCritical {
			t.Errorf("twice=%t: incident: %+v", twice, inc)
		}
		clear(w.down)
		w.run(time.Minute)
		want := map[monitor.TierID][]string{
			"oncall":         {"opened", "escalated", "resolved"},
			"administrators": {"opened", "resolved"},
			"customers":      {"opened", "resolved"},
		}
		for tier, events := range want {
			got := w.told(tier)
			got = without(got, "updated")
			if diff := cmp.Diff(events, got); diff != "" {
				t.Errorf("twice=%t: %s (-want +got):\n%s", twice, tier, diff)
			}
		}
		if len(w.board().Open) != 0 {
			t.Errorf("twice=%t: still open: %+v", twice, w.board().Open)
		}
		w.pageAgrees()
	}
}

func without(events []string, drop string) []string {
	var kept []string
	for _, e := range events {
		if e != drop {
			kept = append(kept, e)
		}
	}
	return kept
}

// pageAgrees: the snapshot says what the states say, and nothing of what is
// internal.
func (w *world) pageAgrees() {
	w.t.Helper()
	ctx := context.Background()
	snapshot, _, err := w.store.Snapshot(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if snapshot.IsStale(w.now) {
		w.t.Errorf("snapshot of %s is stale at %s", snapshot.Generated, w.now)
	}
	for _, view := range snapshot.Services {
		state, err := w.store.State(ctx, view.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		if view.Status != state.Status || !view.Since.Equal(state.Since) {
			w.t.Errorf("%s: page says %s since %s, state %s since %s", view.ID, view.Status, view.Since, state.Status, state.Since)
		}
		if view.ID == "backoffice" {
			w.t.Error("an internal service is on the page")
		}
	}
}

// TestDependentFirst: the application's failure is seen before its cause's; the
// cause, once seen, takes the incident over.
func TestDependentFirst(t *testing.T) {
	w := newWorld(t, balancers())
	w.run(30 * time.Second)
	w.down["app"] = true
	w.run(20 * time.Second)
	w.down["lb-primary"], w.down["lb-secondary"] = true, true
	w.run(30 * time.Second)
	board := w.board()
	if len(board.Open) != 1 || board.Open[0].Root != "balancers" {
		t.Fatalf("open incidents: %+v", board.Open)
	}
}

// TestAtRiskMutesNothing: a balancer is gone but the other works; then the
// application fails by itself. It has an incident of its own, and customers hear.
func TestAtRiskMutesNothing(t *testing.T) {
	w := newWorld(t, balancers())
	w.run(30 * time.Second)
	w.down["lb-primary"] = true
	w.run(time.Minute)
	w.down["app"] = true
	w.run(3 * time.Minute)
	board := w.board()
	if len(board.Open) != 2 {
		t.Fatalf("%d open incidents, want one each: %+v", len(board.Open), board.Open)
	}
	if got := w.told("customers"); len(got) != 1 {
		t.Errorf("customers were told %v, want of the application once", got)
	}
}

// TestAffectedStandsAlone: the balancers come back, the application does not.
func TestAffectedStandsAlone(t *testing.T) {
	for name, back := range map[string][]monitor.ID{"all of it": {"lb-primary", "lb-secondary"}, "without redundancy": {"lb-primary"}} {
		w := newWorld(t, balancers())
		w.run(30 * time.Second)
		w.down["lb-primary"], w.down["lb-secondary"], w.down["app"] = true, true, true
		w.run(2 * time.Minute)
		if board := w.board(); len(board.Open) != 1 {
			t.Fatalf("%s: open: %+v", name, board.Open)
		}
		for _, id := range back {
			w.down[id] = false
		}
		w.run(3 * time.Minute)
		found := false
		for _, inc := range w.board().Open {
			a, in := inc.Affects("web")
			found = found || in && a.Cause && inc.Impact.AtLeast(monitor.ImpactMajor)
		}
		if !found {
			t.Errorf("%s: the application is down and no incident is about it: %+v", name, w.board().Open)
		}
	}
}

// TestRemovedWhileDown: a service that is taken out of the configuration leaves
// no incident behind.
func TestRemovedWhileDown(t *testing.T) {
	w := newWorld(t, balancers())
	w.run(30 * time.Second)
	w.down["secret"] = true
	w.run(time.Minute)
	if len(w.board().Open) != 1 {
		t.Fatalf("open: %+v", w.board().Open)
	}
	cfg := balancers()
	cfg.Services, cfg.Monitors = cfg.Services[:2], cfg.Monitors[:3]
	if _, err := w.store.PutConfig(context.Background(), cfg, 1, "test"); err != nil {
		t.Fatal(err)
	}
	w.run(time.Minute)
	if len(w.board().Open) != 0 {
		t.Errorf("still open: %+v", w.board().Open)
	}
}

// TestInternalStaysInside: customers hear nothing of what only operators know.
func TestInternalStaysInside(t *testing.T) {
	w := newWorld(t, balancers())
	w.run(30 * time.Second)
	w.down["secret"] = true
	w.run(3 * time.Minute)
	if got := w.told("customers"); len(got) != 0 {
		t.Errorf("customers were told: %v", got)
	}
	if got := w.told("oncall"); len(got) != 1 {
		t.Errorf("on-call was told: %v, want one message", got)
	}
	snapshot, _, err := w.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(snapshot.Incidents) != 0 {
		t.Errorf("the page shows an internal incident: %+v", snapshot.Incidents)
	}
}

// TestCarrierDown: what cannot be sent waits, is shown, and goes out later, once.
func TestCarrierDown(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		wait time.Duration
	}{
		{"passes by itself", errors.New("throttled"), 2 * time.Minute},
		{"permanent until mended", notify.ErrPermanent, 6 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, balancers())
			w.run(30 * time.Second)
			w.fail = test.err
			w.down["app"] = true
			w.run(2 * time.Minute)
			pending, err := w.store.Outbox(context.Background(), 10)
			if err != nil || len(pending) != 3 {
				t.Fatalf("undelivered: %+v, %v, want one a tier", pending, err)
			}
			if !strings.Contains(pending[0].LastError, test.err.Error()) || pending[0].Attempts == 0 {
				t.Errorf("the last error is not shown: %+v", pending[0])
			}
			w.fail = nil
			w.run(test.wait)
			for _, tier := range []monitor.TierID{"oncall", "administrators", "customers"} {
				if got := w.told(tier); len(got) != 1 {
					t.Errorf("%s was told %v, want once", tier, got)
				}
			}
		})
	}
}

// TestGapIsUnknown: while nothing runs nothing is known; afterwards the gap
// shows, and no incident is made of it.
func TestGapIsUnknown(t *testing.T) {
	w := newWorld(t, balancers())
	w.run(time.Minute)
	gone := w.now
	w.now = w.now.Add(10 * time.Minute) // the machine was off
	if err := w.stages.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.run(time.Minute)
	flips, err := w.store.Flips(context.Background(), "web", gone.Add(-time.Minute), w.now)
	if err != nil {
		t.Fatal(err)
	}
	var service []string
	for _, f := range flips {
		if f.Monitor == "" {
			service = append(service, f.From+" to "+f.To)
		}
	}
	if diff := cmp.Diff([]string{"unknown to operational", "operational to unknown", "unknown to operational"}, service); diff != "" {
		t.Errorf("flips (-want +got):\n%s", diff)
	}
	if len(w.sent) != 0 {
		t.Errorf("told of a gap: %v", w.sent)
	}
	if err := w.stages.Rollup(context.Background()); err != nil {
		t.Fatal(err)
	}
	snapshot, _, err := w.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	day := snapshot.Services[1].Uptime[0]
	if !day.Known || day.Uptime != 1 || day.Coverage > 0.5 || day.DownS != 0 {
		t.Errorf("24 h: %+v, want full uptime of what little was observed", day)
	}
}

// TestSteadyStateWritesNothing: healthy results cost their batch item and
// nothing else.
func TestSteadyStateWritesNothing(t *testing.T) {
	w := newWorld(t, balancers())
	w.run(time.Minute)
	ctx := context.Background()
	before := map[monitor.ServiceID]int64{}
	for _, svc := range balancers().Services {
		state, err := w.store.State(ctx, svc.ID)
		if err != nil {
			t.Fatal(err)
		}
		before[svc.ID] = state.Version
	}
	w.run(5 * time.Minute)
	for id, version := range before {
		if state, err := w.store.State(ctx, id); err != nil || state.Version != version {
			t.Errorf("%s went from version %d to %d, %v", id, version, state.Version, err)
		}
	}
}

// TestPutBack: a service that is taken out of the configuration and put back is not
// known until it is checked again; nor is one known for ever that is not checked at all.
func TestPutBack(t *testing.T) {
	w := newWorld(t, balancers())
	w.run(30 * time.Second)
	put := func(cfg *monitor.Config, version int64) {
		t.Helper()
		if _, err := w.store.PutConfig(context.Background(), cfg, version, "test"); err != nil {
			t.Fatal(err)
		}
	}
	without := balancers()
	without.Services, without.Monitors = without.Services[:2], without.Monitors[:3]
	put(without, 1)
	w.run(10 * time.Minute)
	state := func() (status monitor.Status, since time.Duration) {
		t.Helper()
		s, err := w.store.State(context.Background(), "backoffice")
		if err != nil {
			t.Fatal(err)
		}
		return s.Status, s.Since.Sub(start)
	}
	if got, _ := state(); got != monitor.Operational {
		t.Fatalf("it was %s before", got)
	}
	put(balancers(), 2)
	w.now = w.now.Add(2 * time.Minute) // until the stages have read it
	if err := w.stages.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, since := state(); got != monitor.NotKnown || since > time.Minute {
		t.Errorf("put back, and not checked yet: %s since %s, want unknown since its last check", got, since)
	}
	w.run(time.Minute)
	if got, _ := state(); got != monitor.Operational {
		t.Errorf("checked again: %s", got)
	}
}
