package detect

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// turn notes that a vote has changed the monitor. One that has changed too often
// flaps: its flips are recorded as ever, so that uptime stays exact, but people
// hear of it once, until it is steady again.
func (d *Monitor) turn(m monitor.Monitor) {
	if m.Flapping.Changes <= 0 {
		d.Turns, d.Flaps = nil, time.Time{}
		return
	}
	d.Turns = append(d.Turns, d.Since)
	for len(d.Turns) > m.Flapping.Changes || d.Since.Sub(d.Turns[0]) > m.Flapping.Within {
		d.Turns = d.Turns[1:]
	}
	if len(d.Turns) == m.Flapping.Changes && d.Flaps.IsZero() {
		d.Flaps = d.Since
	}
}

// calm reports whether a monitor that flaps has been steady for as long as its
// window.
func (d *Monitor) calm(m monitor.Monitor, now time.Time) bool {
	return !d.Flaps.IsZero() && d.Vote == nil && now.Sub(d.Since) >= m.Flapping.Within
}
