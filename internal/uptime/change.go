package uptime

import (
	"cmp"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Select returns the flips of one monitor; of the service itself where id is
// empty.
func Select(flips []monitor.Flip, id monitor.ID) []monitor.Flip {
	var own []monitor.Flip
	for _, f := range flips {
		if f.Monitor == id {
			own = append(own, f)
		}
	}
	return own
}

// change is a status that holds from a time on.
type change struct {
	at     time.Time
	status monitor.Status
}

// changesOf puts flips into the order in which they take effect, and keeps the
// last of each instant.
func changesOf(flips []monitor.Flip, status monitor.Status) []change {
	sorted := make([]monitor.Flip, 0, len(flips))
	for _, f := range flips {
		if monitor.State(f.To) != monitor.Suspect {
			sorted = append(sorted, f)
		}
	}
	slices.SortFunc(sorted, inEffect)
	var changes []change
	for len(sorted) > 0 {
		first := sorted[0]
		n := 1
		for n < len(sorted) && sorted[n].At.Equal(first.At) && sorted[n].Decided.Equal(first.Decided) {
			n++
		}
		status = endOf(sorted[:n], status)
		sorted = sorted[n:]
		if len(sorted) > 0 && sorted[0].At.Equal(first.At) {
			continue // decided again, later
		}
		changes = append(changes, change{first.At, status})
	}
	return changes
}

// inEffect orders flips by when they take effect, then by when they were
// decided, then from good to bad, so that nothing depends on the order given.
func inEffect(a, b monitor.Flip) int {
	return cmp.Or(
		a.At.Compare(b.At),
		a.Decided.Compare(b.Decided),
		cmp.Compare(rank(StatusOf(a.To)), rank(StatusOf(b.To))),
		cmp.Compare(a.To, b.To),
		cmp.Compare(a.From, b.From),
	)
}

// endOf is the status after flips of one instant that were decided in one run:
// each follows the one whose To is its From. A run that is brought several
// results does write such chains. Flips are in order, and repeats are side by
// side.
func endOf(flips []monitor.Flip, status monitor.Status) monitor.Status {
	if len(flips) == 1 {
		return StatusOf(flips[0].To)
	}
	left := slices.CompactFunc(slices.Clone(flips), func(a, b monitor.Flip) bool { return a.From == b.From && a.To == b.To })
	for len(left) > 0 {
		i := max(slices.IndexFunc(left, func(f monitor.Flip) bool { return StatusOf(f.From) == status }), 0)
		status = StatusOf(left[i].To)
		left = slices.Delete(left, i, i+1)
	}
	return status
}
