package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// vary gives one script in three what not every fleet has: monitors that confirm x
// of y and such that can flap, tiers with quiet hours, services with a policy of
// their own. It has dice of its own, so that the rest of a seed's script stays what
// it is.
func vary(seed uint64, s *Script) {
	g := &generator{rand.New(rand.NewPCG(seed, 0x56_41_52_59))}
	if !g.one(3) {
		return
	}
	cfg := s.Config
	for i := range cfg.Monitors {
		m := &cfg.Monitors[i]
		if g.one(4) {
			m.Window = m.Confirm + g.between(1, 3)
		}
		if g.one(2) {
			m.Flapping = monitor.Flap{Changes: g.between(3, 5), Within: time.Duration(g.between(3, 6)) * time.Minute}
		}
	}
	for i := range cfg.Tiers {
		if t := &cfg.Tiers[i]; !t.Public && t.Hold == 0 && g.one(3) {
			from := s.Start.Hour()*60 + g.between(0, int(s.Length/time.Minute)-3)
			to := from + g.between(2, s.Start.Hour()*60+int(s.Length/time.Minute)-from)
			t.Quiet = &monitor.Quiet{From: from, To: to, TimeZone: "UTC", Below: pick(g, monitor.ImpactMajor, monitor.ImpactCritical)}
		}
	}
	for i := range cfg.Services {
		for _, t := range cfg.Tiers {
			if g.one(6) {
				after := time.Duration(g.between(0, 5)) * time.Minute
				o := pick(g, monitor.Override{Never: true}, monitor.Override{After: &after}, monitor.Override{Impact: pick(g, monitor.ImpactMinor, monitor.ImpactCritical)})
				if svc := &cfg.Services[i]; svc.Tiers == nil {
					svc.Tiers = map[monitor.TierID]monitor.Override{t.ID: o}
				} else {
					svc.Tiers[t.ID] = o
				}
			}
		}
	}
	turns(g, s)
	for i := range s.Changes {
		s.Changes[i].Config = withVariety(s.Changes[i].Config, cfg)
	}
}

// withVariety is a later configuration with what vary gave the first.
func withVariety(later, first *monitor.Config) *monitor.Config {
	next := *later
	next.Tiers = first.Tiers
	next.Monitors, next.Services = slices.Clone(later.Monitors), slices.Clone(later.Services)
	for i := range next.Monitors {
		m := &next.Monitors[i]
		m.Flapping = first.Monitors[i].Flapping
		if first.Monitors[i].Window > 0 {
			m.Window = max(first.Monitors[i].Window, m.Confirm)
		}
	}
	for i := range next.Services {
		next.Services[i].Tiers = first.Services[i].Tiers
	}
	return &next
}

// turns breaks and mends one target again and again.
func turns(g *generator, s *Script) {
	m := pick(g, s.Config.Monitors...)
	at := 2*time.Minute + time.Duration(g.between(0, 120))*time.Second
	for range g.between(3, 8) {
		broken, whole := time.Duration(g.between(20, 90))*time.Second, time.Duration(g.between(10, 60))*time.Second
		if at+broken+time.Minute > s.Length {
			return
		}
		s.Outages = append(s.Outages, Outage{Monitor: m.ID, Begins: at, Ends: at + broken, Outcome: monitor.OutcomeDown,
			Failure: monitor.Failure{Kind: monitor.FailReset, Detail: "connection reset by peer"}})
		at += broken + whole
	}
}

// outlast breaks, in one script in five that has such, something internal for good,
// and what depends on it for long enough that the public hears of that. It has dice of
// its own.
func outlast(seed uint64, s *Script) {
	g := &generator{rand.New(rand.NewPCG(seed, 0x4c_41_53_54))}
	customers, _ := s.Config.Tier("customers")
	for _, cause := range s.Config.Services {
		below := slices.DeleteFunc(s.Config.Dependents(cause.ID), func(d monitor.Service) bool { return d.Internal })
		if !cause.Internal || len(below) == 0 || !g.one(5) {
			continue
		}
		broken := Outage{Begins: 2 * time.Minute, Ends: 1000 * time.Hour, Outcome: monitor.OutcomeDown,
			Failure: monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}}
		for _, id := range cause.Monitors {
			broken.Monitor = id
			s.Outages = append(s.Outages, broken)
		}
		broken.Begins += time.Duration(g.between(0, 3000)) * time.Millisecond
		broken.Ends = min(broken.Begins+customers.After+customers.Hold+time.Duration(g.between(60, 300))*time.Second, s.Length)
		for _, id := range pick(g, below...).Monitors {
			broken.Monitor = id
			s.Outages = append(s.Outages, broken)
		}
		return
	}
}

