package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// What the stages must come to, said again in as few lines as will do: what a service
// is, when a vote ends, when something is silent, who is to be doubted. Nothing of the
// packages that decide it is called here.

// judge says what a service is of which so many monitors are what they are.
func judge(needs int, settled []monitor.State) (status monitor.Status, alive, total int) {
	n := map[monitor.State]int{}
	for _, s := range settled {
		n[s]++
	}
	alive = n[monitor.Up] + n[monitor.Degraded]
	down, total := n[monitor.Down], len(settled)-n[monitor.Paused]
	unknown := total - alive - down
	needs = min(needs, total)
	switch {
	case total == 0, unknown == total, alive < needs && alive+unknown >= needs:
		return monitor.NotKnown, alive, total
	case alive < needs && down == total:
		return monitor.MajorOutage, alive, total
	case alive < needs:
		return monitor.PartialOutage, alive, total
	case down > 0:
		return monitor.AtRisk, alive, total
	case n[monitor.Degraded] > 0:
		return monitor.DegradedPerf, alive, total
	}
	return monitor.Operational, alive, total
}

// needed is how many locations must agree that a monitor is down; and how many that it is
// not: so many that the others are not enough for an outage.
func needed(m monitor.Monitor, of int) (down, good int) {
	down = of/2 + 1
	if m.Quorum > 0 {
		down = min(m.Quorum, of)
	}
	return down, of - down + 1
}

// voting is how long a vote lasts at most, once it is known that there is one.
func voting(m monitor.Monitor) time.Duration {
	return max(2*m.Every, time.Duration(max(m.Confirm, m.Recover, m.Window))*(m.Recheck+m.Timeout))
}

// soonest is after what time those decide a vote who were heard, at the soonest: the
// longest run that the monitor asks for may have been made.
func soonest(m monitor.Monitor) time.Duration {
	runs := time.Duration(max(m.Confirm, m.Recover, m.Window)) * (m.Recheck + m.Timeout)
	return max(min(2*m.Every, runs+time.Minute), runs)
}

// silentAfter is after what time without a result nobody knows any more what a monitor's
// target is.
func silentAfter(m monitor.Monitor) time.Duration {
	d := 2*m.Every + m.Timeout
	if m.Every >= time.Minute {
		d += time.Minute
	}
	return d
}

// word is what a location has said last of a monitor, and since when it says nothing
// else: since that was written.
type word struct {
	outcome monitor.Outcome
	since   time.Time
	last    time.Time // scheduled
	written time.Time
	attempt int
}

// hear takes a result into account.
func (b *books) hear(r monitor.Result, now time.Time) {
	if b.says[r.Monitor] == nil {
		b.says[r.Monitor] = map[monitor.Location]word{}
	}
	s, spoke := b.says[r.Monitor][r.Location]
	if !spoke || s.outcome != r.Outcome {
		s.since = now
	}
	if !spoke || r.Scheduled.After(s.last) || r.Scheduled.Equal(s.last) && r.Attempt > s.attempt {
		s.outcome, s.last, s.attempt, s.written = r.Outcome, r.Scheduled, r.Attempt, now
	}
	b.says[r.Monitor][r.Location] = s
}

// checkJudged: a service is what its monitors are, after each write.
func (b *books) checkJudged(w *world, state detect.Service) {
	cfg := w.config(state.Config)
	if cfg == nil {
		return
	}
	svc, known := cfg.Service(state.Service)
	if !known {
		return
	}
	var settled []monitor.State
	for _, id := range slices.Sorted(maps.Keys(state.Details)) {
		if m, known := cfg.Monitor(id); known && !m.Shadow {
			settled = append(settled, state.Details[id].Settled)
		}
	}
	if status, alive, total := judge(svc.Needs, settled); status != state.Status || alive != state.Alive || total != state.Total {
		b.violate("a service is what its monitors are", "%s is %s, %d of %d; of %v it is %s, %d of %d",
			svc.ID, state.Status, state.Alive, state.Total, settled, status, alive, total)
	}
}

// checkVoting: a vote that was past its deadline when Sweep began is over.
func (w *world) checkVoting(cfg *monitor.Config, began time.Time) {
	b := w.books
	for _, id := range slices.Sorted(maps.Keys(b.votes)) {
		v := b.votes[id]
		m, known := cfg.Monitor(id)
		if !known || m.Paused {
			continue
		}
		from := v.opened
		if v.known.After(from) {
			from = v.known
		}
		if end := from.Add(voting(m)); end.Before(began) {
			b.violate("a vote ends at its deadline", "that of %s, of %s and known at %s, is open after a sweep at %s", id,
				v.opened.Sub(w.script.Start), v.known.Sub(w.script.Start), began.Sub(w.script.Start))
		}
	}
}

