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
	shown := short(m.ID, maxID)
	for _, n := range due {
		m.Notifications = append(m.Notifications, n.ID)
	}
	p := &paper{}
	if len(accounts) == 1 {
		m.Incident, m.Attributes["service"] = due[0].Incident, first.service()
		m.Subject = plannedSubject(first)
	} else {
		head := plannedState(first) + ": " + strconv.Itoa(len(accounts)) + " times: "
		m.Subject = head + names(accounts, MaxSubject-len(head), plain, one)
	}
	for i, a := range accounts {
		if i > 0 {
			p.line(strings.Repeat("-", width))
		}
		plannedLetter(p, a)
		p.line("")
	}
	p.text(fmt.Sprintf("Message %s. %s", shown, reason(first)))
	m.Email = p.String()
	m.Machine, m.Program = plannedMachine(accounts, shown, due), first.Machine
	if first.Chat {
		m.Chat = chat(m.Subject, accounts)
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

func plannedLetter(p *paper, a account) {
	over := a.Event == incident.EventMaintained
	if over {
		p.text("Planned maintenance is over: " + a.Title + ".")
	} else {
		p.text("Planned maintenance has begun: " + a.Title + ".")
	}
	if a.Text != "" && !over {
		p.line("")
		p.text(a.Text)
	}
	p.line("")
	p.row("From", a.clock.full(a.Opened))
	switch {
	case !over:
		p.row("Until", a.clock.full(a.Until)+", as planned")
	case a.Resolved.Before(a.Until):
		p.row("Until", a.clock.full(a.Resolved)+", earlier than planned")
	default:
		p.row("Until", a.clock.full(a.Resolved))
	}
	for i, s := range a.Services {
		name := ""
		if i == 0 {
			name = "Services"
		}
		if i == maxShown {
			p.row("", fmt.Sprintf("and %d more", len(a.Services)-i))
			break
		}
		if over && s.Muted.After(a.Resolved) {
			p.row(name, s.Name+": other maintenance goes on until "+a.clock.brief(s.Muted))
			continue
		}
		p.row(name, s.Name)
	}
	p.line("")
	switch {
	case over:
		p.text("Should something not work now, an incident tells of it.")
	case a.Public:
		p.text("Until then these services may not work as usual.")
	default:
		p.text("Until then nobody is alerted for these services, and it does not count as downtime.")
	}
	if a.URL != "" {
		p.line("")
		p.line(a.URL)
	}
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
