package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// monthsShown are the calendar months that the page's bars are of, whole, oldest
// first; the last one ends now.
func monthsShown(now time.Time, zone *time.Location) []uptime.Window {
	bars := uptime.Days(now, pageBars, zone)
	first := bars[0].From.In(zone)
	var months []uptime.Window
	for month := first.Month(); ; month++ {
		w := uptime.Month(first.Year(), month, zone)
		if !w.From.Before(now) {
			return months
		}
		months = append(months, w.Until(now))
	}
}

// months is a service's calendar months: as they were frozen, or by its history. A
// frozen one is read once, and again when somebody has corrected the service.
func (p *Pipeline) months(ctx context.Context, id monitor.ServiceID, line uptime.History, was store.ServiceView, corrected int, months []uptime.Window, zone *time.Location, now time.Time) ([]store.WindowView, error) {
	var views []store.WindowView
	_, last := uptime.Finished(now, zone)
	for _, w := range months {
		name := monthName(w, zone)
		at := slices.IndexFunc(was.Months, func(v store.WindowView) bool { return v.Window == name && v.Frozen })
		if at >= 0 && was.Corrected == corrected {
			views = append(views, was.Months[at])
			continue
		}
		if name > last /* not frozen yet, or going on */ || line.Tally(w).Observed() == 0 {
			views = append(views, windowView(name, w, line.Tally(w), line.Raw(w)))
			continue
		}
		f, version, err := p.Store.Figures(ctx, id, name)
		if err != nil {
			return nil, err
		}
		view := windowView(name, w, line.Tally(w), line.Raw(w))
		if version > 0 {
			view = windowView(name, f.Window, f.Adjusted, f.Raw)
			view.Frozen = true
		}
		views = append(views, view)
	}
	return views, nil
}
