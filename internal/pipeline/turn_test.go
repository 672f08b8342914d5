package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
)

// TestInTurn: whatever keeps the beginning of an outage from being sent, nobody hears of
// it after its end: an alarm that comes last rings, and nothing ends it.
func TestInTurn(t *testing.T) {
	ctx := context.Background()
	for name, machine := range map[string]bool{"people": false, "programs": true} {
		t.Run(name, func(t *testing.T) {
			start := func(t *testing.T) (*world, func(int, time.Duration, monitor.Outcome), func(time.Duration)) {
				w, fail := fleet(t, 6, monitor.Tier{ID: "oncall", Impact: monitor.ImpactMinor, Machine: machine})
				return w, fail, func(after time.Duration) {
					t.Helper()
					w.now = start.Add(after)
					if _, err := w.stages.Notify(ctx); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Run("the carrier fails", func(t *testing.T) {
				w, fail, notify := start(t)
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
				heard(t, w, "resolved")
			})
			t.Run("it fails once", func(t *testing.T) {
				w, fail, notify := start(t)
				fail(0, 0, down)
				fail(0, 20*time.Second, up)
				w.fail = errors.New("throttled")
				w.heal = true
				for after := 21 * time.Second; after < 2*time.Minute; after += 5 * time.Second {
					notify(after)
				}
				heard(t, w, "resolved")
			})
			t.Run("its sender is slow, or died", func(t *testing.T) {
				w, fail, notify := start(t)
				fail(0, 0, down)
				pending, err := w.store.Outbox(ctx, 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.store.Claim(ctx, pending, w.now.Add(30*time.Second)); err != nil {
					t.Fatal(err)
				}
				fail(0, 20*time.Second, up)
				notify(21 * time.Second)
				heard(t, w)
				notify(time.Minute)
				heard(t, w, "resolved")
			})
			t.Run("others are over", func(t *testing.T) {
				w, fail, notify := start(t)
				for site := range 4 {
					fail(site, time.Duration(1+site)*time.Second, down)
					notify(time.Duration(1+site) * time.Second)
				}
				fail(0, 6*time.Second, up)
				fail(4, 8*time.Second, down)
				fail(4, 12*time.Second, up)
				notify(40 * time.Second)
				want := []string{"opened", "opened", "opened", "opened", "resolved"}
				if machine {
					want = append(want, "resolved") // each apart
				}
				heard(t, w, want...)
			})
		})
	}
}

func heard(t *testing.T, w *world, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.told("oncall")); diff != "" {
		t.Errorf("on-call heard (-want +got):\n%s", diff)
	}
}

// TestGiveUp: what has failed for a day is given up, but not what is new, and not the
// beginning of an outage that goes on.
func TestGiveUp(t *testing.T) {
	ctx := context.Background()
	w, fail := fleet(t, 3, monitor.Tier{ID: "oncall", Impact: monitor.ImpactMinor})
	notify := func(after time.Duration) {
		t.Helper()
		w.now = start.Add(after)
		if _, err := w.stages.Notify(ctx); err != nil {
			t.Fatal(err)
		}
	}
	const day = 24 * time.Hour
	w.fail = errors.New("no carrier")
	fail(0, 0, down)
	fail(1, 0, down)
	notify(time.Second)
	fail(1, time.Minute, up)
	fail(2, day+2*time.Minute, down)
	notify(day + 3*time.Minute)
	w.fail = nil
	for after := day + 3*time.Minute; after < day+30*time.Minute; after += 10 * time.Second {
		notify(after)
	}
	fail(0, day+time.Hour, up)
	fail(2, day+time.Hour, up)
	notify(day + time.Hour)
	var got []string
	for _, m := range w.sent {
		got = append(got, m.Subject[:len("ALARM: Site 2")])
	}
	want := []string{"ALARM: 2 inci", "OK: 2 inciden"} // not of that which was over a day ago
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("on-call heard (-want +got):\n%s", diff)
	}
}

// TestPeopleFirst: what programs get, of each incident apart, keeps nobody waiting.
func TestPeopleFirst(t *testing.T) {
	w, fail := fleet(t, 20, monitor.Tier{ID: "machines", Impact: monitor.ImpactMinor, Machine: true}, monitor.Tier{ID: "oncall", After: 10 * time.Second, Impact: monitor.ImpactMinor})
	for site := range 20 {
		fail(site, 0, down)
	}
	w.now = start.Add(11 * time.Second)
	if err := w.stages.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(w.sent) != 21 || w.sent[0].Tier != "oncall" {
		t.Errorf("%d messages, the first to %s; must be 21, the first to oncall", len(w.sent), w.sent[0].Tier)
	}
}
