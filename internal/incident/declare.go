package incident

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
	title, text := strings.TrimSpace(d.Title), strings.TrimSpace(d.Text)
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
	for _, id := range d.Services {
		svc, ok := cfg.Service(id)
		if !ok {
			return Effects{}, fmt.Errorf("%w: %s", ErrNoService, id)
		}
		if at := slices.IndexFunc(open, func(i Incident) bool { _, in := i.Affects(id); return in && i.State != Resolved }); at >= 0 {
			return Effects{}, fmt.Errorf("%w: %s in %s", ErrHasOne, id, open[at].ID)
		}
		inc.Services = append(inc.Services, affected(svc, Change{Status: status, At: now}, true))
	}
	inc.Title = inc.Services[0].Name + ": " + title
	inc.weigh(now)
	u := Update{Incident: inc.ID, At: now, Phase: inc.Phase, Impact: inc.Impact, By: d.By, Text: text}
	told, notifications := tell(cfg, inc, u, now)
	return Effects{Incidents: []Incident{told}, Updates: []Update{u}, Notifications: notifications}, nil
}

// Resolve ends an incident by hand: one that a person has opened, one that waits
// for old DNS answers to run out, or one of a service that keeps changing and is
// fine at the moment. Whoever heard of the beginning hears of it.
func Resolve(cfg *monitor.Config, inc Incident, n Note, now time.Time) (Effects, error) {
	switch {
	case inc.State == Resolved:
		return Effects{}, ErrOver
	case !inc.Manual && slices.ContainsFunc(inc.Services, func(a Affected) bool { return a.Cause && a.Restored.IsZero() }):
		return Effects{}, ErrStillDown
	}
	inc = inc.clone()
	for i := range inc.Services {
		if inc.Services[i].Restored.IsZero() {
			inc.Services[i].Restored = now
		}
	}
	u := end(&inc, now)
	u.By = n.By
	if text := strings.TrimSpace(n.Text); text != "" {
		u.Text = text
	}
	told, notifications := tell(cfg, inc, u, now)
	return Effects{Incidents: []Incident{told}, Updates: []Update{u}, Notifications: notifications}, nil
}

// end ends an incident now, and returns its last update.
func end(inc *Incident, now time.Time) Update {
	drained := inc.State == Draining
	inc.State, inc.Phase, inc.Resolved, inc.Updated, inc.Next = Resolved, Done, now, now, time.Time{}
	inc.Impact = monitor.ImpactNone
	clear(inc.Reached)
	if inc.Seen != nil {
		inc.Seen.Impact, inc.Seen.Reached = monitor.ImpactNone, nil
	}
	text := restoredText(inc.Lasted())
	if drained {
		text += " Old DNS answers have run out."
	}
	if root, ok := inc.Affects(inc.Root); ok && drained {
		inc.Title = title(root.Name, Change{Status: declared[inc.Worst]})
	}
	return Update{Incident: inc.ID, At: now, Phase: Done, Text: text, Impact: monitor.ImpactNone}
}
