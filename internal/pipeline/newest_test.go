package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
)

// TestNewest: stages that still hold an older configuration do not undo what another
// has done by a newer one, whichever meets the state first.
func TestNewest(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, balancers())
	clock := func() time.Time { return w.now }
	other := w.stages // reads the configuration anew each time
	w.stages = pipeline.New(pipeline.Deps{
		Store: w.store, Now: clock, Location: monitor.Local, Queue: w, Engine: w, Publisher: w,
		Fresh: time.Minute, ConfigAge: time.Hour, Pause: func(context.Context, time.Duration) {},
	})
	w.down["lb-primary"], w.down["lb-secondary"] = true, true
	w.run(time.Minute)
	told := slices.Clone(w.told("oncall"))

	paused := balancers()
	paused.Monitors[1].Paused = true
	w.apply(paused)
	if err := other.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	w.asleep = true // Detect alone, of the older configuration
	w.run(30 * time.Second)
	if diff := cmp.Diff([]string{"lb-primary paused", "lb-secondary down"}, w.members()); diff != "" {
		t.Errorf("as Detect leaves it (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(told, w.told("oncall")); diff != "" {
		t.Errorf("told (-before +after):\n%s", diff)
	}
}

// TestNewestHoldsMore: a Sweep of an older configuration does not let go of a service
// that it does not know yet.
func TestNewestHoldsMore(t *testing.T) {
	ctx := context.Background()
	fewer := balancers()
	fewer.Monitors, fewer.Services = fewer.Monitors[1:3], fewer.Services[:1]
	w := newWorld(t, fewer)
	older := pipeline.New(pipeline.Deps{
		Store: w.store, Now: func() time.Time { return w.now }, Location: monitor.Local, Queue: w, Engine: w, Publisher: w,
		Fresh: time.Minute, ConfigAge: time.Hour, Pause: func(context.Context, time.Duration) {},
	})
	if err := older.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	w.apply(balancers())
	w.down["app"] = true
	w.run(time.Minute)
	if err := older.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if open := w.board().Open; len(open) != 1 || open[0].Root != "web" {
		t.Errorf("open: %v", open)
	}
}
