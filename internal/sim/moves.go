package sim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// Move gives the name of a monitor's target another address. Some caches keep the
// old answer for as long as its TTL.
type Move struct {
	Monitor  monitor.ID
	At       time.Duration
	TTL      time.Duration
	Stale    time.Duration // for how much longer than they may resolvers keep the old answer
	Degrades bool          // while a resolver has the old answer, the monitor warns
}

// moves gives one script in three addresses that services share, names that move
// while something is broken, and monitors in the shadow. It has dice of its own, so
// that the rest of a seed's script stays what it is.
func moves(seed uint64, s *Script) {
	g := &generator{rand.New(rand.NewPCG(seed, 0x4d_4f_56_45))}
	if !g.one(3) {
		return
	}
	if g.one(2) {
		s.Addresses = map[monitor.ID]string{}
		for _, m := range s.Config.Monitors {
			s.Addresses[m.ID] = fmt.Sprintf("203.0.113.%d:443", g.between(1, 3))
		}
		g.host(s)
	}
	if g.one(2) {
		g.shade(s)
	}
	if last := &s.Config.Tiers[len(s.Config.Tiers)-1]; !last.Public && g.one(2) {
		last.Machine = true // in all configurations: they share their tiers
	}
	for range g.between(1, 3) {
		o := pick(g, s.Outages...)
		broken, _ := s.Config.Monitor(o.Monitor)
		svc, _ := s.Config.Service(broken.Service)
		m := Move{Monitor: pick(g, svc.Monitors...), TTL: time.Duration(g.between(40, 180)) * time.Second, Degrades: g.one(2)}
		if g.one(3) {
			m.Stale = time.Duration(g.between(30, 240)) * time.Second
		}
		m.At = o.Ends - time.Duration(g.between(-10_000, 120_000))*time.Millisecond
		if m.At >= 0 && m.At+m.TTL+m.Stale <= s.Length { // in the end nothing is left of it
			s.Moves = append(s.Moves, m)
		}
	}
}

// host breaks two services that are at one address at about the same time.
func (g *generator) host(s *Script) {
	o := pick(g, s.Outages...)
	first, _ := s.Config.Monitor(o.Monitor)
	for _, id := range []monitor.ServiceID{first.Service, pick(g, s.Config.Services...).ID} {
		svc, _ := s.Config.Service(id)
		for _, m := range svc.Monitors {
			s.Addresses[m] = s.Addresses[o.Monitor]
			same := o
			same.Monitor = m
			same.Begins += time.Duration(g.between(0, 5000)) * time.Millisecond
			if same.Begins < same.Ends {
				s.Outages = append(s.Outages, same)
			}
		}
	}
}

// shade puts one monitor of a service that has several in the shadow, in all
// configurations.
func (g *generator) shade(s *Script) {
	several := slices.DeleteFunc(slices.Clone(s.Config.Services), func(svc monitor.Service) bool { return len(svc.Monitors) < 2 })
	if len(several) == 0 {
		return
	}
	id := pick(g, several...).ID
	in := func(cfg *monitor.Config) *monitor.Config {
		next := *cfg
		next.Monitors, next.Services = slices.Clone(cfg.Monitors), slices.Clone(cfg.Services)
		for i := range next.Services {
			svc := &next.Services[i]
			if svc.ID != id {
				continue
			}
			last := svc.Monitors[len(svc.Monitors)-1]
			svc.Needs = min(svc.Needs, len(svc.Monitors)-1)
			at := slices.IndexFunc(next.Monitors, func(m monitor.Monitor) bool { return m.ID == last })
			next.Monitors[at].Shadow = true
		}
		return &next
	}
	s.Config = in(s.Config)
	for i := range s.Changes {
		s.Changes[i].Config = in(s.Changes[i].Config)
	}
}

// counting are the monitors that have a say in what a service is.
func counting(cfg *monitor.Config, svc monitor.Service) []monitor.Monitor {
	return slices.DeleteFunc(slices.Clone(cfg.Members(svc)), func(m monitor.Monitor) bool { return m.Shadow })
}

// resolve adds what a check finds out about DNS.
func (s *Script) resolve(r *monitor.Result, c monitor.Check, at time.Duration) {
	for _, m := range s.Moves {
		if m.Monitor != c.Monitor.ID {
			continue
		}
		r.TTL = max(r.TTL, int(m.TTL/time.Second))
		ends := m.ends(c.Location)
		if at < m.At || at >= ends+m.Stale {
			continue
		}
		r.Cutover = &monitor.Cutover{Share: 0.5, Behind: []monitor.Behind{{Server: "192.0.2.53", Says: "203.0.113.1"}}}
		if at < ends {
			r.Cutover.Ends = s.Start.Add(ends)
		}
		if m.Degrades && r.Outcome == monitor.OutcomeUp {
			r.Outcome, r.Failure = monitor.OutcomeDegraded, &monitor.Failure{Kind: monitor.FailExpect, Detail: "share == 1 (share was 0.5)"}
		}
	}
}

