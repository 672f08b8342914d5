package detect_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

var places = []monitor.Location{"x", "y", "z"}

var outcomes = []monitor.Outcome{monitor.OutcomeUp, monitor.OutcomeDegraded, monitor.OutcomeDown}

// drawMonitor draws one of all the policies that a monitor may have.
func drawMonitor(t *rapid.T, id monitor.ID) monitor.Monitor {
	m := watch(id, places[:rapid.IntRange(1, 3).Draw(t, "locations")]...)
	m.Confirm, m.Recover = rapid.IntRange(1, 3).Draw(t, "confirm"), rapid.IntRange(1, 3).Draw(t, "recover")
	m.Quorum = rapid.IntRange(0, len(m.Locations)).Draw(t, "quorum")
	return m
}

// chaos is a world with any results, any silences, and pauses.
type chaos struct {
	*world
	rt   *rapid.T
	now  time.Time
	said map[string]monitor.Outcome // a repeat says the same
}

func newChaos(t *rapid.T) *chaos {
	monitors := []monitor.Monitor{drawMonitor(t, "a"), drawMonitor(t, "b")}
	return &chaos{
		world: newWorld(t, rapid.IntRange(1, 2).Draw(t, "needs"), monitors...),
		rt:    t, now: t0, said: map[string]monitor.Outcome{},
	}
}

func (c *chaos) results() []monitor.Result {
	var results []monitor.Result
	for range rapid.IntRange(1, 6).Draw(c.rt, "results") {
		id := rapid.SampledFrom(c.svc.Monitors).Draw(c.rt, "monitor")
		m, _ := c.cfg.Monitor(id)
		at := c.now.Add(-time.Duration(rapid.IntRange(0, 12).Draw(c.rt, "age")) * 5 * time.Second)
		attempt := rapid.IntRange(0, 1).Draw(c.rt, "attempt")
		location := rapid.SampledFrom(m.Locations).Draw(c.rt, "location")
		name := fmt.Sprint(id, location, at, attempt)
		if _, repeat := c.said[name]; !repeat {
			c.said[name] = rapid.SampledFrom(outcomes).Draw(c.rt, "outcome")
		}
		results = append(results, said(id, location, at, attempt, c.said[name]))
	}
	return results
}

// pause pauses or resumes one monitor.
func (c *chaos) pause() {
	monitors := slices.Clone(c.cfg.Monitors)
	i := rapid.IntRange(0, len(monitors)-1).Draw(c.rt, "paused")
	monitors[i].Paused = !monitors[i].Paused
	c.configure(c.svc.Needs, monitors...)
}

// move lets time pass and one thing happen.
func (c *chaos) move() {
	c.now = c.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(c.rt, "pass")) * time.Second)
	switch rapid.IntRange(0, 9).Draw(c.rt, "move") {
	case 0:
		c.now = c.now.Add(3 * time.Minute)
		c.tick(c.now)
	case 1, 2:
		c.tick(c.now)
	case 3:
		c.pause()
		c.tick(c.now)
	default:
		c.step(c.now, c.results()...)
	}
}

// only Ignored may differ between a run and one with more repeats.
var butIgnored = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(detect.Effects{}, "Ignored")}

// TestOrderAndRepeats: what Step makes of results depends neither on their
// order nor on how often each comes, and a step that comes again does nothing.
func TestOrderAndRepeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t)
		for range rapid.IntRange(1, 25).Draw(t, "moves") {
			c.move()
			before, results := c.state, c.results()
			want := c.step(c.now, results...)

			shuffled := rapid.Permutation(results).Draw(t, "shuffled")
			got, fx := detect.Step(&c.cfg, c.svc, before, shuffled, c.now)
			if diff := cmp.Diff(c.state, got, cmpopts.EquateEmpty()) + cmp.Diff(want, fx, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("another order of %v (-want +got):\n%s", results, diff)
			}
			twice := append(shuffled, rapid.SliceOf(rapid.SampledFrom(results)).Draw(t, "repeats")...)
			got, fx = detect.Step(&c.cfg, c.svc, before, twice, c.now)
			if diff := cmp.Diff(c.state, got, cmpopts.EquateEmpty()) + cmp.Diff(want, fx, butIgnored); diff != "" {
				t.Fatalf("repeats of %v (-want +got):\n%s", results, diff)
			}
			got, fx = detect.Step(&c.cfg, c.svc, c.state, results, c.now)
			if diff := cmp.Diff(c.state, got, cmpopts.EquateEmpty()) + cmp.Diff(detect.Effects{}, fx, butIgnored); diff != "" {
				t.Fatalf("the same step of %v again (-want +got):\n%s", results, diff)
			}
		}
	})
}

