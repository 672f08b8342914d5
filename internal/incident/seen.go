package incident

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Seen is how bad an incident is for those who see no internal service, where one is
// among its causes: what they see may have broken hours later, or less.
type Seen struct {
	Opened  time.Time                    `json:"opened,omitzero"` // zero: nothing that they see was broken yet
	Since   time.Time                    `json:"since,omitzero"`  // as Incident.Since
	Impact  monitor.Impact               `json:"impact"`
	Worst   monitor.Impact               `json:"worst"`
	Reached map[monitor.Impact]time.Time `json:"reached,omitempty"`
}

// visible is the services by which the public judges an incident: the causes that it
// may know of, or else what is affected.
func (i *Incident) visible() []Affected {
	all := i.public()
	if slices.ContainsFunc(all, func(a Affected) bool { return a.Cause }) {
		return slices.DeleteFunc(all, func(a Affected) bool { return !a.Cause })
	}
	return all
}

// weighSeen is weigh for the public.
func (i *Incident) weighSeen(now time.Time) {
	if !slices.ContainsFunc(i.Services, func(a Affected) bool { return a.Cause && a.Internal }) && i.Seen == nil {
		return
	}
	if i.Seen == nil {
		i.Seen = &Seen{Impact: monitor.ImpactNone, Worst: monitor.ImpactNone, Reached: map[monitor.Impact]time.Time{}}
		if i.Worst != "" { // up to now they saw all of it
			i.Seen = &Seen{i.Opened, i.Since, i.Impact, i.Worst, maps.Clone(i.Reached)}
		}
	}
	s, impact := i.Seen, monitor.ImpactNone
	for _, a := range i.visible() {
		if a.Restored.IsZero() {
			impact = impact.Worse(a.Status.Impact())
		}
	}
	if impact.Rank() > s.Impact.Rank() && (s.Opened.IsZero() || now.Before(s.Opened)) {
		s.Opened = now // what is known last may have broken first
	}
	s.Since = began(s.Since, s.Worst, impact, now)
	s.Impact, s.Worst = impact, s.Worst.Worse(impact)
	s.Reached = reach(s.Reached, impact, i.flaps(), now)
}

// Calm is for how long what somebody sees must have worked before they hear of it while
// the cause lasts: most recover with it, one a little before the other.
const Calm = 5 * time.Minute

// calmAt is since when those who see no internal service are to hear that what they see
// works, though the incident goes on; zero if it does not, or they see a cause.
func (i *Incident) calmAt() (at time.Time) {
	if i.Seen == nil || i.Seen.Opened.IsZero() || i.Seen.Impact != monitor.ImpactNone || i.State != Open {
		return time.Time{}
	}
	for _, a := range i.visible() {
		if a.Cause || a.Flapping || a.Restored.IsZero() {
			return time.Time{}
		}
		at = latest(at, a.Restored.Add(Calm))
	}
	return at
}

// isCalm reports whether they are to have heard that, who heard it before or not:
// what was said is true until it breaks again.
func (i *Incident) isCalm(told Told, now time.Time) bool {
	at := i.calmAt()
	return !at.IsZero() && (told.Calm || !now.Before(at))
}

// flaps reports whether a cause keeps changing.
func (i *Incident) flaps() bool {
	return slices.ContainsFunc(i.Services, func(a Affected) bool { return a.Cause && a.Flapping })
}

// reach keeps since when each level of impact has been reached. What keeps changing
// has not fallen below it for good: else nobody would hear of it after a delay.
func reach(reached map[monitor.Impact]time.Time, impact monitor.Impact, flapping bool, now time.Time) map[monitor.Impact]time.Time {
	if reached == nil {
		reached = map[monitor.Impact]time.Time{}
	}
	for _, level := range []monitor.Impact{monitor.ImpactMinor, monitor.ImpactMajor, monitor.ImpactCritical} {
		_, has := reached[level]
		switch {
		case impact.AtLeast(level) && !has:
			reached[level] = now
		case !impact.AtLeast(level) && !flapping:
			delete(reached, level)
		}
	}
	return reached
}

// Public is the incident as those see it who see no internal service: since when, how
// bad, and when it was over. Its services are all; see PublicTitle.
func (i *Incident) Public() Incident {
	out := *i
	if s := i.Seen; s != nil && !s.Opened.IsZero() {
		out.Opened, out.Since, out.Impact, out.Worst, out.Reached = s.Opened, s.Since, s.Impact, s.Worst, s.Reached
	} else if s != nil {
		out.Impact, out.Worst, out.Reached = s.Impact, s.Worst, s.Reached
	}
	if i.State != Open {
		out.Impact = monitor.ImpactNone
	}
	return out
}

// seenBy is the incident as a tier sees it.
func (i *Incident) seenBy(tier monitor.Tier) *Incident {
	if !tier.Public || i.Seen == nil {
		return i
	}
	out := i.Public()
	return &out
}

// PubliclyLasted is Lasted for those who see no internal service.
func (i *Incident) PubliclyLasted() (from, to time.Time) {
	seen := i.Public()
	from, to = seen.Lasted()
	if i.Seen == nil || to.IsZero() {
		return from, to
	}
	var last time.Time
	for _, a := range i.visible() {
		if a.Restored.IsZero() {
			return from, to // it was not seen working yet
		}
		last = latest(last, a.Restored)
	}
	return from, cmp.Or(last, to)
}
