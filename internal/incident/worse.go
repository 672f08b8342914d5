package incident

import (
	"cmp"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// isWorse reports whether a tier is to be alarmed again: the incident is worse than
// anything it was told, or than what it has fallen to since. What has fallen below what
// the tier hears of waits for the tier's time again. What keeps changing is told once.
func (i *Incident) isWorse(tier monitor.Tier, told Told, now time.Time) bool {
	stands := told.stands()
	switch {
	case i.isMuted(now):
		return false
	case i.Impact.Rank() > told.Impact.Rank():
		return true
	case i.flaps() || i.Impact.Rank() <= stands.Rank() || !i.Impact.AtLeast(tier.Impact):
		return false
	}
	return stands.AtLeast(tier.Impact) || !now.Before(i.reached(tier).Add(tier.After))
}

// escalated is the receipt of the news that it got worse. Only what a tier was told
// before can it be told again: then the receipt has a number.
func (i *Incident) escalated(told Told) string {
	name := "escalated-" + string(i.Impact)
	if i.Impact.Rank() <= told.Impact.Rank() {
		return number(name, told.Again+2)
	}
	return name
}

// stands is how bad it is by what the tier was alarmed of, or has fallen to since. Of
// what was stored before that was kept it is the worst that the tier has heard of.
func (t Told) stands() monitor.Impact { return cmp.Or(t.Stands, t.Impact) }

// falls lowers how bad it is for a tier to what it has fallen to.
func (t Told) falls(to monitor.Impact) Told {
	if to.Rank() < t.stands().Rank() {
		t.Stands = to
	}
	return t
}

// fallen is what the impact has fallen to, as a tier sees it: at least so bad it was
// at all times. What keeps changing has not fallen for good, and what is partly down
// since something is not known, and nothing is known to work, may be as bad as before.
func (i *Incident) fallen(cfg *monitor.Config, tier monitor.Tier) monitor.Impact {
	var judged []Affected
	switch s := i.seenAs(tier); {
	case i.State != Open:
		return monitor.ImpactNone
	case s == nil:
		judged = i.causes()
	case s == i.Seen:
		judged = judgedBy(i.knownTo(cfg, everybody))
	default:
		judged = judgedBy(i.knownTo(cfg, tier))
	}
	return fallen(judged)
}

func fallen(judged []Affected) monitor.Impact {
	impact := monitor.ImpactNone
	for _, a := range judged {
		switch {
		case a.Flapping || a.Restored.IsZero() && a.Status == monitor.PartialOutage && a.Total > 0 && a.Alive == 0:
			return monitor.ImpactCritical
		case a.Restored.IsZero():
			impact = impact.Worse(a.Status.Impact())
		}
	}
	return impact
}

func (i *Incident) causes() []Affected {
	return slices.DeleteFunc(slices.Clone(i.Services), func(a Affected) bool { return !a.Cause })
}

// isAcked reports whether an acknowledgement holds: it is for as bad as the incident
// has been at best since it was given.
func (i *Incident) isAcked() bool {
	return !i.Acked.IsZero() && (i.AckedAt == "" || i.Impact.Rank() <= i.AckedAt.Rank())
}
