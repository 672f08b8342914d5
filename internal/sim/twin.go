package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// checkFlips: flips follow one another, and uptime is what counting seconds
// gives.
func (w *world) checkFlips(cfg *monitor.Config) {
	b := w.books
	for _, id := range slices.Sorted(maps.Keys(b.flips)) {
		last := map[monitor.ID]monitor.Flip{}
		for _, f := range b.flipsOf(id) {
			before, has := last[f.Monitor]
			switch {
			case has && before.To != f.From && !(len(w.script.Changes) > 0 && f.From == string(monitor.Unknown)): // one that was gone for a while begins anew
				b.violate("flips follow one another", "%s %s: from %s to %s, then from %s to %s", id, f.Monitor, before.From, before.To, f.From, f.To)
			case f.At.After(f.Decided):
				b.violate("a flip is not of the future", "%s %s: %s, decided %s", id, f.Monitor, f.At, f.Decided)
			case f.From == f.To:
				b.violate("a flip changes something", "%s %s: %s", id, f.Monitor, f.To)
			}
			last[f.Monitor] = f
		}
	}
	for _, svc := range cfg.Services {
		w.checkUptime(svc.ID)
	}
}

// checkUptime counts the seconds of the script one by one.
func (w *world) checkUptime(id monitor.ServiceID) {
	b := w.books
	end := w.script.Start.Add(w.script.Length + w.script.Settle).Truncate(time.Second)
	line, err := w.store.Timeline(w.ctx, id, w.script.Start, end)
	if err != nil {
		b.violate("the table can be read", "%v", err)
		return
	}
	got := line.Tally(uptime.Window{From: w.script.Start, To: end})
	flips := slices.DeleteFunc(b.flipsOf(id), func(f monitor.Flip) bool { return f.Monitor != "" })
	c := w.seconds(id, end, func(string) bool { return true })
	if !w.unseen(id, end) && (got.Maintenance-c.planned).Abs() > c.slack {
		b.violate("uptime is what counting gives", "%s: maintenance %s, counted %s", id, got.Maintenance, c.planned)
	}
	if (got.Down-c.down).Abs() > c.slack || (got.Unknown-c.unknown).Abs() > c.slack {
		b.violate("uptime is what counting gives", "%s: down %s, counted %s; unknown %s, counted %s", id, got.Down, c.down, got.Unknown, c.unknown)
	}
	if len(w.script.Faults)+len(w.script.Changes)+len(w.script.Plans) == 0 {
		w.checkTruth(id, c.down, flips)
	}
}

// checkTruth: where nothing went wrong, the time down is that of the targets, as
// far as checks can tell.
func (w *world) checkTruth(id monitor.ServiceID, down time.Duration, flips []monitor.Flip) {
	svc, _ := w.script.Config.Service(id)
	members := counting(w.script.Config, svc)
	if len(members) != 1 {
		return
	}
	var real, slack time.Duration
	for _, o := range w.script.Outages {
		if o.Monitor == members[0].ID && (o.From != "" || o.Outcome != monitor.OutcomeDown || o.Ends-o.Begins < w.notice(members)) {
			return
		}
	}
	for _, o := range w.whole(members) {
		real += o.to - o.from
		slack += members[0].Every + 2*time.Second
		// Re-checks ask at once: it is known before the next round of checks.
		m := members[0]
		known := o.from + m.Every + time.Duration(m.Confirm)*(m.Recheck+3*time.Second) + 2*time.Second
		began := func(f monitor.Flip) bool {
			at := f.Decided.Sub(w.script.Start)
			return monitor.Status(f.To).IsOutage() && at >= o.from && at <= known
		}
		if !slices.ContainsFunc(flips, began) {
			w.books.violate("an outage is known within seconds of its first failing check", "%s was down from %s, not known by %s", id, o.from, known)
		}
	}
	if (real - down).Abs() > slack {
		w.books.violate("an outage counts from its first second to its last", "%s was down for %s, counted are %s", id, real, down)
	}
}

