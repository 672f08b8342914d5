package page

import (
	"slices"

	"github.com/sondehq/sonde/internal/api/page/words"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// look is how a state appears: a class, which names its colour and its icon, and
// a sign for where there is only text. Beside each stands a word, so that no
// colour stands alone.
type look struct{ Class, Sign string }

var looks = map[monitor.Status]look{
	monitor.Operational:   {"ok", "✓"},
	monitor.AtRisk:        {"warn", "!"},
	monitor.DegradedPerf:  {"warn", "!"},
	monitor.PartialOutage: {"part", "◐"},
	monitor.MajorOutage:   {"bad", "✕"},
	monitor.InMaintenance: {"plan", "⚙"},
	monitor.NotKnown:      {"none", "?"},
}

// draining is the look of what is restored and not yet over.
var draining = look{"wait", "◷"}

// known is a status, or NotKnown for one of a newer version: it is never green.
func known(s monitor.Status) monitor.Status {
	if _, ok := looks[s]; ok {
		return s
	}
	return monitor.NotKnown
}

func lookOf(s monitor.Status) look { return looks[known(s)] }

// lookOfImpact is how an incident of an impact appears.
func lookOfImpact(i monitor.Impact) look {
	switch i.Rank() {
	case 0:
		return looks[monitor.NotKnown]
	case 1:
		return looks[monitor.DegradedPerf]
	case 2:
		return looks[monitor.PartialOutage]
	}
	return looks[monitor.MajorOutage]
}

// severity orders statuses for the banner, worst last.
var severity = []monitor.Status{monitor.Operational, monitor.InMaintenance, monitor.NotKnown, monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage, monitor.MajorOutage}

// Overall is the status of everything, and an English sentence for it. An outage
// of one service among others is a partial one; what is unknown is never fine,
// and neither is a site with an open incident.
func Overall(v View) (monitor.Status, string) {
	status, key := verdict(v)
	return status, words.English().Text("banner." + key)
}

// verdict is the status of everything, and the key of the sentence for it.
func verdict(v View) (monitor.Status, string) {
	switch {
	case v.Empty || len(v.Services) == 0:
		return monitor.NotKnown, "empty"
	case v.Stale:
		return monitor.NotKnown, "stale"
	}
	worst, all := monitor.Operational, true
	for _, s := range v.Services {
		if status := known(s.Status); slices.Index(severity, status) > slices.Index(severity, worst) {
			worst = status
		}
		all = all && s.Status == monitor.MajorOutage
	}
	switch {
	case worst == monitor.MajorOutage && !all:
		worst = monitor.PartialOutage
	case worst == monitor.Operational:
		return withIncidents(v)
	}
	return worst, string(worst)
}

// withIncidents is the verdict where every service is measured to be fine.
func withIncidents(v View) (monitor.Status, string) {
	status, key := monitor.Operational, string(monitor.Operational)
	for _, i := range v.Incidents {
		switch {
		case i.State == incident.Draining:
			key = "draining"
		case i.State != incident.Resolved && i.Impact.Rank() > 0:
			return monitor.DegradedPerf, "incident"
		}
	}
	return status, key
}
