package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// more gives one script in three what few fleets have: quorums of their own, tiers that
// hear of some events only, chats, a nag, certificates that end, incidents that people
// open, rehearsals, a location that sees everything down alone. It has dice of its own.
func more(seed uint64, s *Script) {
	g := &generator{rand.New(rand.NewPCG(seed, 0x4d_4f_52_45))}
	if !g.one(3) {
		return
	}
	quorums, lists := map[monitor.ID]int{}, map[monitor.TierID][]monitor.Hears{}
	for _, m := range s.Config.Monitors {
		if len(m.Locations) > 1 && g.one(3) {
			quorums[m.ID] = g.between(1, len(m.Locations))
		}
	}
	for _, t := range s.Config.Tiers {
		if g.one(3) {
			lists[t.ID] = pick(g, partly...)
		}
	}
	nag, chat := time.Duration(pick(g, 0, 3, 5))*time.Minute, g.one(3)
	var rehearse *monitor.Rehearsal
	if g.one(3) {
		at := s.Start.Minute() + g.between(2, int(s.Length/time.Minute)-2)
		rehearse = &monitor.Rehearsal{Cron: fmt.Sprintf("%d * * * *", at), TimeZone: "UTC", Since: s.Start}
	}
	s.everywhere(func(cfg *monitor.Config) {
		cfg.Rehearse = rehearse
		for i := range cfg.Monitors {
			cfg.Monitors[i].Quorum = quorums[cfg.Monitors[i].ID]
		}
		for i := range cfg.Tiers {
			t := &cfg.Tiers[i]
			t.Events = lists[t.ID]
			if t.ID == "oncall" {
				t.Nag = nag
			}
			t.Chat = chat && t.ID == "administrators"
		}
	})
	if g.one(2) {
		g.ends(s)
	}
	if g.one(2) {
		g.byHand(s)
	}
	switch g.IntN(4) {
	case 0:
		g.lonely(s)
	case 1:
		g.shared(s)
	}
}

// partly is what a tier may hear of that does not hear of everything.
var partly = [][]monitor.Hears{
	{monitor.HearsOpened, monitor.HearsResolved},
	{monitor.HearsOpened, monitor.HearsEscalated, monitor.HearsResolved},
	{monitor.HearsOpened, monitor.HearsUpdated, monitor.HearsResolved, monitor.HearsMaintenance},
	{monitor.HearsOpened, monitor.HearsReminder, monitor.HearsResolved},
	{monitor.HearsMaintenance},
	monitor.AllHears(),
}

// everywhere edits all configurations, each a copy of its own.
func (s *Script) everywhere(edit func(*monitor.Config)) {
	of := func(cfg *monitor.Config) *monitor.Config {
		next := *cfg
		next.Monitors, next.Services, next.Tiers = slices.Clone(cfg.Monitors), slices.Clone(cfg.Services), slices.Clone(cfg.Tiers)
		edit(&next)
		return &next
	}
	s.Config = of(s.Config)
	for i := range s.Changes {
		s.Changes[i].Config = of(s.Changes[i].Config)
	}
}

// Ending is until when what a monitor checks is valid, and what it is renewed to.
type Ending struct {
	Monitor monitor.ID
	At      time.Duration // it ends
	Renewed time.Duration // when it is renewed; 0: it is not
	To      time.Duration // and ends then
}

// ends makes certificates that come near their ends, and some that are renewed.
func (g *generator) ends(s *Script) {
	for range g.between(1, 2) {
		m := pick(g, s.Config.Monitors...)
		if slices.ContainsFunc(s.Endings, func(e Ending) bool { return e.Monitor == m.ID }) {
			continue
		}
		e := Ending{Monitor: m.ID, At: time.Duration(pick(g, 30, 14, 7, 3, 1, 0))*24*time.Hour + time.Duration(g.between(60, int((s.Length-3*time.Minute)/time.Second)))*time.Second}
		if g.one(2) {
			e.Renewed, e.To = time.Duration(g.between(2, int(s.Length/time.Minute)-2))*time.Minute, e.At+90*24*time.Hour
		}
		s.Endings = append(s.Endings, e)
	}
}

