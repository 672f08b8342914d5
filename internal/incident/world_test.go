package incident_test

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

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// t0 is when every test begins: the evening of DESIGN.md section 1, in UTC.
var t0 = time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)

// world keeps what the stages would: services, incidents and what was sent.
type world struct {
	t        rapid.TB
	cfg      monitor.Config
	services map[monitor.ServiceID]incident.View
	all      []incident.Incident // in the order of their opening; resolved ones, too
	sent     []incident.Notification
}

func newWorld(t rapid.TB) *world {
	return &world{
		t: t, services: map[monitor.ServiceID]incident.View{},
		cfg: monitor.Config{Version: 1, Site: monitor.Site{Name: "Intervals", URL: "https://status.example.com", TimeZone: "UTC"}},
	}
}

// service adds one, with a monitor that is checked every minute.
func (w *world) service(id monitor.ServiceID, internal bool, above ...monitor.ServiceID) {
	w.cfg.Services = append(w.cfg.Services, monitor.Service{
		ID: id, Name: "The " + string(id), Monitors: []monitor.ID{monitor.ID(id)}, Needs: 1, DependsOn: above, Internal: internal,
	})
	w.cfg.Monitors = append(w.cfg.Monitors, monitor.Monitor{
		ID: monitor.ID(id), Service: id, Every: time.Minute, Timeout: 10 * time.Second, Confirm: 2, Recover: 2,
		Locations: []monitor.Location{"x"},
	})
	slices.SortFunc(w.cfg.Monitors, func(a, b monitor.Monitor) int { return strings.Compare(string(a.ID), string(b.ID)) })
	w.services[id] = incident.View{Change: incident.Change{Service: id, Status: monitor.Operational, At: t0.Add(-time.Hour), Alive: 2, Total: 2}}
}

// open are the incidents that are not resolved.
func (w *world) open() []incident.Incident {
	return slices.DeleteFunc(slices.Clone(w.all), func(i incident.Incident) bool { return i.State == incident.Resolved })
}

// bring takes a change to Step, as detect does after it stored the service.
func (w *world) bring(c incident.Change, now time.Time) incident.Effects {
	w.t.Helper()
	view := w.services[c.Service]
	view.Change = c
	w.services[c.Service] = view
	return w.step(c, now)
}

// again brings every service that is not fine, as the sweep does.
func (w *world) again(now time.Time) []incident.Effects {
	var all []incident.Effects
	for _, svc := range w.cfg.Services {
		if view := w.services[svc.ID]; view.Status.Impact() != monitor.ImpactNone {
			all = append(all, w.step(view.Change, now))
		}
	}
	return all
}

// step takes one step, and holds it to what every step promises.
func (w *world) step(c incident.Change, now time.Time) incident.Effects {
	w.t.Helper()
	before := incident.World{Open: w.open(), Services: maps.Clone(w.services)}
	text := written(w.t, before)
	fx := incident.Step(&w.cfg, before, c, now)
	if left := written(w.t, before); left != text {
		w.t.Errorf("Step changed the world passed in (-was +is):\n%s", cmp.Diff(text, left))
	}
	var stored incident.World
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		w.t.Fatalf("read world: %v", err)
	}
	if again := incident.Step(&w.cfg, stored, c, now); written(w.t, again) != written(w.t, fx) {
		w.t.Errorf("a world read back from JSON leads elsewhere (-want +got):\n%s", cmp.Diff(fx, again))
	}
	w.store(fx)
	repeat := incident.Step(&w.cfg, incident.World{Open: w.open(), Services: w.services}, c, now)
	if len(repeat.Incidents)+len(repeat.Updates)+len(repeat.Notifications) > 0 {
		w.t.Errorf("the same change again has effects: %s", written(w.t, repeat))
	}
	return fx
}

