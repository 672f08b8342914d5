package uptime

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Turn is what a service was from a time on.
type Turn struct {
	At     time.Time      `json:"at"`
	Status monitor.Status `json:"status"`
}

// Turns is what the service was within a window, adjusted, oldest first: the
// first one at the beginning of the window, then one a change. It is empty for a
// window without time.
func (t *Timeline) Turns(w Window) []Turn { return t.turns(w, cut.adjusted) }

// Measured is Turns as it was measured, exclusions and corrections ignored.
func (t *Timeline) Measured(w Window) []Turn {
	return t.turns(w, func(c cut) monitor.Status { return c.status })
}

func (t *Timeline) turns(w Window, of func(cut) monitor.Status) []Turn {
	var turns []Turn
	t.pieces(w, func(w Window, now cut) {
		status := of(now)
		if n := len(turns); n > 0 && turns[n-1].Status == status {
			return
		}
		turns = append(turns, Turn{w.From, status})
	})
	return turns
}