// until adds until when what is checked is valid.
func (s *Script) until(r *monitor.Result, c monitor.Check, at time.Duration) {
	for _, e := range s.Endings {
		if e.Monitor != c.Monitor.ID || r.Outcome == monitor.OutcomeDown {
			continue
		}
		r.Expires = s.Start.Add(e.At)
		if e.Renewed > 0 && at >= e.Renewed {
			r.Expires = s.Start.Add(e.To)
		}
	}
}

// byHand has people open an incident that no monitor sees, write of it, and end it.
func (g *generator) byHand(s *Script) {
	at := time.Duration(g.between(60, int((s.Length-4*time.Minute)/time.Second))) * time.Second
	svc := pick(g, s.Config.Services...)
	if len(svc.DependsOn) > 0 {
		return // TestDeclaredBelow in internal/incident is about those that depend on others
	}
	s.Acts = append(s.Acts, Act{At: at, By: "ann", Do: Declare, Service: svc.ID, Impact: pick(g, monitor.ImpactMinor, monitor.ImpactMajor, monitor.ImpactCritical), Text: "Payments are delayed."})
	for at < s.Length { // as often as it takes: what is measured to be broken is not over
		at += time.Duration(g.between(60, 300)) * time.Second
		s.Acts = append(s.Acts, Act{At: at, By: "ann", Do: Resolve, Text: "Payments arrive again."})
	}
	s.Acts = append(s.Acts, Act{At: s.Length + time.Minute, By: "ann", Do: Resolve, Text: "Payments arrive again."})
	slices.SortStableFunc(s.Acts, func(a, b Act) int { return int(a.At - b.At) })
}

// shared breaks two services that are at one address, and of which a tier is to hear
// after times that differ.
func (g *generator) shared(s *Script) {
	alone := slices.DeleteFunc(slices.Clone(s.Config.Services), func(svc monitor.Service) bool {
		return len(svc.DependsOn) > 0 || len(s.Config.Dependents(svc.ID)) > 0
	})
	if len(alone) < 2 || len(s.Addresses) > 0 {
		return
	}
	s.Addresses = map[monitor.ID]string{}
	begins, soon, late := time.Duration(g.between(120, 240))*time.Second, time.Minute, 9*time.Minute
	after := []time.Duration{soon, late}
	if g.one(2) {
		after = []time.Duration{late, soon}
	}
	for i, svc := range alone[:2] {
		s.everywhere(func(cfg *monitor.Config) {
			for j := range cfg.Services {
				if cfg.Services[j].ID == svc.ID {
					cfg.Services[j].Tiers = map[monitor.TierID]monitor.Override{"administrators": {After: &after[i]}}
				}
			}
		})
		for _, id := range svc.Monitors {
			s.Addresses[id] = "203.0.113.9:443"
			s.Outages = append(s.Outages, Outage{Monitor: id, Begins: begins, Ends: 1000 * time.Hour, Outcome: monitor.OutcomeDown,
				Failure: monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}})
		}
	}
}

// lonely has one location find almost everything down, alone.
func (g *generator) lonely(s *Script) {
	if len(s.Config.Locations) < 2 {
		return
	}
	from := pick(g, s.Config.Locations...)
	begins := time.Duration(g.between(60, 180)) * time.Second
	ends := min(begins+time.Duration(g.between(7, 14))*time.Minute, s.Length)
	for _, m := range s.Config.Monitors {
		if !g.one(8) {
			s.Outages = append(s.Outages, Outage{Monitor: m.ID, From: from, Begins: begins, Ends: ends, Outcome: monitor.OutcomeDown,
				Failure: monitor.Failure{Kind: monitor.FailTimeout, Detail: "no answer within 5 s (connect)"}})
		}
	}
}