// TestFlips: flips are one line of history for each monitor and for the
// service, whatever happens.
func TestFlips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t)
		c.tick(c.now)
		last := map[monitor.ID]monitor.Flip{"": {To: string(monitor.NotKnown)}, "a": {To: string(monitor.Unknown)}, "b": {To: string(monitor.Unknown)}}
		for range rapid.IntRange(1, 40).Draw(t, "moves") {
			c.flips = nil
			c.move()
			for _, f := range c.flips {
				before := last[f.Monitor]
				if f.From != before.To || f.From == f.To || f.At.Before(before.At.Add(time.Millisecond)) || f.At.After(f.Decided) || f.Reason == "" {
					t.Fatalf("flip %+v after %+v", f, before)
				}
				last[f.Monitor] = f
			}
			c.consistent(last)
		}
	})
}

// consistent holds the state to the last flips, and the service to its monitors.
func (c *chaos) consistent(last map[monitor.ID]monitor.Flip) {
	var settled []monitor.State
	for id, d := range c.state.Details {
		settled = append(settled, d.Settled)
		if f := last[id]; f.To != string(d.Settled) || !f.At.IsZero() && !f.At.Equal(d.Since) {
			c.rt.Fatalf("%s is %s since %s, its last flip %+v", id, d.Settled, d.Since, f)
		}
		if c.state.States[id] != d.State() {
			c.rt.Fatalf("%s is listed as %s, shows %s", id, c.state.States[id], d.State())
		}
		if d.Reason == "" {
			c.rt.Fatalf("%s is %s without a reason", id, d.State())
		}
	}
	status, alive, total := detect.Judge(c.svc.Needs, settled)
	if status != c.state.Status || alive != c.state.Alive || total != c.state.Total || last[""].To != string(status) {
		c.rt.Fatalf("service is %s (%d of %d), its last flip %+v, its monitors make %s (%d of %d)",
			c.state.Status, c.state.Alive, c.state.Total, last[""], status, alive, total)
	}
}

// TestUnanimous: whatever happened before, if from some moment on all locations
// say the same, the monitor is that soon, and stays it without another write.
func TestUnanimous(t *testing.T) {
	want := map[monitor.Outcome]monitor.State{
		monitor.OutcomeUp: monitor.Up, monitor.OutcomeDegraded: monitor.Degraded, monitor.OutcomeDown: monitor.Down,
	}
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t)
		for range rapid.IntRange(0, 25).Draw(t, "moves") {
			c.move()
		}
		for i := range c.cfg.Monitors {
			c.cfg.Monitors[i].Paused = false
		}
		outcome := rapid.SampledFrom(outcomes).Draw(t, "outcome")
		// Re-checks are lost, so that a run takes minutes. A vote that is under
		// way may end for want of time, its dissents be forgotten at the next
		// tick; the vote after that has all the results that it needs.
		for range 8 {
			c.round(outcome)
		}
		for id := range c.state.Details {
			if got := c.shows(id); got != want[outcome] {
				t.Fatalf("%s shows %s, all say %s", id, got, outcome)
			}
		}
		for range 3 {
			if fx := c.round(outcome); fx.Changed {
				t.Fatalf("a steady state was written again:\n%s", c.describe(fx))
			}
		}
	})
}

// round is a minute in which every location checks every monitor, and a tick.
func (c *chaos) round(o monitor.Outcome) detect.Effects {
	c.now = c.now.Add(time.Minute)
	var all []monitor.Result
	for _, m := range c.cfg.Monitors {
		for _, l := range m.Locations {
			all = append(all, said(m.ID, l, c.now, 0, o))
		}
	}
	var sum detect.Effects
	for _, r := range rapid.Permutation(all).Draw(c.rt, "arrival") {
		sum = merge(sum, c.step(c.now.Add(time.Second), r))
	}
	return merge(sum, c.tick(c.now.Add(2*time.Second)))
}

func merge(a, b detect.Effects) detect.Effects {
	return detect.Effects{
		Changed: a.Changed || b.Changed, Flips: append(a.Flips, b.Flips...), Rechecks: append(a.Rechecks, b.Rechecks...),
		Evidence: append(a.Evidence, b.Evidence...), Ignored: a.Ignored + b.Ignored,
	}
}

