package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/incident"
)

// Compose makes the message of all notifications that are due for one tier at
// one time: of one, or a digest of several. The same notifications always give
// the same message, whatever their order; one that stands there twice counts
// once. Several of one incident become one account of it, as the newest has it.
// Of nothing it makes the zero Message.
func Compose(all []incident.Notification) Message {
	due := slices.Clone(all)
	slices.SortStableFunc(due, func(a, b incident.Notification) int { return strings.Compare(a.ID, b.ID) })
	due = slices.CompactFunc(due, func(a, b incident.Notification) bool { return a.ID == b.ID })
	if len(due) == 0 {
		return Message{}
	}
	planned, told := split(due)
	if len(told) == 0 {
		return composeMaintenance(planned)
	}
	m := compose(told)
	if len(planned) > 0 { // the stages send them apart
		more := composeMaintenance(planned)
		m.ID, m.Incident = messageID(due), ""
		delete(m.Attributes, "services") // and this is for everybody
		m.Notifications, m.Email = append(m.Notifications, more.Notifications...), m.Email+"\n"+more.Email
	}
	return m
}

// split parts what is told of maintenance from what is told of incidents.
func split(due []incident.Notification) (planned, told []incident.Notification) {
	for _, n := range due {
		if n.Event.IsMaintenance() {
			planned = append(planned, n)
		} else {
			told = append(told, n)
		}
	}
	return planned, told
}

func compose(due []incident.Notification) Message {
	accounts := gather(due)
	first := accounts[0]
	m := Message{ID: messageID(due), Tier: due[0].Tier}
	shown := short(m.ID, maxID)
	for _, n := range due {
		m.Notifications = append(m.Notifications, n.ID)
	}
	m.Attributes = map[string]string{"event": string(first.Event), "impact": string(worst(accounts)), "tier": string(first.Tier)}
	if ids := involved(due); ids != "" {
		m.Attributes["services"] = ids
	}
	if len(accounts) == 1 {
		m.Incident = due[0].Incident
		m.Attributes["service"] = first.service()
		m.Subject, m.Email = subject(first), email(first, shown)
	} else {
		m.Subject, m.Email = digestSubject(accounts), digestEmail(accounts, shown)
	}
	if ringing := slices.DeleteFunc(slices.Clone(accounts), func(a account) bool { return !a.rings() }); len(ringing) > 0 {
		m.SMS = sms(ringing)
		// A phone's filter policy looks at the event: it must be one that rings.
		m.Attributes["event"] = string(ringing[0].Event)
		if isNotice(ringing[0].Event) {
			m.Attributes["event"] = string(incident.EventOpened) // an alarm; and of a test it is the test that phones ring
		}
	}
	m.Machine, m.Program = machine(accounts, shown), first.Machine
	if first.Chat {
		m.Chat = chat(m.Subject, shown, accounts)
	}
	return m
}

// involved is the ids of all services that the message is about, as a JSON array: a
// subscription to some of them has a filter policy over it. Empty is for everybody,
// since such a policy lets through what has no such attribute (cloud/subscriptions):
// where they are too many to be named, or where one is about none.
func involved(due []incident.Notification) string {
	var ids []string
	for _, n := range due {
		named := 0
		for _, s := range n.Services {
			if id := short(string(s.ID), maxName); id != "" {
				ids, named = append(ids, id), named+1
			}
		}
		if named == 0 || n.Event.IsMaintenance() && named >= maxPlanned {
			return ""
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > maxServices {
		return ""
	}
	text, err := json.Marshal(ids)
	if err != nil {
		return "" // strings cannot fail
	}
	return string(text)
}

const (
	maxServices = 200 // in the attribute that names them: it counts as message
	maxPlanned  = 50  // notifications of maintenance name no more (internal/maintenance): there may be others
)

// messageID is the notification's own id, or a digest of all ids, which are
// sorted.
func messageID(due []incident.Notification) string {
	if len(due) == 1 {
		return due[0].ID
	}
	sum := sha256.New()
	for _, n := range due {
		sum.Write([]byte(n.ID + "\n"))
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}
