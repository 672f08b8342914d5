package incident_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestEvents: a tier hears of what it wants to hear, and no tier of anything that
// began without it.
func TestEvents(t *testing.T) {
	at := time.Date(2026, 6, 1, 3, 0, 0, 0, time.UTC)
	cfg := &monitor.Config{
		Services: []monitor.Service{{ID: "web", Name: "Web"}},
		Tiers: []monitor.Tier{
			{ID: "all", Impact: monitor.ImpactMinor, Remind: time.Minute},
			{ID: "ends", Impact: monitor.ImpactMinor, Remind: time.Minute, Events: []monitor.Hears{monitor.HearsOpened, monitor.HearsResolved}},
			{ID: "planned", Impact: monitor.ImpactMinor, Remind: time.Minute, Events: []monitor.Hears{monitor.HearsMaintenance}},
		},
	}
	told := map[monitor.TierID][]string{}
	var open []incident.Incident
	change := func(status monitor.Status, minutes int, muted time.Time) {
		now := at.Add(time.Duration(minutes) * time.Minute)
		c := incident.Change{Service: "web", Status: status, At: now, Total: 2, Alive: 1, Muted: muted}
		fx := incident.Step(cfg, incident.World{Open: open, Services: map[monitor.ServiceID]incident.View{"web": {Change: c}}}, c, now)
		if len(fx.Incidents) > 0 {
			open = fx.Incidents
		}
		for _, n := range fx.Notifications {
			told[n.Tier] = append(told[n.Tier], n.Receipt)
		}
	}
	tick := func(minutes int) {
		fx, acts := incident.Tick(cfg, open[0], at.Add(time.Duration(minutes)*time.Minute))
		if acts {
			open = fx.Incidents
		}
		for _, n := range fx.Notifications {
			told[n.Tier] = append(told[n.Tier], n.Receipt)
		}
	}
	change(monitor.AtRisk, 0, time.Time{})
	tick(2)                                                // a reminder
	change(monitor.AtRisk, 3, at.Add(20*time.Minute))      // maintenance begins
	change(monitor.MajorOutage, 4, at.Add(20*time.Minute)) // and makes it worse, as one may expect
	tick(10)                                               // nobody is reminded
	change(monitor.MajorOutage, 20, time.Time{})           // it is over: now it is an escalation
	change(monitor.Operational, 25, time.Time{})
	want := map[monitor.TierID][]string{
		"all":  {"opened", "reminder-1", "escalated-critical", "resolved"},
		"ends": {"opened", "resolved"},
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestMutedOpensNothing: what breaks in maintenance opens no incident, and joins
// none.
func TestMutedOpensNothing(t *testing.T) {
	at := time.Date(2026, 6, 1, 3, 0, 0, 0, time.UTC)
	cfg := &monitor.Config{
		Services: []monitor.Service{{ID: "db", Name: "Database"}, {ID: "web", Name: "Web", DependsOn: []monitor.ServiceID{"db"}}},
		Tiers:    []monitor.Tier{{ID: "all", Impact: monitor.ImpactMinor}},
	}
	down := func(id monitor.ServiceID, muted time.Time) incident.Change {
		return incident.Change{Service: id, Status: monitor.MajorOutage, At: at, Total: 1, Muted: muted}
	}
	db, web := down("db", at.Add(time.Hour)), down("web", time.Time{})
	world := incident.World{Services: map[monitor.ServiceID]incident.View{"db": {Change: db}, "web": {Change: web}}}
	if fx := incident.Step(cfg, world, db, at); len(fx.Incidents) != 0 || fx.Waits {
		t.Errorf("in maintenance: %+v", fx)
	}
	if fx := incident.Step(cfg, world, web, at); len(fx.Incidents) != 0 || !fx.Waits {
		t.Errorf("below it: %+v, want to wait", fx)
	}
	if fx := incident.Step(cfg, world, web, at.Add(time.Hour)); len(fx.Incidents) != 1 {
		t.Errorf("after it: %+v", fx)
	}
}