// TestComplement: what every location says decides where a monitor settles, and
// not where it came from: whatever happened before, as many as are needed for an
// outage make one, fewer make none, and neither turns into the other by itself.
func TestComplement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "locations")
		m := watch("m", []monitor.Location{"v", "w", "x", "y", "z"}[:n]...)
		m.Quorum = rapid.IntRange(0, n).Draw(t, "quorum")
		m.Confirm, m.Recover = rapid.IntRange(1, 3).Draw(t, "confirm"), rapid.IntRange(1, 3).Draw(t, "recover")
		w := newWorld(t, 1, m)
		bad := func(name string) map[monitor.Location]bool {
			out := map[monitor.Location]bool{}
			for _, l := range m.Locations {
				out[l] = rapid.Bool().Draw(t, name+" "+string(l))
			}
			return out
		}
		now, flips := t0, 0
		for _, phase := range []map[monitor.Location]bool{bad("first"), bad("then"), bad("last")} {
			failing := 0
			for _, fails := range phase {
				if fails {
					failing++
				}
			}
			for round := range 12 {
				now = now.Add(time.Minute)
				for _, l := range rapid.Permutation(m.Locations).Draw(t, "arrival") {
					outcome := monitor.OutcomeUp
					if phase[l] {
						outcome = monitor.OutcomeDown
					}
					w.step(now.Add(time.Second), said("m", l, now, 0, outcome))
				}
				w.tick(now.Add(2 * time.Second))
				switch {
				case round == 8:
					flips = len(w.flips)
				case round > 8 && len(w.flips) != flips:
					t.Fatalf("it changes by itself: %+v", w.flips[flips:])
				}
			}
			want := monitor.Up
			if failing >= m.Need() {
				want = monitor.Down
			}
			if got := w.shows("m"); got != want {
				t.Fatalf("%d of %d fail, %d are needed: %s, want %s", failing, n, m.Need(), got, want)
			}
		}
	})
}

// TestWindow: x of the last y, counted on fingers over all results, whatever votes
// they fell in; an outage ends by good ones in a row, and begins anew from there.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := watch("m", "x")
		m.Confirm, m.Recover = rapid.IntRange(1, 4).Draw(t, "confirm"), rapid.IntRange(1, 3).Draw(t, "recover")
		m.Window = m.Confirm + rapid.IntRange(1, 4).Draw(t, "more")
		w := newWorld(t, 1, m)
		w.step(t0.Add(time.Second), said("m", "x", t0, 0, monitor.OutcomeUp))
		var past []bool
		want := monitor.Up
		for i, bad := range rapid.SliceOfN(rapid.Bool(), 1, 60).Draw(t, "fails") {
			at, outcome := t0.Add(time.Duration(i+1)*time.Minute), monitor.OutcomeUp
			if bad {
				outcome = monitor.OutcomeDown
			}
			w.step(at.Add(time.Second), said("m", "x", at, 0, outcome))
			past = append(past, bad)
			fails, good := 0, len(past) >= m.Recover
			for _, bad := range past[max(0, len(past)-m.Window):] {
				if bad {
					fails++
				}
			}
			for _, bad := range past[max(0, len(past)-m.Recover):] {
				good = good && !bad
			}
			switch {
			case want == monitor.Up && fails >= m.Confirm:
				want, past = monitor.Down, nil
			case want == monitor.Down && good:
				want, past = monitor.Up, nil
			}
			if got := w.state.Details["m"].Settled; got != want {
				t.Fatalf("after %d results, the last %d of which fail: %s, want %s", i+1, fails, got, want)
			}
		}
	})
}

// TestHealthy: with nothing but good results, of as many locations as it may
// be, twice and late, no monitor is ever anything but unknown or up.
func TestHealthy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t)
		for range rapid.IntRange(1, 40).Draw(t, "moves") {
			c.now = c.now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "pass")) * time.Second)
			results := c.results()
			for i := range results {
				results[i].Outcome, results[i].Failure = monitor.OutcomeUp, nil
			}
			fx := merge(c.step(c.now, results...), c.tick(c.now))
			for id := range c.state.Details {
				if s := c.shows(id); s != monitor.Up && s != monitor.Unknown {
					t.Fatalf("%s shows %s", id, s)
				}
			}
			if len(fx.Evidence) > 0 || c.state.Status.Impact() != monitor.ImpactNone {
				t.Fatalf("evidence %v, service %s", fx.Evidence, c.state.Status)
			}
		}
	})
}

// TestConfirmAtMost: an outage seen by all is confirmed by the time that each
// location has reported Confirm failing checks, in any order of arrival.
func TestConfirmAtMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t)
		for range 3 {
			c.round(monitor.OutcomeUp)
		}
		start := c.now.Add(time.Minute)
		for range max(c.cfg.Monitors[0].Confirm, c.cfg.Monitors[1].Confirm) {
			c.round(monitor.OutcomeDown)
		}
		for id, d := range c.state.Details {
			if d.State() != monitor.Down || !d.Since.Equal(start) {
				t.Fatalf("%s is %s since %s, want down since %s", id, d.State(), d.Since, start)
			}
		}
	})
}
