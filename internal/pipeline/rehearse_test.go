package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
)

// TestRehearsal: begun once at its time, whoever sweeps how often, and told to all
// but the public; what does not get away is seen.
func TestRehearsal(t *testing.T) {
	ctx := context.Background()
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Intervals", TimeZone: "America/Los_Angeles"}, Locations: []monitor.Location{monitor.Local},
		Monitors: []monitor.Monitor{{ID: "web", Service: "web", Every: time.Minute, Timeout: time.Second, Confirm: 1, Recover: 1, Locations: []monitor.Location{monitor.Local}, TCP: &monitor.TCP{Address: "x:1"}}},
		Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web"}, Needs: 1}},
		Tiers:    []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}, {ID: "administrators", Impact: monitor.ImpactMajor, After: time.Hour}, {ID: "customers", Impact: monitor.ImpactMajor, Public: true}},
		Rehearse: &monitor.Rehearsal{Cron: "2 18 * * *", TimeZone: "America/Los_Angeles"}, // two minutes after the start
	}
	w := newWorld(t, cfg)
	tests := func() (subjects []string) {
		for _, m := range w.sent {
			if strings.HasPrefix(m.Subject, "TEST: ") {
				subjects = append(subjects, string(m.Tier))
			}
		}
		return subjects
	}
	sweep := func(after time.Duration) {
		t.Helper()
		w.now = start.Add(after)
		for range 2 {
			if err := w.stages.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	sweep(time.Minute)
	if got := tests(); len(got) != 0 {
		t.Errorf("before its time: %v", got)
	}
	w.fail = errors.New("the carrier is down")
	sweep(2 * time.Minute)
	last, version, err := w.store.Rehearsal(ctx)
	if err != nil || version == 0 {
		t.Fatalf("version %d, %v", version, err)
	}
	reached, err := w.store.Reached(ctx, last)
	if err != nil || len(reached) != 2 || reached[0].OK() || !strings.Contains(reached[0].Why, "the carrier is down") {
		t.Errorf("%+v, %v", reached, err)
	}
	w.fail = nil
	for d := 3 * time.Minute; d < 30*time.Minute; d += time.Minute {
		sweep(d)
	}
	if got := strings.Join(tests(), " "); got != "oncall administrators" && got != "administrators oncall" {
		t.Errorf("told: %s", got)
	}
	reached, err = w.store.Reached(ctx, last)
	if err != nil || !reached[0].OK() || !reached[1].OK() {
		t.Errorf("%+v, %v", reached, err)
	}
	sweep(24*time.Hour + 5*time.Minute)
	if got := tests(); len(got) != 4 {
		t.Errorf("the next day: %v", got)
	}
	if err := w.stages.Rehearse(ctx, cfg, store.Rehearsal{At: w.now}, []monitor.TierID{"customers"}, store.Rehearsal{}, 0); err == nil {
		t.Error("a rehearsal over another one that it has not read")
	}
}

// TestRehearsalSchedule: what was due before the schedule came into force is no part
// of it, and what people ask for takes the place of nothing that it plans.
func TestRehearsalSchedule(t *testing.T) {
	ctx := context.Background()
	tiers := []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}, {ID: "board"}, {ID: "customers", Public: true}}
	plain := monitor.Config{Site: monitor.Site{Name: "Intervals", TimeZone: "UTC"}, Tiers: tiers}
	planned := plain
	planned.Rehearse = &monitor.Rehearsal{Cron: "0 1 * * *", TimeZone: "UTC"} // at the start
	moved := plain
	moved.Rehearse = &monitor.Rehearsal{Cron: "10 1 * * *", TimeZone: "UTC"}
	named := plain
	named.Rehearse = &monitor.Rehearsal{Cron: "0 1 * * *", TimeZone: "UTC", Tiers: []monitor.TierID{"oncall", "customers"}}
	type step struct {
		after time.Duration
		apply *monitor.Config
		ask   []monitor.TierID // by hand, before the sweep
	}
	const day = 24 * time.Hour
	for _, test := range []struct {
		name  string
		first monitor.Config
		steps []step
		want  string // whom the tests were sent to, a sweep each
	}{
		{"applied after its time", plain, []step{{after: 20 * time.Minute, apply: &planned}, {after: 21 * time.Minute}, {after: day}}, " |  | board oncall"},
		{"applied a second before", plain, []step{{after: day - time.Second, apply: &planned}, {after: day + 10*time.Second}}, " | board oncall"},
		{"something else applied between its time and the sweep", planned, []step{{after: time.Minute}, {after: day + time.Minute, apply: &named}}, "board oncall | customers oncall"},
		{"moved to what is past", planned, []step{{after: time.Minute}, {after: 20 * time.Minute, apply: &moved}, {after: day + 11*time.Minute}}, "board oncall |  | board oncall"},
		{"taken out and put in again", planned, []step{{after: time.Minute}, {after: day - time.Minute, apply: &plain}, {after: day + 5*time.Minute, apply: &planned}}, "board oncall |  | "},
		{"by hand just before", planned, []step{{after: day - time.Minute, ask: []monitor.TierID{"oncall"}}, {after: day + time.Second}}, "oncall | board oncall"},
		{"by hand just after", planned, []step{{after: 5 * time.Minute}, {after: day + time.Second, ask: []monitor.TierID{"oncall"}}, {after: day + time.Minute}}, "board oncall | board oncall oncall | "},
		{"by hand after it", planned, []step{{after: time.Minute}, {after: 2 * time.Minute, ask: []monitor.TierID{"board"}}, {after: 3 * time.Minute}}, "board oncall | board | "},
		{"missed", planned, []step{{after: 2 * time.Hour}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, &test.first)
			var got []string
			for version, s := 1, test.steps; len(s) > 0; s = s[1:] {
				w.now = start.Add(s[0].after)
				if s[0].apply != nil {
					if _, err := w.store.PutConfig(ctx, s[0].apply, int64(version), "test"); err != nil {
						t.Fatal(err)
					}
					version++
				}
				if s[0].ask != nil {
					last, at, err := w.store.Rehearsal(ctx)
					if err == nil {
						err = w.stages.Rehearse(ctx, &test.first, store.Rehearsal{At: w.now, By: "anna"}, s[0].ask, last, at)
					}
					if err != nil {
						t.Fatal(err)
					}
					w.now = w.now.Add(time.Second)
				}
				w.sent = nil
				for range 2 {
					if err := w.stages.Sweep(ctx); err != nil {
						t.Fatal(err)
					}
				}
				var told []string
				for _, m := range w.sent {
					for range strings.Count(m.Email, "This is a rehearsal.") {
						told = append(told, string(m.Tier))
					}
				}
				slices.Sort(told)
				got = append(got, strings.Join(told, " "))
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " | ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// audience is a carrier that knows how many hear it; fewer than none: it cannot say.
type audience struct {
	*world
	subscribed map[monitor.TierID]int
}

func (c audience) Subscribed(_ context.Context, tier monitor.TierID) (int, error) {
	if n := c.subscribed[tier]; n >= 0 {
		return n, nil
	}
	return 0, errors.New("not allowed")
}

// TestDeserted: a test to a tier that nobody is subscribed to has failed, on a schedule,
// too, where nobody looks.
func TestDeserted(t *testing.T) {
	ctx := context.Background()
	cfg := &monitor.Config{Site: monitor.Site{Name: "Intervals", TimeZone: "UTC"}, Tiers: []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}, {ID: "administrators"}, {ID: "board"}}}
	w := newWorld(t, cfg)
	w.stages.Publisher = audience{w, map[monitor.TierID]int{"oncall": 2, "board": -1}}
	var failed float64
	w.stages.Emit = func(all ...pipeline.Metric) {
		for _, m := range all {
			if m.Name == pipeline.NotificationsFailed {
				failed += m.Value
			}
		}
	}
	if err := w.stages.Rehearse(ctx, cfg, store.Rehearsal{At: w.now}, nil, store.Rehearsal{}, 0); err != nil {
		t.Fatal(err)
	}
	if err := w.stages.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	last, _, err := w.store.Rehearsal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	reached, err := w.store.Reached(ctx, last)
	if err != nil || len(reached) != 3 {
		t.Fatalf("%+v, %v", reached, err)
	}
	var got []string
	for _, r := range reached {
		got = append(got, fmt.Sprintf("%s asked %t: %s", r.Tier, r.Asked, r.Why))
	}
	want := []string{"oncall asked true: ", "administrators asked true: nobody is subscribed", "board asked false: "}
	if diff := cmp.Diff(want, got); diff != "" || failed != 1 {
		t.Errorf("%v failed (-want +got):\n%s", failed, diff)
	}
}

// TestCounted: a public tier that no test goes to is reachable if somebody is
// subscribed to it; a test by hand later forgets nothing of that, and no count heals
// a test that did not get away.
func TestCounted(t *testing.T) {
	ctx := context.Background()
	cfg := &monitor.Config{Site: monitor.Site{Name: "Intervals", TimeZone: "UTC"}, Rehearse: &monitor.Rehearsal{Cron: "0 1 * * *", TimeZone: "UTC", Tiers: []monitor.TierID{"oncall", "partners"}},
		Tiers: []monitor.Tier{{ID: "oncall"}, {ID: "board"}, {ID: "customers", Public: true}, {ID: "press", Public: true}, {ID: "hidden", Public: true}, {ID: "partners", Public: true}}}
	w := newWorld(t, cfg)
	w.stages.Publisher = audience{w, map[monitor.TierID]int{"oncall": 2, "board": 1, "customers": 12, "hidden": -1, "partners": 1}}
	failed := 0
	w.stages.Emit = func(all ...pipeline.Metric) {
		for _, m := range all {
			if m.Name == pipeline.NotificationsFailed {
				failed++
			}
		}
	}
	sweep := func() string {
		t.Helper()
		if err := w.stages.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		last, _, err := w.store.Rehearsal(ctx)
		if err != nil {
			t.Fatal(err)
		}
		all, err := w.store.LastReached(ctx, cfg, last)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range all {
			out = append(out, fmt.Sprintf("%s %t %d %s", r.Tier, r.OK(), r.Subscribed, r.Why))
		}
		return strings.Join(out, "\n")
	}
	want := "oncall true 0 \nboard false 0 never tried\ncustomers true 12 \npress false 0 nobody is subscribed\nhidden false 0 never tried\npartners true 0 "
	if diff := cmp.Diff(want, sweep()); diff != "" || failed > 0 {
		t.Errorf("%d alarms (-want +got):\n%s", failed, diff)
	}
	w.now, w.fail = w.now.Add(time.Minute), errors.New("the carrier is down")
	last, version, err := w.store.Rehearsal(ctx)
	if err == nil {
		err = w.stages.Rehearse(ctx, cfg, store.Rehearsal{At: w.now, By: "anna"}, []monitor.TierID{"press", "board"}, last, version)
	}
	if err != nil {
		t.Fatal(err)
	}
	want = strings.NewReplacer("board false 0 never tried", "board false 0 the carrier is down", "press false 0 nobody is subscribed", "press false 0 the carrier is down").Replace(want)
	if diff := cmp.Diff(want, sweep()); diff != "" {
		t.Errorf("by hand (-want +got):\n%s", diff)
	}
}

// TestTestApart: a test that comes in the middle of an outage is a message of its own.
func TestTestApart(t *testing.T) {
	ctx := context.Background()
	cfg := &monitor.Config{Site: monitor.Site{Name: "Intervals", TimeZone: "UTC"}, Tiers: []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}}}
	w := newWorld(t, cfg)
	_, tests, err := incident.Rehearse(cfg, nil, "", w.now)
	if err != nil {
		t.Fatal(err)
	}
	alarm := incident.Notification{ID: "a", Incident: "i", Tier: "oncall", Event: incident.EventOpened, Receipt: "opened", At: w.now, Opened: w.now, Since: w.now,
		Impact: monitor.ImpactMajor, Worst: monitor.ImpactMajor, Services: []incident.Affected{{ID: "web", Name: "Web", Cause: true, Status: monitor.MajorOutage}}}
	for _, n := range append(tests, alarm) {
		op, err := store.NotificationOp(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.store.Commit(ctx, op); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.stages.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if len(w.sent) != 2 || strings.HasPrefix(w.sent[0].Subject, "TEST: ") == strings.HasPrefix(w.sent[1].Subject, "TEST: ") {
		t.Errorf("sent: %+v", w.sent)
	}
}
