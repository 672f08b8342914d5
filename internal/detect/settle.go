package detect

import (
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// settle ends the vote if it is decided, and reports whether it did.
func (s *stepper) settle(m monitor.Monitor, d *Monitor, deadline bool) bool {
	v := d.Vote.tally(m, *d, deadline)
	if !v.decided {
		return false
	}
	shows, vote := d.State(), d.Vote
	d.markVote(m)
	if v.refuted {
		t, _ := Next(shows, Refuted)
		d.Vote, d.Reason, d.Failure = nil, t.Reason, vote.Before
		d.dissentFrom(m, vote)
		d.joinFrom(vote)
		d.keep(m, vote)
		s.put(m.ID, *d)
		return true
	}
	t, ok := Next(shows, confirmation(v.to))
	if !ok {
		return false
	}
	d.Vote, d.Agreed, d.Of = nil, v.agree, v.of
	if v.to == monitor.Up {
		d.Failure, d.Shared = nil, nil
	} else if v.failure != nil {
		d.Failure = v.failure
	}
	changes := d.changes(v.to)
	s.flip(m.ID, d, v.to, v.since, t.Reason, v.explain(v.to))
	d.turn(m, changes)
	s.fx.Flips[len(s.fx.Flips)-1].Check = vote.Check
	d.dissentFrom(m, vote)
	if d.Settled == monitor.Down {
		d.Where = v.where
	}
	d.joinFrom(vote)
	s.put(m.ID, *d)
	return true
}

// joins reports whether a location finds an outage for the first time that
// others have found before.
func (d *Monitor) joins(location monitor.Location) bool {
	return d.Settled == monitor.Down && len(d.Where) > 0 && !slices.Contains(d.Where, location)
}

// join counts a location among those that find the monitor down.
func (d *Monitor) join(location monitor.Location) {
	if d.joins(location) {
		d.Where = append(d.Where, location)
		slices.Sort(d.Where)
		d.recount()
	}
}

// joinFrom counts those that said in a vote that the monitor is down, whether
// their word was needed or not, and those no longer that said something else.
func (d *Monitor) joinFrom(vote *Vote) {
	if d.Settled != monitor.Down {
		return
	}
	d.Where = slices.DeleteFunc(d.Where, func(l monitor.Location) bool { _, dissents := d.Dissent[l]; return dissents })
	for _, location := range slices.Sorted(maps.Keys(vote.Ballots)) {
		if agrees(d.Settled, vote.Ballots[location].Outcome) {
			d.join(location)
		}
	}
	d.recount()
}

func (d *Monitor) recount() {
	d.Agreed = len(d.Where)
	d.Of = max(d.Of, len(d.Where)+len(d.Dissent))
}

// markVote remembers what the open vote has counted, and what it found too old
// to count: both stay so after the vote.
func (d *Monitor) markVote(m monitor.Monitor) {
	if d.Vote == nil {
		return
	}
	for _, location := range m.Locations {
		mark := Mark{d.Vote.Opened, beforeAny}
		if b, spoke := d.Vote.Ballots[location]; spoke {
			mark = b.Last
		}
		if d.Marks[location].Before(mark) {
			d.Marks[location] = mark
		}
	}
}

// dissentFrom remembers who disagreed with what the vote settled on.
func (d *Monitor) dissentFrom(m monitor.Monitor, vote *Vote) {
	before := d.Dissent
	d.Dissent = map[monitor.Location]Dissent{}
	if len(m.Locations) < 2 {
		return // there is nobody to disagree with
	}
	for location, b := range vote.Ballots {
		if agrees(d.Settled, b.Outcome) || d.Settled == monitor.Unknown {
			continue
		}
		since := b.since()
		if old, was := before[location]; was && old.Outcome == b.Outcome {
			since = old.Since
		}
		dissent := Dissent{Outcome: b.Outcome, Since: since}
		if b.Outcome != monitor.OutcomeUp {
			dissent.Failure = b.Failure
		}
		d.Dissent[location] = dissent
	}
	for location, old := range before {
		if _, spoke := vote.Ballots[location]; !spoke && !agrees(d.Settled, old.Outcome) {
			d.Dissent[location] = old
		}
	}
}

// flip settles the monitor in another state and records it.
func (s *stepper) flip(id monitor.ID, d *Monitor, to monitor.State, at time.Time, reason, detail string) {
	at = s.flipTime(at, d.Since, d.Flipped)
	s.fx.Flips = append(s.fx.Flips, monitor.Flip{
		Service: s.svc.ID, Monitor: id,
		From: string(d.Settled), To: string(to),
		At: at, Decided: later(at, s.now), Reason: reason, Detail: detail,
	})
	d.Was = ""
	if to == monitor.Unknown {
		d.Was = d.Settled
	}
	if to == monitor.Unknown || to == monitor.Paused {
		d.Turns, d.Flaps = nil, time.Time{}
		clear(d.Dissent) // there is nothing left to disagree with
	}
	d.Settled, d.Since, d.Flipped, d.Reason, d.Where, d.Recent, d.Others = to, at, true, reason, nil, nil, nil
}

// flipGap is the least time from one flip to the next of the same monitor, or
// of the service: they are stored under their times in milliseconds.
const flipGap = time.Millisecond

// flipTime is when a flip takes effect: not after the decision, and after the
// flip before it, even if that was decided on later checks or by a clock that
// was ahead.
func (s *stepper) flipTime(at, since time.Time, flipped bool) time.Time {
	if at.After(s.now) {
		at = s.now
	}
	switch {
	case flipped && at.Before(since.Add(flipGap)):
		return since.Add(flipGap)
	case at.Before(since):
		return since
	}
	return at
}
