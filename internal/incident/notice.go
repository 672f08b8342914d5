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
	Monitor monitor.Monitor // with its id only, if the configuration does not hold it any more
	At      time.Time       // when it ends; zero, if it was put off: it is not there, or not watched, any more
	Days    int             // people are told so many days before; 0: it has ended; if it was put off, what they were told last
	Renewed bool            // it was about to end, at Was, and is not any more
	Was     time.Time
	// Muted is until when planned maintenance of the service lasts: it is told after the
	// work, not in its midst; zero: there is none.
	Muted time.Time
}

// urgent is from how many days on an end is no matter of planning any more.
const urgent = 3

const day = 24 * time.Hour

// Notices are the messages about an end, which belong to no incident: to every
// tier that hears of what is minor and is not the public. The same end gives the
// same messages, by their ids: what was told last has one of its own, for its
// end, too.
func Notices(cfg *monitor.Config, svc monitor.Service, e Ending, now time.Time) []Notification {
	end, event, receipt := e.At, EventExpiring, "days-"+strconv.Itoa(e.Days)
	worst := monitor.ImpactMinor
	if e.Days <= urgent {
		worst = monitor.ImpactMajor
	}
	impact := worst
	if e.Renewed { // told to all who heard of it
		end, event, receipt, impact = e.Was, EventRenewed, "renewed-"+strconv.Itoa(e.Days), monitor.ImpactNone
	}
	id := digest("ending", string(e.Monitor.ID), end.UTC().Format(time.RFC3339))
	var out []Notification
	for _, tier := range cfg.Tiers {
		if tier.Public || !tier.Hears(monitor.HearsOpened) || svc.Tiers[tier.ID].Never || !worst.AtLeast(tier.Impact) {
			continue
		}
		n := Notification{
			ID: digest("notification", id, receipt, string(tier.ID)), Incident: id, Tier: tier.ID, Event: event, Receipt: receipt, At: now,
			Title: svc.Name + ": " + endingTitle(e, now), Impact: impact, Worst: worst, Opened: now, Since: now,
			Services: []Affected{{ID: svc.ID, Name: svc.Name, Cause: true, Since: now}},
			Text:     endingText(e, now, cfg.Zone()), Site: cfg.Site.Name, Zone: cfg.Site.TimeZone, URL: cfg.Site.URL, Chat: tier.Chat, Machine: tier.Machine,
		}
		n.At = latest(n.At, e.Muted)
		if until := waits(tier, impact, n.At); !until.IsZero() {
			n.At = until
		}
		out = append(out, n)
	}
	return out
}

// maxNamed is the longest domain that a title has room for beside what the matter
// is: a subject has 100 characters, and the matter 40 of them.
const maxNamed = 40 - len("domain  expires within a day")

// what is what ends, as a title calls it.
func what(e Ending) string {
	switch {
	case e.Monitor.Kind() != monitor.KindDomain:
		return "certificate"
	case len(e.Monitor.Domain.Name) <= maxNamed:
		return "domain " + e.Monitor.Domain.Name
	}
	return "domain"
}

func endingTitle(e Ending, now time.Time) string {
	switch {
	case e.Renewed && e.Monitor.Kind() == "":
		return "monitor removed"
	case e.Renewed && e.At.IsZero():
		return what(e) + " no longer in use"
	case e.Renewed:
		return what(e) + " renewed"
	case e.Days == 0 || !e.At.After(now):
		return what(e) + " has expired"
	}
	return what(e) + " expires " + within(e.At.Sub(now))
}

// within says how many days are left, rounded: nobody is told of seven when a
// prober that was away finds six.
func within(left time.Duration) string {
	switch days := int(left.Round(day) / day); {
	case left <= day:
		return "within a day"
	case days == 1:
		return "in 1 day"
	default:
		return "in " + strconv.Itoa(days) + " days"
	}
}

func endingText(e Ending, now time.Time, zone *time.Location) string {
	when := func(t time.Time) string { return t.In(zone).Format("Mon 2 Jan 2006, 15:04 MST") }
	id := string(e.Monitor.ID)
	name := "The certificate of " + e.Monitor.Target()
	if e.Monitor.Kind() == monitor.KindDomain {
		name = "The registration of the domain " + e.Monitor.Domain.Name
	}
	switch {
	case e.Renewed && e.Monitor.Kind() == "":
		return fmt.Sprintf("The monitor %s was removed: what would have expired on %s is no longer watched.", id, when(e.Was))
	case e.Renewed && e.At.IsZero():
		return fmt.Sprintf("%s is no longer in use: the one that would have expired on %s is not seen any more (monitor %s).", name, when(e.Was), id)
	case e.Renewed:
		return fmt.Sprintf("%s was renewed and now expires on %s (monitor %s).", name, when(e.At), id)
	case e.Days == 0 || !e.At.After(now):
		return fmt.Sprintf("%s expired on %s (monitor %s). Renew it now.", name, when(e.At), id)
	}
	return fmt.Sprintf("%s expires %s, on %s (monitor %s). Nothing is broken yet: renew it before then.", name, within(e.At.Sub(now)), when(e.At), id)
}
