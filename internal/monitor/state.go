package monitor

import "time"

// State is what is known of a monitor.
type State string

// The states of a monitor. Up, Degraded, Down, Unknown, Paused and Flapping
// are settled; Suspect and Recovering mean that a vote is open: a suspect
// monitor still counts as what it was, a recovering one still counts as down.
const (
	Up         State = "up"
	Degraded   State = "degraded"
	Suspect    State = "suspect"
	Down       State = "down"
	Recovering State = "recovering"
	Unknown    State = "unknown"
	Flapping   State = "flapping"
	Paused     State = "paused"
)

// Status is the condition of a service.
type Status string

// The statuses of a service, from its monitors and its needs.
const (
	Operational   Status = "operational"
	AtRisk        Status = "at_risk" // needs are met, redundancy is lost
	DegradedPerf  Status = "degraded"
	PartialOutage Status = "partial_outage" // needs are not met, something is up
	MajorOutage   Status = "major_outage"   // nothing is up
	InMaintenance Status = "maintenance"
	NotKnown      Status = "unknown"
)

// IsOutage reports whether the service counts as down in its uptime.
func (s Status) IsOutage() bool { return s == PartialOutage || s == MajorOutage }

// Impact is how bad an incident is for those who use the service.
func (s Status) Impact() Impact {
	switch s {
	case AtRisk, DegradedPerf:
		return ImpactMinor
	case PartialOutage:
		return ImpactMajor
	case MajorOutage:
		return ImpactCritical
	}
	return ImpactNone
}

// Impact is how bad an incident is.
type Impact string

// The impacts, least first.
const (
	ImpactNone     Impact = "none"
	ImpactMinor    Impact = "minor"
	ImpactMajor    Impact = "major"
	ImpactCritical Impact = "critical"
)

// Rank orders impacts: 0 for none to 3 for critical. An impact that this
// version does not know ranks as critical, so that it is never taken for fine.
func (i Impact) Rank() int {
	switch i {
	case ImpactNone, "":
		return 0
	case ImpactMinor:
		return 1
	case ImpactMajor:
		return 2
	}
	return 3
}

// AtLeast reports whether i is as bad as least or worse.
func (i Impact) AtLeast(least Impact) bool { return i.Rank() >= least.Rank() }

// Worse returns the worse of two impacts.
func (i Impact) Worse(other Impact) Impact {
	if other.Rank() > i.Rank() {
		return other
	}
	return i
}

// Flip is a recorded change of state, of one monitor or of the service itself.
type Flip struct {
	Service ServiceID `json:"service"`
	Monitor ID        `json:"monitor,omitempty"` // empty: the service's own status changed

	From string `json:"from"` // a State, or a Status where Monitor is empty
	To   string `json:"to"`

	// At is when it became so: an outage is dated back to its first failing
	// check. Decided is when Sonde knew. At is never after Decided.
	At      time.Time `json:"at"`
	Decided time.Time `json:"decided"`
	Check   string    `json:"check,omitempty"`  // the id of the check that began it
	Reason  string    `json:"reason"`           // from the transition table, in words
	Detail  string    `json:"detail,omitempty"` // the failure that began it; shown to operators
}