// rebuild changes, in one script in six, what there is: monitors, services and tiers are
// removed, added and moved, and sometimes all is put back. It has dice of its own.
func rebuild(seed uint64, s *Script) {
	g := &generator{rand.New(rand.NewPCG(seed, 0x42_55_49_4c))}
	if !g.one(6) {
		return
	}
	cfg, at := s.Config, time.Duration(0)
	if n := len(s.Changes); n > 0 {
		cfg, at = s.Changes[n-1].Config, s.Changes[n-1].At
	}
	for range g.between(1, 3) {
		if at += time.Duration(g.between(30, 300)) * time.Second; at >= s.Length {
			return
		}
		next := *cfg
		next.Monitors, next.Services, next.Tiers = slices.Clone(cfg.Monitors), slices.Clone(cfg.Services), slices.Clone(cfg.Tiers)
		if g.one(4) {
			next = *s.Config // a rollback
		} else {
			g.edit(&next)
		}
		s.Changes = append(s.Changes, Change{At: at, Config: &next})
		cfg = &next
	}
}

func (g *generator) edit(cfg *monitor.Config) {
	from := &cfg.Services[g.IntN(len(cfg.Services))]
	to := &cfg.Services[g.IntN(len(cfg.Services))]
	switch g.IntN(5) {
	case 0: // a monitor is removed, or moved
		if len(from.Monitors) < 2 || from.ID == to.ID {
			return
		}
		n := g.IntN(len(from.Monitors))
		at := slices.IndexFunc(cfg.Monitors, func(m monitor.Monitor) bool { return m.ID == from.Monitors[n] })
		from.Monitors = slices.Delete(slices.Clone(from.Monitors), n, n+1)
		from.Needs = min(from.Needs, len(from.Monitors))
		if g.one(2) {
			cfg.Monitors = slices.Delete(cfg.Monitors, at, at+1)
			return
		}
		cfg.Monitors[at].Service = to.ID
		to.Monitors = append(slices.Clone(to.Monitors), cfg.Monitors[at].ID)
	case 1: // one is added
		m := *find(cfg, from.Monitors[0])
		m.ID += "-new"
		if find(cfg, m.ID) != nil {
			return
		}
		m.Name, m.Shadow, m.Paused = string(m.ID), false, false
		cfg.Monitors = append(cfg.Monitors, m)
		slices.SortFunc(cfg.Monitors, func(a, b monitor.Monitor) int { return strings.Compare(string(a.ID), string(b.ID)) })
		from.Monitors = append(slices.Clone(from.Monitors), m.ID)
	case 2, 3: // a service is removed
		if len(cfg.Services) < 3 {
			return
		}
		id := from.ID
		cfg.Monitors = slices.DeleteFunc(cfg.Monitors, func(m monitor.Monitor) bool { return m.Service == id })
		cfg.Services = slices.DeleteFunc(cfg.Services, func(svc monitor.Service) bool { return svc.ID == id })
		for i := range cfg.Services {
			svc := &cfg.Services[i]
			svc.DependsOn = slices.DeleteFunc(slices.Clone(svc.DependsOn), func(d monitor.ServiceID) bool { return d == id })
		}
	case 4: // a tier is removed
		if n := len(cfg.Tiers) - 1; !cfg.Tiers[n].Public {
			cfg.Tiers = cfg.Tiers[:n]
		}
	}
}

func find(cfg *monitor.Config, id monitor.ID) *monitor.Monitor {
	at := slices.IndexFunc(cfg.Monitors, func(m monitor.Monitor) bool { return m.ID == id })
	if at < 0 {
		return nil
	}
	return &cfg.Monitors[at]
}

// tiers are those that are the same in all configurations.
func (w *world) tiers() []monitor.Tier {
	return slices.DeleteFunc(slices.Clone(w.script.Config.Tiers), func(t monitor.Tier) bool {
		return slices.ContainsFunc(w.configs(), func(cfg *monitor.Config) bool { _, has := cfg.Tier(t.ID); return !has })
	})
}

