package incident

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// isMuted reports whether the service is in planned maintenance.
func (c Change) isMuted(now time.Time) bool { return now.Before(c.Muted) }

// isMuted reports whether every cause that is not fine yet is in planned
// maintenance: nobody new hears of the incident, and nobody is reminded, until one
// is not. Its end is told all the same, and so is what people write.
func (i *Incident) isMuted(now time.Time) bool {
	muted := false
	for _, a := range i.Services {
		if a.Cause && a.Restored.IsZero() {
			if !now.Before(a.Muted) {
				return false
			}
			muted = true
		}
	}
	return muted
}

// mutedUntil is when the first of the causes that are not fine leaves planned
// maintenance; zero if one is in none.
func (i *Incident) mutedUntil() time.Time {
	var until time.Time
	for _, a := range i.Services {
		if !a.Cause || !a.Restored.IsZero() {
			continue
		}
		if a.Muted.IsZero() {
			return time.Time{}
		}
		if until.IsZero() || a.Muted.Before(until) {
			until = a.Muted
		}
	}
	return until
}

// belowMaintenance: what the service depends on is in planned maintenance, and
// broken as one may expect then. That accounts for it.
func (s *stepper) belowMaintenance(svc monitor.Service, c Change) bool {
	return slices.ContainsFunc(s.above(svc), func(d monitor.Service) bool {
		view, known := s.view(d.ID)
		return known && view.isMuted(s.now) && explains(view.Status, c.Status)
	})
}

// mute lets an incident know of planned maintenance of its other services that has
// begun: else somebody would hear of it now, because the one that changed has news.
func (s *stepper) mute(inc *Incident) {
	for i := range inc.Services {
		a := &inc.Services[i]
		view, known := s.view(a.ID)
		if !known || !a.Restored.IsZero() || !a.asSaid(view.Change).isMuted(s.now) || !a.Muted.IsZero() {
			continue
		}
		a.Muted = view.Muted
		text := a.Name + ": in planned maintenance until " + clock(a.Muted, s.now, s.cfg.Zone()) + "; messages about it wait until then."
		s.updates = append(s.updates, inc.update(text, "", s.now))
	}
}

// planned says that maintenance of a service in an incident has begun, is to end
// at another time, or is over; false if none of it is new.
func (s *stepper) planned(inc *Incident, svc monitor.Service, c Change, before Affected) (text string, turned bool) {
	switch is, was := c.isMuted(s.now), !before.Muted.IsZero(); {
	case is && !c.Muted.Equal(before.Muted):
		return svc.Name + ": in planned maintenance until " + clock(c.Muted, s.now, s.cfg.Zone()) + "; messages about it wait until then.", true
	case was && !is:
		inc.Unmuted = latest(inc.Unmuted, s.now)
		return svc.Name + ": planned maintenance is over, and it does not work yet: " + sentence(c) + ".", true
	}
	return "", false
}

// saidWorse reports whether some tier was told that the incident is worse than that.
func (i *Incident) saidWorse(than monitor.Impact) bool {
	for _, told := range i.Told {
		if told.Impact.Rank() > than.Rank() {
			return true
		}
	}
	return false
}
