package page

import (
	"html/template"
	"slices"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// statusPage is the main page.
type statusPage struct {
	*sheet
	Current []incidentCard
	Planned []workCard
	Groups  []group
	Past    []stretch
}

// group is services under one heading.
type group struct {
	ID   string // of the element
	Name string
	Fold bool   // closed to begin with: a long page, and nothing is wrong in it
	Sum  string // of a closed one: that all is well, or the worst state
	Rows []row
}

// row is a service on the main page.
type row struct {
	ID          monitor.ServiceID
	Name        string
	Description string
	Look        look
	Word        string
	Bars        template.HTML
	Uptime      template.HTML // in as many days as there are bars
	Observed    string        // where that is not all of it
	Responds    string
	Spark       template.HTML
	Only        []string // monitors that look different from one place
}

// longPage is from how many services on groups without trouble are closed.
const longPage = 40

// groups keeps the order of the configuration.
func (s *sheet) groups() []group {
	var out []group
	for i := range s.Services {
		svc := &s.Services[i]
		at := slices.IndexFunc(out, func(g group) bool { return g.Name == svc.Group })
		if at < 0 {
			at = len(out)
			out = append(out, group{ID: "g" + strconv.Itoa(at), Name: svc.Group, Fold: len(s.Services) >= longPage})
		}
		g := &out[at]
		g.Rows = append(g.Rows, s.row(svc))
		g.Fold = g.Fold && svc.Status == monitor.Operational
	}
	for i := range out {
		out[i].Sum = s.sum(out[i].Name)
		if out[i].Name == "" {
			out[i].Name = s.T("services")
		}
	}
	return out
}

// sum is how a group stands, in words.
func (s *sheet) sum(name string) string {
	worst, n := monitor.Operational, 0
	for i := range s.Services {
		if svc := &s.Services[i]; svc.Group == name {
			n++
			if status := known(svc.Status); slices.Index(severity, status) > slices.Index(severity, worst) {
				worst = status
			}
		}
	}
	if worst == monitor.Operational {
		return s.T("all_fine", "n", n)
	}
	return s.Word(worst)
}

func (s *sheet) row(svc *store.ServiceView) row {
	r := row{
		ID: svc.ID, Name: plain(svc.Name), Description: svc.Description, Look: lookOf(svc.Status), Word: s.word(svc),
		Bars: s.bars(svc), Uptime: s.uptime(svc), Observed: s.observed(svc), Spark: s.spark(svc),
	}
	if svc.Latency != nil && svc.Latency.N > 0 {
		r.Responds = s.T("responds", "ms", s.lang.MS(svc.Latency.P50))
	}
	for i := range svc.Monitors {
		m := &svc.Monitors[i]
		if m.Shadow {
			continue
		}
		for _, place := range s.only(m) {
			r.Only = append(r.Only, plain(m.Name)+": "+place)
		}
	}
	return r
}

// word is a service's status, with how much is left where that is the point.
func (s *sheet) word(svc *store.ServiceView) string {
	if svc.Status == monitor.AtRisk && svc.Total > 0 {
		return s.T("at_risk_left", "alive", svc.Alive, "total", svc.Total)
	}
	return s.Word(svc.Status)
}

// uptime is that of the days whose bars are shown: 90, or, on a narrow screen, 30.
func (s *sheet) uptime(svc *store.ServiceView) template.HTML {
	long, ok := window(svc, "90d")
	if !ok {
		return s.text(s.T("no_uptime"))
	}
	figure := template.HTMLEscapeString(s.lang.Percent(long.Uptime, 2))
	if short, ok := window(svc, "30d"); ok && short.Uptime != long.Uptime {
		figure = `<span class="z">` + figure + `</span><span class="nw">` + template.HTMLEscapeString(s.lang.Percent(short.Uptime, 2)) + `</span>`
	}
	return s.H("uptime_of", "percent", template.HTML(figure))
}

// observed says how much of the 90 days was, where that is not all.
func (s *sheet) observed(svc *store.ServiceView) string {
	w, ok := window(svc, "90d")
	if !ok || w.Coverage >= 0.99 {
		return ""
	}
	return s.T("observed", "percent", s.share(w.Coverage))
}

// share is a part of something without decimals; what is more than nothing is
// never called nothing.
func (s *sheet) share(of float64) string {
	if of > 0 && of < 0.01 {
		return "< " + s.lang.Percent(0.01, 0)
	}
	return s.lang.Percent(of, 0)
}

// only says from where alone a monitor looks different.
func (s *sheet) only(m *store.MonitorView) []string {
	var parts []string
	for location, outcome := range m.Only {
		word := s.T("status.unknown")
		switch outcome {
		case monitor.OutcomeUp, monitor.OutcomeDegraded, monitor.OutcomeDown:
			word = s.T("outcome." + string(outcome))
		}
		parts = append(parts, s.T("seen", "outcome", word, "location", plain(string(location))))
	}
	slices.Sort(parts)
	return parts
}

// stretch is a day with incidents, or days without any.
type stretch struct {
	Text      string
	Incidents []incidentCard
}

const pastDays = 14

// past is the last days, newest first. Days in a row without incidents are one
// stretch: that all was well for a week takes one line to say.
func (s *sheet) past() []stretch {
	if s.Empty {
		return nil
	}
	var out []stretch
	var quiet []time.Time
	flush := func() {
		if n := len(quiet); n == 1 {
			out = append(out, stretch{Text: s.lang.Long(quiet[0])})
		} else if n > 1 {
			out = append(out, stretch{Text: s.T("range", "from", s.lang.Day(quiet[n-1], s.now), "to", s.lang.Day(quiet[0], s.now))})
		}
		quiet = nil
	}
	for i := range pastDays {
		d := time.Date(s.now.Year(), s.now.Month(), s.now.Day()-i, 12, 0, 0, 0, s.zone)
		var cards []incidentCard
		for j := range s.Incidents {
			inc := &s.Incidents[j]
			if inc.State == incident.Resolved && inc.Opened.In(s.zone).Format(time.DateOnly) == d.Format(time.DateOnly) {
				cards = append(cards, s.incident(*inc))
			}
		}
		if cards == nil {
			quiet = append(quiet, d)
			continue
		}
		flush()
		out = append(out, stretch{s.lang.Long(d), cards})
	}
	flush()
	return out
}
