package detect

import (
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Seen returns when a location's last result of a monitor was scheduled; zero
// if none is known.
type Seen func(id monitor.ID, at monitor.Location) time.Time

// Tick does what time alone causes: votes end at their deadline, re-checks that
// nobody answered are asked for once more, monitors of which nothing is heard
// become unknown, and what fails is what most locations find by now. silence says after how long without a
// result a location of that monitor counts as silent. The gap is dated back to
// the check that did not come. aside is which locations are set aside: they
// outvote nobody.
func Tick(cfg *monitor.Config, svc monitor.Service, state Service, seen Seen, silence func(monitor.Monitor) time.Duration, now time.Time, aside ...monitor.Location) (Service, Effects) {
	s := newStepper(cfg, svc, state, now)
	s.revote()
	for _, id := range sortedIDs(s.out.Details) {
		m, known := cfg.Monitor(id)
		d := s.out.Details[id]
		if !known || d.Settled == monitor.Paused {
			continue
		}
		h := hearing{seen, silence(m), aside, now}
		last, heard := lastSeen(m, seen)
		switch {
		case heard && d.Settled != monitor.Unknown && now.Sub(last) > silence(m) && now.Sub(d.Since) > silence(m):
			s.silent(m, d.clone(), last.Add(m.Every))
		case d.Vote != nil && !now.Before(d.Vote.Deadline(m)):
			d = d.clone()
			s.settle(m, &d, true)
		case d.Vote != nil && d.Vote.unanswered(m, now):
			s.again(m, d.clone())
		case d.calm(m, now):
			d = d.clone()
			d.Flaps, d.Turns = time.Time{}, nil
			s.put(id, d)
		case d.Vote == nil && len(d.Dissent) > 0:
			s.forget(m, d, h)
		}
		if d := s.out.Details[id]; d.Vote == nil && len(d.Others) > 0 {
			s.refresh(m, d, h)
		}
		s.expiry(m)
	}
	return s.finish()
}

// hearing is who is heard of a monitor: seen when, silent after how long, and
// which locations are set aside.
type hearing struct {
	seen    Seen
	silence time.Duration
	aside   []monitor.Location
	now     time.Time
}

func (h hearing) hears(id monitor.ID, l monitor.Location) bool {
	return h.now.Sub(h.seen(id, l)) <= h.silence
}

// forget drops the dissents that nobody stands behind any more: of locations
// that are silent, and all of them where those who outvoted them are. What a
// location that is set aside said stands until it says something else, or
// falls silent: no vote is opened by it.
func (s *stepper) forget(m monitor.Monitor, d Monitor, h hearing) {
	outvoted := d.outvoted(m, h)
	old := func(l monitor.Location) bool {
		return !h.hears(m.ID, l) || !outvoted && !slices.Contains(h.aside, l)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(d.Dissent)), old) {
		return
	}
	d = d.clone()
	maps.DeleteFunc(d.Dissent, func(l monitor.Location, _ Dissent) bool { return old(l) })
	s.put(m.ID, d)
}

// outvoted reports whether those that dissent are too few to change the state,
// among the locations that are heard and not set aside: as at a deadline, the
// others neither speak nor have to be convinced. When those have gone silent
// that stood against it, a dissent may open a vote again: an old opinion does
// not outvote a fresh one.
func (d *Monitor) outvoted(m monitor.Monitor, h hearing) bool {
	spoke, against := 0, []monitor.Outcome(nil)
	for _, location := range m.Locations {
		if !h.hears(m.ID, location) || slices.Contains(h.aside, location) {
			continue
		}
		spoke++
		if dissent, dissents := d.Dissent[location]; dissents {
			against = append(against, dissent.Outcome)
		}
	}
	need := needOf(m, spoke)
	return !slices.ContainsFunc(ways(d.Settled, need, needGood(need, spoke)), func(w way) bool {
		fit := 0
		for _, outcome := range against {
			if w.fits(outcome) {
				fit++
			}
		}
		return fit > 0 && fit >= w.need
	})
}

// answering is how long, beyond the longest run of re-checks, a location is
// waited for that has not answered: they are asked for at once, and a queue
// delivers within seconds.
const answering = time.Minute

// runs is how long the longest run of re-checks takes that the monitor asks for.
func runs(m monitor.Monitor) time.Duration {
	return time.Duration(max(m.Confirm, m.Recover, m.Window)) * (m.Recheck + m.Timeout)
}

// begun is when the vote began to be answered: its first result may be late.
func (v *Vote) begun() time.Time { return later(v.Opened, v.At) }

// Deadline is when a vote still pending is decided by those who spoke. A
// location that has not answered its re-checks when the longest run of them was
// due, and a minute more, counts as silent, however rarely it checks by itself;
// but not later than two intervals, or the run, whichever is longer. If nobody
// has been heard out by then, the re-checks may all be lost: the regular checks
// are waited for, for two intervals.
func (v *Vote) Deadline(m monitor.Monitor) time.Time {
	run := runs(m)
	soon := v.begun().Add(max(run, min(2*m.Every, run+answering)))
	deadline := v.begun().Add(max(run, 2*m.Every))
	for _, b := range v.Ballots {
		if !firm(m, monitor.Up, b) && !firm(m, monitor.Down, b) {
			continue
		}
		if at := later(soon, b.Last.Scheduled); at.Before(deadline) {
			deadline = at
		}
	}
	return deadline
}

// unanswered reports whether re-checks are to be asked for once more, since
// some were lost on their way: not where the next regular check comes as soon.
func (v *Vote) unanswered(m monitor.Monitor, now time.Time) bool {
	return !v.Again && m.Every > runs(m)+answering && !now.Before(v.begun().Add(runs(m)))
}

// again asks those locations once more that have not been heard out.
func (s *stepper) again(m monitor.Monitor, d Monitor) {
	d.Vote.Again = true
	for _, location := range m.Locations {
		if !firm(m, d.Settled, d.Vote.Ballots[location]) {
			s.ask(m, &d, location, s.now)
		}
	}
	s.put(m.ID, d)
}

func lastSeen(m monitor.Monitor, seen Seen) (last time.Time, heard bool) {
	for _, location := range m.Locations {
		if t := seen(m.ID, location); t.After(last) {
			last, heard = t, true
		}
	}
	return last, heard
}

func (s *stepper) silent(m monitor.Monitor, d Monitor, at time.Time) {
	t, ok := Next(d.State(), Silent)
	if !ok {
		return
	}
	d.markVote(m)
	d.Vote = nil
	s.flip(m.ID, &d, t.To, at, t.Reason, "")
	s.put(m.ID, d)
}
