package pipeline

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/store"
)

// How much a tier is told. Nobody reads ten e-mails in a minute, and SNS ends the
// subscription of those who get about ten in a second. So a tier hears at once of
// what happens in up to burst runs of Notify within a minute; of what follows it
// hears together, in a run that is Gap after the one before, or in one of Sweep, of
// which there is one a minute, so that nothing waits for much longer than that.
const (
	burst      = 4
	paceWindow = time.Minute
	defaultGap = 30 * time.Second

	sweepGap = 3 // for Sweep a third of Gap is enough

	maxThreads = 5 // in a chat, of one run; more incidents are one message
)

// bears reports whether a notification's tier can be told something now. Machines
// bear everything.
func bears(n incident.Notification, pace store.Pace, gap time.Duration, now time.Time) bool {
	told := recent(pace[n.Tier], now)
	return n.Machine || len(told) < burst || now.Sub(told[len(told)-1]) >= gap
}

// told is when the tier of a message has been told something, the message included;
// nil for machines.
func told(group []store.Pending, pace store.Pace, now time.Time) store.Pace {
	n := group[0].Notification
	if n.Machine {
		return nil
	}
	return store.Pace{n.Tier: append(recent(pace[n.Tier], now), now)}
}

// recent is the times of the last minute: at most burst of them matter.
func recent(told []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(told[max(0, len(told)-burst):]), func(t time.Time) bool { return now.Sub(t) >= paceWindow })
}