// agreed is what all locations of a monitor say, and since when they do; false if they do
// not, or one is not heard.
func (w *world) agreed(m monitor.Monitor) (outcome monitor.Outcome, since time.Time, ok bool) {
	for _, l := range m.Locations {
		s, spoke := w.books.says[m.ID][l]
		if !spoke || outcome != "" && s.outcome != outcome || w.now.Sub(s.last) > 2*m.Every+m.Timeout {
			return "", since, false
		}
		if outcome = s.outcome; s.since.After(since) {
			since = s.since
		}
	}
	return outcome, since, outcome != ""
}

// settling is how long after all agree a monitor counts as that, when nothing goes wrong:
// a vote that began before may have to end first.
func settling(m monitor.Monitor) time.Duration { return 2*voting(m) + 2*m.Every + 2*time.Minute }

// checkSaid: what all locations say of a monitor, for long enough, it is; and a location
// that says something else for as long is known to.
func (w *world) checkSaid(cfg *monitor.Config) {
	b := w.books
	for _, m := range cfg.Monitors {
		d, has := b.states[m.Service].Details[m.ID]
		quiet := w.now.Add(-settling(m))
		if !has || m.Paused || w.calm.After(quiet) || w.changedSince(quiet) || len(b.doubtedIn(quiet, w.now)) > 0 {
			continue
		}
		outcome, since, all := w.agreed(m)
		want := map[monitor.Outcome]monitor.State{monitor.OutcomeUp: monitor.Up, monitor.OutcomeDegraded: monitor.Degraded, monitor.OutcomeDown: monitor.Down}[outcome]
		if all && since.Before(quiet) && want != "" && d.Settled != want {
			b.violate("a state is what the results say", "%s is %s at %s, and from everywhere %s since %s",
				m.ID, d.Settled, w.now.Sub(w.script.Start), outcome, since.Sub(w.script.Start))
		}
	}
}

// changedSince reports whether the configuration was changed since a time.
func (w *world) changedSince(at time.Time) bool {
	return slices.ContainsFunc(w.script.Changes, func(c Change) bool {
		when := w.script.Start.Add(c.At)
		return when.After(at) && !when.After(w.now)
	})
}

// checkSilence: a monitor of which nothing was heard for long is not known.
func (w *world) checkSilence(cfg *monitor.Config, began time.Time) {
	b := w.books
	for _, m := range cfg.Monitors {
		d, has := b.states[m.Service].Details[m.ID]
		var last time.Time
		for _, l := range m.Locations {
			if s := b.says[m.ID][l]; s.last.After(last) {
				last = s.last
			}
		}
		if !has || m.Paused || d.Settled == monitor.Paused || last.IsZero() {
			continue
		}
		silent := began.Sub(last) > silentAfter(m) && began.Sub(d.Since) > silentAfter(m)
		if silent && d.Settled != monitor.Unknown {
			b.violate("what is silent is not known", "%s is %s at %s, and the last result is of %s", m.ID, d.Settled, began.Sub(w.script.Start), last.Sub(w.script.Start))
		}
	}
}

// checkDoubts: a location that has found most of what it shares with others down, alone
// and for long, is set aside.
func (w *world) checkDoubts(cfg *monitor.Config) {
	b := w.books
	for _, location := range cfg.Locations {
		alone, of := 0, 0
		for _, m := range cfg.Monitors {
			if m.Paused || m.Shadow || len(m.Locations) < 2 || !slices.Contains(m.Locations, location) {
				continue
			}
			of++
			quiet := w.now.Add(-voting(m) - m.Every - 2*time.Minute)
			stands := func(l monitor.Location, down bool) bool {
				s, spoke := b.says[m.ID][l]
				return spoke && (s.outcome == monitor.OutcomeDown) == down && s.since.Before(quiet) && w.now.Sub(s.last) <= 2*m.Every+m.Timeout
			}
			others := !slices.ContainsFunc(m.Locations, func(l monitor.Location) bool { return l != location && !stands(l, false) })
			if stands(location, true) && others && !w.calm.After(quiet) && !w.changedSince(quiet) {
				alone++
			}
		}
		if of >= 4 && 2*alone > of && !slices.Contains(b.aside(w.now), location) {
			b.violate("a location that finds most down alone is set aside", "%s finds %d of %d down, alone, at %s", location, alone, of, w.now.Sub(w.script.Start))
		}
	}
}

// checkSilentLocations: a location that has said nothing for long is told to be silent,
// and one that is heard is not. For how long: twice as long as it may say nothing, of
// which one sweep has come through after the first half.
func (w *world) checkSilentLocations(cfg *monitor.Config, began time.Time) {
	for _, location := range cfg.Locations {
		last, written, patience := w.books.heardOf(cfg, location)
		told := slices.ContainsFunc(w.books.incidents, func(id string) bool {
			inc := w.books.now(id)
			a, is := inc.Affects(monitor.Prober(location))
			return is && inc.State != incident.Resolved && a.Total == 0
		})
		if last.IsZero() || w.changedSince(last.Add(-2*time.Minute)) {
			continue
		}
		noticed := slices.ContainsFunc(w.sweeps, func(s sweep) bool {
			return s.began.Sub(last) > patience && began.Sub(s.ended) > patience
		})
		switch {
		case noticed && !told && written.Before(began):
			w.books.violate("a silent location is told", "%s was heard last at %s, and at %s nobody was told", location, last.Sub(w.script.Start), began.Sub(w.script.Start))
		case told && began.Sub(last) <= 3*time.Minute && written.Before(began):
			w.books.violate("a location that is heard is not silent", "%s was heard at %s, and is told to be silent after a sweep at %s", location, last.Sub(w.script.Start), began.Sub(w.script.Start))
		}
	}
}

