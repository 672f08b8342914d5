package incident

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// view is what is known of a service, the change that was brought included.
func (s *stepper) view(id monitor.ServiceID) (View, bool) {
	view, known := s.world.Services[id]
	if id == s.brought.Service {
		view.Change, known = s.brought, true
	}
	return view, known
}

// explains reports whether a service in one condition accounts for another that
// depends on it. One that still works, though at risk, accounts for nothing.
func explains(cause, effect monitor.Status) bool {
	return cause.IsOutage() || cause == monitor.DegradedPerf && effect == monitor.DegradedPerf
}

// above is what may account for a service: what it depends on, through any number of
// steps, as long as no step works although what is above it has been broken for a
// while: then that does not reach further down.
func (s *stepper) above(svc monitor.Service) []monitor.Service {
	return slices.DeleteFunc(s.cfg.Dependencies(svc.ID), func(d monitor.Service) bool { return !s.reaches(svc, d) })
}

// isBelow reports whether a service may be accounted for by another.
func (s *stepper) isBelow(id, cause monitor.ServiceID) bool {
	svc, known := s.cfg.Service(id)
	return known && slices.ContainsFunc(s.above(svc), func(d monitor.Service) bool { return d.ID == cause })
}

func (s *stepper) reaches(svc, above monitor.Service) bool {
	return slices.ContainsFunc(svc.DependsOn, func(id monitor.ServiceID) bool {
		step, known := s.cfg.Service(id)
		return id == above.ID || known && s.passes(step, above) && s.reaches(step, above)
	})
}

// passes reports whether a service is not seen working in spite of what it depends on.
func (s *stepper) passes(svc, above monitor.Service) bool {
	here, known := s.view(svc.ID)
	there, has := s.view(above.ID)
	if !known || !has || here.Status != monitor.Operational || here.Suspect || there.Suspect || !there.Status.IsOutage() {
		return true
	}
	return s.now.Sub(latest(there.At, there.Decided)) < s.round(svc)
}

// ofDependency finds the incident of a broken service above this one.
func (s *stepper) ofDependency(svc monitor.Service, c Change) (Incident, bool) {
	above := s.above(svc)
	if len(above) == 0 {
		return Incident{}, false
	}
	return s.find(func(i *Incident) bool {
		return slices.ContainsFunc(above, func(d monitor.Service) bool {
			a, in := i.Affects(d.ID)
			return in && a.Restored.IsZero() && explains(a.Status, c.Status)
		})
	})
}

// ofDependent finds the incident of a service below this one, which then is
// its cause.
func (s *stepper) ofDependent(svc monitor.Service, c Change) (Incident, bool) {
	below := s.cfg.Dependents(svc.ID)
	if len(below) == 0 {
		return Incident{}, false
	}
	return s.find(func(i *Incident) bool {
		return slices.ContainsFunc(below, func(d monitor.Service) bool {
			a, in := i.Affects(d.ID)
			return in && a.Cause && a.Restored.IsZero() && explains(c.Status, a.Status) && s.isBelow(d.ID, svc.ID)
		})
	})
}

// How long a service waits for what it depends on: for a vote on it, which ends by
// itself; for its next round, where it is not what it should be; and where it is fine
// again, for as long as results of its own may be on their way, however often it is checked.
const (
	longVote = 10 * time.Minute
	nextLook = 2 * time.Minute
	lateness = time.Minute
)

// undecided: what the service depends on may yet turn out to be the cause. Its
// vote is open; or it is not what it should be, and may not have been checked
// since this began; or it broke with this service and is fine again, and this
// one has not had the time to follow since that was known: results may be late.
func (s *stepper) undecided(svc monitor.Service, c Change) bool {
	own := s.round(svc)
	return slices.ContainsFunc(s.above(svc), func(d monitor.Service) bool {
		view, known := s.view(d.ID)
		follows := c.At.Before(view.At) && s.now.Sub(latest(view.At, view.Decided)) < max(2*own, lateness)
		switch {
		case !known:
			return false
		case view.Suspect:
			return s.now.Sub(c.At) < longVote
		case view.Status == monitor.AtRisk, view.Status == monitor.DegradedPerf:
			return s.now.Sub(c.At) < min(s.round(d), nextLook) || follows
		}
		return view.Status == monitor.Operational && follows
	})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// round is how long it takes until the monitors of a service have been checked.
func (s *stepper) round(svc monitor.Service) time.Duration {
	return round(s.cfg, svc)
}

// standsAlone: a service that was listed as affected is still broken although
// nothing that it depends on accounts for it: it is a cause of its own. Of a
// dependency that is not known, what the incident last knew counts.
func (s *stepper) standsAlone(inc *Incident, svc monitor.Service, c Change, a Affected) bool {
	if a.Cause || !c.Status.IsOutage() || s.undecided(svc, c) {
		return false
	}
	return !slices.ContainsFunc(s.above(svc), func(d monitor.Service) bool {
		view, known := s.view(d.ID)
		if known && view.Status != monitor.NotKnown {
			return explains(view.Status, c.Status)
		}
		last, in := inc.Affects(d.ID)
		return in && last.Cause && last.Restored.IsZero() && explains(last.Status, c.Status)
	})
}
