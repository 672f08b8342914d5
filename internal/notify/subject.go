package notify

import (
	"strconv"
	"strings"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// The states with which subjects begin. PagerDuty takes the state of an alarm
// from the first two, and drops a message whose machine body says another.
const (
	stateAlarm  = "ALARM"
	stateOK     = "OK"
	stateUpdate = "UPDATE"
	stateNotice = "NOTICE"
	stateTest   = "TEST"
)

func state(a account) string {
	switch a.Event {
	case incident.EventResolved, incident.EventRenewed:
		return stateOK
	case incident.EventUpdated, incident.EventAsked:
		return stateUpdate
	case incident.EventTest:
		return stateTest
	case incident.EventExpiring:
		if a.Impact == monitor.ImpactMinor {
			return stateNotice
		}
	}
	return stateAlarm
}

// subject says the state first, then the service, then since when:
//
//	ALARM: Load balancers: outage since 18:02 PDT - 3f7k2m5d6a2b
//
// The incident's id at the end keeps mail programs from sorting two outages
// into one conversation.
func subject(a account) string {
	head, tail := state(a)+": ", plain(condition(a))+" - "+plain(a.Incident)
	return cut(head+cut(a.nameIn(plain), MaxSubject-len(head)-len(tail), one)+tail, MaxSubject, one)
}

// condition is what follows the name of a service in a headline.
func condition(a account) string {
	if a.isNotice() {
		_, matter := a.headline()
		return ": " + matter
	}
	if left, stays := a.remains(); stays {
		return " - " + a.word() + " over at " + a.clock.brief(a.Resolved) + ", " + left
	}
	if a.isOver() {
		return " - restored " + a.since()
	}
	_, matter := a.headline()
	if matter != "" {
		matter = ": " + matter
	}
	text := matter + " " + a.since()
	if a.Impact != a.Worst {
		text = matter + ", " + a.since()
	}
	switch a.Event {
	case incident.EventReminder:
		kind, number, _ := strings.Cut(a.Receipt, "-")
		switch {
		case kind == "late":
			text += ", promised update is late" // its number is the time that was promised
		case kind == "nag":
			text += ", nobody outside knows"
		case number != "":
			text += ", reminder " + number
		default:
			text += ", reminder"
		}
	case incident.EventAsked:
		text += ", tell " + string(a.About) + "?"
	}
	return text
}

// digestSubject counts, and names as many services as fit; what is most urgent
// gives the state:
//
//	NOTICE: 2 certificates expire soon: Web application
func digestSubject(accounts []account) string {
	head := state(accounts[0]) + ": " + nouns(accounts) + ": "
	return head + names(accounts, MaxSubject-len(head), plain, one)
}

// names lists the services of incidents, each once, in so much room, and says
// how many more there are.
func names(accounts []account, room int, set func(string) string, size func(rune) int) string {
	var all []string
	seen := map[string]bool{}
	for _, a := range accounts {
		if name := a.nameIn(set); !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	sizeOf := func(text string) (total int) {
		for _, r := range text {
			total += size(r)
		}
		return total
	}
	text := cut(all[0], room-len(", +99999"), size)
	for i, name := range all[1:] {
		longer := text + ", " + name
		if sizeOf(longer+", +"+strconv.Itoa(len(all))) > room {
			return text + ", +" + strconv.Itoa(len(all)-1-i)
		}
		text = longer
	}
	return text
}
