package notify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sondehq/sonde/internal/incident"
)

// The states of messages about planned maintenance. They are no alarm: neither
// word is one that PagerDuty takes for the state of an alarm.
const (
	stateMaintenance = "MAINTENANCE"
	stateMaintained  = "MAINTENANCE OVER"
)

// composeMaintenance makes the message of notifications about maintenance. No
// phone rings for it: it is planned.
func composeMaintenance(due []incident.Notification) Message {
	accounts := latestOf(gather(due))
	first := accounts[0]
	m := Message{ID: messageID(due), Tier: due[0].Tier}
	m.Attributes = map[string]string{"event": string(first.Event), "impact": "none", "tier": string(first.Tier)}
	if ids := involved(due); ids != "" {
		m.Attributes["services"] = ids
	}
	shown := short(m.ID, maxID)
	for _, n := range due {
		m.Notifications = append(m.Notifications, n.ID)
	}
	p := &paper{}
	if len(accounts) == 1 {
		m.Incident, m.Attributes["service"] = due[0].Incident, first.service()
		m.Subject = plannedSubject(first)
	} else {
		head := plannedState(first) + ": " + strconv.Itoa(len(accounts)) + " windows: "
		m.Subject = head + names(accounts, MaxSubject-len(head), plain, one)
	}
	if len(accounts) > 1 {
		p.text(summary(accounts))
		p.line("")
	}
	for _, a := range accounts {
		if len(accounts) > 1 {
			p.line(strings.Repeat("-", width))
		}
		plannedLetter(p, a)
		p.line("")
	}
	p.text(fmt.Sprintf("Message %s. %s", shown, reason(first)))
	m.Email = p.String()
	m.Machine, m.Program = plannedMachine(accounts, shown, due), first.Machine
	if first.Chat {
		m.Chat = chat(m.Subject, shown, accounts)
	}
	return m
}

// latestOf leaves one account of each window; of several windows those that begin
// come first.
func latestOf(accounts []account) []account {
	slices.SortStableFunc(accounts, func(a, b account) int {
		rank := func(a account) int {
			if a.Event == incident.EventMaintained {
				return 1
			}
			return 0
		}
		return rank(a) - rank(b)
	})
	return accounts
}

func plannedState(a account) string {
	if a.Event == incident.EventMaintained {
		return stateMaintained
	}
	return stateMaintenance
}

// plannedSubject is the state, the title, and until when:
//
//	MAINTENANCE: Move to the new balancers, until 08:00 UTC - 3f7k2m5d6a2b
func plannedSubject(a account) string {
	head, tail := plannedState(a)+": ", " - "+plain(a.Incident)
	if a.Event == incident.EventMaintenance {
		tail = ", until " + plain(a.clock.brief(a.Until)) + tail
	}
	return cut(head+cut(a.nameIn(plain), MaxSubject-len(head)-len(tail), one)+tail, MaxSubject, one)
}

// plannedVerdict is the first sentence.
func plannedVerdict(a account) string {
	if a.Event == incident.EventMaintained {
		return "Planned maintenance is over: " + a.Title + "."
	}
	return "Planned maintenance has begun: " + a.Title + "."
}

// plannedMeaning is what the reader has to make of it.
func plannedMeaning(a account) string {
	switch {
	case a.Event == incident.EventMaintained:
		return "Should something not work now, an incident tells of it."
	case a.Public:
		return "Until then these services may not work as usual."
	}
	return "Until then nobody is alerted for these services, and it does not count as downtime."
}

// isEarly reports whether it was over before its time.
func (a account) isEarly() bool {
	return a.Event == incident.EventMaintained && a.Resolved.Before(a.Until)
}

func plannedLetter(p *paper, a account) {
	p.text(plannedVerdict(a))
	over := a.Event == incident.EventMaintained
	if a.Text != "" && !over {
		p.line("")
		p.prose(a.Text)
	}
	p.line("")
	p.row("From", a.clock.full(a.Opened))
	switch {
	case !over:
		p.row("Until", a.clock.full(a.Until)+", as planned")
	case a.isEarly():
		p.row("Until", a.clock.full(a.Resolved)+", earlier than planned")
	default:
		p.row("Until", a.clock.full(a.Resolved))
	}
	for i, s := range plannedServices(a) {
		if i > 0 {
			p.row("", s)
			continue
		}
		p.row("Services", s)
	}
	p.line("")
	p.text(plannedMeaning(a))
	if a.URL != "" {
		p.line("")
		p.line(a.URL)
	}
}

// plannedServices names the services, and those that stay in other maintenance.
func plannedServices(a account) (names []string) {
	for i, s := range a.Services {
		switch {
		case i == maxShown:
			return append(names, fmt.Sprintf("and %d more", len(a.Services)-i))
		case a.Event == incident.EventMaintained && s.Muted.After(a.Resolved):
			names = append(names, s.Name+" (other maintenance goes on until "+a.clock.brief(s.Muted)+")")
		default:
			names = append(names, s.Name)
		}
	}
	return names
}

// plannedLine is the verdict in a chat, with until when it lasts and of what it is:
//
//	Planned maintenance is over: Move to the new balancers, at 03:12 PDT, earlier than planned.
func plannedLine(a account) string {
	when := ", until " + a.clock.brief(a.Until)
	switch {
	case a.isEarly():
		when = ", at " + a.clock.brief(a.Resolved) + ", earlier than planned"
	case a.Event == incident.EventMaintained:
		when = ", at " + a.clock.brief(a.Resolved)
	}
	text := strings.TrimSuffix(plannedVerdict(a), ".") + when + "."
	if names := plannedServices(a); len(names) > 0 {
		text += " Services: " + strings.Join(names, ", ") + "."
	}
	if a.Event == incident.EventMaintenance && a.Text != "" {
		text += "\n" + a.Text
	}
	return text + "\n" + plannedMeaning(a)
}

// plannedSummary is the subject as a sentence without the id.
func plannedSummary(a account) string {
	if a.Event == incident.EventMaintained {
		return "Planned maintenance is over: " + a.Title
	}
	return "Planned maintenance until " + a.clock.brief(a.Until) + ": " + a.Title
}

// plannedMachine is a body that changes no alarm: OK, as it was.
func plannedMachine(accounts []account, message string, due []incident.Notification) string {
	a := accounts[0]
	body := describe(a)
	body.NewStateValue, body.OldStateValue = stateOK, stateOK
	body.AlarmDescription = plannedSubject(a)
	body.NewStateReason = plannedState(a) + ": " + a.Title
	body.AlarmName = "sonde/maintenance/" + a.Incident
	body.AlarmArn = "arn:aws:sonde:global:" + noAccount + ":alarm:" + body.AlarmName
	tidied := make([]incident.Notification, len(due))
	for i, n := range due {
		tidied[i] = tidy(n)
	}
	return encode(body, message, tidied)
}
