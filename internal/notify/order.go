package notify

import (
	"cmp"
	"strings"

	"github.com/sondehq/sonde/internal/incident"
)

// InOrder compares notifications of one tier by the order in which they are to be
// heard: by when they became due; of one instant, as an incident goes; of the same
// event, by their number or how bad it had become.
func InOrder(a, b incident.Notification) int {
	return cmp.Or(a.At.Compare(b.At), course[a.Event]-course[b.Event], a.Worst.Rank()-b.Worst.Rank(),
		len(a.Receipt)-len(b.Receipt), strings.Compare(a.Receipt, b.Receipt), strings.Compare(a.ID, b.ID))
}
