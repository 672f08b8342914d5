package uptime

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Day is one day of a service, for the bars of a status page.
type Day struct {
	Date string `json:"date"` // 2006-01-02, in the zone that was asked for
	Window

	Seconds Seconds        `json:"seconds"` // adjusted
	Raw     Seconds        `json:"raw"`     // exclusions ignored
	Worst   monitor.Status `json:"worst"`   // adjusted; unknown only if nothing is known of the day
	Outages int            `json:"outages"` // that began on the day or went on into it, adjusted

	// Incidents is for CountIncidents to fill: flips know of none.
	Incidents int `json:"incidents"`
}

// Days are the last n calendar days of a time zone, oldest first, as Days has
// them.
func (t *Timeline) Days(now time.Time, n int, zone *time.Location) []Day {
	windows := Days(now, n, zone)
	days := make([]Day, len(windows))
	for i, w := range windows {
		days[i] = Day{
			Date: w.From.In(zone).Format(time.DateOnly), Window: w,
			Seconds: t.Tally(w), Raw: t.Raw(w), Worst: t.Worst(w), Outages: len(t.Outages(w)),
		}
	}
	return days
}

// Worst is the worst status within a window, adjusted: a status that held only
// within exclusions does not count. It is unknown only if nothing is known.
func (t *Timeline) Worst(w Window) monitor.Status {
	worst := monitor.NotKnown
	t.pieces(w, func(_ Window, now cut) {
		if status := now.adjusted(); rank(status) > rank(worst) {
			worst = status
		}
	})
	return worst
}

// Outage is a span of downtime, From inclusive, To exclusive.
type Outage struct {
	Window
	Worst monitor.Status `json:"worst"` // partial or major outage
}

// Outages are the spans of downtime within a window, oldest first, without
// exclusions and cut at the ends of the window. Their lengths add up to the
// downtime of Tally: they are what a figure can be traced to.
func (t *Timeline) Outages(w Window) []Outage {
	var outages []Outage
	t.pieces(w, func(w Window, now cut) {
		status := now.adjusted()
		if !status.IsOutage() {
			return
		}
		if n := len(outages); n > 0 && outages[n-1].To.Equal(w.From) {
			outages[n-1].To = w.To
			if rank(status) > rank(outages[n-1].Worst) {
				outages[n-1].Worst = status
			}
			return
		}
		outages = append(outages, Outage{w, status})
	})
	return outages
}

// CountIncidents sets, for each day, how many incidents it shares time with.
// An incident without an end is still open.
func CountIncidents(days []Day, incidents []Window) {
	for i := range days {
		days[i].Incidents = 0
		for _, w := range incidents {
			if w.From.Before(days[i].To) && (w.To.IsZero() || w.To.After(days[i].From)) {
				days[i].Incidents++
			}
		}
	}
}
