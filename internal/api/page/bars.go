package page

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

const (
	barDays   = 90
	phoneDays = 30 // the newest, on a narrow screen
)

// lines is the height at which a day's bar of each class is drawn, whose width
// the style gives: the worse a day was, the higher its bar, so that it can be
// told without its colour. All stand on the bottom of ten units.
var lines = map[string]string{"none": "9", "ok": "6", "plan": "6", "warn": "5.5", "part": "5", "bad": "5"}

// bars is the last 90 days as a drawing, oldest first: a run of days of one class
// is one line, which the style dashes into bars. A day of which nothing is known,
// or before anything was measured, is a stub. A bad day is a link to what happened
// on it.
func (s *sheet) bars(svc *store.ServiceView) template.HTML {
	days := svc.Days[max(len(svc.Days)-barDays, 0):]
	missing := barDays - len(days)
	class := func(i int) string {
		switch {
		case i < missing || !days[i-missing].Known:
			return "none"
		case isBad(days[i-missing]):
			return ""
		}
		return lookOf(days[i-missing].Worst).Class
	}
	var b, old, links strings.Builder
	runs := map[string]string{}
	down := 0
	for from := 0; from < barDays; {
		to, c := from+1, class(from)
		if c == "" {
			day := days[from-missing]
			s.badDay(pick(from < barDays-phoneDays, &old, &links), svc, day, from)
			if day.DownS > 0 {
				down++
			}
			from = to
			continue
		}
		for to < barDays && class(to) == c {
			to++
		}
		runs[c] += "M" + strconv.Itoa(from) + " " + lines[c] + "h" + strconv.Itoa(to-from)
		from = to
	}
	role := "img"
	if old.Len()+links.Len() > 0 {
		role = "group" // what an image holds cannot be reached
	}
	b.WriteString(`<svg class="b" viewBox="0 0 90 10" preserveAspectRatio="none" role="` + role + `" aria-label="` + template.HTMLEscapeString(s.summary(svc, down)) + `">`)
	for _, c := range []string{"ok", "none"} {
		if runs[c] != "" {
			b.WriteString(`<path class="` + c + `" d="` + runs[c] + `"/>`)
		}
	}
	if old.Len() > 0 {
		b.WriteString(`<g class="o">` + old.String() + `</g>`)
	}
	return template.HTML(b.String() + links.String() + `</svg>`)
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// badDay writes the bar of a day that was not fine, as a link.
func (s *sheet) badDay(b *strings.Builder, svc *store.ServiceView, d store.DayView, x int) {
	c := lookOf(d.Worst).Class
	b.WriteString(`<a href="` + template.HTMLEscapeString(s.dayHref(svc, d)) + `"><title>` + template.HTMLEscapeString(s.dayText(d)) + `</title><path class="` + c + `" d="M` + strconv.Itoa(x) + " " + lines[c] + `h1"/></a>`)
}

// isBad reports whether there is something to say about a day.
func isBad(d store.DayView) bool {
	return d.Known && (d.DownS > 0 || known(d.Worst) != monitor.Operational && known(d.Worst) != monitor.NotKnown)
}

func (s *sheet) dayText(d store.DayView) string {
	date := d.Date
	if t, err := time.Parse(time.DateOnly, d.Date); err == nil {
		date = s.lang.Day(t, s.now)
	}
	if d.DownS > 0 {
		return s.T("day_down", "date", date, "span", s.Span(time.Duration(d.DownS)*time.Second))
	}
	return s.T("day_status", "date", date, "status", s.Word(d.Worst))
}

// dayHref is the incident of a day, or else the day on the service's page.
func (s *sheet) dayHref(svc *store.ServiceView, d store.DayView) string {
	if on := s.incidentsOn(svc.ID, d.Date); len(on) == 1 {
		return s.Href("/incidents/", on[0].ID)
	}
	return s.Href("/services/", svc.ID) + "#d" + d.Date
}

// incidentsOn are the incidents of a service that were going on on a day.
func (s *sheet) incidentsOn(id monitor.ServiceID, date string) []*store.IncidentView {
	var on []*store.IncidentView
	for i := range s.Incidents {
		inc := &s.Incidents[i]
		end := inc.Resolved
		if end.IsZero() {
			end = s.Now
		}
		from, to := inc.Opened.In(s.zone).Format(time.DateOnly), end.In(s.zone).Format(time.DateOnly)
		if from > date || to < date {
			continue
		}
		for _, affected := range inc.Services {
			if affected == id {
				on = append(on, inc)
				break
			}
		}
	}
	return on
}

// summary says in words what the bars show.
func (s *sheet) summary(svc *store.ServiceView, bad int) string {
	if _, ok := window(svc, "90d"); !ok && bad == 0 {
		return s.T("bars_none")
	}
	return s.T("bars", "n", bad)
}

// window returns one window's figure; it reports false where nothing was
// observed.
func window(svc *store.ServiceView, name string) (store.WindowView, bool) {
	for _, w := range svc.Uptime {
		if w.Window == name {
			return w, w.Known
		}
	}
	return store.WindowView{}, false
}