// checkWanted: a tier hears of what it wants to hear of, and a chat gets a thread for
// each incident.
func (w *world) checkWanted() {
	wants := map[incident.Event]monitor.Hears{
		incident.EventOpened: monitor.HearsOpened, incident.EventEscalated: monitor.HearsEscalated, incident.EventReminder: monitor.HearsReminder,
		incident.EventUpdated: monitor.HearsUpdated, incident.EventMaintenance: monitor.HearsMaintenance, incident.EventExpiring: monitor.HearsOpened,
	}
	for _, n := range w.books.due {
		tier, known := w.script.Config.Tier(n.Tier)
		if what, told := wants[n.Event]; known && told && len(tier.Events) > 0 && !slices.Contains(tier.Events, what) {
			w.books.violate("a tier hears what it wants to", "%s hears %s of %s", n.Tier, n.Receipt, n.Incident)
		}
	}
	for _, d := range w.books.mail {
		incidents := map[string]bool{}
		for _, n := range d.About {
			incidents[n.Incident] = true
		}
		tier, _ := w.script.Config.Tier(d.Message.Tier)
		if most := 5; len(incidents) > 1 && (tier.Machine || tier.Chat && len(incidents) <= most) {
			w.books.violate("each incident has its thread", "%s hears of %d at %s", d.Message.Tier, len(incidents), d.At.Sub(w.script.Start))
		}
	}
}

// checkEndings: of an end that comes near those hear once, of each of the days before,
// who hear of such and may know of the service; and of a renewal who heard of the end.
func (w *world) checkEndings(cfg *monitor.Config) {
	b := w.books
	heard := map[string]int{}
	for _, n := range b.due {
		if n.Event == incident.EventExpiring || n.Event == incident.EventRenewed {
			heard[n.Incident+string(n.Tier)+n.Receipt]++
			if tier, _ := cfg.Tier(n.Tier); tier.Public {
				b.violate("the public hears of no certificate", "%s hears %s", n.Tier, n.Receipt)
			}
		}
	}
	for _, e := range w.script.Endings {
		m, known := cfg.Monitor(e.Monitor)
		svc, _ := cfg.Service(m.Service)
		if !known || m.Shadow || m.Paused || len(w.script.Changes) > 0 || len(w.script.Plans) > 0 || !w.steadilyUp(e.Monitor) {
			continue
		}
		for _, days := range []int{30, 14, 7, 3, 1, 0} {
			near := e.At - time.Duration(days)*24*time.Hour
			ends := w.script.Length
			if e.Renewed > 0 {
				ends = min(ends, e.Renewed)
			}
			if near < 2*time.Minute || near+2*time.Minute > ends {
				continue
			}
			by := w.swept(w.script.Start.Add(near).Add(m.Every + 10*time.Second))
			for _, tier := range w.tiers() {
				impact := monitor.ImpactMinor
				if days <= 3 {
					impact = monitor.ImpactMajor
				}
				wants := !tier.Public && tier.Hears(monitor.HearsOpened) && !svc.Tiers[tier.ID].Never && impact.AtLeast(tier.Impact)
				told := slices.ContainsFunc(b.due, func(n incident.Notification) bool {
					return n.Event == incident.EventExpiring && n.Tier == tier.ID && n.Receipt == fmt.Sprintf("days-%d", days) && !b.stored[b.dueIDs[n.ID]].After(by) &&
						slices.ContainsFunc(n.Services, func(a incident.Affected) bool { return a.ID == svc.ID })
				})
				if by.Before(w.script.Start.Add(ends)) && wants != told {
					b.violate("who hears of what is minor hears that a certificate ends", "%s, %d days before that of %s: is to: %t, does: %t", tier.ID, days, e.Monitor, wants, told)
				}
			}
		}
	}
}

