package api

import (
	"slices"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// A snapshot may have been written by a newer version. What this one does not
// know is answered as what claims least: unknown, or not over yet.

func statusOf(s monitor.Status) monitor.Status {
	return among(s, monitor.NotKnown, monitor.Operational, monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage, monitor.MajorOutage, monitor.InMaintenance)
}

func stateOf(s monitor.State) monitor.State {
	return among(s, monitor.Unknown, monitor.Up, monitor.Degraded, monitor.Suspect, monitor.Down, monitor.Recovering, monitor.Flapping, monitor.Paused)
}

func impactOf(i monitor.Impact) monitor.Impact {
	return []monitor.Impact{monitor.ImpactNone, monitor.ImpactMinor, monitor.ImpactMajor, monitor.ImpactCritical}[i.Rank()]
}

func lifeOf(s incident.State) incident.State {
	return among(s, incident.Open, incident.Draining, incident.Resolved)
}

func phaseOf(p incident.Phase) incident.Phase {
	return among(p, incident.Investigating, incident.Identified, incident.Monitoring, incident.Done)
}

func stageOf(s store.MaintenanceState) store.MaintenanceState {
	return among(s, store.MaintenanceInProgress, store.MaintenanceScheduled, store.MaintenanceCompleted)
}

func outcomeOf(o monitor.Outcome) monitor.Outcome {
	return among(o, monitor.OutcomeNotRun, monitor.OutcomeUp, monitor.OutcomeDegraded, monitor.OutcomeDown)
}

// among is the value if it is one of the others, else the fallback.
func among[T comparable](value, fallback T, others ...T) T {
	if slices.Contains(others, value) {
		return value
	}
	return fallback
}