// ends is when the resolver of a location forgets the old answer: it asked for it at
// a time of its own.
func (m Move) ends(location monitor.Location) time.Duration {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, m.Monitor, location, m.At)
	return m.At + m.TTL/2 + time.Duration(h.Sum64()%uint64(m.TTL/2))
}

// checkDrained: an incident is not over while a resolver was seen to have an old
// answer of its services, nor, if one had when all was fine again, before caches
// that asked just before the move have forgotten it; and then it is.
func (w *world) checkDrained(cfg *monitor.Config) {
	b := w.books
	for _, id := range b.incidents {
		over := slices.IndexFunc(b.heads[id], func(h head) bool { return h.inc.State == incident.Resolved })
		if over < 0 {
			if inc := b.now(id); inc.State == incident.Draining && w.now.After(w.swept(inc.Drain.Add(w.patience()))) {
				b.violate("what is drained is over", "%s still waits for old DNS answers of %s", id, inc.Drain.Sub(w.script.Start))
			}
			continue
		}
		end := b.heads[id][over]
		if slices.ContainsFunc(end.inc.Services, func(a incident.Affected) bool { return !w.steady(a.ID) }) {
			continue // what monitors a service has lost knew of DNS is gone with them
		}
		until, who := w.seenToLast(cfg, end.inc)
		if until.After(end.at) {
			b.violate("an incident is not over while old DNS answers last", "%s ends at %s, %s lasts until %s",
				id, end.at.Sub(w.script.Start), who, until.Sub(w.script.Start))
		}
	}
}

// seenToLast is until when the old answers of an incident's services last, as far as
// must have been known when it was restored.
func (w *world) seenToLast(cfg *monitor.Config, inc incident.Incident) (until time.Time, who monitor.ID) {
	restored := time.Time{}
	for _, a := range inc.Services {
		if a.Cause && a.Restored.After(restored) {
			restored = a.Restored
		}
	}
	for _, batch := range w.books.results {
		if batch.Finished.Add(w.travel() + w.maxSkew()).After(restored) {
			continue
		}
		for _, r := range batch.Results {
			m, _ := cfg.Monitor(r.Monitor)
			_, in := inc.Affects(m.Service)
			if !in || r.Cutover == nil || slices.Contains(w.books.doubtedIn(r.Scheduled, batch.Finished), r.Location) {
				continue
			}
			last := r.Cutover.Ends.Add(-drainStep)
			if r.Cutover.Ends.Add(-drainStep).After(restored.Add(w.travel())) {
				if cached := restored.Add(time.Duration(r.TTL) * time.Second); cached.After(last) {
					last = cached
				}
			}
			if last.After(until) {
				until, who = last, r.Monitor
			}
		}
	}
	return until, who
}

// drainStep is by how much old answers may last longer than was said without
// anybody being told anew.
const drainStep = 30 * time.Second

// checkCommon: services that break at one address at about the same time are told
// as one. Those that depend on others, or were in trouble before, be it at risk only,
// are told with that.
func (w *world) checkCommon(cfg *monitor.Config) {
	if len(w.script.Addresses) == 0 || len(w.script.Plans) > 0 {
		return
	}
	type broken struct {
		svc monitor.Service
		at  string
		o   span
	}
	var all []broken
	for _, svc := range cfg.Services {
		members := counting(cfg, svc)
		if len(members) == 0 || svc.Needs < len(members) || len(svc.DependsOn) > 0 || len(cfg.Dependents(svc.ID)) > 0 {
			continue
		}
		for _, o := range w.whole(members) {
			if o.to-o.from >= w.notice(members) && !w.blind(members, o) && !w.inTrouble(svc.ID, o.from) {
				all = append(all, broken{svc, w.script.Addresses[members[0].ID], o})
			}
		}
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.svc.ID == b.svc.ID || a.at != b.at || (a.o.from-b.o.from).Abs() > time.Minute {
				continue
			}
			one := slices.ContainsFunc(w.books.incidents, func(id string) bool {
				inc := w.books.now(id)
				_, has := inc.Affects(a.svc.ID)
				_, too := inc.Affects(b.svc.ID)
				return has && too
			})
			if !one {
				w.books.violate("what breaks at one address is told as one", "%s and %s broke at %s at %s and %s", a.svc.ID, b.svc.ID, a.at, a.o.from, b.o.from)
			}
		}
	}
}

// inTrouble reports whether a service was in an incident just before a time.
func (w *world) inTrouble(id monitor.ServiceID, at time.Duration) bool {
	return slices.ContainsFunc(w.books.incidents, func(name string) bool {
		inc := w.books.now(name)
		_, in := inc.Affects(id)
		return in && inc.Opened.Before(w.script.Start.Add(at)) && (inc.Resolved.IsZero() || inc.Resolved.Add(w.patience()).After(w.script.Start.Add(at)))
	})
}
