package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// working is the fleet with maintenance of services from a minute after the
// start, for two minutes.
func working(services ...monitor.ServiceID) *monitor.Config {
	cfg := balancers()
	cfg.Maintenance = []monitor.Plan{{
		ID: "move", Title: "Move to new balancers", Services: services,
		Starts: start.Add(time.Minute), Ends: start.Add(3 * time.Minute), TimeZone: "UTC",
	}}
	return cfg
}

func (w *world) snapshot() store.Snapshot {
	w.t.Helper()
	snapshot, _, err := w.store.Snapshot(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return snapshot
}

func (w *world) shown(id monitor.ServiceID) monitor.Status {
	w.t.Helper()
	for _, v := range w.snapshot().Services {
		if v.ID == id {
			return v.Status
		}
	}
	return ""
}

func (w *world) expect(tier monitor.TierID, want ...string) {
	w.t.Helper()
	// What is due at one time may come in any order.
	if diff := cmp.Diff(want, w.told(tier), cmpopts.SortSlices(strings.Compare)); diff != "" {
		w.t.Errorf("twice=%t: %s was told (-want +got):\n%s", w.twice, tier, diff)
	}
}

func both(t *testing.T, test func(t *testing.T, twice bool)) {
	t.Run("once", func(t *testing.T) { test(t, false) })
	t.Run("twice", func(t *testing.T) { test(t, true) })
}

// TestMaintenance: while it lasts the service may be down: nobody is alerted, the
// page shows maintenance, customers hear when it begins and ends, and it does not
// count, though it was measured.
func TestMaintenance(t *testing.T) {
	both(t, func(t *testing.T, twice bool) {
		w := newWorld(t, working("web"))
		w.twice = twice
		w.run(50 * time.Second)
		if m := w.snapshot().Maintenance; len(m) != 1 || m[0].State != store.MaintenanceScheduled || m[0].Title != "Move to new balancers" {
			t.Errorf("before: %+v", m)
		}
		w.run(20 * time.Second)
		if m := w.snapshot().Maintenance; len(m) != 1 || m[0].State != store.MaintenanceInProgress || !m[0].Ends.Equal(start.Add(3*time.Minute)) {
			t.Errorf("while it lasts: %+v", m)
		}
		w.down["app"] = true
		w.run(90 * time.Second)
		if got := w.shown("web"); got != monitor.InMaintenance {
			t.Errorf("the page shows %s", got)
		}
		if len(w.board().Open) != 0 {
			t.Errorf("an incident opened: %+v", w.board().Open)
		}
		clear(w.down)
		w.run(time.Minute)
		if m := w.snapshot().Maintenance; len(m) != 1 || m[0].State != store.MaintenanceCompleted {
			t.Errorf("after: %+v", m)
		}
		if got := w.shown("web"); got != monitor.Operational {
			t.Errorf("after: the page shows %s", got)
		}
		w.expect("customers", "maintenance", "maintenance-over")
		w.expect("oncall")
		line, err := w.store.Timeline(context.Background(), "web", start, w.now)
		if err != nil {
			t.Fatal(err)
		}
		span := uptime.Window{From: start.Add(20 * time.Second), To: w.now}
		adjusted, raw := line.Tally(span), line.Raw(span)
		if adjusted.Down != 0 || adjusted.Maintenance != 2*time.Minute || raw.Down < 80*time.Second || raw.Maintenance != 0 {
			t.Errorf("adjusted %+v, raw %+v", adjusted, raw)
		}
		if f := line.Figures("web", span); len(f.Exclusions) != 1 || f.Exclusions[0].Reason != "Move to new balancers" {
			t.Errorf("exclusions: %+v", f.Exclusions)
		}
	})
}

// TestOverrun: what is still down when the window ends is an incident from then on.
func TestOverrun(t *testing.T) {
	both(t, func(t *testing.T, twice bool) {
		w := newWorld(t, working("web"))
		w.twice = twice
		w.run(80 * time.Second)
		w.down["app"] = true
		w.run(3 * time.Minute)
		board := w.board()
		if len(board.Open) != 1 || !board.Open[0].Opened.Equal(start.Add(3*time.Minute)) || board.Open[0].Root != "web" {
			t.Fatalf("open incidents: %+v", board.Open)
		}
		w.expect("oncall", "opened")
		w.expect("customers", "maintenance", "maintenance-over", "opened")
		clear(w.down)
		w.run(time.Minute)
		w.expect("oncall", "opened", "resolved")
	})
}

// TestIncidentBeforeMaintenance: an incident that is open when the window begins
// stays open, and goes on by what is measured; nobody new hears of it until the
// window ends.
func TestIncidentBeforeMaintenance(t *testing.T) {
	both(t, func(t *testing.T, twice bool) {
		w := newWorld(t, working("web"))
		w.twice = twice
		w.run(40 * time.Second)
		w.down["app"] = true
		w.run(100 * time.Second)
		if len(w.board().Open) != 1 || w.shown("web") != monitor.InMaintenance {
			t.Fatalf("in the window: %d incidents, %s", len(w.board().Open), w.shown("web"))
		}
		w.expect("oncall", "opened")
		w.expect("administrators")
		w.expect("customers", "maintenance")
		w.run(time.Minute)
		w.expect("oncall", "opened", "updated")
		w.expect("administrators", "opened")
		w.expect("customers", "maintenance", "maintenance-over", "opened")
		clear(w.down)
		w.run(time.Minute)
		w.expect("oncall", "opened", "updated", "resolved")
		w.expect("customers", "maintenance", "maintenance-over", "opened", "resolved")
	})
	// A tier that is due just when the window begins is not told any more.
	for second := range 5 {
		w := newWorld(t, working("web"))
		w.asleep = true
		w.run(20*time.Second + time.Duration(second)*time.Second)
		w.down["app"] = true
		w.run(38 * time.Second) // and its sweep comes within the window
		w.asleep = false
		if err := w.stages.Maintain(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.now = start.Add(61 * time.Second)
		if err := w.stages.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.expect("administrators")
		w.expect("oncall", "opened")
	}

	w := newWorld(t, working("web"))
	w.run(40 * time.Second)
	w.down["app"] = true
	w.run(time.Minute)
	clear(w.down)
	w.run(time.Minute)
	w.expect("oncall", "opened", "resolved") // its end, also within the window
	w.expect("administrators")
}

// TestBelowMaintenance: what depends on a service in maintenance that is down is
// accounted for by it.
func TestBelowMaintenance(t *testing.T) {
	w := newWorld(t, working("balancers"))
	w.run(80 * time.Second)
	w.down["lb-primary"], w.down["lb-secondary"], w.down["app"] = true, true, true
	w.run(90 * time.Second)
	w.expect("oncall")
	if w.shown("web") != monitor.MajorOutage {
		t.Errorf("what depends on it is shown as %s", w.shown("web"))
	}
	clear(w.down)
	w.run(2 * time.Minute)
	w.expect("oncall")
}

// TestMaintenanceWithoutSweeps: a window that was known begins on time although no
// sweep runs; one that was slept through is still accounted for.
func TestMaintenanceWithoutSweeps(t *testing.T) {
	w := newWorld(t, working("web"))
	w.run(30 * time.Second)
	w.asleep = true
	w.run(35 * time.Second)
	w.down["app"] = true
	w.run(time.Minute)
	if len(w.board().Open) != 0 {
		t.Errorf("an incident opened: %+v", w.board().Open)
	}
	clear(w.down)
	w.run(2 * time.Minute)
	w.asleep = false
	w.run(10 * time.Second)
	w.expect("customers") // of what is over already, nobody is told
	line, err := w.store.Timeline(context.Background(), "web", start, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if got := line.Tally(uptime.Window{From: start.Add(20 * time.Second), To: w.now}); got.Maintenance != 2*time.Minute || got.Down != 0 {
		t.Errorf("it was slept through: %+v", got)
	}
}

// TestPlanTakenBack: a plan that is taken out of the configuration while it lasts
// ends then; what is down counts from then on.
func TestPlanTakenBack(t *testing.T) {
	w := newWorld(t, working("web"))
	w.run(80 * time.Second)
	w.down["app"] = true
	w.run(20 * time.Second)
	without := balancers()
	if _, err := w.store.PutConfig(context.Background(), without, 1, "test"); err != nil {
		t.Fatal(err)
	}
	gone := w.now
	w.run(80 * time.Second)
	board := w.board()
	if len(board.Open) != 1 || board.Open[0].Opened.Before(gone) || board.Open[0].Opened.After(gone.Add(10*time.Second)) {
		t.Errorf("taken back at %s: %+v", gone, board.Open)
	}
	w.expect("customers", "maintenance", "maintenance-over", "opened")
}

// TestPlannedInHindsight: a plan for a time that has passed changes nothing.
func TestPlannedInHindsight(t *testing.T) {
	w := newWorld(t, balancers())
	w.run(20 * time.Second)
	w.down["app"] = true
	w.run(30 * time.Second)
	clear(w.down)
	w.run(3 * time.Minute)
	if _, err := w.store.PutConfig(context.Background(), working("web"), 1, "test"); err != nil {
		t.Fatal(err)
	}
	w.run(30 * time.Second)
	line, err := w.store.Timeline(context.Background(), "web", start, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if got := line.Tally(uptime.Window{From: start, To: w.now}); got.Maintenance != 0 || got.Down == 0 {
		t.Errorf("downtime was planned away: %+v", got)
	}
}
