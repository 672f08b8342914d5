package sim

import (
	"reflect"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// check looks at all that was written and said, after the quiet time.
func (w *world) check() {
	b := w.books
	cfg, err := w.store.Config(w.ctx)
	if err != nil {
		b.violate("the table can be read", "%v", err)
		return
	}
	w.checkDelivery()
	w.checkHeard()
	w.checkPace(cfg)
	w.checkMaintenance()
	w.checkStates(cfg)
	w.checkIncidents(cfg)
	w.checkPolicy(cfg)
	w.checkTold(cfg)
	w.checkBegun(cfg)
	w.checkWanted()
	w.checkEndings(cfg)
	w.checkByHand()
	w.checkRehearsed()
	w.checkQuiet(cfg)
	w.checkFlapping()
	w.checkDrained(cfg)
	w.checkCommon(cfg)
	w.checkFlips(cfg)
	w.checkVotes(cfg)
	w.checkPage(cfg)
	w.checkReplay(cfg, func(monitor.Service) bool { return true })
}

// checkDelivery: what was due is delivered, and no more often than can be.
func (w *world) checkDelivery() {
	b := w.books
	left, err := w.store.Outbox(w.ctx, 0)
	if err != nil {
		b.violate("the table can be read", "%v", err)
	}
	for _, p := range left {
		b.violate("what is due is delivered", "%s of %s to %s is still in the outbox after %d attempts: %s",
			p.Notification.Receipt, p.Notification.Incident, p.Notification.Tier, p.Attempts, p.LastError)
	}
	for _, n := range b.due {
		switch sends := b.sends[n.ID]; {
		case sends == 0:
			b.violate("what is due is delivered", "%s of %s never reached %s", n.Receipt, n.Incident, n.Tier)
		case sends > 1+b.excused[n.ID]:
			b.violate("nothing is told twice", "%s heard %s of %s %d times, %d of them excused", n.Tier, n.Receipt, n.Incident, sends, b.excused[n.ID])
		}
		if b.receipts[n.ID] == 0 {
			b.violate("what is delivered has a receipt", "%s of %s to %s has none", n.Receipt, n.Incident, n.Tier)
		}
	}
}

// checkPace: nobody is told something every few seconds. Who dies after sending cannot
// note that it has, and of two who send at a time one may not know of the other.
func (w *world) checkPace(cfg *monitor.Config) {
	b := w.books
	most := 6 // four in a minute, and what follows each half minute
	for _, f := range w.script.Faults {
		switch f.Kind {
		case CrashAfterSend, CrashBeforeWrite, CrashAfterWrite, LostAnswer, CarrierUnclear, CarrierFails, Throttle, Conflict, Interleave, Stall:
			most += max(f.Times, 1)
		}
	}
	for _, tier := range cfg.Tiers {
		var told []time.Time // one of each run
		for _, d := range b.mail {
			if d.Message.Tier == tier.ID && !tier.Machine && (len(told) == 0 || !told[len(told)-1].Equal(d.At)) {
				told = append(told, d.At)
			}
		}
		for i := range told {
			if last := i + most; last < len(told) && told[last].Sub(told[i]) < time.Minute {
				b.violate("a tier is not told something every few seconds", "%s was told %d times in the minute from %s", tier.ID, most+1, told[i].Sub(w.script.Start))
				break
			}
		}
	}
}

// checkHeard: who heard the beginning hears the end, nobody else, and each once.
func (w *world) checkHeard() {
	b := w.books
	lines := map[line][]incident.Notification{}
	var order []line
	for _, n := range b.due {
		if len(b.heads[n.Incident]) == 0 {
			continue // of no incident: maintenance, a certificate, a test
		}
		if n.Event == incident.EventAsked {
			if w.asks(n) {
				continue
			}
			b.violate("those who heard the beginning are asked", "%s is asked of %s", n.Tier, n.Incident)
			continue
		}
		l := line{n.Incident, n.Tier}
		if len(lines[l]) == 0 {
			order = append(order, l)
		}
		lines[l] = append(lines[l], n)
	}
	for _, l := range order {
		heard := lines[l]
		over := b.now(l.incident).State == incident.Resolved
		for i, n := range heard {
			first, last := i == 0, i == len(heard)-1
			if first != (n.Event == incident.EventOpened) {
				b.violate("a tier hears the beginning first, and once", "%s of %s heard %v", l.tier, l.incident, receipts(heard))
			}
			if (n.Event == incident.EventResolved) != (last && over) {
				b.violate("who heard the beginning hears the end", "%s of %s, over: %t, heard %v", l.tier, l.incident, over, receipts(heard))
			}
		}
	}
}

// asks reports whether a tier had heard of an incident when it was asked of it.
func (w *world) asks(n incident.Notification) bool {
	return slices.ContainsFunc(w.books.due, func(o incident.Notification) bool {
		return o.Incident == n.Incident && o.Tier == n.Tier && o.Event == incident.EventOpened && !o.At.After(n.At)
	})
}

func receipts(all []incident.Notification) []string {
	names := make([]string, len(all))
	for i, n := range all {
		names[i] = n.Receipt
	}
	return names
}

// checkStates: after the quiet time a monitor counts as what its target is, from
// everywhere.
func (w *world) checkStates(cfg *monitor.Config) {
	b := w.books
	for _, svc := range cfg.Services {
		state, err := w.store.State(w.ctx, svc.ID)
		if err != nil {
			b.violate("the table can be read", "%v", err)
			continue
		}
		var settled []monitor.State
		for _, m := range cfg.Members(svc) {
			want := w.truth(m)
			if !m.Shadow {
				settled = append(settled, want)
			}
			d := state.Details[m.ID]
			if d.Settled != want {
				b.violate("a state ends as its target is", "%s is %s, its target %s: %s", m.ID, d.Settled, want, d.Reason)
			} else if d.State() != d.Settled {
				b.violate("a vote ends", "%s is %s since %s", m.ID, d.State(), d.Vote.Opened.Sub(w.script.Start))
			}
		}
		if status, alive, total := judge(svc.Needs, settled); state.Status != status || state.Alive != alive || state.Total != total {
			b.violate("a service is what its monitors are", "%s is %s, %d of %d; must be %s, %d of %d", svc.ID, state.Status, state.Alive, state.Total, status, alive, total)
		}
	}
}

// truth is what a monitor's target is in the end; a script leaves no doubt.
func (w *world) truth(m monitor.Monitor) monitor.State {
	if m.Paused {
		return monitor.Paused
	}
	at := w.script.Start.Add(w.script.Length)
	switch w.script.find(monitor.Check{Monitor: m, Location: m.Locations[0]}, at).Outcome {
	case monitor.OutcomeDown:
		return monitor.Down
	case monitor.OutcomeDegraded:
		return monitor.Degraded
	}
	return monitor.Up
}

// checkIncidents: what is broken in the end is in an incident, what is fine in
// none; and one outage opened one.
func (w *world) checkIncidents(cfg *monitor.Config) {
	b := w.books
	board, err := w.store.Board(w.ctx)
	if err != nil {
		b.violate("the table can be read", "%v", err)
		return
	}
	if len(board.Open) != len(board.IDs) {
		b.violate("the list of open incidents holds", "%d listed, %d found", len(board.IDs), len(board.Open))
	}
	for _, id := range b.incidents {
		listed := slices.Contains(board.IDs, id)
		if open := b.now(id).State != incident.Resolved; open != listed {
			b.violate("the list of open incidents holds", "%s is open: %t, listed: %t", id, open, listed)
		}
	}
	for _, inc := range board.Open {
		w.checkSteady(cfg, inc)
		for _, a := range inc.Services {
			svc, known := cfg.Service(a.ID)
			gone := !known || !cfg.Watches(svc) && a.Declared == ""
			if _, prober := a.ID.Prober(); gone && !prober && a.Restored.IsZero() {
				b.violate("what is not watched any more is in no open incident", "%s is in %s", a.ID, inc.ID)
			}
		}
	}
	for _, location := range b.aside(w.now) {
		shows := func(m monitor.Monitor) bool { // what it does not find down shows that it can be believed
			return len(m.Locations) > 1 && slices.Contains(m.Locations, location) && w.truth(m) == monitor.Up
		}
		if !slices.ContainsFunc(cfg.Monitors, shows) {
			continue
		}
		b.violate("a location that finds what the others find counts again", "%s is still set aside", location)
	}
	for _, svc := range cfg.Services {
		state, err := w.store.State(w.ctx, svc.ID)
		if err != nil {
			continue // said before
		}
		if state.Status == monitor.NotKnown {
			continue // all is paused: neither fine nor broken, and in no open incident (above)
		}
		broken := state.Status.Impact() != monitor.ImpactNone
		at := slices.IndexFunc(board.Open, func(inc incident.Incident) bool { a, in := inc.Affects(svc.ID); return in && a.Restored.IsZero() })
		if at >= 0 && !broken && board.Open[at].Manual {
			continue // it is as people say
		}
		if broken != (at >= 0) {
			b.violate("what is broken is in an open incident, what is fine in none", "%s is %s; in an open incident: %t", svc.ID, state.Status, at >= 0)
		}
		w.checkOutages(svc, counting(cfg, svc))
	}
}

// related reports whether a service has, or had, to do with another one.
func (w *world) related(id monitor.ServiceID) bool {
	return slices.ContainsFunc(w.configs(), func(cfg *monitor.Config) bool {
		svc, _ := cfg.Service(id)
		return len(svc.DependsOn) > 0 || len(cfg.Dependents(id)) > 0
	})
}

// checkOutages: each time in which all of a service's targets were down, from
// everywhere and for long enough, has one incident. That of a service that has to
// do with others may be told with theirs.
func (w *world) checkOutages(svc monitor.Service, members []monitor.Monitor) {
	b := w.books
	for _, o := range w.whole(members) {
		opened, covered := 0, false
		for _, id := range b.incidents {
			inc := b.now(id)
			a, in := inc.Affects(svc.ID)
			if !in {
				continue
			}
			at := inc.Opened.Sub(w.script.Start)
			if since := a.Since.Sub(w.script.Start); at >= o.from && since >= o.from && since < o.to && !a.Gone { // it may be told with an older one of others
				opened++
			}
			over := inc.Resolved
			if over.IsZero() {
				over = w.now
			}
			// A check that is made late counts as of when it was due.
			covered = covered || at < o.to && over.Add(w.travel()).Sub(w.script.Start) >= o.to
		}
		if opened > 1 && !w.related(svc.ID) || w.began(svc.ID, o) > 1 {
			b.violate("one outage opens one incident", "%s was down from %s to %s, %d incidents were opened", svc.ID, o.from, o.to, opened)
		}
		if o = w.quiet(svc.ID, o); !covered && !w.related(svc.ID) && o.to-o.from >= w.notice(members) && !w.blind(members, o) {
			b.violate("an outage opens an incident", "%s was down from %s to %s, and no incident says so until then", svc.ID, o.from, o.to)
		}
	}
}

// began is how many incidents a service has begun in a time, and kept: one that turned out
// to be of a service above it ends with that.
func (w *world) began(id monitor.ServiceID, o span) (n int) {
	for _, name := range w.books.incidents {
		heads := w.books.heads[name]
		kept := !slices.ContainsFunc(heads, func(h head) bool { return h.inc.Root != id || len(h.inc.Services) > 1 })
		a, _ := heads[0].inc.Affects(id)
		since := a.Since.Sub(w.script.Start)
		last, _ := heads[len(heads)-1].inc.Affects(id)
		if kept && !last.Gone && !heads[0].inc.Manual && since >= o.from && since < o.to && heads[0].inc.Opened.Sub(w.script.Start) >= o.from {
			n++
		}
	}
	return n
}

// span is a time of the script.
type span struct{ from, to time.Duration }

// whole returns the times in which all monitors were down from everywhere.
func (w *world) whole(members []monitor.Monitor) []span {
	var edges []time.Duration
	for _, o := range w.script.Outages {
		edges = append(edges, o.Begins, min(o.Ends, w.script.Length+w.script.Settle))
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	var all []span
	for i := 0; i+1 < len(edges); i++ {
		down := !slices.ContainsFunc(members, func(m monitor.Monitor) bool {
			return slices.ContainsFunc(m.Locations, func(l monitor.Location) bool {
				return w.script.find(monitor.Check{Monitor: m, Location: l}, w.script.Start.Add(edges[i])).Outcome != monitor.OutcomeDown
			})
		})
		switch {
		case !down:
		case len(all) > 0 && all[len(all)-1].to == edges[i]:
			all[len(all)-1].to = edges[i+1]
		default:
			all = append(all, span{edges[i], edges[i+1]})
		}
	}
	return all
}

// notice is after what time an outage must have been noticed, whatever goes
// wrong meanwhile.
func (w *world) notice(members []monitor.Monitor) time.Duration {
	d := time.Duration(0)
	for _, m := range members {
		d = max(d, 3*m.Every+time.Duration(m.Confirm)*(m.Recheck+m.Timeout))
	}
	if len(w.script.Faults)+len(w.script.Changes) > 0 {
		d += 4 * time.Minute
	}
	return d + 30*time.Second
}

// blind reports whether a location was silent, or a monitor not what it is in the
// end, in a span.
func (w *world) blind(members []monitor.Monitor, o span) bool {
	if slices.ContainsFunc(members, func(m monitor.Monitor) bool { return !w.steady(m.Service) }) {
		return true
	}
	return slices.ContainsFunc(w.script.Faults, func(f Fault) bool {
		looks := slices.ContainsFunc(members, func(m monitor.Monitor) bool { return slices.Contains(m.Locations, f.Place) })
		return f.Kind == Silent && looks && f.At < o.to && f.At+f.For > o.from-time.Minute
	})
}

// steady reports whether a service and its monitors are the same in all configurations.
func (w *world) steady(id monitor.ServiceID) bool {
	first, known := w.script.Config.Service(id)
	return known && !slices.ContainsFunc(w.script.Changes, func(c Change) bool {
		svc, still := c.Config.Service(id)
		return !still || !reflect.DeepEqual(svc, first) || !reflect.DeepEqual(c.Config.Members(svc), w.script.Config.Members(first))
	})
}
