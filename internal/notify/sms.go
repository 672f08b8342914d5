package notify

import (
	"strings"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

const (
	// displayName is what a topic's DisplayName takes in front of an SMS: its
	// first ten characters and "> " (SNS API reference, CreateTopic: DisplayName).
	displayName = 12

	maxMiddle = 60 // of what follows the name
)

// rings reports whether it is worth an SMS; and so, since an SMS is what makes a
// message one of several forms, whether machines in any tier get it as JSON. An end
// that is an alarm is.
func (a account) rings() bool {
	switch a.Event {
	case incident.EventOpened, incident.EventEscalated, incident.EventResolved, incident.EventTest:
		return true
	case incident.EventExpiring:
		return state(a) == stateAlarm
	}
	return false
}

// alerts are the words with which an SMS begins, for the statuses whose words a
// title begins with.
var alerts = []struct {
	status monitor.Status
	alert  string
}{
	{monitor.MajorOutage, "DOWN"}, {monitor.PartialOutage, "PARTLY DOWN"}, {monitor.DegradedPerf, "DEGRADED"}, {monitor.AtRisk, "AT RISK"},
}

// sms is one part in GSM-7: the state, the service, since when, and a link that
// is never cut, or the incident's id.
//
//	DOWN: Load balancers since 18:02 PDT. https://status.example.com/incidents/3f7k2m5d6a2b
func sms(accounts []account) string {
	a := accounts[0]
	if len(accounts) > 1 {
		head := digestState(accounts) + ": " + nouns(accounts) + ": "
		tail, room := ending(head, "", home(a.Notification), "")
		return head + names(accounts, room, phone, septetsOf) + tail
	}
	head, middle := alert(a)
	tail, room := ending(head, middle, a.URL, a.Incident)
	return head + cut(a.nameIn(phone), room, septetsOf) + tail
}

// alert is what stands in an SMS before and after the service's name.
func alert(a account) (head, middle string) {
	if a.Event == incident.EventTest {
		return stateTest + ": ", ": rehearsal, nothing is broken"
	}
	matter, rest := phrase(a)
	if a.isOver() && !a.isWritten() {
		return stateOK + ": ", phone(strings.Replace(rest, " - ", " ", 1))
	}
	if !a.isOver() {
		_, matter := a.headline()
		for _, w := range alerts {
			if more, is := strings.CutPrefix(matter, incident.Words(w.status)); is {
				return w.alert + ": ", phone(more + rest)
			}
		}
	}
	matter, rest = phone(matter), phone(rest)
	return state(a) + ": ", cut(matter, maxMiddle-sizeOf(rest, septetsOf), septetsOf) + rest
}

// ending is what follows the name, and the room that is left for the name. A
// link that would leave too little is left out.
func ending(head, middle, url, id string) (tail string, room int) {
	middle = cut(middle, maxMiddle, septetsOf)
	left := func(tail string) int {
		used, _ := GSM7(head + tail)
		return MaxSMS - displayName - used
	}
	if url != "" {
		if tail = middle + ". " + url; phone(url) == url && left(tail) >= leastName {
			return tail, left(tail)
		}
	}
	tail = middle + "."
	if id != "" {
		tail += " Incident " + phone(id) + "."
	}
	return tail, left(tail)
}

// home is the page of the site, from the page of one of its incidents; what is
// about no incident names the page of the site itself.
func home(n incident.Notification) string {
	if isNotice(n.Event) || n.Event.IsMaintenance() {
		return n.URL
	}
	if site, ok := strings.CutSuffix(n.URL, "incidents/"+n.Incident); ok {
		return site
	}
	return ""
}
