package detect

import (
	"slices"

	"github.com/sondehq/sonde/internal/monitor"
)

// Alone is how many monitors a location finds down that the others find fine, of
// how many it shares with others.
type Alone struct{ Down, Of int }

// leastShared is of how many monitors a location must know before it is judged:
// two services of one host that block it are no reason to doubt the prober.
const leastShared = 4

// IsDoubtful reports whether the location itself is to be doubted: it finds most
// of what it checks down, alone.
func (a Alone) IsDoubtful() bool { return a.Of >= leastShared && 2*a.Down > a.Of }

// IsSane reports whether a location that was doubted need not be any more.
func (a Alone) IsSane() bool { return 4*a.Down <= a.Of }

// Sanity counts, for every location, what it says alone: a dissent of which the
// vote is over, or a ballot against which all others that spoke stand. What is in the
// shadow may well be down from somewhere, and says nothing of locations.
func Sanity(cfg *monitor.Config, services []Service) map[monitor.Location]Alone {
	out := map[monitor.Location]Alone{}
	for _, s := range services {
		for id, d := range s.Details {
			m := find(cfg, id)
			if m == nil || m.Paused || m.Shadow || len(m.Locations) < 2 || m.Kind() == monitor.KindHeartbeat {
				continue
			}
			for _, location := range m.Locations {
				a := out[location]
				a.Of++
				if d.alone(location) {
					a.Down++
				}
				out[location] = a
			}
		}
	}
	return out
}

// alone reports whether a location finds the monitor down, and nobody else does.
func (d *Monitor) alone(location monitor.Location) bool {
	if d.Settled == monitor.Down {
		return false
	}
	if d.Vote == nil {
		return d.Dissent[location].Outcome == monitor.OutcomeDown
	}
	others := 0
	for other, b := range d.Vote.Ballots {
		switch {
		case other == location:
		case b.Outcome == monitor.OutcomeDown:
			return false
		default:
			others++
		}
	}
	own, spoke := d.Vote.Ballots[location]
	if !spoke {
		return d.Dissent[location].Outcome == monitor.OutcomeDown
	}
	return others > 0 && own.Outcome == monitor.OutcomeDown
}

// WithoutDoubtful leaves out the failing results of locations that are set aside:
// what they say says something of themselves. Their good results count, and so
// does what is known without them: by that they come to agree again.
func WithoutDoubtful(s Service, results []monitor.Result, aside []monitor.Location) []monitor.Result {
	if len(aside) == 0 {
		return results
	}
	return slices.DeleteFunc(slices.Clone(results), func(r monitor.Result) bool {
		if r.Outcome == monitor.OutcomeUp || !slices.Contains(aside, r.Location) {
			return false
		}
		d := s.Details[r.Monitor]
		return d.Vote != nil || !agrees(d.Settled, r.Outcome)
	})
}
