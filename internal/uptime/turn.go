package uptime

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Turn is what a service was from a time on.
type Turn struct {
	At     time.Time
	Status monitor.Status
}

// Turns is what the service was within a window, adjusted, oldest first: the
// first one at the beginning of the window, then one a change. It is empty for a
// window without time.
func (t *Timeline) Turns(w Window) []Turn {
	var turns []Turn
	t.pieces(w, func(w Window, now cut) {
		status := now.adjusted()
		if n := len(turns); n > 0 && turns[n-1].Status == status {
			return
		}
		turns = append(turns, Turn{w.From, status})
	})
	return turns
}