// store writes what a step returned, as the table would: an incident that is
// new must not be there yet.
func (w *world) store(fx incident.Effects) {
	w.t.Helper()
	seen := map[string]bool{}
	for _, inc := range fx.Incidents {
		if seen[inc.ID] {
			w.t.Errorf("incident %s comes twice in one step", inc.ID)
		}
		seen[inc.ID] = true
		at := slices.IndexFunc(w.all, func(i incident.Incident) bool { return i.ID == inc.ID })
		switch {
		case at < 0:
			w.all = append(w.all, inc)
		case w.all[at].State == incident.Resolved:
			w.t.Errorf("incident %s (%s) was resolved, and is written again", inc.ID, inc.Title)
		default:
			w.all[at] = inc
		}
	}
	w.sent = append(w.sent, fx.Notifications...)
}

// tick lets time act on every open incident.
func (w *world) tick(now time.Time) incident.Effects {
	w.t.Helper()
	var sum incident.Effects
	for _, inc := range w.open() {
		due := incident.Due(&w.cfg, inc)
		text := written(w.t, inc)
		fx, acts := incident.Tick(&w.cfg, inc, now)
		if left := written(w.t, inc); left != text {
			w.t.Errorf("Tick changed the incident passed in (-was +is):\n%s", cmp.Diff(text, left))
		}
		if want := !due.IsZero() && !now.Before(due); acts != want || acts != (len(fx.Incidents) > 0) {
			w.t.Errorf("at %s Tick acts: %v, with %d notifications; due at %s", since(now), acts, len(fx.Notifications), since(due))
		}
		if acts {
			w.store(fx)
			sum.Incidents, sum.Updates = append(sum.Incidents, fx.Incidents...), append(sum.Updates, fx.Updates...)
			sum.Notifications = append(sum.Notifications, fx.Notifications...)
		}
	}
	return sum
}

// written is a value as it is stored, to compare it by.
func written(t rapid.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	return string(text)
}

// golden compares with a file in testdata, or rewrites it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
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

// describe prints effects for people.
func (w *world) describe(fx incident.Effects) string {
	var b strings.Builder
	for _, inc := range fx.Incidents {
		number := 1 + slices.IndexFunc(w.all, func(i incident.Incident) bool { return i.ID == inc.ID })
		fmt.Fprintf(&b, "incident %d %s, %s, %s since %s: %s\n", number, inc.State, inc.Phase, inc.Impact, since(inc.Opened), inc.Title)
		for _, a := range inc.Services {
			fmt.Fprintf(&b, "  %s\n", describeAffected(a))
		}
		if inc.Old != "" {
			fmt.Fprintf(&b, "  operators: %s\n", inc.Old)
		}
		if inc.State == incident.Resolved {
			fmt.Fprintf(&b, "  resolved %s, worst %s\n", since(inc.Resolved), inc.Worst)
		}
	}
	for _, u := range fx.Updates {
		fmt.Fprintf(&b, "update %s: %s\n", u.Phase, u.Text)
	}
	for _, n := range fx.Notifications {
		fmt.Fprintf(&b, "tell %s %s: %s | %s", n.Tier, n.Receipt, n.Title, n.Text)
		if n.Note != nil {
			fmt.Fprintf(&b, " | %s wrote at %s: %s", n.Note.By, since(n.Note.At), n.Note.Text)
		}
		if !n.At.Equal(fx.Incidents[0].Updated) && n.At.After(fx.Incidents[0].Updated) && n.Event == incident.EventResolved {
			fmt.Fprintf(&b, " | not before %s", since(n.At))
		}
		b.WriteString("\n")
	}
	if fx.Waits {
		b.WriteString("waits\n")
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func describeAffected(a incident.Affected) string {
	s := "affected"
	if a.Cause {
		s = "cause"
	}
	s += fmt.Sprintf(" %s %s since %s", a.ID, a.Status, since(a.Since))
	if a.Unknown {
		s += ", not known now"
	}
	if a.Gone {
		return s + ", no longer watched " + since(a.Restored)
	}
	if !a.Restored.IsZero() {
		s += ", restored " + since(a.Restored)
	}
	if a.Still {
		s += ", still so"
	}
	return s
}

// since is a time as it stands in the scripts: from the beginning of the test.
func since(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := t.Sub(t0)
	if d != 0 && d%time.Minute == 0 {
		return strings.TrimSuffix(d.String(), "0s")
	}
	return d.String()
}
