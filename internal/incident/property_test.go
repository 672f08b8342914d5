package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

var statuses = []monitor.Status{
	monitor.Operational, monitor.Operational, monitor.AtRisk, monitor.DegradedPerf,
	monitor.PartialOutage, monitor.MajorOutage, monitor.MajorOutage, monitor.NotKnown, monitor.InMaintenance,
}

// chaos is a small graph of services, of which any may break at any time.
type chaos struct {
	*world
	rt  *rapid.T
	now time.Time
}

func newChaos(t *rapid.T) *chaos {
	c := &chaos{newWorld(t), t, t0}
	c.service("db", true)
	c.service("lb", false)
	c.service("app", false, "db", "lb")
	c.service("site", false, "app")
	c.service("alone", rapid.Bool().Draw(t, "alone is internal"))
	c.cfg.Tiers = []monitor.Tier{
		{ID: "oncall", Impact: monitor.ImpactMinor, Remind: 7 * time.Minute},
		{ID: "administrators", Impact: monitor.ImpactMajor, After: 3 * time.Minute},
		{ID: "customers", Impact: monitor.ImpactMajor, After: 4 * time.Minute, Hold: time.Minute, Public: true},
		{ID: "critical", Impact: monitor.ImpactCritical, Public: true},
		{ID: "everything", Impact: monitor.ImpactNone, After: time.Minute},
	}
	return c
}

// turn changes one service, dated back a little, but after its change before:
// as detect does.
func (c *chaos) turn(id monitor.ServiceID, status monitor.Status, back time.Duration) {
	before := c.services[id]
	if before.Status == status {
		return
	}
	at := c.now.Add(-back)
	if !at.After(before.At) {
		at = before.At.Add(time.Millisecond)
	}
	if at.After(c.now) {
		c.now = at
	}
	ch := incident.Change{Service: id, Status: status, At: at, Total: 2}
	switch status {
	case monitor.Operational:
		ch.Alive = 2
	case monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage:
		ch.Alive = 1
	}
	c.bring(ch, c.now)
}

func (c *chaos) move() {
	c.now = c.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(c.rt, "pass")) * time.Second)
	id := rapid.SampledFrom(c.cfg.Services).Draw(c.rt, "service").ID
	switch rapid.IntRange(0, 9).Draw(c.rt, "move") {
	case 0, 1:
		c.tick(c.now)
	case 2:
		c.again(c.now)
	case 3:
		view := c.services[id]
		view.Suspect = !view.Suspect
		c.services[id] = view
	case 4:
		for i := range c.all {
			if c.all[i].State != incident.Resolved {
				c.all[i].Acked, c.all[i].By = c.now, "somebody"
				break
			}
		}
	default:
		back := time.Duration(rapid.IntRange(0, 30).Draw(c.rt, "back")) * time.Second
		c.turn(id, rapid.SampledFrom(statuses).Draw(c.rt, "status"), back)
	}
	c.hold()
}

// hold checks what must be true at every moment.
func (c *chaos) hold() {
	holder := map[monitor.ServiceID]string{}
	for _, inc := range c.open() {
		broken := false
		for _, a := range inc.Services {
			if other, held := holder[a.ID]; held {
				c.rt.Fatalf("%s is in two open incidents, %s and %s", a.ID, other, inc.ID)
			}
			holder[a.ID] = inc.ID
			broken = broken || a.Cause && a.Restored.IsZero()
			status := c.services[a.ID].Status
			if fine := status == monitor.Operational || status == monitor.InMaintenance; fine == a.Restored.IsZero() && status != monitor.NotKnown {
				c.rt.Fatalf("%s is %s, in %q it is restored at %s", a.ID, status, inc.Title, since(a.Restored))
			}
		}
		if !broken {
			c.rt.Fatalf("%q is open, all its causes are fine: %+v", inc.Title, inc.Services)
		}
		if root, ok := inc.Affects(inc.Root); !ok || !root.Cause || !root.Restored.IsZero() || !strings.HasPrefix(inc.Title, root.Name+": ") {
			c.rt.Fatalf("%q is named after %s: %+v", inc.Title, inc.Root, root)
		}
		if inc.Impact == monitor.ImpactNone || inc.Opened.After(inc.Declared) || inc.Since.Before(inc.Opened) {
			c.rt.Fatalf("incident %+v", inc)
		}
		due := incident.Due(&c.cfg, inc)
		if _, acts := incident.Tick(&c.cfg, inc, due.Add(-1)); acts && !due.IsZero() {
			fx, _ := incident.Tick(&c.cfg, inc, due)
			c.rt.Fatalf("%q is due at %s, and acts before: %s", inc.Title, since(due), c.describe(fx))
		}
		if _, acts := incident.Tick(&c.cfg, inc, due); !acts && !due.IsZero() {
			c.rt.Fatalf("%q is due at %s, and does not act", inc.Title, since(due))
		}
	}
}

