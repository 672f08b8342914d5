package detect_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// t0 is when every test begins: the evening of DESIGN.md section 1, in UTC.
var t0 = time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)

// world drives one service as the stages do: states are stored as JSON between
// steps, and what was last seen of a location is what was last delivered,
// whatever Step made of it.
type world struct {
	t     rapid.TB
	cfg   monitor.Config
	svc   monitor.Service
	state detect.Service
	seen  map[key]time.Time
	flips []monitor.Flip // all of them, in the order of decision
}

type key struct {
	monitor  monitor.ID
	location monitor.Location
}

func newWorld(t rapid.TB, needs int, monitors ...monitor.Monitor) *world {
	w := &world{t: t, seen: map[key]time.Time{}}
	w.configure(needs, monitors...)
	return w
}

// configure applies a new version of the configuration.
func (w *world) configure(needs int, monitors ...monitor.Monitor) {
	monitors = slices.Clone(monitors)
	slices.SortFunc(monitors, func(a, b monitor.Monitor) int { return strings.Compare(string(a.ID), string(b.ID)) })
	w.svc = monitor.Service{ID: "s", Name: "S", Needs: needs}
	for _, m := range monitors {
		w.svc.Monitors = append(w.svc.Monitors, m.ID)
	}
	w.cfg = monitor.Config{Version: w.cfg.Version + 1, Monitors: monitors, Services: []monitor.Service{w.svc}}
}

// watch is a monitor with a check a minute and a re-check after five seconds.
func watch(id monitor.ID, locations ...monitor.Location) monitor.Monitor {
	return monitor.Monitor{
		ID: id, Name: string(id), Service: "s", Locations: locations,
		Every: time.Minute, Timeout: 10 * time.Second, Confirm: 2, Recover: 2, Recheck: 5 * time.Second,
	}
}

func silence(m monitor.Monitor) time.Duration { return 2*m.Every + m.Timeout }

func (w *world) lastSeen(id monitor.ID, l monitor.Location) time.Time { return w.seen[key{id, l}] }

func (w *world) step(now time.Time, results ...monitor.Result) detect.Effects {
	w.t.Helper()
	for _, r := range results {
		if k := (key{r.Monitor, r.Location}); r.Scheduled.After(w.seen[k]) {
			w.seen[k] = r.Scheduled
		}
	}
	given := slices.Clone(results)
	fx := w.advance(func(s detect.Service) (detect.Service, detect.Effects) {
		return detect.Step(&w.cfg, w.svc, s, results, now)
	})
	if diff := cmp.Diff(given, results); diff != "" {
		w.t.Errorf("Step changed the results passed in (-given +left):\n%s", diff)
	}
	return fx
}

func (w *world) tick(now time.Time) detect.Effects {
	w.t.Helper()
	return w.advance(func(s detect.Service) (detect.Service, detect.Effects) {
		return detect.Tick(&w.cfg, w.svc, s, w.lastSeen, silence, now)
	})
}

// advance takes one step, and holds it to what every step promises.
func (w *world) advance(step func(detect.Service) (detect.Service, detect.Effects)) detect.Effects {
	w.t.Helper()
	before, text := w.state, written(w.t, w.state)
	next, fx := step(before)
	if now := written(w.t, before); now != text {
		w.t.Errorf("the state passed in was changed (-was +is):\n%s", cmp.Diff(text, now))
	}
	if same := written(w.t, next) == text; same == fx.Changed {
		w.t.Errorf("Changed = %v; the states differ by (-before +after):\n%s", fx.Changed, cmp.Diff(before, next))
	}
	var stored detect.Service
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		w.t.Fatalf("read state: %v", err)
	}
	again, fxAgain := step(stored)
	if written(w.t, next) != written(w.t, again) || written(w.t, fx) != written(w.t, fxAgain) {
		w.t.Errorf("a state read back from JSON leads elsewhere (-want +got):\n%s%s", cmp.Diff(next, again), cmp.Diff(fx, fxAgain))
	}
	w.flips = append(w.flips, fx.Flips...)
	w.state = next
	return fx
}

// written is a state or effects as they are stored, to compare them by.
func written(t rapid.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	return string(text)
}

// shows is the state that a monitor shows.
func (w *world) shows(id monitor.ID) monitor.State { return w.state.Details[id].State() }

