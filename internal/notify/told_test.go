package notify_test

import (
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

func config() *monitor.Config {
	return &monitor.Config{
		Site: monitor.Site{Name: "Intervals", URL: "https://status.example.com", TimeZone: "America/Los_Angeles"},
		Services: []monitor.Service{
			{ID: "app", Name: "Web application", Monitors: []monitor.ID{"web"}, Needs: 1},
			{ID: "api", Name: "API", Monitors: []monitor.ID{"rest"}, Needs: 1},
			{ID: "db", Name: "Database", Internal: true, Monitors: []monitor.ID{"sql"}, Needs: 1},
			{ID: "shop", Name: "Shop", Monitors: []monitor.ID{"cart"}, Needs: 1, DependsOn: []monitor.ServiceID{"db"}},
		},
		Tiers: []monitor.Tier{
			{ID: "oncall", Name: "on-call", Impact: monitor.ImpactMinor, Nag: 15 * time.Minute},
			{ID: "customers", Name: "customers", Impact: monitor.ImpactMajor, After: 20 * time.Minute, Hold: 15 * time.Minute, Public: true},
		},
	}
}

// play is an incident as it goes on, and who hears of what.
type play struct {
	cfg  *monitor.Config
	open []incident.Incident
	last []incident.Notification // of the last event
}

func (p *play) take(fx incident.Effects, err error) *play {
	if err != nil {
		panic(err)
	}
	if len(fx.Incidents) > 0 {
		p.open = fx.Incidents
	}
	p.last = fx.Notifications
	return p
}

// change brings a status of a service, so long after the beginning.
func (p *play) change(service monitor.ServiceID, status monitor.Status, alive, total int, after time.Duration, more ...func(*incident.Change)) *play {
	c := incident.Change{Service: service, Status: status, At: t0.Add(after), Alive: alive, Total: total}
	if alive < total {
		c.Detail = "web: refused: connection refused"
	}
	for _, f := range more {
		f(&c)
	}
	return p.take(incident.Step(p.cfg, incident.World{Open: p.open}, c, c.At.Add(4*time.Second)), nil)
}

func (p *play) tick(after time.Duration) *play {
	fx, _ := incident.Tick(p.cfg, p.open[0], t0.Add(after))
	return p.take(fx, nil)
}

// to is what a tier hears of the last event.
func (p *play) to(tier monitor.TierID) (out []incident.Notification) {
	for _, n := range p.last {
		if n.Tier == tier {
			out = append(out, n)
		}
	}
	return out
}

// told are messages as incident itself makes them.
func told() map[string][]incident.Notification {
	out := map[string][]incident.Notification{}
	for _, tell := range []func(map[string][]incident.Notification){tellEnds, tellOutage, tellChanges, tellPeople, tellInternal, tellLocation} {
		tell(out)
	}
	return out
}

func tellEnds(out map[string][]incident.Notification) {
	cfg := config()
	web := monitor.Monitor{ID: "web", Service: "app", HTTP: &monitor.HTTP{URL: "https://app.example.com/health?key=secret"}}
	name := monitor.Monitor{ID: "name", Service: "app", Domain: &monitor.Domain{Name: "example.com"}}
	svc, ends := cfg.Services[0], t0.Add(30*24*time.Hour)
	out["expiring"] = incident.Notices(cfg, svc, incident.Ending{Monitor: web, At: ends, Days: 30}, t0)
	out["urgent"] = incident.Notices(cfg, svc, incident.Ending{Monitor: name, At: t0.Add(60 * time.Hour), Days: 3}, t0)
	out["ended"] = incident.Notices(cfg, svc, incident.Ending{Monitor: web, At: t0.Add(-time.Minute)}, t0)
	out["renewed"] = incident.Notices(cfg, svc, incident.Ending{Monitor: web, At: ends.AddDate(0, 2, 0), Was: ends, Renewed: true}, t0)
	_, out["test"], _ = incident.Rehearse(cfg, []monitor.TierID{"oncall"}, "anna", t0)
	_, out["test-public"], _ = incident.Rehearse(cfg, []monitor.TierID{"customers"}, "anna", t0)
}

// tellOutage is an outage of which nobody outside is told at first, and that ends
// with old DNS answers in caches.
func tellOutage(out map[string][]incident.Notification) {
	p := &play{cfg: config()}
	p.change("app", monitor.PartialOutage, 1, 2, 0).tick(15 * time.Minute)
	out["asked"] = p.tick(20 * time.Minute).to("oncall")
	p.take(incident.Decline(p.cfg, p.open[0], "customers", "anna", "only our own office", t0.Add(22*time.Minute)))
	out["grown"] = p.change("app", monitor.MajorOutage, 0, 2, 30*time.Minute).to("oncall")
	out["asked-again"] = p.tick(31 * time.Minute).to("oncall")
	out["shrunk"] = p.change("app", monitor.PartialOutage, 1, 2, 40*time.Minute).to("oncall")

	p = &play{cfg: config()}
	p.change("app", monitor.MajorOutage, 0, 1, 0)
	out["nag"] = p.tick(15 * time.Minute).to("oncall")
	p.tick(20 * time.Minute)
	p.tick(35 * time.Minute)
	drain := func(c *incident.Change) { c.Drain = t0.Add(470 * time.Minute) }
	p.change("app", monitor.Operational, 1, 1, 410*time.Minute, drain)
	out["draining"], out["draining-public"] = p.to("oncall"), p.to("customers")
	p.tick(480 * time.Minute)
	out["drained"] = p.to("oncall")
}

// tellChanges is what keeps changing, and what breaks together.
func tellChanges(out map[string][]incident.Notification) {
	p, flaps := &play{cfg: config()}, func(c *incident.Change) { c.Flapping = true }
	out["flapping"] = p.change("app", monitor.MajorOutage, 0, 1, 0, flaps).to("oncall")
	p.change("app", monitor.Operational, 1, 1, 5*time.Minute, flaps)
	out["flapping-over"] = p.change("app", monitor.Operational, 1, 1, 25*time.Minute).to("oncall")

	p = &play{cfg: config()}
	p.change("app", monitor.MajorOutage, 0, 1, 0)
	out["flapping-working"] = p.change("app", monitor.Operational, 1, 1, 5*time.Minute, flaps).to("oncall")

	p = &play{cfg: config()}
	shared := func(c *incident.Change) { c.Shared = []string{"address 203.0.113.10"} }
	p.change("app", monitor.PartialOutage, 1, 2, 0, shared)
	out["common-cause"] = p.change("api", monitor.MajorOutage, 0, 1, time.Minute, shared).to("oncall")
}

// tellPeople is what people declare, promise and end.
func tellPeople(out map[string][]incident.Notification) {
	p := &play{cfg: config()}
	p.take(incident.Declare(p.cfg, nil, incident.Declaration{
		By: "anna", Title: "orders arrive late", Text: "Our bank is looking into it:\n\n- cards work\n- transfers wait", Services: []monitor.ServiceID{"app"},
		Impact: monitor.ImpactMajor, Next: t0.Add(30 * time.Minute),
	}, t0))
	out["declared"] = p.to("oncall")
	p.tick(20 * time.Minute)
	out["late"] = p.tick(31 * time.Minute).to("oncall")
	p.tick(36 * time.Minute)
	p.take(incident.Resolve(p.cfg, p.open[0], nil, incident.Note{By: "anna", Text: "All orders were sent."}, t0.Add(90*time.Minute)))
	out["declared-over"], out["declared-over-public"] = p.to("oncall"), p.to("customers")
}

// tellInternal is an outage whose cause the public does not know of, and which
// outlasts what they see.
func tellInternal(out map[string][]incident.Notification) {
	p := &play{cfg: config()}
	p.change("db", monitor.MajorOutage, 0, 1, 0)
	p.change("shop", monitor.MajorOutage, 0, 1, time.Minute)
	p.tick(21 * time.Minute)
	out["internal-public"] = p.tick(37 * time.Minute).to("customers")
	p.change("shop", monitor.Operational, 1, 1, 50*time.Minute)
	out["calm-public"] = p.tick(56 * time.Minute).to("customers")
	p.change("db", monitor.Operational, 1, 1, 90*time.Minute)
	out["calm-over-public"] = p.to("customers")
}

func tellLocation(out map[string][]incident.Notification) {
	p, place := &play{cfg: config()}, monitor.Prober("us-east-1")
	noDetail := func(c *incident.Change) { c.Detail = "" }
	out["location-aside"] = p.change(place, monitor.DegradedPerf, 2, 12, 0, noDetail).to("oncall")
	out["location-back"] = p.change(place, monitor.Operational, 12, 12, 25*time.Minute).to("oncall")

	p = &play{cfg: config()}
	out["location-silent"] = p.change(place, monitor.DegradedPerf, 0, 0, 0, noDetail).to("oncall")
	out["location-heard"] = p.change(place, monitor.Operational, 1, 1, 41*time.Minute).to("oncall")

	p = &play{cfg: config()}
	p.change(place, monitor.DegradedPerf, 2, 12, 0, noDetail)
	out["location-aside-silent"] = p.change(place, monitor.DegradedPerf, 0, 0, 10*time.Minute, noDetail).to("oncall")
	out["location-gone"] = p.change(place, monitor.Operational, 0, 0, 25*time.Minute).to("oncall")

	p = &play{cfg: config()}
	out["location-all-silent"] = p.change(place, monitor.PartialOutage, 0, 0, 0, noDetail).to("oncall")
}
