package incident

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Ending is a certificate or a registration whose end is near, or has passed, or
// was put off.
type Ending struct {
	Monitor monitor.Monitor
	At      time.Time // when it ends
	Days    int       // people are told so many days before; 0: it has ended
	Renewed bool      // it was about to end, at Was, and is not any more
	Was     time.Time
}

// urgent is from how many days on an end is no matter of planning any more.
const urgent = 3

const day = 24 * time.Hour

// Notices are the messages about an end, which belong to no incident: to every
// tier that hears of what is minor and is not the public. The same end gives the
// same messages.
func Notices(cfg *monitor.Config, svc monitor.Service, e Ending, now time.Time) []Notification {
	end, event, receipt := e.At, EventExpiring, "days-"+strconv.Itoa(e.Days)
	impact := monitor.ImpactMinor
	switch {
	case e.Renewed:
		end, event, receipt, impact = e.Was, EventRenewed, "renewed", monitor.ImpactNone
	case e.Days <= urgent:
		impact = monitor.ImpactMajor
	}
	id := digest("ending", string(e.Monitor.ID), end.UTC().Format(time.RFC3339))
	var out []Notification
	for _, tier := range cfg.Tiers {
		if tier.Public || !tier.Hears(monitor.HearsOpened) || svc.Tiers[tier.ID].Never || !impact.Worse(monitor.ImpactMinor).AtLeast(tier.Impact) {
			continue
		}
		n := Notification{
			ID: digest("notification", id, receipt, string(tier.ID)), Incident: id, Tier: tier.ID, Event: event, Receipt: receipt, At: now,
			Title: svc.Name + ": " + endingTitle(e, now), Impact: impact, Worst: impact.Worse(monitor.ImpactMinor), Opened: now, Since: now,
			Services: []Affected{{ID: svc.ID, Name: svc.Name, Cause: true, Since: now}},
			Text:     endingText(e, cfg.Zone()), Site: cfg.Site.Name, Zone: cfg.Site.TimeZone, URL: cfg.Site.URL, Chat: tier.Chat, Machine: tier.Machine,
		}
		if until := waits(tier, impact, now); !until.IsZero() {
			n.At = until
		}
		out = append(out, n)
	}
	return out
}

func what(e Ending) string {
	if e.Monitor.Kind() == monitor.KindDomain {
		return "registration"
	}
	return "certificate"
}

// endingTitle says how many days are left, rounded: nobody is told of seven when
// a prober that was away finds six.
func endingTitle(e Ending, now time.Time) string {
	switch {
	case e.Renewed:
		return what(e) + " renewed"
	case e.Days == 0:
		return what(e) + " has ended"
	case e.Days == 1:
		return what(e) + " ends within a day"
	}
	return what(e) + " ends in " + strconv.Itoa(int(e.At.Sub(now).Round(day)/day)) + " days"
}

func endingText(e Ending, zone *time.Location) string {
	name := "The " + what(e) + " of " + e.Monitor.Target()
	if e.Monitor.Kind() == monitor.KindDomain {
		name = "The registration of " + e.Monitor.Domain.Name
	}
	name += " (monitor " + string(e.Monitor.ID) + ")"
	at := e.At.In(zone).Format("Mon 2 Jan 2006, 15:04 MST")
	switch {
	case e.Renewed:
		return name + " is renewed, and ends on " + at + "."
	case e.Days == 0:
		return name + " ended on " + at + "."
	}
	return fmt.Sprintf("%s ends on %s. Nothing is broken yet: renew it before then.", name, at)
}