func said(id monitor.ID, l monitor.Location, scheduled time.Time, attempt int, o monitor.Outcome) monitor.Result {
	r := monitor.Result{Monitor: id, Location: l, Scheduled: scheduled, Attempt: attempt, Started: scheduled, Outcome: o}
	switch o {
	case monitor.OutcomeDown:
		r.Failure = &monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}
	case monitor.OutcomeDegraded:
		r.Failure = &monitor.Failure{Kind: monitor.FailExpect, Detail: "total_ms < 800 (total_ms was 900)"}
	}
	return r
}

// golden compares with a file in testdata, or rewrites it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

// describe prints what a step did, for people: effects in their order, then
// the state if it changed.
func (w *world) describe(fx detect.Effects) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if fx.Ignored > 0 {
		line("ignored %d", fx.Ignored)
	}
	for _, r := range fx.Evidence {
		line("evidence %s from %s at %s: %s", r.Monitor, r.Location, since(r.Scheduled), r.Failure.Kind)
	}
	for _, r := range fx.Rechecks {
		line("recheck %s from %s #%d at %s", r.Monitor, r.Location, r.Attempt, since(r.At))
	}
	for _, f := range fx.Flips {
		who := string(f.Monitor)
		if who == "" {
			who = "service"
		}
		line("flip %s: %s -> %s at %s, decided %s: %s", who, f.From, f.To, since(f.At), since(f.Decided), strings.TrimSuffix(f.Reason+"; "+f.Detail, "; "))
	}
	for _, e := range fx.Expiring {
		switch {
		case e.Renewed:
			line("renewed %s: ends at %s, not at %s", e.Monitor, since(e.At), since(e.Was))
		case e.Days == 0:
			line("expired %s at %s", e.Monitor, since(e.At))
		default:
			line("expiring %s at %s: %d days", e.Monitor, since(e.At), e.Days)
		}
	}
	if !fx.Changed {
		line("unchanged")
		return b.String()
	}
	for _, id := range slices.Sorted(maps.Keys(w.state.Details)) {
		line("%s", describeMonitor(id, w.state.Details[id]))
	}
	line("service %s since %s, %d of %d alive", w.state.Status, since(w.state.Since), w.state.Alive, w.state.Total)
	return b.String()
}

func describeMonitor(id monitor.ID, d detect.Monitor) string {
	s := fmt.Sprintf("%s %s since %s", id, d.Settled, since(d.Since))
	if d.Vote != nil {
		s = fmt.Sprintf("%s %s, was %s since %s", id, d.State(), d.Settled, since(d.Since))
	}
	if d.Failure != nil {
		s += ", " + string(d.Failure.Kind)
	}
	if d.Settled == monitor.Down && d.Of > 1 {
		s += fmt.Sprintf(", %d of %d", d.Agreed, d.Of)
	}
	if !d.Flaps.IsZero() {
		s += ", flapping since " + since(d.Flaps)
	}
	if d.Expiry != nil {
		s += fmt.Sprintf(", ends at %s", since(d.Expiry.At))
	}
	if d.Vote != nil {
		s += ", vote of " + since(d.Vote.Opened) + ":"
		for _, l := range slices.Sorted(maps.Keys(d.Vote.Ballots)) {
			b := d.Vote.Ballots[l]
			s += fmt.Sprintf(" %s=%s*%d", l, b.Outcome, run(b))
		}
	}
	for _, l := range slices.Sorted(maps.Keys(d.Dissent)) {
		s += fmt.Sprintf(", %s from %s only since %s", d.Dissent[l].Outcome, l, since(d.Dissent[l].Since))
	}
	return s
}

// run is how many results in a row a location's last outcome has stood for.
func run(b detect.Ballot) int {
	switch b.Outcome {
	case monitor.OutcomeUp:
		return b.Good.Length
	case monitor.OutcomeDown:
		return b.Down.Length
	}
	return b.Poor.Length
}

// since is a time as it stands in the scripts: from the beginning of the test.
func since(t time.Time) string {
	d := t.Sub(t0)
	if d != 0 && d%time.Minute == 0 {
		return strings.TrimSuffix(d.String(), "0s")
	}
	return d.String()
}
