package detect

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Seen returns when a location's last result of a monitor was scheduled; zero
// if none is known.
type Seen func(id monitor.ID, at monitor.Location) time.Time

// Tick does what time alone causes: votes end at their deadline, re-checks that
// nobody answered are asked for once more, monitors of which nothing is heard
// become unknown. silence says after how long without a
// result a location of that monitor counts as silent. The gap is dated back to
// the check that did not come.
func Tick(cfg *monitor.Config, svc monitor.Service, state Service, seen Seen, silence func(monitor.Monitor) time.Duration, now time.Time) (Service, Effects) {
	s := newStepper(cfg, svc, state, now)
	for _, id := range sortedIDs(s.out.Details) {
		m, known := cfg.Monitor(id)
		d := s.out.Details[id]
		if !known || d.Settled == monitor.Paused {
			continue
		}
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
		case d.Vote == nil && len(d.Dissent) > 0 && !outvoted(m, d, seen, silence(m), now):
			d = d.clone()
			clear(d.Dissent)
			s.put(id, d)
		}
		s.expiry(m)
	}
	return s.finish()
}

// outvoted reports whether those locations that do not dissent are still
// heard, and enough to refute the others. When they have gone silent, a
// dissent may open a vote again: an old opinion does not outvote a fresh one.
func outvoted(m monitor.Monitor, d Monitor, seen Seen, silence time.Duration, now time.Time) bool {
	same := 0
	for _, location := range m.Locations {
		if _, dissents := d.Dissent[location]; !dissents && now.Sub(seen(m.ID, location)) <= silence {
			same++
		}
	}
	need := m.Need()
	if d.Settled == monitor.Down {
		need = needGood(need, len(m.Locations))
	}
	return same > len(m.Locations)-need
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
