package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// plans makes planned maintenance for one script in three: once, or every so many
// minutes. It has dice of its own, so that the rest of a seed's script stays what
// it is. All is over when the script is.
func plans(seed uint64, s *Script) []monitor.Plan {
	g := &generator{rand.New(rand.NewPCG(seed, 0x4d_41_49_4e))}
	if !g.one(3) {
		return nil
	}
	var all []monitor.Plan
	for i := range g.between(1, 2) {
		p := monitor.Plan{ID: monitor.PlanID(fmt.Sprintf("plan-%d", i)), Title: "Work", TimeZone: "UTC", Created: s.Start, Since: s.Start}
		if g.one(2) {
			p.Services = []monitor.ServiceID{pick(g, s.Config.Services...).ID}
		}
		minutes := int(s.Length / time.Minute)
		from := g.between(1, minutes-4)
		if g.one(4) {
			p.Cron, p.Duration = fmt.Sprintf("%d * * * *", s.Start.Minute()+from), time.Duration(g.between(1, minutes-from-1))*time.Minute
		} else {
			p.Starts = s.Start.Add(time.Duration(from)*time.Minute + time.Duration(g.IntN(60))*time.Second)
			p.Ends = p.Starts.Add(time.Duration(g.between(30, 60*(minutes-from-2))) * time.Second)
		}
		all = append(all, p)
	}
	return all
}

// plan puts the plans into the configurations.
func (s *Script) plan() {
	if len(s.Plans) == 0 {
		return
	}
	with := func(cfg *monitor.Config, at time.Duration) *monitor.Config {
		next := *cfg
		next.Maintenance = slices.Clone(cfg.Maintenance)
		for _, p := range s.Plans {
			if p.Cancelled.After(s.Start.Add(at)) {
				p.Cancelled = time.Time{} // not yet
			}
			next.Maintenance = append(next.Maintenance, p)
		}
		return &next
	}
	s.Config, s.Changes = with(s.Config, 0), slices.Clone(s.Changes)
	for i := range s.Changes {
		s.Changes[i].Config = with(s.Changes[i].Config, s.Changes[i].At)
	}
}

// cancel ends, in one script in three that has such, a plan for good, by a change of the
// configuration. It has dice of its own.
func cancel(seed uint64, s *Script) {
	g := &generator{rand.New(rand.NewPCG(seed, 0x43_41_4e_43))}
	if len(s.Plans) == 0 || !g.one(3) {
		return
	}
	at, in := time.Duration(g.between(60, int((s.Length-2*time.Minute)/time.Second)))*time.Second, s.Config
	for _, c := range s.Changes {
		if c.At <= at {
			in = c.Config
		}
	}
	s.Plans[g.IntN(len(s.Plans))].Cancelled = s.Start.Add(at)
	s.Changes = append(s.Changes, Change{At: at, Config: in})
	slices.SortStableFunc(s.Changes, func(a, b Change) int { return int(a.At - b.At) })
}

// cancelling reports whether a plan of a service was cancelled, and a sweep may not have
// come through since that knew of it.
func (w *world) cancelling(id monitor.ServiceID, at time.Time) bool {
	return slices.ContainsFunc(w.script.Plans, func(p monitor.Plan) bool {
		return !p.Cancelled.IsZero() && p.Covers(id) && !at.Before(p.Cancelled) && !at.After(w.swept(p.Cancelled.Add(configAge)))
	})
}

// windows are the times of a service's planned maintenance, as somebody reads
// them off the plans.
func (s Script) windows(id monitor.ServiceID) []span {
	var all []span
	for _, p := range s.Plans {
		if p.Covers(id) {
			all = append(all, s.windowsOf(p)...)
		}
	}
	return all
}

// windowsOf are the times of one plan: none after it was cancelled.
func (s Script) windowsOf(p monitor.Plan) (all []span) {
	all = s.planned(p)
	over := p.Cancelled.Sub(s.Start)
	if p.Cancelled.IsZero() || !slices.ContainsFunc(s.Changes, func(c Change) bool { return c.At >= over }) {
		return all // nothing ever said so
	}
	all = slices.DeleteFunc(all, func(v span) bool { return v.from >= over })
	for i := range all {
		all[i].to = min(all[i].to, over)
	}
	return all
}

func (s Script) planned(p monitor.Plan) (all []span) {
	if p.Cron == "" {
		return []span{{p.Starts.Sub(s.Start), p.Ends.Sub(s.Start)}}
	}
	for at := s.Start; at.Before(s.Start.Add(s.Length + s.Settle)); at = at.Add(time.Minute) {
		if p.Cron == fmt.Sprintf("%d * * * *", at.Minute()) {
			all = append(all, span{at.Sub(s.Start), at.Add(p.Duration).Sub(s.Start)})
		}
	}
	return all
}

// inMaintenance reports whether a service is in maintenance at a time.
func (w *world) inMaintenance(id monitor.ServiceID, at time.Time) bool {
	if _, is := id.Prober(); is {
		return false // a location, not a service
	}
	d := at.Sub(w.script.Start)
	return slices.ContainsFunc(w.script.windows(id), func(v span) bool { return d >= v.from && d < v.to })
}

// follows reports whether the window that a service is in began a moment ago, soon
// after another: a service knows of one window, and of the next when a sweep has
// come through.
func (w *world) follows(id monitor.ServiceID, at time.Time) bool {
	d := at.Sub(w.script.Start)
	all := w.script.windows(id)
	return slices.ContainsFunc(all, func(v span) bool {
		if d < v.from || d >= v.to {
			return false
		}
		before := span{} // the last that was over then
		for _, o := range all {
			if o.to <= v.from && o.to > before.to {
				before = o
			}
		}
		from := w.script.Start.Add(v.from)
		known := w.swept(w.script.Start.Add(before.to)).Before(from) || !at.Before(w.swept(from))
		return d < v.from+w.longestStall() || before.to > 0 && !known
	})
}