// checkPage: the page shows what is stored.
func (w *world) checkPage(cfg *monitor.Config) {
	b := w.books
	page, _, err := w.store.Snapshot(w.ctx)
	if err != nil {
		b.violate("the table can be read", "%v", err)
		return
	}
	if age := w.now.Sub(page.Generated); age > 2*time.Minute {
		b.violate("the page is fresh", "it is %s old", age)
	}
	for _, view := range page.Services {
		state, err := w.store.State(w.ctx, view.ID)
		if status := w.asPeopleSay(view.ID, state.Status); err == nil && status != view.Status {
			b.violate("the page shows what is", "%s is %s, the page says %s", view.ID, status, view.Status)
		}
	}
	for _, id := range b.incidents {
		inc := b.now(id)
		at := slices.IndexFunc(page.Incidents, func(v store.IncidentView) bool { return v.ID == id })
		if inc.IsPublic() != (at >= 0) {
			b.violate("the page shows what is", "incident %s is public: %t, shown: %t", id, inc.IsPublic(), at >= 0)
		} else if at >= 0 && page.Incidents[at].State != inc.State {
			b.violate("the page shows what is", "incident %s is %s, the page says %s", id, inc.State, page.Incidents[at].State)
		}
	}
	for i, n := range b.due {
		if tier, ok := cfg.Tier(n.Tier); ok && tier.Public && n.Detail != "" {
			b.violate("the public hears no details", "notification %d: %s", i, n.Detail)
		}
		for _, a := range n.Services {
			if n.Public && a.Internal && n.Event != incident.EventResolved {
				b.violate("the public hears of no internal service", "%s hears of %s", n.Tier, a.ID)
			}
		}
	}
}

// replayed is how many sweeps come between two replays of all results: each is as long
// as the script is by then.
const replayed = 2

// checkReplayed holds states against a replay while the script goes on: of services of
// which nothing is under way that would be otherwise in a moment.
func (w *world) checkReplayed(cfg *monitor.Config) {
	if len(w.sweeps)%replayed == 0 {
		w.checkReplay(cfg, func(svc monitor.Service) bool {
			return !slices.ContainsFunc(cfg.Members(svc), func(m monitor.Monitor) bool {
				d, quiet := w.books.states[svc.ID].Details[m.ID], w.now.Add(-settling(m))
				return d.Vote != nil || d.Since.After(quiet) || w.calm.After(quiet) || len(w.books.doubtedIn(quiet, w.now)) > 0
			})
		})
	}
}

// checkReplay: without any fault, the same results give the same states.
func (w *world) checkReplay(cfg *monitor.Config, settled func(monitor.Service) bool) {
	if len(w.script.Changes) > 0 {
		return // the results are of several configurations
	}
	b := w.books
	if !slices.ContainsFunc(cfg.Services, settled) {
		return
	}
	states := map[monitor.ServiceID]detect.Service{}
	all := slices.Clone(b.results)
	slices.SortStableFunc(all, func(x, y store.Batch) int { return x.Scheduled.Compare(y.Scheduled) })
	var seen store.Seen
	tick := w.script.Start
	for at := w.script.Start; at.Before(w.now); at = at.Add(time.Second) {
		for len(all) > 0 && !all[0].Scheduled.After(at) {
			aside := b.aside(all[0].Finished)
			for _, svc := range cfg.Services {
				if svc.Shard == all[0].Shard {
					counted := detect.WithoutDoubtful(states[svc.ID], all[0].Results, aside)
					states[svc.ID], _ = detect.Step(cfg, svc, states[svc.ID], counted, at)
				}
			}
			seen.Hear(all[0])
			all = all[1:]
		}
		if at.Sub(tick) >= minute {
			tick = at
			for _, svc := range cfg.Services {
				states[svc.ID], _ = detect.Tick(cfg, svc, states[svc.ID], seen.At, silentAfter, at, b.aside(at)...)
			}
		}
	}
	for _, svc := range cfg.Services {
		if !settled(svc) {
			continue
		}
		state, err := w.store.State(w.ctx, svc.ID)
		if err != nil {
			continue // said before
		}
		if twin := states[svc.ID]; twin.Status != state.Status || twin.Alive != state.Alive {
			b.violate("the state is what its results say", "%s is %s, %d of %d; a replay says %s, %d of %d",
				svc.ID, state.Status, state.Alive, state.Total, twin.Status, twin.Alive, twin.Total)
		}
	}
}
