package badge

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// All is the id of the whole page, unless a service bears it.
const All = "all"

// Subject is what a badge is about: a service, a monitor, or the whole page.
type Subject struct {
	Service monitor.ServiceID // of a monitor: the one that it is of; empty: the whole page
	Monitor monitor.ID        // empty: it is none
	Name    string
	Status  monitor.Status
	State   monitor.State      // of a monitor; else empty
	Uptime  map[string]float64 // 0 to 1, by window; those of which nothing is known are missing
	Latency time.Duration      // in the middle (a monitor: of its last check); 0: not known
}

// Find returns what an id names: a service, the whole page ("all"), a monitor,
// or a monitor of one service ("service.monitor"), in this order, so that a
// monitor that bears the name of a service can be named too.
func Find(s *store.Snapshot, overall monitor.Status, id string) (Subject, bool) {
	for _, v := range s.Services {
		if string(v.ID) == id {
			return ofService(v), true
		}
	}
	if id == All {
		return ofPage(s, overall), true
	}
	service, wanted, both := strings.Cut(id, ".")
	if !both {
		service, wanted = "", id
	}
	for _, v := range s.Services {
		at := slices.IndexFunc(v.Monitors, func(m store.MonitorView) bool { return string(m.ID) == wanted })
		if at >= 0 && (service == "" || service == string(v.ID)) {
			s := ofMonitor(v.Monitors[at])
			s.Service = v.ID
			return s, true
		}
	}
	return Subject{}, false
}

func ofService(v store.ServiceView) Subject {
	s := Subject{Service: v.ID, Name: v.Name, Status: v.Status, Uptime: windows(v)}
	if v.Latency != nil {
		s.Latency = millis(v.Latency.P50)
	}
	return s
}

func windows(v store.ServiceView) map[string]float64 {
	known := map[string]float64{}
	for _, w := range v.Uptime {
		if w.Known {
			known[w.Window] = w.Uptime
		}
	}
	return known
}

func ofMonitor(m store.MonitorView) Subject {
	s := Subject{Monitor: m.ID, Name: m.Name, State: m.State, Uptime: m.Uptime}
	if m.Last != nil && (m.Last.Outcome == monitor.OutcomeUp || m.Last.Outcome == monitor.OutcomeDegraded) {
		s.Latency = millis(m.Last.MS)
	}
	return s
}

// ofPage is all services together: the mean of their uptimes and of their
// response times, each service counting as much as any other.
func ofPage(s *store.Snapshot, overall monitor.Status) Subject {
	page := Subject{Name: s.Site.Name, Status: overall, Uptime: map[string]float64{}}
	for _, window := range uptime.Names() {
		sum, n := 0.0, 0
		for _, v := range s.Services {
			if share, known := windows(v)[window]; known {
				sum, n = sum+share, n+1
			}
		}
		if n > 0 {
			page.Uptime[window] = sum / float64(n)
		}
	}
	var sum time.Duration
	n := time.Duration(0)
	for _, v := range s.Services {
		if v.Latency != nil {
			sum, n = sum+millis(v.Latency.P50), n+1
		}
	}
	if n > 0 {
		page.Latency = sum / n
	}
	return page
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// said is how a condition is shown: never by its colour alone.
type said struct {
	word   string
	colour Colour
}

var statuses = map[monitor.Status]said{
	monitor.Operational:   {"operational", Green},
	monitor.AtRisk:        {"at risk", Yellow},
	monitor.DegradedPerf:  {"degraded", Yellow},
	monitor.PartialOutage: {"partial outage", Orange},
	monitor.MajorOutage:   {"outage", Red},
	monitor.InMaintenance: {"maintenance", Blue},
}

var states = map[monitor.State]said{
	monitor.Up:         {"up", Green},
	monitor.Degraded:   {"degraded", Yellow},
	monitor.Suspect:    {"suspect", Yellow},
	monitor.Flapping:   {"flapping", Orange},
	monitor.Down:       {"down", Red},
	monitor.Recovering: {"recovering", Orange},
	monitor.Paused:     {"paused", Grey},
}

// Status is the badge of what the subject is now. What is not known, and what
// this version does not know, is grey.
func Status(s Subject) Badge {
	shown, known := statuses[s.Status]
	if s.State != "" {
		shown, known = states[s.State]
	}
	if !known {
		return Badge{Label: s.Name, Message: "unknown", Colour: Grey}
	}
	return Badge{Label: s.Name, Message: shown.word, Colour: shown.colour, Known: true}
}

// Uptime is the badge of a window's uptime, rounded down.
func Uptime(s Subject, window string) Badge {
	share, known := s.Uptime[window]
	b := Badge{Label: "uptime " + window, Message: "no data", Colour: Grey, Known: known}
	if known {
		b.Message, b.Colour = uptime.Percent(share, 2)+"%", uptimeColour(share)
	}
	return b
}

// uptimeColour: less than three nines in a hundred is worth a look; the steps
// below it are Gatus'.
func uptimeColour(share float64) Colour {
	switch {
	case share >= 0.99:
		return Green
	case share >= 0.95:
		return Lime
	case share >= 0.9:
		return Yellow
	case share >= 0.8:
		return Orange
	}
	return Red
}

// ResponseTime is the badge of how long answers take.
func ResponseTime(s Subject) Badge {
	b := Badge{Label: "response time", Message: "no data", Colour: Grey, Known: s.Latency > 0}
	if b.Known {
		b.Message, b.Colour = Millis(s.Latency), latencyColour(s.Latency)
	}
	return b
}

// Millis is a duration as badges show it: "123 ms".
func Millis(d time.Duration) string {
	if d < time.Millisecond {
		return "< 1 ms"
	}
	return strconv.FormatFloat(math.Round(float64(d)/float64(time.Millisecond)), 'f', -1, 64) + " ms"
}

// latencyColour has Gatus' steps.
func latencyColour(d time.Duration) Colour {
	switch {
	case d <= 200*time.Millisecond:
		return Green
	case d <= 300*time.Millisecond:
		return Lime
	case d <= 500*time.Millisecond:
		return Yellow
	case d <= 750*time.Millisecond:
		return Orange
	}
	return Red
}