// own is what the services of an incident, as it was at any time, have made of a
// tier's policy: where there are several, the bounds of it.
type own struct {
	soonest, latest time.Duration  // after which it is told
	least, most     monitor.Impact // from which on
	never           int            // services of which it never hears
	of              int
}

func (w *world) own(cfg *monitor.Config, id string, tier monitor.Tier) (o own) {
	seen := map[monitor.ServiceID]bool{}
	for _, h := range w.books.heads[id] {
		for _, a := range h.inc.Services {
			if seen[a.ID] {
				continue
			}
			seen[a.ID] = true
			svc, _ := cfg.Service(a.ID)
			over := svc.Tiers[tier.ID]
			after, impact := tier.After, tier.Impact
			if over.After != nil {
				after = *over.After
			}
			if over.Impact != "" {
				impact = over.Impact
			}
			if o.of++; o.of == 1 {
				o.soonest, o.latest, o.least, o.most = after, after, impact, impact
			}
			o.soonest, o.latest = min(o.soonest, after), max(o.latest, after)
			if impact.Rank() < o.least.Rank() {
				o.least = impact
			}
			if impact.Rank() > o.most.Rank() {
				o.most = impact
			}
			if over.Never {
				o.never++
			}
		}
	}
	return o
}

// checkQuiet: nothing of less than a tier's quiet hours let through becomes due in
// them.
func (w *world) checkQuiet(cfg *monitor.Config) {
	for i, n := range w.books.due {
		tier, known := cfg.Tier(n.Tier)
		if !known || tier.Quiet == nil || n.Event.IsMaintenance() || n.Event == incident.EventAsked || n.Event == incident.EventTest {
			continue
		}
		impact := n.Impact
		if n.Event == incident.EventResolved {
			impact = n.Worst // it was told of no worse
		}
		if impact.AtLeast(tier.Quiet.Below) {
			continue
		}
		if _, quiet := quietUntil(tier.Quiet, n.At); quiet {
			w.books.violate("nobody is woken for less than the quiet hours let through", "%s of %s, %s, is due to %s at %s, stored %s",
				n.Receipt, n.Incident, impact, n.Tier, n.At.Sub(w.script.Start), w.books.stored[i].Sub(w.script.Start))
		}
	}
}

// checkFlapping: while the one service of an incident keeps changing, nobody hears
// of each change.
func (w *world) checkFlapping() {
	b := w.books
	for i, n := range b.due {
		at := b.stored[i]
		person := slices.ContainsFunc(w.script.Acts, func(a Act) bool {
			since := at.Sub(w.script.Start) - a.At
			return since >= 0 && since <= w.longestStall()
		})
		if n.Event != incident.EventUpdated || person || len(n.Services) != 1 {
			continue
		}
		heads := b.heads[n.Incident]
		now := slices.IndexFunc(heads, func(h head) bool { return h.at.Equal(at) })
		if now < 1 {
			continue
		}
		if heads[now].inc.Said.By != "" {
			continue // what a person wrote, maybe in quiet hours
		}
		began := now
		for began > 0 && len(heads[began].inc.Services) == 1 && heads[began].inc.Services[0].Flapping {
			began--
		}
		heardBefore := slices.ContainsFunc(b.due[:i], func(o incident.Notification) bool {
			return o.Incident == n.Incident && o.Tier == n.Tier && !o.At.Before(heads[began].at.Add(1))
		})
		if !heardBefore {
			continue // that it keeps changing, which quiet hours put off
		}
		before, after := heads[now-1].inc.Services, heads[now].inc.Services
		if len(before) == 1 && len(after) == 1 && before[0].Flapping && after[0].Flapping && before[0].Muted.Equal(after[0].Muted) {
			b.violate("a service that keeps changing is told of once", "%s hears %s of %s at %s", n.Tier, n.Receipt, n.Incident, at.Sub(w.script.Start))
		}
	}
}

// checkSteady: an incident of which nothing is broken any more goes on for as long as
// one of its services may change again, and no longer.
func (w *world) checkSteady(cfg *monitor.Config, inc incident.Incident) {
	if inc.Manual {
		return // people say when it is over
	}
	within, restored := time.Duration(0), time.Time{}
	for _, a := range inc.Services {
		if !a.Cause {
			continue
		}
		if a.Restored.IsZero() {
			return
		}
		if a.Restored.After(restored) {
			restored = a.Restored
		}
		svc, _ := cfg.Service(a.ID) // one that is gone is let go of
		for _, m := range counting(cfg, svc) {
			within = max(within, m.Flapping.Within)
		}
	}
	if by := restored.Add(within + w.patience()); inc.State == incident.Open && w.now.After(by) {
		w.books.violate("what is steady again is over", "%s is open, and nothing of it was broken since %s", inc.ID, restored.Sub(w.script.Start))
	}
}
