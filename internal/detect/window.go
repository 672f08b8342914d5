package detect

import (
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
	r = r.slide(1, window)
	r.N++
	r.Last = result.Scheduled
	if result.Outcome == monitor.OutcomeDown {
		r.Down |= 1
	}
	if result.Outcome != monitor.OutcomeUp {
		r.Poor |= 1
		r.Bad = append(r.Bad, result.Scheduled)
	}
	return r
}

// slide makes room for so many results; what leaves the window is forgotten.
func (r Recent) slide(n, window int) Recent {
	mask := uint32(1)<<window - 1
	r.Down, r.Poor = r.Down<<n&mask, r.Poor<<n&mask
	r.Bad = slices.Clone(r.Bad[max(0, len(r.Bad)-bits.OnesCount32(r.Poor)):])
	return r
}

// aged is what is left of it when the next vote counts its first result of the
// location. Those between agreed with the settled state, or there would have been
// a vote; they are not stored, so that they are counted by the interval.
func (r Recent) aged(m monitor.Monitor, at time.Time) Recent {
	between := 0
	if gap := at.Sub(r.Last); gap > 0 && m.Every > 0 {
		between = int((gap - 1) / m.Every)
	}
	r.N = 0
	return r.slide(min(between, m.Window), m.Window)
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
