package pipeline

import (
	"slices"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/store"
)

// line is all that one tier hears of one incident. It is sent in its order, whoever
// sends and whatever fails: an alarm that comes after its end rings, and nothing ends
// it.
type line struct {
	tier     monitor.TierID
	incident string
}

func lineOf(p store.Pending) line { return line{p.Notification.Tier, p.Notification.Incident} }

// inTurn returns what can be sent now, in the order in which it is to be heard. What
// is not ready (somebody else has claimed it, it failed and waits, its time has not
// come) keeps back what follows it in its line.
func inTurn(pending []store.Pending, ready func(store.Pending) bool) []store.Pending {
	slices.SortStableFunc(pending, func(a, b store.Pending) int { return notify.InOrder(a.Notification, b.Notification) })
	held := map[line]bool{}
	return slices.DeleteFunc(pending, func(p store.Pending) bool {
		of := lineOf(p)
		held[of] = held[of] || !ready(p)
		return held[of]
	})
}

// group is what is sent as one message.
type group struct {
	tier    monitor.TierID
	over    bool
	planned bool
	test    bool
	apart   string // the incident
}

// byTier groups what is sent as one message, oldest first, what people hear before
// what programs do: these get many. What is over stands in a message of its own: one
// that begins with OK must hold no alarm that is not over. So do what is planned and
// tests. Programs hear of each incident apart, and so do chats, of a few. A line is
// never parted: of what is over by now its beginning is told with its end.
func byTier(pending []store.Pending) [][]store.Pending {
	of := map[line]group{}
	for _, p := range pending { // the last of a line says how it stands
		n := p.Notification
		of[lineOf(p)] = group{n.Tier, n.Event == incident.EventResolved || n.Event == incident.EventRenewed, n.Event.IsMaintenance(), n.Event == incident.EventTest, ""}
	}
	threads := map[group]int{}
	for _, g := range of {
		threads[g]++
	}
	var people, programs [][]store.Pending
	at := map[group]int{}
	for _, p := range pending {
		n := p.Notification
		g, to := of[lineOf(p)], &people
		if n.Machine {
			to = &programs
		}
		if n.Machine || n.Chat && threads[g] <= maxThreads {
			g.apart = n.Incident
		}
		i, has := at[g]
		if !has {
			i = len(*to)
			at[g] = i
			*to = append(*to, nil)
		}
		(*to)[i] = append((*to)[i], p)
	}
	return append(people, programs...)
}
