package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestFreeze: a month is frozen a day after its end in the site's zone, once;
// after a pause all that were missed are; what is found later changes nothing.
func TestFreeze(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, balancers())
	zone := balancers().Zone()
	day := func(month time.Month, day int) time.Time { return time.Date(2019, month, day, 0, 0, 0, 0, zone) }
	flip := func(at time.Time, to monitor.Status) {
		t.Helper()
		op, err := store.FlipOp(monitor.Flip{Service: "web", At: at, Decided: at, To: string(to)})
		if err == nil {
			err = w.store.Commit(ctx, op)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	rollup := func(now time.Time) {
		t.Helper()
		w.now = now
		for range 2 {
			if err := w.stages.Rollup(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	down := func() map[string]time.Duration {
		t.Helper()
		out := map[string]time.Duration{}
		for _, month := range []string{"2019-04", "2019-05", "2019-06", "2019-07", "2019-08"} {
			f, version, err := w.store.Figures(ctx, "web", month)
			if err != nil {
				t.Fatal(err)
			}
			if version > 0 {
				out[month] = f.Adjusted.Down
			}
			if version > 1 {
				t.Errorf("%s was written %d times", month, version)
			}
		}
		return out
	}
	flip(day(time.May, 2), monitor.Operational)
	flip(day(time.May, 28).Add(18*time.Hour), monitor.MajorOutage)
	flip(day(time.May, 29).Add(50*time.Minute), monitor.Operational)
	rollup(day(time.June, 2).Add(-time.Minute))
	if got := down(); len(got) != 0 {
		t.Errorf("a minute before: %v", got)
	}
	rollup(day(time.June, 2))
	want := map[string]time.Duration{"2019-05": 6*time.Hour + 50*time.Minute}
	if diff := cmp.Diff(want, down()); diff != "" {
		t.Errorf("a day after (-want +got):\n%s", diff)
	}
	flip(day(time.May, 10), monitor.MajorOutage)
	flip(day(time.May, 11), monitor.Operational)
	flip(day(time.July, 30), monitor.MajorOutage)
	rollup(day(time.August, 20))
	want["2019-06"], want["2019-07"] = 0, 48*time.Hour
	if diff := cmp.Diff(want, down()); diff != "" {
		t.Errorf("after a pause (-want +got):\n%s", diff)
	}
}
