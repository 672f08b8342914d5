package detect

import (
	"maps"
	"slices"

	"github.com/sondehq/sonde/internal/monitor"
)

// reconcile brings the state in line with the configuration: new monitors are
// unknown, removed ones are gone, paused ones paused.
func (s *stepper) reconcile() {
	members := 0
	for _, id := range s.svc.Monitors {
		if m := find(s.cfg, id); m != nil {
			s.adopt(m)
			members++
		}
	}
	if members != len(s.out.Details) {
		s.drop()
	}
	if s.out.Service != s.svc.ID || s.out.Status == "" {
		s.touch()
		s.out.Service, s.out.Status, s.out.Since, s.out.Decided = s.svc.ID, monitor.NotKnown, s.now, s.now
	}
}

// drop forgets monitors that the service no longer has.
func (s *stepper) drop() {
	for _, id := range sortedIDs(s.out.Details) {
		_, known := s.cfg.Monitor(id)
		if !known || !slices.Contains(s.svc.Monitors, id) {
			s.touch()
			s.leaves(id, s.out.Details[id].Expiry)
			delete(s.out.Details, id)
			delete(s.out.States, id)
		}
	}
}

func (s *stepper) touch() {
	if !s.fx.Changed {
		s.fx.Changed = true
		s.out = s.out.clone()
	}
}

func (s *stepper) adopt(m *monitor.Monitor) {
	d, has := s.out.Details[m.ID]
	if has && (d.Vote != nil || len(d.Dissent) > 0 || len(d.Where) > 0) {
		d = s.unseat(*m, d)
	}
	if e := d.Expiry; e != nil && e.About != 0 && s.in.Config != s.cfg.Version && e.About != about(m) {
		d = s.doubts(m, d)
	}
	if has && d.Shadow != m.Shadow {
		d.Shadow = m.Shadow
		s.put(m.ID, d)
	}
	event, changes := Pause, m.Paused && d.Settled != monitor.Paused
	switch {
	case !has && m.Paused:
		s.put(m.ID, Monitor{Settled: monitor.Paused, Since: s.now, Reason: "paused by configuration", Shadow: m.Shadow})
		return
	case !has:
		s.put(m.ID, Monitor{Settled: monitor.Unknown, Since: s.now, Reason: "not checked yet", Shadow: m.Shadow})
		return
	case !m.Paused && d.Settled == monitor.Paused:
		event, changes = Resume, true
		if d.Expiry != nil {
			d = s.doubts(m, d)
		}
	}
	if !changes {
		return
	}
	if t, ok := Next(d.State(), event); ok {
		d = d.clone()
		d.markVote(*m)
		d.Vote, d.Failure = nil, nil
		s.flip(m.ID, &d, t.To, s.now, t.Reason, "")
		d.Was = ""
		s.put(m.ID, d)
	}
}

// unseat takes the votes, dissents and findings of locations away from which the
// monitor is no longer checked: they can neither confirm nor change their minds.
func (s *stepper) unseat(m monitor.Monitor, d Monitor) Monitor {
	left := func(l monitor.Location) bool { return !slices.Contains(m.Locations, l) }
	gone := len(m.Locations) < 2 && len(d.Dissent) > 0 || slices.ContainsFunc(slices.Collect(maps.Keys(d.Dissent)), left) || slices.ContainsFunc(d.Where, left)
	if d.Vote != nil {
		gone = gone || slices.ContainsFunc(slices.Collect(maps.Keys(d.Vote.Ballots)), left)
	}
	if !gone {
		return d
	}
	d = d.clone()
	maps.DeleteFunc(d.Dissent, func(l monitor.Location, _ Dissent) bool { return left(l) || len(m.Locations) < 2 })
	if slices.ContainsFunc(d.Where, left) {
		d.Where = slices.DeleteFunc(d.Where, left)
		d.Agreed, d.Of = len(d.Where), min(d.Of, len(m.Locations))
	}
	if d.Vote != nil {
		maps.DeleteFunc(d.Vote.Ballots, func(l monitor.Location, _ Ballot) bool { return left(l) })
	}
	s.put(m.ID, d)
	return d
}

// revote looks at open votes as the configuration has them now: with a location
// less, or another quorum, what has been said may be enough; and a location that
// is new has not been asked yet. Where the configuration has not changed, there
// is nothing to do: each vote was looked at after its last result.
func (s *stepper) revote() {
	for _, id := range s.svc.Monitors {
		m, d := find(s.cfg, id), s.out.Details[id]
		if m == nil || m.Paused || d.Vote == nil {
			continue
		}
		d = d.clone()
		if s.settle(*m, &d, false) {
			continue
		}
		asked := false
		for _, location := range m.Locations {
			if _, has := d.Vote.Asked[location]; !has {
				s.ask(*m, &d, location, s.now)
				asked = true
			}
		}
		if asked {
			s.put(id, d)
		}
	}
}
