package uptime

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Figures are what a service's window came to, with all that they can be traced
// to. Those of a finished month are frozen: kept as they are.
type Figures struct {
	Service monitor.ServiceID `json:"service"`
	Month   string            `json:"month,omitempty"` // 2019-05, of frozen ones
	Window

	Adjusted Seconds  `json:"adjusted"`
	Raw      Seconds  `json:"raw"` // as measured
	Outages  []Outage `json:"outages"`

	Exclusions  []Exclusion  `json:"exclusions"`  // that share time with the window, by time
	Corrections []Correction `json:"corrections"` // the same, in the order in which they were made

	// Frozen is when they were; zero: they are not. Amended says what they were
	// before each correction that came later, oldest first.
	Frozen  time.Time `json:"frozen,omitzero"`
	Amended []Amended `json:"amended,omitempty"`
}

// Amended is what frozen figures were before a correction.
type Amended struct {
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	Reason     string    `json:"reason"`
	Correction string    `json:"correction"` // its id
	Before     Seconds   `json:"before"`     // adjusted
}

// History is all that figures are made from: the timeline, and why it is not what
// was measured.
type History struct {
	*Timeline
	Exclusions  []Exclusion
	Corrections []Correction
	Flips       []monitor.Flip // of the service and of its monitors
}

// Figures are those of a window.
func (h History) Figures(id monitor.ServiceID, w Window) Figures {
	f := Figures{
		Service: id, Window: w, Adjusted: h.Tally(w), Raw: h.Raw(w), Outages: h.Outages(w),
		Exclusions: []Exclusion{}, Corrections: []Correction{},
	}
	for _, e := range h.Exclusions {
		if !(Window{e.From, e.To}).Intersect(w).IsEmpty() {
			f.Exclusions = append(f.Exclusions, e)
		}
	}
	for _, c := range inOrder(h.Corrections) {
		if !(Window{c.From, c.To}).Intersect(w).IsEmpty() {
			f.Corrections = append(f.Corrections, c)
		}
	}
	return f
}

// Amend is frozen figures after a correction: computed anew, with what they were
// before.
func (f Figures) Amend(fresh Figures, c Correction) Figures {
	fresh.Month, fresh.Frozen = f.Month, f.Frozen
	fresh.Amended = append(append([]Amended{}, f.Amended...), Amended{At: c.At, By: c.By, Reason: c.Reason, Correction: c.ID, Before: f.Adjusted})
	return fresh
}

// MonthName is the name of the month of a zone that a time is in.
func MonthName(t time.Time, zone *time.Location) string { return t.In(zone).Format(monthForm) }

// FreezeAfter is how long after its end a month is frozen: what comes late has
// come by then.
const FreezeAfter = 24 * time.Hour

// Finished is the last month of a zone that is to be frozen by now, and its name.
func Finished(now time.Time, zone *time.Location) (Window, string) {
	local := now.Add(-FreezeAfter).In(zone)
	w := Month(local.Year(), local.Month()-1, zone)
	return w, MonthName(w.From.Add(12*time.Hour), zone)
}

// MonthsOf are the names of the months of a zone that a window shares time with.
func MonthsOf(w Window, zone *time.Location) []string {
	var names []string
	first := w.From.In(zone)
	for year, month := first.Year(), first.Month(); ; month++ {
		of := Month(year, month, zone)
		if !of.From.Before(w.To) {
			return names
		}
		if !of.Intersect(w).IsEmpty() {
			names = append(names, time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Format(monthForm))
		}
	}
}
