package incident_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

func declaration() incident.Declaration {
	return incident.Declaration{By: "anna", Title: "payments are delayed", Text: "Our bank is looking into it.", Services: []monitor.ServiceID{"web"}, Impact: monitor.ImpactMajor}
}

func TestDeclare(t *testing.T) {
	cfg := heldConfig()
	for _, c := range []struct {
		name   string
		change func(*incident.Declaration)
		want   error
	}{
		{"OK", func(*incident.Declaration) {}, nil},
		{"no title", func(d *incident.Declaration) { d.Title = " " }, incident.ErrNoTitle},
		{"no text", func(d *incident.Declaration) { d.Text = "" }, incident.ErrNoText},
		{"no impact", func(d *incident.Declaration) { d.Impact = "" }, incident.ErrImpact},
		{"no service", func(d *incident.Declaration) { d.Services = nil }, incident.ErrNoService},
		{"unknown service", func(d *incident.Declaration) { d.Services = []monitor.ServiceID{"shop"} }, incident.ErrNoService},
		{"promise in the past", func(d *incident.Declaration) { d.Next = began }, incident.ErrPast},
	} {
		d := declaration()
		c.change(&d)
		if _, err := incident.Declare(cfg, nil, d, began); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := incident.Declare(cfg, []incident.Incident{opened(t, cfg)}, declaration(), began); !errors.Is(err, incident.ErrHasOne) {
		t.Errorf("a second one: %v", err)
	}
}

// TestManualLasts: what a person has opened ends when a person says so, and grows
// when what is measured is worse.
func TestManualLasts(t *testing.T) {
	cfg := heldConfig()
	fx, err := incident.Declare(cfg, nil, declaration(), began)
	if err != nil {
		t.Fatal(err)
	}
	inc := fx.Incidents[0]
	if inc.Title != "Web: payments are delayed" || inc.Impact != monitor.ImpactMajor || len(fx.Notifications) != 1 || fx.Notifications[0].Text != "Our bank is looking into it." {
		t.Fatalf("%+v\n%+v", inc, fx.Notifications)
	}
	bring := func(status monitor.Status, after time.Duration) incident.Effects {
		c := incident.Change{Service: "web", Status: status, At: began.Add(after), Alive: 1, Total: 1}
		fx := incident.Step(cfg, incident.World{Open: []incident.Incident{inc}}, c, began.Add(after))
		if len(fx.Incidents) > 0 {
			inc = fx.Incidents[0]
		}
		return fx
	}
	for _, status := range []monitor.Status{monitor.Operational, monitor.DegradedPerf, monitor.NotKnown, monitor.PartialOutage} {
		if fx := bring(status, time.Minute); len(fx.Incidents) != 0 {
			t.Errorf("%s changed it: %+v", status, fx.Incidents)
		}
	}
	if bring(monitor.MajorOutage, 2*time.Minute); inc.Impact != monitor.ImpactCritical || inc.Title != "Web: outage" {
		t.Errorf("it did not grow: %s, %s", inc.Impact, inc.Title)
	}
	broken := map[monitor.ServiceID]monitor.Status{"web": monitor.MajorOutage}
	if _, err := incident.Resolve(cfg, inc, broken, incident.Note{By: "anna", Text: "All is well."}, began.Add(150*time.Second)); !errors.Is(err, incident.ErrStillDown) {
		t.Errorf("what is measured to be down is said to be over: %v", err)
	}
	fx = bring(monitor.Operational, 3*time.Minute)
	if inc.State != incident.Open || inc.Impact != monitor.ImpactMajor || inc.Title != "Web: payments are delayed" || len(fx.Notifications) == 0 {
		t.Errorf("it is %s, %s, %s; told %d times", inc.State, inc.Impact, inc.Title, len(fx.Notifications))
	}
	fx, err = incident.Resolve(cfg, inc, nil, incident.Note{By: "anna", Text: "All payments have gone through."}, began.Add(time.Hour))
	if err != nil || fx.Incidents[0].State != incident.Resolved || fx.Updates[0].By != "anna" || len(fx.Notifications) == 0 || fx.Notifications[0].Event != incident.EventResolved {
		t.Errorf("%+v, %v", fx, err)
	}
}

func TestResolve(t *testing.T) {
	cfg := heldConfig()
	inc := opened(t, cfg)
	if _, err := incident.Resolve(cfg, inc, nil, incident.Note{}, began.Add(time.Minute)); !errors.Is(err, incident.ErrStillDown) {
		t.Errorf("one that is down: %v", err)
	}
	c := incident.Change{Service: "web", Status: monitor.Operational, At: began.Add(time.Hour), Alive: 1, Total: 1, Drain: began.Add(2 * time.Hour)}
	inc = incident.Step(cfg, incident.World{Open: []incident.Incident{inc}}, c, began.Add(time.Hour)).Incidents[0]
	if inc.State != incident.Draining {
		t.Fatalf("it is %s", inc.State)
	}
	fx, err := incident.Resolve(cfg, inc, nil, incident.Note{By: "anna"}, began.Add(90*time.Minute))
	if err != nil || fx.Incidents[0].State != incident.Resolved || fx.Updates[0].Text != "Restored after 1h." {
		t.Errorf("%+v, %v", fx, err)
	}
	if _, err := incident.Resolve(cfg, fx.Incidents[0], nil, incident.Note{}, began.Add(3*time.Hour)); !errors.Is(err, incident.ErrOver) {
		t.Errorf("one that is over: %v", err)
	}
}

// TestDrainByWord: people may say that DNS has moved where no monitor sees it.
func TestDrainByWord(t *testing.T) {
	cfg := heldConfig()
	fx, err := incident.Post(cfg, opened(t, cfg), incident.Note{Text: "DNS points at the new balancers.", Drain: began.Add(time.Hour)}, began.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	c := incident.Change{Service: "web", Status: monitor.Operational, At: began.Add(2 * time.Minute), Alive: 1, Total: 1}
	inc := incident.Step(cfg, incident.World{Open: fx.Incidents}, c, began.Add(3*time.Minute)).Incidents[0]
	if inc.State != incident.Draining || !inc.Drain.Equal(began.Add(time.Hour)) {
		t.Errorf("it is %s until %s", inc.State, inc.Drain)
	}
}

// TestDeclaredBelow: what a person has opened is theirs to end, also where a cause of it
// turns up, and is mended.
func TestDeclaredBelow(t *testing.T) {
	w := newWorld(t)
	w.cfg.Tiers = []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}}
	w.service("base", false)
	w.service("shop", false, "base")
	fx, err := incident.Declare(&w.cfg, nil, incident.Declaration{
		By: "anna", Title: "payments are late", Text: "Our bank is on it.", Services: []monitor.ServiceID{"shop"}, Impact: monitor.ImpactMinor,
	}, t0)
	if err != nil {
		t.Fatal(err)
	}
	w.store(fx)
	change := func(id monitor.ServiceID, status monitor.Status, alive int, after time.Duration) {
		w.bring(incident.Change{Service: id, Status: status, At: t0.Add(after), Alive: alive, Total: 2}, t0.Add(after))
	}
	change("shop", monitor.MajorOutage, 0, time.Minute)
	change("base", monitor.MajorOutage, 0, time.Minute)
	change("shop", monitor.Operational, 2, 5*time.Minute)
	change("base", monitor.Operational, 2, 5*time.Minute)
	open := w.open()
	if len(open) != 1 || open[0].State != incident.Open || open[0].Impact != monitor.ImpactMinor || open[0].Title != "The shop: payments are late" {
		t.Errorf("open: %+v", open)
	}
}

