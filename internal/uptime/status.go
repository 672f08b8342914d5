package uptime

import "github.com/sondehq/sonde/internal/monitor"

// StatusOf is what a state of a monitor, or a status of a service, counts as.
// A monitor alone is like a service that needs it: down is a major outage.
//
//   - Recovering is still down.
//   - Flapping counts as down: nobody can rely on it, and how long it was up in
//     between is not recorded.
//   - Paused, and anything that this version does not know, is unknown.
//   - Suspect depends on what was before, and has no status of its own: alone
//     it is unknown.
func StatusOf(state string) monitor.Status {
	switch monitor.State(state) {
	case monitor.Up:
		return monitor.Operational
	case monitor.Down, monitor.Recovering, monitor.Flapping:
		return monitor.MajorOutage
	}
	switch status := monitor.Status(state); status {
	case monitor.Operational, monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage, monitor.MajorOutage, monitor.InMaintenance:
		return status
	}
	return monitor.NotKnown
}

// rank orders statuses by how bad a day looks that had them: what is not known
// says least, a major outage most.
func rank(s monitor.Status) int {
	switch s {
	case monitor.Operational:
		return 1
	case monitor.InMaintenance:
		return 2
	case monitor.AtRisk:
		return 3
	case monitor.DegradedPerf:
		return 4
	case monitor.PartialOutage:
		return 5
	case monitor.MajorOutage:
		return 6
	}
	return 0
}
