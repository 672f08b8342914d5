package detect

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Step applies results to the state of a service. Results of other services'
// monitors, repeats and late ones are ignored; their order does not matter
// beyond that of each location. The state passed in is not changed.
func Step(cfg *monitor.Config, svc monitor.Service, state Service, results []monitor.Result, now time.Time) (Service, Effects) {
	s := newStepper(cfg, svc, state, now)
	ordered := make([]*monitor.Result, len(results))
	for i := range results {
		ordered[i] = &results[i]
	}
	if !slices.IsSortedFunc(ordered, inOrder) {
		slices.SortStableFunc(ordered, inOrder)
	}
	for len(ordered) > 0 {
		n := 1
		for n < len(ordered) && ordered[n].Monitor == ordered[0].Monitor && ordered[n].Scheduled.Equal(ordered[0].Scheduled) {
			n++
		}
		s.moment(ordered[:n])
		ordered = ordered[n:]
	}
	return s.finish()
}

func inOrder(a, b *monitor.Result) int {
	return cmp.Or(
		a.Scheduled.Compare(b.Scheduled), cmp.Compare(a.Monitor, b.Monitor),
		cmp.Compare(a.Location, b.Location), cmp.Compare(a.Attempt, b.Attempt))
}

// moment counts one monitor's results that were scheduled for the same time:
// first the location that opens a vote with them, since the others speak in it.
func (s *stepper) moment(group []*monitor.Result) {
	for len(group) > 0 {
		i := max(slices.IndexFunc(group, s.news), 0)
		for i > 0 && group[i-1].Location == group[i].Location {
			i-- // each location is heard in its own order
		}
		s.result(group[i])
		group = slices.Delete(group, i, i+1)
	}
}

// news reports whether a result contradicts its monitor's state, and its
// location has not been outvoted with that before.
func (s *stepper) news(r *monitor.Result) bool {
	d := s.out.Details[r.Monitor]
	return !agrees(d.Settled, r.Outcome) && d.Dissent[r.Location].Outcome != r.Outcome
}

// stepper is one run of Step or Tick.
type stepper struct {
	cfg *monitor.Config
	svc monitor.Service
	now time.Time
	in  Service // as it was
	out Service // as it becomes; shares in's maps until something changes
	fx  Effects
}

func newStepper(cfg *monitor.Config, svc monitor.Service, state Service, now time.Time) *stepper {
	s := &stepper{cfg: cfg, svc: svc, now: now, in: state, out: state}
	s.reconcile()
	return s
}

// result counts one result.
func (s *stepper) result(r *monitor.Result) {
	m, known := s.cfg.Monitor(r.Monitor)
	d, has := s.out.Details[r.Monitor]
	if !known || !has || d.Settled == monitor.Paused || r.Outcome == monitor.OutcomeNotRun || !slices.Contains(m.Locations, r.Location) {
		s.fx.Ignored++
		return
	}
	if mark, counted := d.Marks[r.Location]; counted && !mark.Before(markOf(r)) {
		s.fx.Ignored++
		return
	}
	if d.Vote != nil {
		s.ballot(m, d.clone(), r)
		return
	}
	dissent, dissents := d.Dissent[r.Location]
	switch {
	case agrees(d.Settled, r.Outcome) && !dissents:
		// The steady state: nothing to store.
	case r.Scheduled.Before(d.Since) && d.known():
		s.fx.Ignored++
	case agrees(d.Settled, r.Outcome):
		d = d.clone()
		delete(d.Dissent, r.Location)
		d.Marks[r.Location] = markOf(r)
		s.put(r.Monitor, d)
	case dissents && dissent.Outcome == r.Outcome && len(m.Locations) > 1:
		// It has been heard, and outvoted.
	default:
		s.openVote(m, d.clone(), r)
	}
}

// openVote begins a vote with its first contrary result, and asks every
// location to check at once.
func (s *stepper) openVote(m monitor.Monitor, d Monitor, r *monitor.Result) {
	event := Better
	if worse(d.Settled, r.Outcome) {
		event = Worse
	}
	t, ok := Next(d.Settled, event)
	if !ok {
		s.fx.Ignored++
		return
	}
	d.Vote = &Vote{Opened: r.Scheduled, Shows: t.To, Ballots: map[monitor.Location]Ballot{}, Asked: map[monitor.Location]int{}, Before: d.Failure}
	d.Reason = t.Reason
	if event == Worse {
		d.Failure = r.Failure
		s.fx.Evidence = append(s.fx.Evidence, *r)
	}
	d.Vote.count(r)
	if s.settle(m, &d, false) {
		return
	}
	for _, location := range m.Locations {
		s.ask(m, &d, location, s.now)
	}
	s.put(m.ID, d)
}

