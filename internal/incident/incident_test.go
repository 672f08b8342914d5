package incident_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// outage plays one outage of the app, and returns all that was sent.
func outage(t *testing.T, name string) []incident.Notification {
	w := newWorld(t)
	w.service("app", false)
	w.cfg.Services[0].Name = name
	w.cfg.Tiers = []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}, {ID: "customers", Impact: monitor.ImpactMajor, Public: true}}
	w.bring(incident.Change{Service: "app", Status: monitor.AtRisk, At: t0, Alive: 1, Total: 2}, t0.Add(time.Second))
	w.bring(incident.Change{Service: "app", Status: monitor.MajorOutage, At: t0.Add(time.Minute), Total: 2}, t0.Add(time.Minute))
	w.bring(incident.Change{Service: "app", Status: monitor.Operational, At: t0.Add(time.Hour), Alive: 2, Total: 2}, t0.Add(time.Hour))
	return w.sent
}

// TestIDs: identifiers are derived, so that a repeat finds what it would write
// already there, and a new name of a service changes none of them.
func TestIDs(t *testing.T) {
	type id struct{ Incident, Notification, Receipt string }
	ids := func(sent []incident.Notification) []id {
		var all []id
		for _, n := range sent {
			all = append(all, id{n.Incident, n.ID, string(n.Tier) + " " + n.Receipt})
		}
		return all
	}
	inc := incident.NewID("app", t0)
	want := []id{
		{inc, "", "oncall opened"}, {inc, "", "oncall escalated-critical"}, {inc, "", "customers opened"},
		{inc, "", "oncall resolved"}, {inc, "", "customers resolved"},
	}
	got := ids(outage(t, "Web application"))
	if diff := cmp.Diff(got, ids(outage(t, "The app"))); diff != "" {
		t.Errorf("a second time the ids are others (-first +second):\n%s", diff)
	}
	seen := map[string]bool{}
	for i := range got {
		if n := got[i].Notification; len(n) != 12 || seen[n] {
			t.Errorf("notification id %q", n)
		}
		seen[got[i].Notification] = true
		got[i].Notification = ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if other := incident.NewID("app", t0.Add(1)); other == inc {
		t.Error("another outage has the same id")
	}
	if zone := incident.NewID("app", t0.In(time.FixedZone("PDT", -7*3600))); zone != inc {
		t.Error("the same time elsewhere gives another id")
	}
}

// TestWorldWithoutTheChanged: the world need not hold the service that the
// change is about, nor what it was before; the change is newer.
func TestWorldWithoutTheChanged(t *testing.T) {
	for name, stale := range map[string]bool{"left out": false, "as it was": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.service("db", false)
			w.service("app", false, "db")
			w.bring(incident.Change{Service: "db", Status: monitor.MajorOutage, At: t0}, t0)
			w.bring(incident.Change{Service: "app", Status: monitor.MajorOutage, At: t0}, t0)
			if !stale {
				delete(w.services, "db")
			}
			fixed := t0.Add(time.Minute)
			fx := w.step(incident.Change{Service: "db", Status: monitor.Operational, At: fixed, Alive: 2, Total: 2}, fixed)
			if len(fx.Incidents) != 1 || fx.Incidents[0].State != incident.Resolved || !fx.Waits {
				t.Errorf("the app is not given the time to recover:\n%s", w.describe(fx))
			}
		})
	}
}
