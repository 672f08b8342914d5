package detect

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// changes reports whether the monitor is something else in a state than it was
// last: to be known for the first time, or to come back from a silence as it was,
// is no change.
func (d *Monitor) changes(to monitor.State) bool {
	return d.Settled != monitor.Unknown || d.Was != "" && d.Was != to
}

// turn notes that a vote has settled the monitor, and whether that changes it. One that has changed too often
// flaps: its flips are recorded as ever, so that uptime stays exact, but people
// hear of it once, until it is steady again.
func (d *Monitor) turn(m monitor.Monitor, changes bool) {
	if m.Flapping.Changes <= 0 {
		d.Turns, d.Flaps = nil, time.Time{}
		return
	}
	if !changes {
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
