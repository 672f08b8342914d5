package incident

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/sondehq/sonde/internal/monitor"
)

// Note is what a person adds to an incident.
type Note struct {
	By    string    // who, as the table is to remember
	Text  string    // for everybody, as it is
	Phase Phase     // empty: as it was
	Next  time.Time // when the next update is promised; zero: no promise
	Drain time.Time // until when old DNS answers may last; zero: as it was
}

// words is a text as it is kept: without what nobody sees.
func words(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, ""))
	return strings.TrimSpace(text)
}

// What people cannot do. The errors say what; callers add what to do.
var (
	ErrOver      = errors.New("the incident is over")
	ErrAcked     = errors.New("the incident is acknowledged already")
	ErrNoText    = errors.New("an update needs a text")
	ErrNoTier    = errors.New("there is no such tier")
	ErrTold      = errors.New("the tier has been told already")
	ErrNotHeld   = errors.New("the tier is not public: its messages need no publishing")
	ErrPast      = errors.New("the next update is promised for a time that has passed")
	ErrDrained   = errors.New("old DNS answers are said to last until a time that has passed")
	ErrNoReason  = errors.New("declining needs a reason")
	ErrPhase     = fmt.Errorf("the phase must be %s, %s or %s", Investigating, Identified, Monitoring)
	ErrLess      = errors.New("the incident is less than the tier hears of at the moment")
	ErrForNobody = errors.New("the tier does not hear of incidents like this one")
)

// Declined says who decided that a tier is not to hear of an incident.
type Declined struct {
	By     string         `json:"by,omitempty"`
	At     time.Time      `json:"at"`
	Reason string         `json:"reason"`
	Impact monitor.Impact `json:"impact,omitempty"` // how bad it was then, as the tier sees it
	Asked  monitor.Impact `json:"asked,omitempty"`  // how bad it was when people were asked again
}

// Acknowledge notes that somebody is on it: reminders stop, until it gets worse.
func Acknowledge(cfg *monitor.Config, inc Incident, by string, now time.Time) (Effects, error) {
	switch {
	case inc.State == Resolved:
		return Effects{}, ErrOver
	case inc.isAcked():
		return Effects{}, fmt.Errorf("%w, by %s", ErrAcked, orSomebody(inc.By))
	}
	inc = inc.clone()
	inc.Acked, inc.AckedAt, inc.By, inc.Updated = now, inc.Impact, by, now
	u := Update{Incident: inc.ID, At: now, Phase: inc.Phase, Impact: inc.Impact, By: by, Detail: "Acknowledged."}
	return Effects{Incidents: []Incident{inc}, Updates: []Update{u}}, nil
}

// Post adds an update. Every tier that has heard of the incident hears it, and
// the page shows it, with the time for which the next one is promised. A promise
// that was made before ends with it.
func Post(cfg *monitor.Config, inc Incident, n Note, now time.Time) (Effects, error) {
	text := words(n.Text)
	switch {
	case inc.State == Resolved:
		return Effects{}, ErrOver
	case text == "":
		return Effects{}, ErrNoText
	case !n.Next.IsZero() && !n.Next.After(now):
		return Effects{}, ErrPast
	case !n.Drain.IsZero() && !n.Drain.After(now):
		return Effects{}, ErrDrained
	case n.Phase != "" && n.Phase != Investigating && n.Phase != Identified && n.Phase != Monitoring:
		return Effects{}, ErrPhase
	}
	inc = inc.clone()
	if n.Phase != "" {
		inc.Phase = n.Phase
	}
	inc.Next, inc.Updated = n.Next, now
	if !n.Drain.IsZero() { // whoever says so knows better than what was seen
		inc.Drain = n.Drain
		if root, ok := inc.Affects(inc.Root); ok && inc.State == Draining {
			inc.Title = drainTitle(root.Name, inc.Drain, now, cfg.Zone())
		}
	}
	u := Update{Incident: inc.ID, At: now, Phase: inc.Phase, Impact: inc.Impact, By: n.By, Text: text}
	inc.say(u)
	told, notifications := tell(cfg, inc, now)
	return Effects{Incidents: []Incident{told}, Updates: []Update{u}, Notifications: notifications}, nil
}

// say notes an update that everybody who has heard of the incident is to hear.
func (i *Incident) say(u Update) {
	i.Said = u
	i.News++
	if u.By != "" && u.Text != "" {
		i.Note = u
	}
}

