package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// words names a status as people say it.
var words = map[monitor.Status]string{
	monitor.Operational:   "working",
	monitor.AtRisk:        "at risk",
	monitor.DegradedPerf:  "degraded",
	monitor.PartialOutage: "partial outage",
	monitor.MajorOutage:   "outage",
	monitor.InMaintenance: "in maintenance",
	monitor.NotKnown:      "not known",
}

// Words names a status as people say it; one that is not known to this version
// is never called fine.
func Words(s monitor.Status) string {
	if w, ok := words[s]; ok {
		return w
	}
	return words[monitor.NotKnown]
}

func title(name string, c Change) string {
	if c.Status == monitor.AtRisk {
		return fmt.Sprintf("%s: at risk, %d of %d left", name, c.Alive, c.Total)
	}
	return name + ": " + Words(c.Status)
}

// sentence says what is the matter, without the service's name.
func sentence(c Change) string {
	if _, is := c.Service.Prober(); is {
		return fmt.Sprintf("%d of %d monitors look down from there alone; what fails from there is set aside until they do not", c.Total-c.Alive, c.Total)
	}
	switch c.Status {
	case monitor.AtRisk:
		return fmt.Sprintf("still working, but redundancy is lost: %d of %d left", c.Alive, c.Total)
	case monitor.DegradedPerf:
		return "working, but not as well as it should"
	case monitor.PartialOutage:
		return fmt.Sprintf("partial outage, %d of %d parts work", c.Alive, c.Total)
	case monitor.MajorOutage:
		if c.Total == 1 {
			return "down"
		}
		return fmt.Sprintf("down, none of %d parts works", c.Total)
	case monitor.NotKnown:
		return "state not known at the moment"
	}
	return Words(c.Status)
}

func openedText(name string, c Change) string {
	if c.Flapping {
		return name + " keeps changing: " + sentence(c) + " at the moment. You will hear again when it is steady."
	}
	return name + ": " + sentence(c) + "."
}

func restoredText(from, to time.Time) string { return "Restored after " + Span(to.Sub(from)) + "." }

// standing says how an incident stands, for those who hear of it late.
func standing(inc *Incident) string {
	if root, ok := inc.Affects(inc.Root); ok {
		return openedText(root.Name, Change{Service: root.ID, Status: root.Status, Alive: root.Alive, Total: root.Total, Flapping: root.Flapping})
	}
	return inc.Title + "."
}

// public is what the public may know of the affected services.
func (i *Incident) public() []Affected {
	return slices.DeleteFunc(slices.Clone(i.Services), func(a Affected) bool { return a.Internal })
}

// foremost is the service that stands for the incident to the public: the first
// that it may know of and that is still broken, or, once the incident is over,
// the first that is not. It reports false if the public may know of none.
func (i *Incident) foremost() (Affected, bool) {
	visible := i.public()
	if len(visible) == 0 {
		return Affected{}, false
	}
	at := slices.IndexFunc(visible, func(a Affected) bool { return a.Restored.IsZero() != (i.State == Resolved) })
	return visible[max(at, 0)], true
}

// PublicTitle is the title without the names of internal services.
func (i *Incident) PublicTitle() string {
	v, ok := i.foremost()
	if root, has := i.Affects(i.Root); has && !root.Internal || !ok {
		return i.Title
	}
	return v.Name + ": " + Words(v.Status)
}

// PublicText is a text about the incident without the names of internal
// services: one that names any is replaced by how the first service that the
// public sees stands. It is empty where there is none.
func (i *Incident) PublicText(text string) string {
	for _, a := range i.Services {
		if a.Internal && strings.Contains(text, a.Name) {
			v, ok := i.foremost()
			if !ok {
				return ""
			}
			return openedText(v.Name, Change{Status: v.Status, Alive: v.Alive, Total: v.Total})
		}
	}
	return text
}

// Span writes a duration as people say it: 14m 32s, 6h 50m, 2d 3h.
func Span(d time.Duration) string {
	d = max(d.Round(time.Second), 0)
	days, hours, minutes, seconds := d/(24*time.Hour), d%(24*time.Hour)/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second
	switch {
	case days > 0:
		return fmt.Sprintf("%dd %dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh %dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm %ds", minutes, seconds)
	}
	return fmt.Sprintf("%ds", seconds)
}
