package notify

import (
	"strings"

	"github.com/sondehq/sonde/internal/incident"
)

// displayName is what a topic's DisplayName may take in front of an SMS, as
// "NAME> " (SNS Developer Guide, "Publishing SMS messages to a topic").
const displayName = 13

// sms is one part of GSM-7 for what a phone is worth ringing for: beginnings,
// escalations and ends. Empty for anything else.
func sms(ns []incident.Notification) string {
	n := ns[0]
	head, tail := "", ""
	switch n.Event {
	case incident.EventOpened, incident.EventEscalated:
		head, tail = "ALARM ", " since "+clock(n.Since, n.Zone)
	case incident.EventResolved:
		head, tail = "OK ", " restored after "+incident.Span(n.Resolved.Sub(n.Since))
	default:
		return ""
	}
	title := n.Title
	if n.Event == incident.EventResolved {
		title = rootName(n)
	}
	if len(ns) > 1 {
		tail += " and more"
	}
	link := ". " + n.URL
	if n.URL == "" || len(n.URL) > 80 {
		link = ". Incident " + n.Incident
	}
	tail = plainSMS(tail + link)
	room := MaxSMS - displayName - septetsOf(head) - septetsOf(tail)
	name := plainSMS(title)
	for septetsOf(name) > room && name != "" {
		name = name[:len(name)-1]
	}
	return head + strings.TrimRight(name, " ") + tail
}

// plainSMS is plain text without the one character of ASCII that GSM-7 lacks.
// A space in front is kept.
func plainSMS(text string) string {
	lead := ""
	if strings.HasPrefix(text, " ") {
		lead = " "
	}
	return lead + strings.ReplaceAll(plain(text), "`", "'")
}

func septetsOf(text string) int {
	n, _ := GSM7(text)
	return n
}
