package detect

import (
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
	s.revote()
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
	m := find(s.cfg, r.Monitor)
	d, has := s.out.Details[r.Monitor]
	if m == nil || !has || d.Settled == monitor.Paused || r.Outcome == monitor.OutcomeNotRun || !slices.Contains(m.Locations, r.Location) {
		s.fx.Ignored++
		return
	}
	if mark, counted := d.Marks[r.Location]; counted && !mark.Before(markOf(r)) {
		s.fx.Ignored++
		return
	}
	if ttl := time.Duration(r.TTL) * time.Second; ttl > d.TTL+d.TTL/8 && ttl <= maxTTL {
		d = d.clone()
		d.TTL = ttl
		s.put(r.Monitor, d)
	}
	if until := drains(r); until.After(d.Drains.Add(drainStep)) {
		d = d.clone()
		d.Drains = until
		s.put(r.Monitor, d)
	}
	if d.Vote != nil {
		s.ballot(*m, d.clone(), r)
		return
	}
	if next, news := d.valid(m, r); news {
		d = d.clone()
		d.Expiry = next
		s.put(r.Monitor, d)
	}
	dissent, dissents := d.Dissent[r.Location]
	switch {
	case agrees(d.Settled, r.Outcome) && !dissents && (r.Scheduled.Before(d.Since) || !d.joins(r.Location)):
		slid := d.slide(m, r)
		if noted := !r.Scheduled.Before(d.Since) && d.note(m, r); slid || noted { // else it is the steady state: nothing to store
			s.put(r.Monitor, d)
		}
	case r.Scheduled.Before(d.Since) && d.known():
		s.fx.Ignored++
	case agrees(d.Settled, r.Outcome):
		d = d.clone()
		if dissents {
			delete(d.Dissent, r.Location)
			d.Marks[r.Location] = markOf(r)
		}
		d.slide(m, r)
		d.note(m, r)
		d.join(r.Location)
		s.put(r.Monitor, d)
	case dissents && dissent.Outcome == r.Outcome && len(m.Locations) > 1:
		// It has been heard, and outvoted.
	default:
		s.openVote(*m, d.clone(), r)
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
	d.Vote = &Vote{Opened: r.Scheduled, At: s.now, Check: r.ID(), Shows: t.To, Ballots: map[monitor.Location]Ballot{}, Asked: map[monitor.Location]int{}, Before: d.Failure}
	d.Reason, d.Others = t.Reason, nil
	if event == Worse {
		d.Failure, d.Shared = r.Failure, shared(r)
		s.fx.Evidence = append(s.fx.Evidence, *r)
	}
	d.Vote.count(r, m, d.Recent)
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
	if !d.Vote.count(r, m, d.Recent) {
		s.fx.Ignored++
		return
	}
	if d.Vote.Shows == monitor.Unknown && worse(d.Settled, r.Outcome) {
		if t, ok := Next(monitor.Unknown, Worse); ok {
			d.Vote.Shows, d.Reason, d.Failure, d.Shared = t.To, t.Reason, r.Failure, shared(r)
			s.fx.Evidence = append(s.fx.Evidence, *r)
		}
	}
	if s.settle(m, &d, false) {
		return
	}
	if r.Attempt >= d.Vote.Asked[r.Location] && !firm(m, d.Settled, d.Vote.Ballots[r.Location]) {
		s.ask(m, &d, r.Location, s.now.Add(m.Recheck))
	}
	s.put(m.ID, d)
}

// firm reports whether a location's run is long enough to count.
func firm(m monitor.Monitor, settled monitor.State, b Ballot) bool {
	if m.Window > 0 && settled != monitor.Down {
		return b.Recent.poor(m.Window) >= m.Confirm && (b.Down.Length == 0 || b.Recent.down(m.Window) >= m.Confirm) || !b.Recent.mayStill(m)
	}
	return b.Poor.Length >= m.Confirm && (b.Down.Length == 0 || b.Down.Length >= m.Confirm) || b.Good.Length >= m.Recover
}

// ask asks one location for the next re-check. After as many as any run needs,
// and a few more, the regular checks must do: a target that changes its answer
// each time is not to be hammered.
func (s *stepper) ask(m monitor.Monitor, d *Monitor, location monitor.Location, at time.Time) {
	attempt := d.Vote.Asked[location] + 1
	if attempt > max(m.Confirm, m.Window)+m.Recover+2 {
		return
	}
	d.Vote.Asked[location] = attempt
	if at.Before(d.Vote.Opened) {
		at = d.Vote.Opened // a clock that is behind the scheduler's: the re-check is to count
	}
	s.fx.Rechecks = append(s.fx.Rechecks, Recheck{m.ID, location, attempt, at})
}

func (s *stepper) put(id monitor.ID, d Monitor) {
	if !s.fx.Changed {
		s.fx.Changed = true
		s.out = s.out.clone()
	}
	s.out.Details[id] = d
	s.out.States[id] = d.Shown()
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