// heardOf is for when the last result of a location was due, and when it was written;
// and how long that location may say nothing.
func (b *books) heardOf(cfg *monitor.Config, location monitor.Location) (last, written time.Time, patience time.Duration) {
	for _, m := range cfg.Monitors {
		if m.Paused || m.Kind() == monitor.KindHeartbeat || !slices.Contains(m.Locations, location) {
			continue
		}
		if d := max(3*time.Minute, silentAfter(m)); patience == 0 || d < patience {
			patience = d
		}
		if s := b.says[m.ID][location]; s.last.After(last) {
			last, written = s.last, s.written
		}
	}
	return last, written, patience
}

// turnsOf follows how often votes have changed a monitor of late.
type turnsOf struct {
	at    []time.Time
	flaps bool
	was   string // before it was not known; empty: it never was, or is known
}

// checkTurned looks at the votes that ended with a write: what began them is kept, who
// was outvoted is known, and what has changed too often flaps.
func (b *books) checkTurned(w *world, was, is detect.Service, flips []monitor.Flip) {
	cfg := w.config(is.Config)
	if cfg == nil {
		return
	}
	for id := range is.Details {
		if _, before := was.Details[id]; !before {
			b.turns[id] = turnsOf{} // it was another service's, or nobody's
		}
	}
	for _, f := range flips {
		m, known := cfg.Monitor(f.Monitor)
		if !known {
			continue
		}
		d := is.Details[m.ID]
		if f.To == string(monitor.Unknown) || f.To == string(monitor.Paused) {
			b.turns[m.ID] = turnsOf{}
			if f.From != string(monitor.Paused) && f.To != string(monitor.Paused) {
				b.turns[m.ID] = turnsOf{was: f.From}
			}
			continue
		}
		if f.Check == "" {
			continue
		}
		if f.From == string(monitor.Up) && !b.evidence[f.Check] {
			b.violate("the first failure is kept", "%s turned %s at %s, and there is no evidence %s", m.ID, f.To, f.At.Sub(w.script.Start), f.Check)
		}
		t := b.turns[m.ID]
		if f.From != string(monitor.Unknown) || t.was != "" && t.was != f.To {
			t.at = append(slices.Clip(t.at), f.At)
		}
		t.was = ""
		if n := m.Flapping.Changes; n > 0 && len(t.at) >= n && f.At.Sub(t.at[len(t.at)-n]) <= m.Flapping.Within && d.Flaps.IsZero() && d.Settled == monitor.State(f.To) {
			b.violate("what keeps changing flaps", "%s turned at %v, and does not flap", m.ID, t.at)
		}
		b.turns[m.ID] = t
		if votes := slices.DeleteFunc(slices.Clone(flips), func(o monitor.Flip) bool { return o.Monitor != m.ID }); len(votes) == 1 {
			b.checkOutvoted(w, m, was.Details[m.ID], d, f) // of a second vote in one step nobody has seen who spoke
		}
	}
	for id, d := range is.Details {
		if m, known := cfg.Monitor(id); known && was.Details[id].Flaps.IsZero() && !d.Flaps.IsZero() && len(b.turns[id].at) < m.Flapping.Changes {
			b.violate("what has changed too seldom does not flap", "%s turned at %v, and flaps", id, b.turns[id].at)
		}
		if t := b.turns[id]; t.flaps && d.Flaps.IsZero() {
			b.turns[id] = turnsOf{} // it was steady for long
		} else {
			t.flaps = !d.Flaps.IsZero()
			b.turns[id] = t
		}
	}
}

// checkOutvoted: whoever said something else in a vote is known to, until they agree.
func (b *books) checkOutvoted(w *world, m monitor.Monitor, was, is detect.Monitor, f monitor.Flip) {
	if len(m.Locations) < 2 || was.Vote == nil || is.Vote != nil || is.Settled != monitor.State(f.To) {
		return
	}
	fits := map[monitor.State]monitor.Outcome{monitor.Up: monitor.OutcomeUp, monitor.Degraded: monitor.OutcomeDegraded, monitor.Down: monitor.OutcomeDown}[is.Settled]
	for _, l := range slices.Sorted(maps.Keys(was.Vote.Ballots)) {
		_, dissents := is.Dissent[l]
		if o := was.Vote.Ballots[l].Outcome; o != fits && b.says[m.ID][l].outcome == o && !dissents {
			b.violate("who was outvoted is known", "%s turned %s at %s, and nothing says that %s finds it %s", m.ID, f.To, f.At.Sub(w.script.Start), l, o)
		}
	}
}