// ballot counts a result into an open vote, and asks its location again while
// its run is too short to count.
func (s *stepper) ballot(m monitor.Monitor, d Monitor, r *monitor.Result) {
	if !d.Vote.count(r) {
		s.fx.Ignored++
		return
	}
	if d.Vote.Shows == monitor.Unknown && worse(d.Settled, r.Outcome) {
		if t, ok := Next(monitor.Unknown, Worse); ok {
			d.Vote.Shows, d.Reason, d.Failure = t.To, t.Reason, r.Failure
			s.fx.Evidence = append(s.fx.Evidence, *r)
		}
	}
	if s.settle(m, &d, false) {
		return
	}
	if r.Attempt >= d.Vote.Asked[r.Location] && !firm(m, d.Vote.Ballots[r.Location]) {
		s.ask(m, &d, r.Location, s.now.Add(m.Recheck))
	}
	s.put(m.ID, d)
}

// firm reports whether a location's run is long enough to count.
func firm(m monitor.Monitor, b Ballot) bool {
	return b.Poor.Length >= m.Confirm && (b.Down.Length == 0 || b.Down.Length >= m.Confirm) || b.Good.Length >= m.Recover
}

// ask asks one location for the next re-check. After as many as any run needs,
// and a few more, the regular checks must do: a target that changes its answer
// each time is not to be hammered.
func (s *stepper) ask(m monitor.Monitor, d *Monitor, location monitor.Location, at time.Time) {
	attempt := d.Vote.Asked[location] + 1
	if attempt > m.Confirm+m.Recover+2 {
		return
	}
	d.Vote.Asked[location] = attempt
	if at.Before(d.Vote.Opened) {
		at = d.Vote.Opened // a clock that is behind the scheduler's: the re-check is to count
	}
	s.fx.Rechecks = append(s.fx.Rechecks, Recheck{m.ID, location, attempt, at})
}

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
		d.dissentFrom(vote)
		s.put(m.ID, *d)
		return true
	}
	t, ok := Next(shows, confirmation(v.to))
	if !ok {
		return false
	}
	d.Vote = nil
	if v.to == monitor.Up {
		d.Failure = nil
	} else if v.failure != nil {
		d.Failure = v.failure
	}
	s.flip(m.ID, d, v.to, v.since, t.Reason, v.explain(v.to))
	d.dissentFrom(vote)
	s.put(m.ID, *d)
	return true
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
func (d *Monitor) dissentFrom(vote *Vote) {
	before := d.Dissent
	d.Dissent = map[monitor.Location]Dissent{}
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

// flip settles the monitor in another state and records it. The time of a flip
// is neither after the decision nor before the state that it ends; a clock that
// has gone back does not take it back.
func (s *stepper) flip(id monitor.ID, d *Monitor, to monitor.State, at time.Time, reason, detail string) {
	if at.After(s.now) {
		at = s.now
	}
	if at.Before(d.Since) {
		at = d.Since
	}
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
		clear(d.Dissent) // there is nothing left to disagree with
	}
	d.Settled, d.Since, d.Reason = to, at, reason
}

func (s *stepper) put(id monitor.ID, d Monitor) {
	if !s.fx.Changed {
		s.fx.Changed = true
		s.out = s.out.clone()
	}
	s.out.Details[id] = d
	s.out.States[id] = d.State()
}

// finish brings the service's status in line with its monitors.
func (s *stepper) finish() (Service, Effects) {
	if !s.fx.Changed && s.in.Config != s.cfg.Version && s.misjudged() {
		s.touch()
	}
	if s.fx.Changed {
		s.out.Config = s.cfg.Version
		s.status()
	}
	return s.out, s.fx
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sortedIDs(details map[monitor.ID]Monitor) []monitor.ID {
	return slices.Sorted(maps.Keys(details))
}
