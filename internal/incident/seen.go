package incident

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Seen is how bad an incident is for those who do not know of all its services: the
// public, which knows of no internal one, or a tier that is never to hear of one.
// What they know of may have broken hours later than its cause, or less.
type Seen struct {
	Opened  time.Time                    `json:"opened,omitzero"` // zero: nothing that they know of was broken yet
	Since   time.Time                    `json:"since,omitzero"`  // as Incident.Since
	Impact  monitor.Impact               `json:"impact"`
	Worst   monitor.Impact               `json:"worst"`
	Reached map[monitor.Impact]time.Time `json:"reached,omitempty"`
}

func (s *Seen) clone() *Seen {
	if s == nil {
		return nil
	}
	c := *s
	c.Reached = maps.Clone(s.Reached)
	return &c
}

// everybody is the tier of those who read the page.
var everybody = monitor.Tier{Public: true}

// knows reports whether a tier may hear of a service.
func knows(cfg *monitor.Config, tier monitor.Tier, a Affected) bool {
	if tier.Public && a.Internal {
		return false
	}
	return !never(cfg, tier.ID, a.ID)
}

// never reports whether a tier is never to hear of a service.
func never(cfg *monitor.Config, tier monitor.TierID, id monitor.ServiceID) bool {
	if tier == "" {
		return false
	}
	svc, _ := cfg.Service(id)
	return svc.Tiers[tier].Never
}

// knownTo is the services that a tier may hear of.
func (i *Incident) knownTo(cfg *monitor.Config, tier monitor.Tier) []Affected {
	return slices.DeleteFunc(slices.Clone(i.Services), func(a Affected) bool { return !knows(cfg, tier, a) })
}

// judgedBy is the services by which a tier judges an incident: the causes that it may
// know of, or else what is affected.
func judgedBy(known []Affected) []Affected {
	if slices.ContainsFunc(known, func(a Affected) bool { return a.Cause }) {
		return slices.DeleteFunc(slices.Clone(known), func(a Affected) bool { return !a.Cause })
	}
	return known
}

// weighSeen is weigh for those who do not know of every cause.
func (i *Incident) weighSeen(cfg *monitor.Config, now time.Time) {
	if i.Seen != nil || slices.ContainsFunc(i.Services, func(a Affected) bool { return a.Cause && a.Internal }) {
		i.Seen = i.weighFor(i.Seen, i.knownTo(cfg, everybody), now)
	}
	for _, tier := range cfg.Tiers {
		if i.Own[tier.ID] == nil && !slices.ContainsFunc(i.Services, func(a Affected) bool { return a.Cause && never(cfg, tier.ID, a.ID) }) {
			continue
		}
		if i.Own == nil {
			i.Own = map[monitor.TierID]*Seen{}
		}
		i.Own[tier.ID] = i.weighFor(i.Own[tier.ID], i.knownTo(cfg, tier), now)
	}
}

func (i *Incident) weighFor(s *Seen, known []Affected, now time.Time) *Seen {
	if s == nil {
		s = &Seen{Impact: monitor.ImpactNone, Worst: monitor.ImpactNone, Reached: map[monitor.Impact]time.Time{}}
		if i.Worst != "" { // up to now they knew all of it
			s = &Seen{i.Opened, i.Since, i.Impact, i.Worst, maps.Clone(i.Reached)}
		}
	}
	impact := monitor.ImpactNone
	for _, a := range judgedBy(known) {
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
	return s
}

// Calm is for how long what somebody sees must have worked before they hear of it while
// the cause lasts: most recover with it, one a little before the other.
const Calm = 5 * time.Minute

// calmAt is since when those who see no internal service are to hear that what they see
// works, though the incident goes on; zero if it does not, or they see a cause.
func (i *Incident) calmAt(cfg *monitor.Config) (at time.Time) {
	if i.Seen == nil || i.Seen.Opened.IsZero() || i.Seen.Impact != monitor.ImpactNone || i.State != Open {
		return time.Time{}
	}
	for _, a := range judgedBy(i.knownTo(cfg, everybody)) {
		if a.Cause || a.Flapping || a.Restored.IsZero() {
			return time.Time{}
		}
		at = latest(at, a.Restored.Add(Calm))
	}
	return at
}

// isCalm reports whether they are to have heard that, who heard it before or not:
// what was said is true until it breaks again.
func (i *Incident) isCalm(cfg *monitor.Config, told Told, now time.Time) bool {
	at := i.calmAt(cfg)
	return !at.IsZero() && (told.Calm || !now.Before(at))
}

// isOld reports whether all that is new is about what they do not see, who know already
// that what they see works: it would be told them again.
func (i *Incident) isOld(cfg *monitor.Config, told Told, now time.Time) bool {
	return told.Calm && i.isCalm(cfg, told, now) && i.Said.By == "" && !i.Note.At.After(told.Last)
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

// as is the incident as somebody sees it: since when, how bad, and when it was over.
// Its services are all.
func (i *Incident) as(s *Seen) Incident {
	out := *i
	switch {
	case s == nil:
	case s.Opened.IsZero():
		out.Impact, out.Worst, out.Reached = s.Impact, s.Worst, s.Reached
	default:
		out.Opened, out.Since, out.Impact, out.Worst, out.Reached = s.Opened, s.Since, s.Impact, s.Worst, s.Reached
	}
	if i.State != Open {
		out.Impact = monitor.ImpactNone
	}
	return out
}

// Public is the incident as those see it who see no internal service. Its services are
// all; see PublicTitle.
func (i *Incident) Public() Incident { return i.as(i.Seen) }

// seenAs is what an incident is for a tier, where that is something else.
func (i *Incident) seenAs(tier monitor.Tier) *Seen {
	if own := i.Own[tier.ID]; own != nil {
		return own
	}
	if tier.Public {
		return i.Seen
	}
	return nil
}

// seenBy is the incident as a tier sees it.
func (i *Incident) seenBy(tier monitor.Tier) *Incident {
	s := i.seenAs(tier)
	if s == nil {
		return i
	}
	out := i.as(s)
	if out.AckedAt = ""; !i.isAcked() { // it is of the whole
		out.Acked = time.Time{}
	}
	return &out
}

// PubliclyLasted is Lasted for those who see no internal service.
func (i *Incident) PubliclyLasted() (from, to time.Time) {
	return i.lastedFor(i.Seen, i.public())
}

// lastedFor is Lasted for those who know of some services only.
func (i *Incident) lastedFor(s *Seen, known []Affected) (from, to time.Time) {
	seen := i.as(s)
	from, to = seen.Lasted()
	if s == nil || to.IsZero() {
		return from, to
	}
	if v, sees := i.foremost(known); sees && v.Restored.IsZero() {
		return from, to // it was not seen working yet
	}
	return from, cmp.Or(lastOf(worstOf(judgedBy(known))), to)
}
