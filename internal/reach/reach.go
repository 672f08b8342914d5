// Package reach says in words which tiers can be reached, for those who own a site:
// what became of the last test of each, and how many of all that is.
//
//	for _, one := range reached {
//		fmt.Println(one.Tier, reach.Outcome(one))
//	}
//	fmt.Println(reach.Summary(reached)) // 3 of 4 tiers reachable
//
// It reads nothing. What it says is not for the public: it names tiers, how many are
// subscribed, and who would not hear of an outage.
package reach

import (
	"fmt"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/notify/inbox"
	"github.com/sondehq/sonde/internal/store"
)

// Never is what there is to say before the first rehearsal.
const Never = "Never rehearsed: `sonde rehearse` tests each tier's way"

// OnlyHere reports whether a test went no further than the inbox of a machine.
func OnlyHere(one store.Reached) bool { return strings.HasPrefix(one.Carrier, inbox.Carrier) }

// Outcome is what became of the test of a tier.
func Outcome(one store.Reached) string {
	switch {
	case one.At.IsZero() && one.Counted.IsZero():
		return "never tried"
	case one.At.IsZero() && one.Subscribed == 0:
		return store.Deserted + ", not sent to"
	case one.At.IsZero() && one.Subscribed == 1:
		return "1 subscriber, not sent to"
	case one.At.IsZero():
		return fmt.Sprintf("%d subscribers, not sent to", one.Subscribed)
	case one.Sent.IsZero():
		return "NOT sent: " + one.Why
	case !one.OK():
		return "sent, but " + one.Why
	case OnlyHere(one):
		return fmt.Sprintf("inbox of this machine only, after %s", took(one))
	}
	return fmt.Sprintf("sent after %s, as %s", took(one), one.Carrier)
}

func took(one store.Reached) string { return incident.Span(one.Sent.Sub(one.At)) }

// Count is how many of the tiers can be reached.
func Count(all []store.Reached) (n int) {
	for _, one := range all {
		if one.OK() {
			n++
		}
	}
	return n
}

// Summary is how many of the tiers can be reached, and that nobody is who does not
// look into the inbox, where that is so for one of them.
func Summary(all []store.Reached) string {
	text := fmt.Sprintf("%d of %d tiers reachable", Count(all), len(all))
	for _, one := range all {
		if one.OK() && OnlyHere(one) {
			return text + ", in the inbox of this machine only: nothing is mailed, no phone rings"
		}
	}
	return text
}

// Lines is what an owner sees of the last rehearsal of each tier: how many can be
// reached, and a line for each that cannot, or whose test went nowhere. The last is
// zero if there was none.
func Lines(now time.Time, last store.Rehearsal, all []store.Reached) []string {
	if last.At.IsZero() {
		return []string{Never}
	}
	lines := []string{fmt.Sprintf("Rehearsed %s ago: %s", incident.Span(now.Sub(last.At)), Summary(all))}
	for _, one := range all {
		if !one.OK() || one.Sent.IsZero() {
			lines = append(lines, fmt.Sprintf("%s: %s", one.Tier, Outcome(one)))
		}
	}
	return lines
}
