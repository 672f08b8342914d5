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
	head, tail := state(a)+": ", " - "+plain(a.Incident)
	matter, rest := phrase(a)
	return head + fit(a.nameIn(plain), plain(matter), plain(rest), MaxSubject-len(head)-len(tail), one) + tail
}

// leastName is what must be left for the name of a service, next to what is long.
const leastName = 20

// fit brings the parts of a headline into so much room: of a long matter the end is
// cut, and then of the name.
func fit(name, matter, rest string, room int, size func(rune) int) string {
	rest = cut(rest, room-leastName, size)
	room -= sizeOf(rest, size)
	matter = cut(matter, room-min(sizeOf(name, size), leastName), size)
	return cut(name, room-sizeOf(matter, size), size) + matter + rest
}

func sizeOf(text string, size func(rune) int) (total int) {
	for _, r := range text {
		total += size(r)
	}
	return total
}

// condition is what follows the name of a service in a headline.
func condition(a account) string {
	matter, rest := phrase(a)
	return matter + rest
}

// phrase is the condition in its parts: what the matter is, and how it stands. Of
// what is over the matter is not said again, unless a person has put it so.
func phrase(a account) (matter, rest string) {
	s, matter := a.headline()
	if matter != "" {
		matter = ": " + matter
	}
	left, stays := a.remains()
	switch {
	case a.isNotice():
		return matter, ""
	case a.isOver() && a.isWritten():
		return matter, " - over " + a.since()
	case stays:
		return "", " - " + a.word() + " over at " + a.clock.brief(a.Resolved) + ", " + left
	case a.isOver() && s.IsPending() && s.Still:
		return "", " - cause mended at " + a.clock.brief(a.Resolved) + ", " + stillDown(s)
	case a.isOver() && s.IsPending(): // what it depends on works; nobody has seen it work
		return "", " - cause mended at " + a.clock.brief(a.Resolved) + ", should work again"
	case a.isOver() && s.Gone: // nobody has seen it work
		return "", " - no longer watched since " + a.clock.brief(a.Resolved) + ", after " + a.lasted()
	case a.isOver():
		return "", " - restored " + a.since()
	case a.drains():
		return matter, ""
	case s.Gone && !a.isWritten():
		return ": no longer watched", ""
	case !s.Restored.IsZero() && !s.Flapping && !a.isWritten(): // but for the rest of the incident
		return ": working again", ""
	}
	rest = " " + a.since()
	if !a.holds() {
		rest = ", " + a.since()
	}
	if a.isAgain() {
		rest = " again" + rest
	}
	switch a.Event {
	case incident.EventReminder:
		rest += reminding(a.Receipt)
	case incident.EventAsked:
		rest += ", tell " + cut(string(a.About), maxTier, one) + "?"
	}
	return matter, rest
}

const maxTier = 20 // characters of a tier's id in a headline

// reminding says what a reminder is of.
func reminding(receipt string) string {
	switch kind, number, _ := strings.Cut(receipt, "-"); {
	case kind == "late":
		return ", promised update is late" // its number is the time that was promised
	case kind == "nag":
		return ", nobody outside knows"
	case number != "":
		return ", reminder " + number
	}
	return ", reminder"
}

// digestState is that of what is most urgent, and an alarm if there is one.
func digestState(accounts []account) string {
	for _, a := range accounts {
		if state(a) == stateAlarm {
			return stateAlarm
		}
	}
	return state(accounts[0])
}

// digestSubject says the state, counts, and names as many services as fit:
//
//	NOTICE: 2 certificates expire soon: Web application
func digestSubject(accounts []account) string {
	head := digestState(accounts) + ": " + nouns(accounts) + ": "
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
	text := cut(all[0], room-len(", +99999"), size)
	for i, name := range all[1:] {
		longer := text + ", " + name
		if sizeOf(longer+", +"+strconv.Itoa(len(all)), size) > room {
			return text + ", +" + strconv.Itoa(len(all)-1-i)
		}
		text = longer
	}
	return text
}
