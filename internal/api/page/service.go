package page

import (
	"html/template"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// servicePage is the page of one service.
type servicePage struct {
	*sheet
	Row       row
	Since     template.HTML
	Depends   template.HTML
	NeededBy  template.HTML
	Windows   []windowRow
	Months    []windowRow
	Chart     *chart
	Monitors  []monitorRow
	Locations []template.HTML
	Days      []dayRow
	History   []incidentCard
}

// windowRow is the figures of one window or month.
type windowRow struct {
	Name, Uptime, Down string
	Observed           string
	Part               string // Observed as a sentence, where it is not all
}

// monitorRow is one monitor, with how it looks from where it looks different.
type monitorRow struct {
	Name  string
	Kind  monitor.Kind
	Class string
	Word  string
	Only  []string
}

// dayRow is a day that was not fine.
type dayRow struct {
	Date      string // 2006-01-02, the element's id after its d
	Name      string
	Look      look
	Word      string
	Down      string
	Uptime    string
	Incidents []incidentCard
}

func (s *sheet) service(svc store.ServiceView) servicePage {
	p := servicePage{sheet: s, Row: s.row(&svc), Chart: s.chart(&svc), Months: s.monthRows(svc.Months), Locations: s.locations()}
	if !svc.Since.IsZero() && !s.Stale {
		p.Since = s.H("since", "time", s.When(svc.Since), "span", s.Span(s.Now.Sub(svc.Since)))
	}
	if names := s.names(svc.DependsOn); names != "" {
		p.Depends = s.H("depends", "services", names)
	}
	if names := s.names(s.dependents(svc.ID)); names != "" {
		p.NeededBy = s.H("needed_by", "services", names)
	}
	for _, w := range svc.Uptime {
		p.Windows = append(p.Windows, s.windowRow(s.T("window."+w.Window), w))
	}
	for i := range svc.Monitors {
		p.Monitors = append(p.Monitors, s.monitorRow(&svc.Monitors[i]))
	}
	for _, d := range slices.Backward(svc.Days) {
		if isBad(d) {
			p.Days = append(p.Days, s.dayRow(svc.ID, d))
		}
	}
	for _, inc := range s.Incidents {
		if slices.Contains(inc.Services, svc.ID) {
			p.History = append(p.History, s.incident(inc))
		}
	}
	return p
}

// locations are the places that checks run from, each with when it was last
// heard.
func (s *sheet) locations() []template.HTML {
	var list []template.HTML
	for _, l := range s.Locations {
		if l.LastSeen.IsZero() {
			list = append(list, s.H("location_never", "location", l.ID))
		} else {
			list = append(list, s.H("location_last", "location", l.ID, "time", s.At(l.LastSeen)))
		}
	}
	return list
}

func (s *sheet) dependents(id monitor.ServiceID) []monitor.ServiceID {
	var list []monitor.ServiceID
	for i := range s.Services {
		if slices.Contains(s.Services[i].DependsOn, id) {
			list = append(list, s.Services[i].ID)
		}
	}
	return list
}

func (s *sheet) windowRow(name string, w store.WindowView) windowRow {
	if !w.Known {
		return windowRow{Name: name, Uptime: s.T("no_data"), Observed: s.share(w.Coverage)}
	}
	r := windowRow{Name: name, Uptime: s.lang.Percent(w.Uptime, 3), Down: s.down(w.DownS), Observed: s.share(w.Coverage)}
	if w.Coverage < 0.99 {
		r.Part = s.T("observed", "percent", r.Observed)
	}
	return r
}

func (s *sheet) down(seconds int64) string {
	if seconds == 0 {
		return s.T("none")
	}
	return s.Span(time.Duration(seconds) * time.Second)
}

var monitorClasses = map[monitor.State]string{
	monitor.Up: "ok", monitor.Degraded: "warn", monitor.Suspect: "warn", monitor.Flapping: "warn", monitor.Down: "bad", monitor.Recovering: "wait",
}

func (s *sheet) monitorRow(m *store.MonitorView) monitorRow {
	r := monitorRow{Name: plain(m.Name), Kind: m.Type, Class: monitorClasses[m.State], Word: s.T("monitor." + string(m.State)), Only: s.only(m)}
	if r.Class == "" {
		r.Class = "none"
		if m.State != monitor.Paused {
			r.Word = s.T("monitor.unknown")
		}
	}
	if m.Shadow { // whatever it is, nobody is to worry
		r.Class, r.Word = "none", s.T("monitor.shadow", "state", r.Word)
	}
	if r.Name == "" {
		r.Name = string(m.ID)
	}
	return r
}

func (s *sheet) dayRow(id monitor.ServiceID, d store.DayView) dayRow {
	r := dayRow{Date: d.Date, Name: d.Date, Look: lookOf(d.Worst), Word: s.Word(d.Worst), Down: s.down(d.DownS), Uptime: s.lang.Percent(d.Uptime, 2)}
	if t, err := time.Parse(time.DateOnly, d.Date); err == nil {
		r.Name = s.lang.Day(t, s.now)
	}
	for _, inc := range s.incidentsOn(id, d.Date) {
		r.Incidents = append(r.Incidents, s.incident(*inc))
	}
	return r
}

// monthRows are the calendar months, newest first; the first goes on.
func (s *sheet) monthRows(months []store.WindowView) []windowRow {
	var rows []windowRow
	for _, w := range slices.Backward(months) {
		name := w.Window
		if first, err := time.Parse("2006-01", w.Window); err == nil {
			name = s.lang.Month(first)
		}
		if len(rows) == 0 {
			name = s.T("month_part", "month", name)
		}
		rows = append(rows, s.windowRow(name, w))
	}
	return rows
}
