package detect

import (
	"math/bits"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Recent is the last results of a location in a vote, for monitors that confirm
// x of y: a bit each, the newest the lowest.
type Recent struct {
	N     int       `json:"n,omitempty"` // results counted, at most 32 are kept
	Down  uint32    `json:"down,omitempty"`
	Poor  uint32    `json:"poor,omitempty"` // down or degraded
	First time.Time `json:"first,omitzero"` // scheduled time of the first that was not up
	Fell  time.Time `json:"fell,omitzero"`  // and of the first that was down
}

func (r Recent) count(result *monitor.Result) Recent {
	r.N++
	r.Down, r.Poor = r.Down<<1, r.Poor<<1
	if result.Outcome == monitor.OutcomeDown {
		r.Down |= 1
		if r.Fell.IsZero() {
			r.Fell = result.Scheduled
		}
	}
	if result.Outcome != monitor.OutcomeUp {
		r.Poor |= 1
		if r.First.IsZero() {
			r.First = result.Scheduled
		}
	}
	return r
}

func (r Recent) down(window int) int { return bits.OnesCount32(r.Down & (1<<window - 1)) }

func (r Recent) poor(window int) int { return bits.OnesCount32(r.Poor & (1<<window - 1)) }

// mayStill reports whether the vote's first y results could yet hold x bad ones.
func (r Recent) mayStill(m monitor.Monitor) bool { return mayStill(m, r.N, r.Poor) }

func mayStill(m monitor.Monitor, n int, bad uint32) bool {
	return n < m.Window && bits.OnesCount32(bad&(1<<n-1))+m.Window-n >= m.Confirm
}