// steadilyUp reports whether a monitor's target is up all the time, from everywhere, and
// asked: nothing keeps its end from being known.
func (w *world) steadilyUp(id monitor.ID) bool {
	return !slices.ContainsFunc(w.script.Outages, func(o Outage) bool { return o.Monitor == id }) &&
		!slices.ContainsFunc(w.script.Moves, func(m Move) bool { return m.Monitor == id }) &&
		!slices.ContainsFunc(w.script.Faults, func(f Fault) bool { return f.Kind != Skew })
}

// checkNagged: those who want to be are told that nobody outside was told of an outage.
func (w *world) checkNagged(id string, tier monitor.Tier) {
	s := w.story(id, tier)
	from, heard := s.heardFrom()
	if tier.Nag == 0 || !heard || !s.plain || !tier.Hears(monitor.HearsReminder) {
		return
	}
	var since time.Time
	w.while(id, func(h head, to time.Time) {
		internal := slices.ContainsFunc(h.inc.Services, func(a incident.Affected) bool { return a.Internal })
		outside := slices.ContainsFunc(w.script.Config.Tiers, func(t monitor.Tier) bool {
			_, told := h.inc.Told[t.ID]
			_, declined := h.inc.Declined[t.ID]
			return t.Public && (told || declined)
		})
		begins := later(unmuted(h), from)
		if h.inc.State != incident.Open || internal || outside || h.inc.Note.By != "" || !h.inc.Impact.AtLeast(monitor.ImpactMajor) || !begins.Before(to) {
			since = time.Time{}
			return
		}
		if since.IsZero() || begins.After(h.at) {
			since = begins
		}
		by := since.Add(tier.Nag)
		for range 2 {
			by = w.spared(tier, h.inc.Impact, by.Add(time.Nanosecond))
		}
		nag := func(n incident.Notification) bool { return n.Receipt == "nag" }
		if to.After(by) && !s.after(time.Time{}, by, nag) {
			w.books.violate("who acts hears that nobody outside was told", "%s of %s, by %s", tier.ID, id, by.Sub(w.script.Start))
		}
	})
}

// checkByHand: what a person has opened is over when a person says so, and not before.
func (w *world) checkByHand() {
	for _, id := range w.books.incidents {
		for _, h := range w.books.heads[id] {
			gone := slices.ContainsFunc(h.inc.Services, func(a incident.Affected) bool { _, known := w.configAt(h.at).Service(a.ID); return !known })
			if gone {
				continue // what is not watched any more is let go of
			}
			said := slices.ContainsFunc(w.books.posts, func(u incident.Update) bool { return u.Incident == id && u.At.Equal(h.inc.Updated) })
			if h.inc.Manual && h.inc.State == incident.Resolved && !said {
				w.books.violate("what a person opened a person ends", "%s is over at %s", id, h.at.Sub(w.script.Start))
			}
		}
	}
}

// checkRehearsed: a rehearsal reaches every tier that is not the public, once.
func (w *world) checkRehearsed() {
	r := w.script.Config.Rehearse
	if r == nil {
		return
	}
	for at := w.script.Start; at.Before(w.script.Start.Add(w.script.Length)); at = at.Add(time.Minute) {
		if r.Cron != fmt.Sprintf("%d * * * *", at.Minute()) {
			continue
		}
		by := w.swept(at)
		for _, tier := range w.tiers() {
			tests := 0
			for i, n := range w.books.due {
				if n.Event == incident.EventTest && n.Tier == tier.ID && !w.books.stored[i].Before(at) && !w.books.stored[i].After(by) {
					tests++
				}
			}
			if want := map[bool]int{false: 1}[tier.Public]; by.Before(w.now) && tests != want {
				w.books.violate("a rehearsal reaches each tier once", "%s got %d of that of %s", tier.ID, tests, at.Sub(w.script.Start))
			}
		}
	}
}
