package detect

import (
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Recent is the last results of a location, for monitors that confirm x of y: a
// bit each, the newest the lowest, as many as the window is long. It slides over
// the end of a vote that was refuted: what failed then counts in the next one,
// as long as it is among the last y results.
type Recent struct {
	N    int         `json:"n,omitempty"` // results counted in this vote
	Last time.Time   `json:"last,omitzero"`
	Down uint32      `json:"down,omitempty"`
	Poor uint32      `json:"poor,omitempty"` // down or degraded
	Bad  []time.Time `json:"bad,omitempty"`  // scheduled times of the poor ones, oldest first
}

func (r Recent) count(result *monitor.Result, window int) Recent {
	mask := uint32(1)<<window - 1
	r.N, r.Last, r.Down, r.Poor = r.N+1, result.Scheduled, r.Down<<1&mask, r.Poor<<1&mask
	r.Bad = slices.Clone(r.Bad[max(0, len(r.Bad)-bits.OnesCount32(r.Poor)):])
	if result.Outcome == monitor.OutcomeDown {
		r.Down |= 1
	}
	if result.Outcome != monitor.OutcomeUp {
		r.Poor |= 1
		r.Bad = append(r.Bad, result.Scheduled)
	}
	return r
}

// aged is what is left of it when the next vote counts its first result of the
// location: nothing, where so little has been heard of the location in between
// that its last results are no recent ones.
func (r Recent) aged(m monitor.Monitor, at time.Time) Recent {
	if at.Sub(r.Last) > time.Duration(m.Window)*m.Every {
		return Recent{}
	}
	r.N = 0
	return r
}

// slide counts a result outside of votes into what is kept of its location's
// window, as long as something in that was bad. It reports whether it did.
func (d *Monitor) slide(m *monitor.Monitor, r *monitor.Result) bool {
	recent, has := d.Recent[r.Location]
	if !has || !r.Scheduled.After(recent.Last) {
		return false
	}
	d.Recent = maps.Clone(d.Recent)
	recent = recent.aged(*m, r.Scheduled).count(r, m.Window)
	if recent.N = 0; recent.Poor != 0 {
		d.Recent[r.Location] = recent
	} else {
		delete(d.Recent, r.Location)
	}
	return true
}

// keep remembers, of a vote that was refuted, what was bad among the last results
// of each location.
func (d *Monitor) keep(m monitor.Monitor, vote *Vote) {
	if m.Window == 0 || d.Settled == monitor.Down {
		return
	}
	kept := map[monitor.Location]Recent{}
	for _, location := range m.Locations {
		recent := d.Recent[location]
		if b, spoke := vote.Ballots[location]; spoke {
			recent = b.Recent
		}
		if recent.N = 0; recent.Poor != 0 {
			kept[location] = recent
		}
	}
	d.Recent = kept
}

func (r Recent) down(window int) int { return bits.OnesCount32(r.Down & (1<<window - 1)) }

func (r Recent) poor(window int) int { return bits.OnesCount32(r.Poor & (1<<window - 1)) }

// first is when the oldest of the given results was scheduled, which are some of
// the poor ones.
func (r Recent) first(which uint32) time.Time {
	if older := bits.OnesCount32(r.Poor >> bits.Len32(which)); which != 0 && older < len(r.Bad) {
		return r.Bad[older]
	}
	return r.Last
}

// mayStill reports whether the vote's first y results could yet hold x bad ones.
func (r Recent) mayStill(m monitor.Monitor) bool { return mayStill(m, r.N, r.Poor) }

func mayStill(m monitor.Monitor, n int, bad uint32) bool {
	return n < m.Window && bits.OnesCount32(bad&(1<<n-1))+m.Window-n >= m.Confirm
}
