package statuspage

import (
	"slices"

	"github.com/sondehq/sonde/internal/monitor"
)

// Indicator is how the page as a whole stands.
type Indicator string

// The indicators, least first.
const (
	None         Indicator = "none"
	InWork       Indicator = "maintenance"
	MinorTrouble Indicator = "minor"
	MajorTrouble Indicator = "major"
	Critical     Indicator = "critical"
)

var indicators = []Indicator{None, InWork, MinorTrouble, MajorTrouble, Critical}

// Status is the page's status in one word and one sentence.
type Status struct {
	Indicator   Indicator `json:"indicator"`
	Description string    `json:"description"`
}

// Sentences that readers of Statuspage know; the last two are Sonde's own, where
// it cannot tell.
const (
	allFine      = "All Systems Operational"
	someDegraded = "Partially Degraded Service"
	allDegraded  = "Degraded System Service"
	somePartial  = "Minor Service Outage"
	someMajor    = "Partial System Outage"
	allMajor     = "Major System Outage"
	inWork       = "Service Under Maintenance"
	someUnknown  = "State of Some Services Not Known"
	allUnknown   = "Current State Not Known"
)

// Status rolls the services up (first match):
//
//	nothing known of any service, or there is none   major        Current State Not Known
//	all major_outage                                 critical     Major System Outage
//	any major_outage, or all partial_outage          major        Partial System Outage
//	any partial_outage                               minor        Minor Service Outage
//	any not known                                    minor        State of Some Services Not Known
//	all degraded                                     minor        Degraded System Service
//	any degraded                                     minor        Partially Degraded Service
//	any under_maintenance                            maintenance  Service Under Maintenance
//	else                                             none         All Systems Operational
//
// While an incident is unresolved the indicator is at least minor, and at least
// the incident's impact.
func (s *Site) Status() Status {
	status := s.rollUp()
	for _, inc := range s.unresolved() {
		impact := Indicator(impactOf(inc.Impact.Worse(monitor.ImpactMinor)))
		if slices.Index(indicators, impact) > slices.Index(indicators, status.Indicator) {
			status = Status{impact, map[Indicator]string{MinorTrouble: someDegraded, MajorTrouble: someMajor, Critical: allMajor}[impact]}
		}
	}
	return status
}

func (s *Site) rollUp() Status {
	count, unknown, total := map[ComponentStatus]int{}, 0, len(s.Services)
	for _, svc := range s.Services {
		if isKnown(svc.Status) {
			count[componentStatus(svc.Status)]++
		} else {
			unknown++
		}
	}
	switch {
	case unknown == total:
		return Status{MajorTrouble, allUnknown}
	case count[Major] == total:
		return Status{Critical, allMajor}
	case count[Major] > 0, count[Partial] == total:
		return Status{MajorTrouble, someMajor}
	case count[Partial] > 0:
		return Status{MinorTrouble, somePartial}
	case unknown > 0:
		return Status{MinorTrouble, someUnknown}
	case count[Degraded] == total:
		return Status{MinorTrouble, allDegraded}
	case count[Degraded] > 0:
		return Status{MinorTrouble, someDegraded}
	case count[Maintenance] > 0:
		return Status{InWork, inWork}
	}
	return Status{None, allFine}
}

// impactOf is an impact as Statuspage writes it; one that this version does not
// know is critical.
func impactOf(i monitor.Impact) string {
	return []string{"none", "minor", "major", "critical"}[i.Rank()]
}
