package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestNoEndWhileContested: of two monitors that failed at the same time, the quick
// one is fine again before the careful one has confirmed its failure. Nobody hears
// of an end until the other is decided, whichever way.
func TestNoEndWhileContested(t *testing.T) {
	for name, refuted := range map[string]bool{"refuted": true, "confirmed": false} {
		t.Run(name, func(t *testing.T) {
			cfg := balancers()
			cfg.Services[0].Needs = 2
			for i, m := range cfg.Monitors {
				switch m.ID {
				case "lb-primary":
					cfg.Monitors[i].Confirm, cfg.Monitors[i].Recover = 1, 1
				case "lb-secondary":
					cfg.Monitors[i].Confirm, cfg.Monitors[i].Recover = 3, 1
				}
			}
			w := newWorld(t, cfg)
			result := func(id monitor.ID, after time.Duration, outcome monitor.Outcome) {
				t.Helper()
				at := start.Add(after)
				w.now = at
				r := monitor.Result{Monitor: id, Location: monitor.Local, Scheduled: at, Started: at, Outcome: outcome}
				if outcome == monitor.OutcomeDown {
					r.Failure = &monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}
				}
				if err := w.stages.Detect(context.Background(), []store.Batch{{Location: monitor.Local, Scheduled: at, Results: []monitor.Result{r}}}); err != nil {
					t.Fatal(err)
				}
			}
			says := func(when string, open int, events ...string) {
				t.Helper()
				if _, err := w.stages.Notify(context.Background()); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(events, w.told("oncall")); diff != "" || len(w.board().Open) != open {
					t.Errorf("%s: %d open incidents, want %d; on-call heard (-want +got):\n%s", when, len(w.board().Open), open, diff)
				}
			}
			result("lb-primary", time.Second, up)
			result("lb-secondary", time.Second, up)
			result("lb-secondary", 10*time.Second, down)
			result("lb-primary", 11*time.Second, down)
			says("one is down", 1, "opened")
			result("lb-primary", 13*time.Second, up)
			says("it is fine, the other is not decided", 1, "opened")
			result("lb-secondary", 15*time.Second, down)
			says("the other still fails", 1, "opened")
			if refuted {
				result("lb-secondary", 17*time.Second, up)
			} else {
				result("lb-secondary", 17*time.Second, down)
				says("the other is down", 1, "opened")
				result("lb-secondary", 25*time.Second, up)
			}
			says("all is fine", 0, "opened", "resolved")
		})
	}
}
