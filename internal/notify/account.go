package notify

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// account is what a message says of one incident: the newest of the
// notifications of it that are due at once, and the event that matters most to
// somebody who has heard none of them.
type account struct {
	incident.Notification
	earlier []incident.Notification // the older ones, oldest first
	clock   clock
}

// gather makes an account of each incident, the most urgent first.
func gather(due []incident.Notification) []account {
	of := map[string][]incident.Notification{}
	var order []string
	for _, n := range due {
		if of[n.Incident] == nil {
			order = append(order, n.Incident)
		}
		of[n.Incident] = append(of[n.Incident], tidy(n))
	}
	var accounts []account
	for _, id := range order {
		accounts = append(accounts, recount(of[id]))
	}
	slices.SortStableFunc(accounts, func(a, b account) int {
		return cmp.Or(urgency(b)-urgency(a), a.Since.Compare(b.Since), strings.Compare(a.Incident, b.Incident), strings.Compare(a.ID, b.ID))
	})
	return accounts
}

// course is the order of events in an incident, and of their weight to somebody
// who hears of several at once: an escalation in a message that opens is part
// of the opening.
var course = map[incident.Event]int{
	incident.EventOpened: 1, incident.EventEscalated: 2, incident.EventReminder: 3, incident.EventAsked: 4, incident.EventUpdated: 5, incident.EventResolved: 6,
	incident.EventExpiring: 1, incident.EventRenewed: 2,
	incident.EventMaintenance: 7, incident.EventMaintained: 8,
}

func recount(ns []incident.Notification) account {
	slices.SortStableFunc(ns, func(a, b incident.Notification) int {
		return cmp.Or(a.At.Compare(b.At), course[a.Event]-course[b.Event], strings.Compare(a.ID, b.ID))
	})
	last := len(ns) - 1
	a := account{Notification: ns[last], earlier: ns[:last], clock: newClock(ns[last])}
	if a.isOver() || a.Event == incident.EventRenewed || a.Event == incident.EventMaintained {
		return a
	}
	for _, n := range a.earlier {
		if course[n.Event] < course[a.Event] {
			a.Event, a.Receipt = n.Event, n.Receipt
		}
	}
	return a
}

// urgency puts what must be acted on before what is over, and the worse first.
func urgency(a account) int {
	rank := map[incident.Event]int{
		incident.EventAsked: 5, incident.EventReminder: 4, incident.EventUpdated: 3,
		incident.EventResolved: 2, incident.EventExpiring: 2, incident.EventTest: 1, incident.EventRenewed: 0,
	}
	event, known := rank[a.Event]
	switch {
	case !known:
		event = 6
	case a.Event == incident.EventExpiring && state(a) == stateAlarm: // else the digest would not say that it holds one
		event = 4
	}
	return event*10 + a.Impact.Rank()
}

// isOver reports whether the incident has ended.
func (a account) isOver() bool { return a.Event == incident.EventResolved }

// isAgain reports whether it is as bad as was told before, and was better in between:
// the receipt of that has a number.
func (a account) isAgain() bool {
	return a.Event == incident.EventEscalated && strings.Count(a.Receipt, "-") > 1
}

// isNotice reports whether it is about an end that is near, and no incident.
func (a account) isNotice() bool { return isNotice(a.Event) }

func isNotice(event incident.Event) bool {
	return event == incident.EventExpiring || event == incident.EventRenewed || event == incident.EventTest
}

// remains says what is left of the trouble of the service that an incident is
// named after, once the incident is over; false if nothing is, or if what it
// depends on is mended and it was not looked at since.
func (a account) remains() (left string, stays bool) {
	s, _ := a.headline()
	if !a.isOver() || s.ID == "" || !s.Restored.IsZero() || s.IsPending() {
		return "", false
	}
	switch words := incident.Words(s.Status); {
	case s.Unknown || words == incident.Words(monitor.NotKnown):
		return "not known whether it works", true
	case s.Status.Impact() == monitor.ImpactNone:
		return "", false
	case s.Status.IsOutage():
		return stillDown(s), true
	default:
		return "still " + words, true
	}
}

func stillDown(s incident.Affected) string {
	if s.Status == monitor.PartialOutage {
		return "still partly down"
	}
	return "still down"
}

// isWritten reports whether a person has written the title: it does not end with
// what Sonde calls a condition.
func (a account) isWritten() bool {
	matter := strings.TrimSpace(a.Title[strings.LastIndex(a.Title, ": ")+1:])
	switch {
	case matter == "", matter == "flapping", matter == "set aside", matter == "no longer watched", strings.HasPrefix(matter, "no results"), a.drains():
		return false
	}
	for _, s := range []monitor.Status{monitor.Operational, monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage, monitor.MajorOutage, monitor.InMaintenance, monitor.NotKnown} {
		if words := incident.Words(s); matter == words || strings.HasPrefix(matter, words+", ") {
			return false
		}
	}
	return true
}

// drains reports whether it is restored and waits for old DNS answers to run out,
// as its title says.
func (a account) drains() bool {
	return strings.Contains(a.Title, ": restored, cached DNS until ") || strings.Contains(a.Title, ": cause mended, cached DNS until ")
}

// word is what the incident was at its worst.
func (a account) word() string {
	if a.Worst.AtLeast(monitor.ImpactMajor) {
		return "outage"
	}
	return "incident"
}

// maxMatter is the longest end of a title that says what the matter is.
const maxMatter = 40

// headline splits the title into the service that it names and what the matter
// is with it. A title that names no service stands alone, and so does that of
// maintenance, which people have written.
func (a account) headline() (service incident.Affected, matter string) {
	for _, s := range a.Services {
		if a.Event.IsMaintenance() {
			break
		}
		after, names := strings.CutPrefix(a.Title, s.Name+": ")
		if names && len(after) <= maxMatter && len(s.Name) >= len(service.Name) {
			service, matter = s, after
		}
	}
	if service.Name == "" {
		service.Name = a.Title
	}
	if service.Name == "" {
		service.Name = "Incident " + a.Incident
	}
	return service, matter
}

// service is the id of the service that the incident is named after.
func (a account) service() string {
	if s, _ := a.headline(); s.ID != "" {
		return string(s.ID)
	}
	if len(a.Services) > 0 {
		return string(a.Services[0].ID)
	}
	return ""
}

// nameIn writes the name of the headline in a smaller character set. One that
// cannot be read in it is replaced by the service's id.
func (a account) nameIn(set func(string) string) string {
	s, _ := a.headline()
	if name := set(s.Name); isReadable(name) || s.ID == "" {
		return name
	}
	return set(string(s.ID))
}

func isReadable(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// holds reports whether the title holds since the incident began: not where it is
// less bad than it was, or was so in between.
func (a account) holds() bool { return a.Impact == a.Worst && !a.isAgain() }

// since says since when the title holds, or when the incident began.
func (a account) since() string {
	switch {
	case a.isOver():
		return "at " + a.clock.brief(a.Resolved) + " after " + a.lasted()
	case a.holds():
		return "since " + a.clock.brief(a.Since)
	}
	return "began " + a.clock.brief(a.Since)
}

// lasted is how long it lasted, until it was over or until now.
func (a account) lasted() string {
	to := a.At
	if a.isOver() {
		to = a.Resolved
	}
	return incident.Span(to.Sub(a.Since))
}

// worst is the worst impact of all.
func worst(accounts []account) monitor.Impact {
	impact := monitor.ImpactNone
	for _, a := range accounts {
		impact = impact.Worse(a.Worst)
	}
	return impact
}
