package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
)

// TestInTurn: the carrier fails while an outage begins and is over. When it works again
// people hear of the beginning before the end, whichever is due to be tried first.
func TestInTurn(t *testing.T) {
	ctx := context.Background()
	w, fail := fleet(t, 1, monitor.Tier{ID: "oncall", Impact: monitor.ImpactMinor})
	notify := func(after time.Duration) {
		t.Helper()
		w.now = start.Add(after)
		if _, err := w.stages.Notify(ctx); err != nil {
			t.Fatal(err)
		}
	}
	w.fail = errors.New("no carrier")
	fail(0, 10*time.Second, down)
	for after := 10 * time.Second; after < 5*time.Minute; after += 5 * time.Second {
		notify(after) // the wait grows with each
	}
	fail(0, 5*time.Minute, up)
	notify(5 * time.Minute)
	w.fail = nil
	for after := 5 * time.Minute; after < 15*time.Minute; after += 5 * time.Second {
		notify(after)
	}
	if diff := cmp.Diff([]string{"opened", "resolved"}, w.told("oncall")); diff != "" {
		t.Errorf("on-call heard (-want +got):\n%s", diff)
	}
}