// settled lets all votes end and enough time pass, and checks that nothing
// that is broken was overlooked.
func (c *chaos) settled() {
	for id, view := range c.services {
		view.Suspect = false
		c.services[id] = view
	}
	for range 8 {
		c.now = c.now.Add(time.Minute)
		c.again(c.now)
		c.tick(c.now)
		c.hold()
	}
	for id, view := range c.services {
		at := slices.IndexFunc(c.all, func(i incident.Incident) bool {
			_, in := i.Affects(id)
			return in && i.State != incident.Resolved
		})
		switch {
		case view.Status.Impact() == monitor.ImpactNone:
		case at < 0:
			c.rt.Fatalf("%s is %s, and in no incident", id, view.Status)
		case view.Status.IsOutage() && !c.all[at].Impact.AtLeast(monitor.ImpactMajor) && !c.explained(id):
			c.rt.Fatalf("%s is %s, its incident %q is only %s: %+v", id, view.Status, c.all[at].Title, c.all[at].Impact, c.all[at].Services)
		}
	}
	for _, inc := range c.open() {
		for _, tier := range c.cfg.Tiers {
			_, told := inc.Told[tier.ID]
			if !told && !tier.Public && inc.Impact.AtLeast(tier.Impact) {
				c.rt.Fatalf("%s is not told of %q, %s since %s", tier.ID, inc.Title, inc.Impact, since(inc.Opened))
			}
		}
	}
}

// explained reports whether something that a service depends on is in an
// outage, which then is told instead.
func (c *chaos) explained(id monitor.ServiceID) bool {
	return slices.ContainsFunc(c.cfg.Dependencies(id), func(d monitor.Service) bool {
		return slices.ContainsFunc(c.open(), func(i incident.Incident) bool {
			a, in := i.Affects(d.ID)
			return in && a.Restored.IsZero() && a.Status.IsOutage() && i.Impact.AtLeast(monitor.ImpactMajor)
		})
	})
}

// TestIncidents: whatever happens to a handful of services, who heard the
// beginning of an incident hears its end, once, and nobody else does.
func TestIncidents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t)
		for range rapid.IntRange(1, 40).Draw(t, "moves") {
			c.move()
		}
		c.settled()
		for _, svc := range rapid.Permutation(c.cfg.Services).Draw(t, "recovery") {
			c.now = c.now.Add(time.Second)
			c.turn(svc.ID, monitor.Operational, 0)
			c.hold()
		}
		if open := c.open(); len(open) > 0 {
			t.Fatalf("everything is fine, %q is open: %+v", open[0].Title, open[0].Services)
		}
		c.now = c.now.Add(24 * time.Hour)
		if fx := c.tick(c.now); len(fx.Notifications) > 0 {
			t.Fatalf("told after the end: %+v", fx.Notifications)
		}
		c.heard()
	})
}

// heard checks all that was ever sent.
func (c *chaos) heard() {
	type line struct {
		incident string
		tier     monitor.TierID
	}
	ids, lines := map[string]bool{}, map[line][]incident.Notification{}
	for _, n := range c.sent {
		if ids[n.ID] {
			c.rt.Fatalf("notification %s (%s %s) comes twice", n.ID, n.Tier, n.Receipt)
		}
		ids[n.ID] = true
		lines[line{n.Incident, n.Tier}] = append(lines[line{n.Incident, n.Tier}], n)
		c.discreet(n)
	}
	for l, sent := range lines {
		tier, _ := c.cfg.Tier(l.tier)
		for i, n := range sent {
			first, last := i == 0, i == len(sent)-1
			if first != (n.Event == incident.EventOpened) || last != (n.Event == incident.EventResolved) {
				c.rt.Fatalf("%s heard %v", l.tier, receipts(sent))
			}
			if first && (!n.Impact.AtLeast(tier.Impact) || n.At.Before(n.Opened.Add(tier.After+tier.Hold))) {
				c.rt.Fatalf("%s heard too early: %+v", l.tier, n)
			}
		}
	}
}

func receipts(sent []incident.Notification) []string {
	var names []string
	for _, n := range sent {
		names = append(names, n.Receipt)
	}
	return names
}

// discreet: nothing that the public hears names an internal service, or tells
// it a detail; and what it hears first is of something that is broken.
func (c *chaos) discreet(n incident.Notification) {
	tier, _ := c.cfg.Tier(n.Tier)
	if !tier.Public {
		return
	}
	text := written(c.rt, n)
	for _, svc := range c.cfg.Services {
		if svc.Internal && (strings.Contains(text, svc.Name) || strings.Contains(text, `"`+string(svc.ID)+`"`)) {
			c.rt.Fatalf("%s hears of %s: %s", n.Tier, svc.ID, text)
		}
	}
	broken := slices.ContainsFunc(n.Services, func(a incident.Affected) bool { return a.Restored.IsZero() })
	if n.Detail != "" || n.Event == incident.EventOpened && !broken {
		c.rt.Fatalf("%s hears %s", n.Tier, text)
	}
}
