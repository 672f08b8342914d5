package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
)

// Compose makes the message of all notifications that are due for one tier at
// one time; there is at least one. The same notifications always give the same
// message, whatever their order.
func Compose(all []incident.Notification) Message {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b incident.Notification) int {
		return compareFirst(rank(b)-rank(a), a.Opened.Compare(b.Opened), strings.Compare(a.ID, b.ID))
	})
	first := sorted[0]
	m := Message{ID: messageID(sorted), Tier: first.Tier, Subject: subject(sorted), Email: email(sorted), SMS: sms(sorted), Machine: machine(sorted)}
	for _, n := range sorted {
		m.Notifications = append(m.Notifications, n.ID)
	}
	m.Attributes = map[string]string{"event": string(first.Event), "impact": string(first.Worst), "tier": string(first.Tier)}
	if len(sorted) == 1 {
		m.Incident = first.Incident
		if len(first.Services) > 0 {
			m.Attributes["service"] = string(first.Services[0].ID)
		}
	}
	return m
}

func compareFirst(orders ...int) int {
	for _, order := range orders {
		if order != 0 {
			return order
		}
	}
	return 0
}

// rank puts what must be acted on before what is over, and the worse first.
func rank(n incident.Notification) int {
	events := map[incident.Event]int{
		incident.EventOpened: 4, incident.EventEscalated: 4, incident.EventReminder: 3, incident.EventUpdated: 2, incident.EventResolved: 1,
	}
	return events[n.Event]*10 + n.Impact.Rank()
}

func messageID(ns []incident.Notification) string {
	if len(ns) == 1 {
		return ns[0].ID
	}
	sum := sha256.New()
	for _, n := range ns {
		sum.Write([]byte(n.ID + "\n"))
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// label is how a subject begins. PagerDuty and the like take the state from it:
// it must be ALARM or OK, and agree with the machine's body, or be neither.
func label(n incident.Notification) string {
	switch n.Event {
	case incident.EventResolved:
		return "OK"
	case incident.EventUpdated:
		return "UPDATE"
	case incident.EventReminder:
		return "REMINDER"
	}
	return "ALARM"
}

func subject(ns []incident.Notification) string {
	n := ns[0]
	if len(ns) > 1 {
		names := plain(n.Title)
		return cut(fmt.Sprintf("%s: %d incidents: %s, and %d more", label(n), len(ns), cut(names, 50), len(ns)-1), MaxSubject)
	}
	tail := " - since " + clock(n.Since, n.Zone)
	if n.Event == incident.EventResolved {
		tail = " - restored after " + incident.Span(n.Resolved.Sub(n.Since))
	}
	title := n.Title
	if n.Event == incident.EventResolved {
		title = rootName(n)
	}
	head := label(n) + ": "
	return head + cut(plain(title), MaxSubject-len(head)-len(tail)) + tail
}

func rootName(n incident.Notification) string {
	if len(n.Services) > 0 {
		return n.Services[0].Name
	}
	return n.Title
}

func clock(t time.Time, zone string) string { return in(t, zone).Format("15:04 MST") }

func in(t time.Time, zone string) time.Time {
	if location, err := time.LoadLocation(zone); err == nil {
		return t.In(location)
	}
	return t.UTC()
}

// both writes a time in the site's zone and in UTC.
func both(t time.Time, zone string) string {
	text := in(t, zone).Format("Mon 2 Jan 2006, 15:04:05 MST")
	if zone == "" || zone == "UTC" {
		return text
	}
	return text + " (" + t.UTC().Format("15:04:05") + " UTC)"
}

func email(ns []incident.Notification) string {
	if len(ns) == 1 {
		return letter(ns[0])
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d incidents at once:\n", len(ns))
	for i, n := range ns {
		fmt.Fprintf(&b, "\n%s\n%d. %s\n\n%s", strings.Repeat("-", width), i+1, wrap(clean(n.Title), width-3, "   "), letter(n))
	}
	return b.String()
}

// letter is the e-mail about one notification, the verdict first.
func letter(n incident.Notification) string {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			b.WriteString(wrap(fmt.Sprintf("%-10s %s", name+":", clean(text)), width, strings.Repeat(" ", 11)) + "\n")
		}
	}
	b.WriteString(wrap(verdict(n), width, "") + "\n\n")
	line("Since", both(n.Since, n.Zone))
	if n.Opened.Before(n.Since) {
		line("At risk", "since "+both(n.Opened, n.Zone))
	}
	if n.Event == incident.EventResolved {
		line("Restored", both(n.Resolved, n.Zone))
		line("Lasted", incident.Span(n.Resolved.Sub(n.Since)))
	}
	if n.Event == incident.EventResolved || n.Impact == n.Worst {
		line("Impact", string(n.Worst))
	} else {
		line("Impact", fmt.Sprintf("%s now, %s at its worst", n.Impact, n.Worst))
	}
	for i, s := range n.Services {
		name := ""
		switch {
		case i == 0:
			name = "Service"
		case !s.Cause:
			name = "Affected"
		}
		line(name, s.Name+", "+standing(s))
	}
	if n.Detail != "" && n.Event != incident.EventResolved {
		b.WriteString("\nWhat failed:\n")
		for detail := range strings.Lines(n.Detail) {
			b.WriteString(wrap("  "+cut(clean(detail), 300), width, "    ") + "\n")
		}
	}
	b.WriteString("\n")
	if n.URL != "" {
		fmt.Fprintf(&b, "%s\n", clean(n.URL))
	}
	b.WriteString(wrap(fmt.Sprintf("Incident %s. Sent by Sonde for %s to the tier %q.", n.Incident, clean(site(n)), n.Tier), width, "") + "\n")
	return b.String()
}

func site(n incident.Notification) string {
	if n.Site == "" {
		return "your site"
	}
	return n.Site
}

func standing(s incident.Affected) string {
	switch {
	case s.Unknown:
		return "not known at the moment"
	case !s.Restored.IsZero():
		return "working again"
	case s.Total > 1 && s.Alive < s.Total:
		return fmt.Sprintf("%s, %d of %d up", incident.Words(s.Status), s.Alive, s.Total)
	}
	return incident.Words(s.Status)
}

// verdict is the first sentence: what is the matter, or that it is over.
func verdict(n incident.Notification) string {
	switch n.Event {
	case incident.EventResolved:
		return clean(fmt.Sprintf("%s: working again. %s", rootName(n), n.Text))
	case incident.EventReminder:
		return clean("Still going on, and nobody has acknowledged it: " + n.Text)
	case incident.EventEscalated:
		return clean("It has got worse. " + n.Text)
	}
	return clean(n.Text)
}
