package detect

import (
	"slices"

	"github.com/sondehq/sonde/internal/monitor"
)

// Judge says what a service is, from what its monitors count as: a suspect
// counts as what it was, a recovering one as still down; paused ones do not
// count at all. It also returns how many are alive, and of how many.
//
// What is not known helps nobody: while it decides whether the needs are met,
// the service is unknown. Where they are missed whatever it is, there is an
// outage, and a partial one is the least of it: to say nothing would be an end
// by silence, and to say that all is down would be news by silence, each with
// its messages, when nothing was heard but less.
func Judge(needs int, settled []monitor.State) (status monitor.Status, alive, total int) {
	var down, degraded, unknown int
	for _, state := range settled {
		switch state {
		case monitor.Paused:
			continue
		case monitor.Up:
			alive++
		case monitor.Degraded:
			alive++
			degraded++
		case monitor.Down:
			down++
		default:
			unknown++
		}
		total++
	}
	needs = min(needs, total)
	switch {
	case total == 0 || unknown == total:
		status = monitor.NotKnown
	case alive >= needs && down > 0:
		status = monitor.AtRisk
	case alive >= needs && degraded > 0:
		status = monitor.DegradedPerf
	case alive >= needs:
		status = monitor.Operational
	case alive+unknown >= needs:
		status = monitor.NotKnown
	case down == total:
		status = monitor.MajorOutage
	default:
		status = monitor.PartialOutage
	}
	return status, alive, total
}

// Lost reports whether nothing is heard of a monitor that was bad when it was heard of
// last: that is no recovery.
func (s Service) Lost() bool {
	for _, d := range s.Details {
		if d.Settled == monitor.Unknown && (d.Was == monitor.Down || d.Was == monitor.Degraded) {
			return true
		}
	}
	return false
}

// status plays the flips of this run in the order of their times, and records
// a flip of the service wherever its status changes.
func (s *stepper) status() {
	settled := map[monitor.ID]monitor.State{}
	for id, d := range s.out.Details {
		settled[id] = monitor.Unknown
		if d.Settled == monitor.Paused {
			settled[id] = monitor.Paused // new and paused: it has never counted
		}
	}
	for id, d := range s.in.Details {
		settled[id] = d.Settled
	}
	flips := slices.Clone(s.fx.Flips)
	slices.SortStableFunc(flips, func(a, b monitor.Flip) int { return a.At.Compare(b.At) })
	for i, f := range flips {
		settled[f.Monitor] = monitor.State(f.To)
		if i+1 < len(flips) && flips[i+1].At.Equal(f.At) {
			continue
		}
		s.turn(settled, f)
	}
	for id, d := range s.out.Details {
		settled[id] = d.Settled
	}
	for id := range settled {
		if _, still := s.out.Details[id]; !still {
			delete(settled, id)
		}
	}
	s.turn(settled, monitor.Flip{At: s.now, Reason: "configuration changed"})
}

// misjudged reports whether the configuration has changed what the service
// needs, while nothing changed in its monitors.
func (s *stepper) misjudged() bool {
	states := make([]monitor.State, 0, len(s.out.Details))
	for id, d := range s.out.Details {
		if s.counts(id) {
			states = append(states, d.Settled)
		}
	}
	status, _, _ := Judge(s.svc.Needs, states)
	return status != s.out.Status
}

// counts reports whether a monitor has a part in what the service is: one in the
// shadow has none, nor had one that is gone.
func (s *stepper) counts(id monitor.ID) bool {
	m := find(s.cfg, id)
	if m == nil {
		return !s.in.Details[id].Shadow
	}
	return !m.Shadow
}

// turn gives the service the status of its monitors after one flip.
func (s *stepper) turn(settled map[monitor.ID]monitor.State, cause monitor.Flip) {
	states := make([]monitor.State, 0, len(settled))
	for id, state := range settled {
		if s.counts(id) {
			states = append(states, state)
		}
	}
	status, alive, total := Judge(s.svc.Needs, states)
	s.out.Alive, s.out.Total = alive, total
	if status == s.out.Status {
		return
	}
	at := s.flipTime(cause.At, s.out.Since, s.out.Flipped)
	s.fx.Flips = append(s.fx.Flips, monitor.Flip{
		Service: s.svc.ID, From: string(s.out.Status), To: string(status),
		At: at, Decided: later(at, s.now), Check: cause.Check, Reason: cause.Reason, Detail: cause.Detail,
	})
	s.out.Status, s.out.Since, s.out.Flipped, s.out.Decided, s.out.Check = status, at, true, s.now, cause.Check
}