// Publish tells a public tier at once what it would hear after its delay and its hold,
// in its quiet hours and in planned maintenance too, also if it was declined before.
func Publish(cfg *monitor.Config, inc Incident, tier monitor.TierID, by string, now time.Time) (Effects, error) {
	if err := held(cfg, &inc, tier); err != nil {
		return Effects{}, err
	}
	if own, _ := cfg.Tier(tier); !heardNow(cfg, own, &inc) {
		return Effects{}, ErrLess
	}
	inc = inc.clone()
	delete(inc.Declined, tier)
	inc.Published[tier] = now
	inc.Updated = now
	u := Update{Incident: inc.ID, At: now, Phase: inc.Phase, Impact: inc.Impact, By: by, Detail: "Published to " + string(tier) + "."}
	told, notifications := tell(cfg, inc, now)
	return Effects{Incidents: []Incident{told}, Updates: []Update{u}, Notifications: notifications}, nil
}

// Decline keeps a public tier from hearing of the incident, with a reason that
// operators see.
func Decline(cfg *monitor.Config, inc Incident, tier monitor.TierID, by, reason string, now time.Time) (Effects, error) {
	reason = words(reason)
	if err := held(cfg, &inc, tier); err != nil {
		return Effects{}, err
	}
	if reason == "" {
		return Effects{}, ErrNoReason
	}
	inc = inc.clone()
	delete(inc.Published, tier)
	inc.Declined[tier] = Declined{By: by, At: now, Reason: reason, Impact: inc.seenBy(monitor.Tier{ID: tier, Public: true}).Impact}
	inc.Updated = now
	u := Update{Incident: inc.ID, At: now, Phase: inc.Phase, Impact: inc.Impact, By: by, Detail: "Not told to " + string(tier) + ": " + reason}
	return Effects{Incidents: []Incident{inc}, Updates: []Update{u}}, nil
}

// held reports why a tier's message cannot be published or declined; nil if it
// can.
func held(cfg *monitor.Config, inc *Incident, id monitor.TierID) error {
	for _, tier := range cfg.Tiers {
		if tier.ID != id {
			continue
		}
		_, told := inc.Told[id]
		own, hearing := policy(cfg, tier, inc)
		switch {
		case inc.State == Resolved:
			return ErrOver
		case !tier.Public:
			return ErrNotHeld
		case told:
			return ErrTold
		case !hearing || !inc.seenBy(tier).Worst.AtLeast(own.Impact):
			return ErrForNobody
		}
		return nil
	}
	return ErrNoTier
}

// heardNow reports whether a tier hears of the incident as bad as it is at the moment.
func heardNow(cfg *monitor.Config, tier monitor.Tier, inc *Incident) bool {
	own, hearing := policy(cfg, tier, inc)
	return hearing && hears(cfg, own, inc.seenBy(tier))
}

// dueAt is when a tier hears of the incident by itself. Its hold, in which people can
// decide, begins when they can be asked: after planned maintenance, not in it.
func (i *Incident) dueAt(tier monitor.Tier) time.Time {
	return i.asksAt(tier).Add(tier.Hold)
}

// asksAt is when people are asked whether a tier with a hold is to hear of it.
func (i *Incident) asksAt(tier monitor.Tier) time.Time {
	from := i.reached(tier).Add(tier.After)
	if tier.Hold > 0 {
		from = latest(from, latest(i.Unmuted, i.mutedUntil()))
	}
	return from
}

// isDue reports whether a tier that has not heard of the incident is to hear of
// it now.
func (i *Incident) isDue(cfg *monitor.Config, tier monitor.Tier, now time.Time) bool {
	if _, declined := i.Declined[tier.ID]; declined || !hears(cfg, tier, i) {
		return false
	}
	_, published := i.Published[tier.ID]
	return published || !i.isMuted(now) && !now.Before(i.dueAt(tier))
}

// isLate reports whether the promised update is late, and a tier is one that is
// to be reminded of it, and has not been.
func (i *Incident) isLate(cfg *monitor.Config, tier monitor.Tier, told Told, now time.Time) bool {
	return i.State != Resolved && areOperators(cfg, tier.ID) &&
		!i.Next.IsZero() && now.After(i.Next) && !told.Late.Equal(i.Next)
}

func orSomebody(name string) string {
	if name == "" {
		return "somebody"
	}
	return name
}
