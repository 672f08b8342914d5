package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// fleet is n sites, and the tiers to be told of them.
func fleet(t *testing.T, n int, tiers ...monitor.Tier) (w *world, fail func(site int, after time.Duration, outcome monitor.Outcome)) {
	cfg := sites(n)
	for i := range cfg.Monitors {
		cfg.Monitors[i].Confirm, cfg.Monitors[i].Recover = 1, 1
	}
	cfg.Tiers = tiers
	w = newWorld(t, cfg)
	return w, func(site int, after time.Duration, outcome monitor.Outcome) {
		t.Helper()
		at := start.Add(after)
		w.now = at
		r := monitor.Result{Monitor: cfg.Monitors[site].ID, Location: monitor.Local, Scheduled: at, Started: at, Outcome: outcome}
		if outcome != up {
			r.Failure = &monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}
		}
		if err := w.stages.Detect(context.Background(), []store.Batch{{Location: monitor.Local, Scheduled: at, Results: []monitor.Result{r}}}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPace: a tier hears at once of the first four things in a minute, and of what
// follows together, half a minute after the one before; all of it arrives.
func TestPace(t *testing.T) {
	w, fail := fleet(t, 12, monitor.Tier{ID: "oncall", Impact: monitor.ImpactMinor})
	var heard []string
	for second := range 120 {
		after := time.Duration(second) * time.Second
		w.now = start.Add(after)
		if site := second/2 - 1; second%2 == 0 && site >= 0 && site < 12 {
			fail(site, after, down)
		}
		before := len(w.sent)
		if _, err := w.stages.Notify(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, m := range w.sent[before:] {
			heard = append(heard, fmt.Sprintf("%ds %d", second, len(m.Notifications)))
		}
	}
	// One incident each at 2, 4, 6 and 8 s; 38 s is half a minute after the fourth.
	if diff := cmp.Diff([]string{"2s 1", "4s 1", "6s 1", "8s 1", "38s 8"}, heard); diff != "" {
		t.Errorf("on-call heard (-want +got):\n%s", diff)
	}
}

// TestApart: programs hear of each incident apart, at once, however many there are, so
// that the end of each closes the alarm that its beginning opened; a chat has a thread
// for each of a few.
func TestApart(t *testing.T) {
	tiers := []monitor.Tier{
		{ID: "machines", Impact: monitor.ImpactMinor, Machine: true},
		{ID: "chat", Impact: monitor.ImpactMinor, Chat: true},
		{ID: "oncall", Impact: monitor.ImpactMinor},
	}
	for _, n := range []int{5, 6} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w, fail := fleet(t, n, tiers...)
			alarms := map[string][]string{}
			for i, outcome := range []monitor.Outcome{down, up} {
				for site := range n {
					fail(site, time.Duration(10+60*i)*time.Second, outcome)
				}
				w.sent = nil
				if _, err := w.stages.Notify(context.Background()); err != nil {
					t.Fatal(err)
				}
				count := map[monitor.TierID]int{}
				for _, m := range w.sent {
					count[m.Tier]++
					if m.Tier == "machines" {
						name, rest, _ := strings.Cut(strings.TrimPrefix(m.Machine, `{"AlarmName":"`), `"`)
						_, state, _ := strings.Cut(rest, `"NewStateValue":"`)
						state, _, _ = strings.Cut(state, `"`)
						alarms[name] = append(alarms[name], state)
					}
				}
				chats := n
				if n > 5 {
					chats = 1
				}
				if diff := cmp.Diff(map[monitor.TierID]int{"machines": n, "chat": chats, "oncall": 1}, count); diff != "" {
					t.Errorf("messages at a time (-want +got):\n%s", diff)
				}
			}
			if len(alarms) != n {
				t.Errorf("%d alarms", len(alarms))
			}
			for name, states := range alarms {
				if !slices.Equal(states, []string{"ALARM", "OK"}) {
					t.Errorf("%s was %v", name, states)
				}
			}
		})
	}
}
