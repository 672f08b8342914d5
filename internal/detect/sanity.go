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
// vote is over, a ballot against which all others that spoke stand, or an outage
// that it has declared alone while others disagree. What is in the shadow may well be
// down from somewhere, and says nothing of locations.
func Sanity(cfg *monitor.Config, services []Service) map[monitor.Location]Alone {
	out := map[monitor.Location]Alone{}
	for _, s := range services {
		for id, d := range s.Details {
			m := find(cfg, id)
			if m == nil || !isShared(m) {
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

// isShared reports whether locations can be judged by a monitor: several of them
// look at the same thing.
func isShared(m *monitor.Monitor) bool {
	return !m.Paused && !m.Shadow && len(m.Locations) > 1 && m.Kind() != monitor.KindHeartbeat
}

// Witnesses are the monitors of a service by which a location that is set aside
// may show that it is to be believed again: those that it shares with others, and
// that these do not find down as well. Sorted by id.
func Witnesses(cfg *monitor.Config, s Service, location monitor.Location) []monitor.Monitor {
	var out []monitor.Monitor
	for _, id := range sortedIDs(s.Details) {
		m, d := find(cfg, id), s.Details[id]
		if m == nil || !isShared(m) || !slices.Contains(m.Locations, location) {
			continue
		}
		if d.Settled != monitor.Down || d.alone(location) {
			out = append(out, *m)
		}
	}
	return out
}

// alone reports whether a location finds the monitor down, and nobody else does,
// but somebody finds that it is not.
func (d *Monitor) alone(location monitor.Location) bool {
	if d.Settled == monitor.Down {
		return d.declared(location)
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

// declared reports whether an outage stands on one location's word, since one is
// enough (quorum: 1), against that of all others that are heard.
func (d *Monitor) declared(location monitor.Location) bool {
	if len(d.Where) != 1 || d.Where[0] != location {
		return false
	}
	against := 0
	for _, dissent := range d.Dissent {
		if dissent.Outcome != monitor.OutcomeUp {
			return false
		}
		against++
	}
	if d.Vote != nil {
		for other, b := range d.Vote.Ballots {
			if b.Outcome == monitor.OutcomeUp {
				against++
			} else if other != location {
				return false
			}
		}
		if b, spoke := d.Vote.Ballots[location]; spoke && b.Outcome == monitor.OutcomeUp {
			return false
		}
	}
	return against > 0
}

// WithoutDoubtful leaves out the failing results of locations that are set aside:
// what they say says something of themselves. Their good results count, and so
// does what is known without them: by that they come to agree again. An outage
// that only they have found is not.
func WithoutDoubtful(s Service, results []monitor.Result, aside []monitor.Location) []monitor.Result {
	if len(aside) == 0 {
		return results
	}
	return slices.DeleteFunc(slices.Clone(results), func(r monitor.Result) bool {
		if r.Outcome == monitor.OutcomeUp || !slices.Contains(aside, r.Location) {
			return false
		}
		d := s.Details[r.Monitor]
		doubtful := func(l monitor.Location) bool { return slices.Contains(aside, l) }
		alone := len(d.Where) > 0 && !slices.ContainsFunc(d.Where, func(l monitor.Location) bool { return !doubtful(l) })
		return d.Vote != nil || alone || !agrees(d.Settled, r.Outcome)
	})
}
