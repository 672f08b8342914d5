package incident

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Declaration is an incident that a person opens, since no monitor sees it.
type Declaration struct {
	By       string
	Title    string // without the name of a service: "payments are delayed"
	Text     string // for everybody
	Services []monitor.ServiceID
	Impact   monitor.Impact
	Next     time.Time // when the next update is promised; zero: no promise
}

// What people cannot declare or resolve.
var (
	ErrNoTitle   = errors.New("an incident needs a title")
	ErrNoService = errors.New("there is no such service")
	ErrImpact    = fmt.Errorf("the impact must be %s, %s or %s", monitor.ImpactMinor, monitor.ImpactMajor, monitor.ImpactCritical)
	ErrHasOne    = errors.New("the service has an open incident already")
	ErrStillDown = errors.New("it is not over by what is measured: Sonde would open another one")
)

// declared is the status that a service has in an incident that a person opens.
var declared = map[monitor.Impact]monitor.Status{
	monitor.ImpactMinor: monitor.DegradedPerf, monitor.ImpactMajor: monitor.PartialOutage, monitor.ImpactCritical: monitor.MajorOutage,
}

// Declare opens an incident by hand. It ends when a person resolves it, whatever
// is measured; it grows if what is measured is worse. Uptime, which is measured,
// does not change by it.
func Declare(cfg *monitor.Config, open []Incident, d Declaration, now time.Time) (Effects, error) {
	title, text := words(d.Title), words(d.Text)
	status, known := declared[d.Impact]
	switch {
	case title == "":
		return Effects{}, ErrNoTitle
	case text == "":
		return Effects{}, ErrNoText
	case !known:
		return Effects{}, ErrImpact
	case len(d.Services) == 0:
		return Effects{}, ErrNoService
	case !d.Next.IsZero() && !d.Next.After(now):
		return Effects{}, ErrPast
	}
	inc := Incident{
		ID: NewID(d.Services[0]+"\x00manual", now), Root: d.Services[0], State: Open, Phase: Investigating, Manual: true,
		Opened: now, Declared: now, Updated: now, Next: d.Next,
	}.clone()
	for i, id := range d.Services {
		if slices.Contains(d.Services[:i], id) {
			continue
		}
		svc, ok := cfg.Service(id)
		if !ok {
			return Effects{}, fmt.Errorf("%w: %s", ErrNoService, id)
		}
		if at := slices.IndexFunc(open, func(i Incident) bool { _, in := i.Affects(id); return in && i.State != Resolved }); at >= 0 {
			return Effects{}, fmt.Errorf("%w: %s in %s", ErrHasOne, id, open[at].ID)
		}
		a := affected(svc, Change{Status: status, At: now}, true)
		a.Declared = status
		inc.Services = append(inc.Services, a)
	}
	inc.Name = inc.Services[0].Name + ": " + title
	inc.Title = inc.Name
	inc.weigh(cfg, now)
	u := Update{Incident: inc.ID, At: now, Phase: inc.Phase, Impact: inc.Impact, By: d.By, Text: text}
	inc.say(u)
	told, notifications := tell(cfg, inc, now)
	return Effects{Incidents: []Incident{told}, Updates: []Update{u}, Notifications: notifications}, nil
}

// Resolve ends an incident by hand: one that a person has opened, one that waits
// for old DNS answers to run out, or one of a service that keeps changing and is
// fine at the moment. Whoever heard of the beginning hears of it. What is measured to
// be broken is not over, whoever says so: measured is how its services are.
func Resolve(cfg *monitor.Config, inc Incident, measured map[monitor.ServiceID]monitor.Status, n Note, now time.Time) (Effects, error) {
	broken := func(a Affected) bool { return measured[a.ID].IsOutage() }
	switch {
	case inc.State == Resolved:
		return Effects{}, ErrOver
	case slices.ContainsFunc(inc.Services, func(a Affected) bool {
		return a.Cause && (broken(a) || a.Declared == "" && a.Restored.IsZero())
	}):
		return Effects{}, ErrStillDown
	}
	inc = inc.clone()
	for i, a := range inc.Services {
		if a.Restored.IsZero() && !broken(a) {
			inc.Services[i].Restored = now
		}
		inc.Services[i].Still = a.IsPending() && broken(a)
	}
	u := end(&inc, now)
	u.By = n.By
	if text := words(n.Text); text != "" {
		u.Text = text
		inc.say(u)
	}
	told, notifications := tell(cfg, inc, now)
	return Effects{Incidents: []Incident{told}, Updates: []Update{u}, Notifications: notifications}, nil
}

// end ends an incident now, and returns its last update, which its tiers are to hear.
func end(inc *Incident, now time.Time) Update {
	draining := inc.State == Draining
	inc.State, inc.Phase, inc.Resolved, inc.Updated, inc.Next = Resolved, Done, now, now, time.Time{}
	inc.Impact = monitor.ImpactNone
	clear(inc.Reached)
	if inc.Seen != nil {
		inc.Seen.Impact, inc.Seen.Reached = monitor.ImpactNone, nil
	}
	for _, own := range inc.Own {
		own.Impact, own.Reached = monitor.ImpactNone, nil
	}
	text := inc.overText(inc.Services)
	if draining && !now.Before(inc.Drain) {
		text += " Old DNS answers have run out."
	}
	inc.Title = inc.titleAtWorst(inc.Services)
	u := inc.update(text, "", now)
	inc.say(u)
	return u
}