// quiet is what is left of a time of outage to be told: what comes after the
// maintenance in it; nothing if that outlasts it.
func (w *world) quiet(id monitor.ServiceID, o span) span {
	for again := true; again; {
		again = false
		for _, v := range w.script.windows(id) {
			if v.from < o.to && v.to > o.from && v.from-w.notice(nil)-time.Minute < o.from {
				o.from, again = v.to, true
			}
		}
	}
	return o
}

// checkMaintenance: while all that is broken in an incident is in planned
// maintenance, nobody is alerted of it; and who heard that work began hears, once,
// that it is over.
func (w *world) checkMaintenance() {
	b := w.books
	type line struct {
		run  string
		tier monitor.TierID
	}
	heard := map[line][]incident.Event{}
	var order []line
	for i, n := range b.due {
		if n.Event.IsMaintenance() {
			l := line{n.Incident, n.Tier}
			if len(heard[l]) == 0 {
				order = append(order, l)
			}
			heard[l] = append(heard[l], n.Event)
			if n.Event == incident.EventMaintenance && n.At.After(b.stored[i]) {
				b.violate("of work in its quiet hours a tier hears nothing", "%s of %s is put off to %s", l.tier, l.run, n.At.Sub(w.script.Start))
			}
			continue
		}
		if n.Event != incident.EventOpened && n.Event != incident.EventEscalated && n.Event != incident.EventReminder {
			continue
		}
		at := b.stored[i]
		if slices.ContainsFunc(w.script.Acts, func(a Act) bool { return w.script.Start.Add(a.At).Equal(at) }) {
			continue // people told of it, in the minute before a sweep has marked it
		}
		inc, known := b.as(n.Incident, at)
		if !known {
			continue // said elsewhere
		}
		if w.isPlanned(inc, at) && inc.State == incident.Open && !inc.Manual {
			b.violate("no alert comes inside maintenance", "%s hears %s of %s at %s", n.Tier, n.Receipt, n.Incident, at.Sub(w.script.Start))
		}
	}
	for _, id := range b.incidents {
		if first := b.heads[id][0]; w.isPlanned(first.inc, first.at) && !first.inc.Manual {
			b.violate("no incident opens inside maintenance", "%s does at %s", id, first.at.Sub(w.script.Start))
		}
	}
	for _, l := range order {
		if !slices.Equal(heard[l], []incident.Event{incident.EventMaintenance, incident.EventMaintained}) {
			b.violate("who heard that maintenance began hears that it is over", "%s of %s heard %v", l.tier, l.run, heard[l])
		}
	}
}

// checkBegun: who wants to hear of maintenance hears that it has begun, if Sweep came
// through while it lasted, and not in quiet hours.
func (w *world) checkBegun(cfg *monitor.Config) {
	for _, p := range w.script.Plans {
		for _, v := range w.script.windowsOf(p) {
			from := w.script.Start.Add(v.from)
			by := w.swept(from)
			to := w.script.Start.Add(v.to)
			if !by.Before(to) {
				continue
			}
			holds := func(id monitor.ServiceID, tier monitor.TierID, by time.Time) bool {
				return !slices.ContainsFunc(w.inForce(from.Add(-configAge-w.longestStall()), by), func(cfg *monitor.Config) bool {
					_, service := cfg.Service(id)
					_, has := cfg.Tier(tier)
					return !service || !has
				})
			}
			for _, tier := range cfg.Tiers {
				by := later(by, w.spared(tier, monitor.ImpactNone, from))
				if !by.Before(to) {
					continue // of work that is over by then it hears nothing
				}
				knows := slices.ContainsFunc(cfg.Services, func(svc monitor.Service) bool {
					return p.Covers(svc.ID) && holds(svc.ID, tier.ID, by) && !w.keeps(tier, incident.Affected{ID: svc.ID, Internal: svc.Internal})
				})
				wants := slices.Contains(tier.Events, monitor.HearsMaintenance) || len(tier.Events) == 0 && tier.Public
				said := slices.ContainsFunc(w.books.due, func(n incident.Notification) bool {
					return n.Event == incident.EventMaintenance && n.Tier == tier.ID && n.Opened.Equal(from)
				})
				if knows && wants && !said {
					w.books.violate("who wants to hear of maintenance hears that it begins", "%s of %s, from %s, by %s", tier.ID, p.ID, v.from, by.Sub(w.script.Start))
				}
			}
		}
	}
}

// inForce are the configurations that were in force from one time to another.
func (w *world) inForce(from, to time.Time) []*monitor.Config {
	all := []*monitor.Config{w.configAt(from)}
	for _, c := range w.script.Changes {
		if at := w.script.Start.Add(c.At); at.After(from) && !at.After(to) {
			all = append(all, c.Config)
		}
	}
	return all
}

// isPlanned reports whether all that is broken in an incident is in maintenance.
func (w *world) isPlanned(inc incident.Incident, at time.Time) bool {
	broken, muted := 0, 0
	for _, a := range inc.Services {
		if a.Cause && a.Restored.IsZero() {
			broken++
			if w.inMaintenance(a.ID, at) && !w.follows(a.ID, at) {
				muted++
			}
		}
	}
	return broken > 0 && muted == broken
}

// as is an incident as it stood at a time, that time's writes included.
func (b *books) as(id string, at time.Time) (incident.Incident, bool) {
	for _, h := range slices.Backward(b.heads[id]) {
		if !h.at.After(at) {
			return h.inc, true
		}
	}
	return incident.Incident{}, false
}