// TestDeclaredInMaintenance: planned maintenance changes nothing of what a person says;
// it mutes what is measured to be worse, and then nobody hears that this is over.
func TestDeclaredInMaintenance(t *testing.T) {
	w := newWorld(t)
	w.cfg.Tiers = []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}, {ID: "customers", Impact: monitor.ImpactMajor, After: 6 * time.Minute, Public: true}}
	w.service("web", false)
	fx, err := incident.Declare(&w.cfg, nil, declaration(), t0)
	if err != nil {
		t.Fatal(err)
	}
	w.store(fx)
	until := t0.Add(time.Hour)
	change := func(status monitor.Status, alive int, muted time.Time, after time.Duration) incident.Effects {
		return w.bring(incident.Change{Service: "web", Status: status, At: t0.Add(after), Alive: alive, Total: 2, Muted: muted}, t0.Add(after))
	}
	nothing := func(what string, fx incident.Effects) {
		if len(fx.Updates)+len(fx.Notifications) > 0 {
			t.Errorf("%s: updates %+v, notifications %+v, want none", what, fx.Updates, fx.Notifications)
		}
	}
	nothing("it begins", change(monitor.Operational, 2, until, time.Minute))
	if fx := w.tick(t0.Add(6 * time.Minute)); len(fx.Notifications) != 1 {
		t.Errorf("customers hear %+v in maintenance, want what somebody has said", fx.Notifications)
	}
	for _, c := range []struct {
		status monitor.Status
		alive  int
		want   string
	}{
		{monitor.MajorOutage, 0, "The web: in planned maintenance until 02:00 UTC; messages about it wait until then."},
		{monitor.PartialOutage, 1, "The web: partly down."},
		{monitor.MajorOutage, 0, "The web: in planned maintenance until 02:00 UTC; messages about it wait until then."},
		{monitor.Operational, 2, "The web: working again, by what is measured. The incident goes on until somebody says that it is over."},
	} {
		fx := change(c.status, c.alive, until, 10*time.Minute)
		if len(fx.Updates) != 1 || fx.Updates[0].Text != c.want || len(fx.Notifications) != 0 {
			t.Errorf("%s in maintenance: %+v, %+v, want %q, told to nobody", c.status, fx.Updates, fx.Notifications, c.want)
		}
	}
	nothing("it is over", change(monitor.Operational, 2, time.Time{}, time.Hour))
	change(monitor.MajorOutage, 0, time.Time{}, 61*time.Minute)
	if fx := change(monitor.Operational, 2, until.Add(time.Hour), 70*time.Minute); len(fx.Notifications) != 2 {
		t.Errorf("who has heard that it was down hears %+v, want that it works", fx.Notifications)
	}
}
