// Package report is uptime for people outside: a window's figures, service by
// service, as text, Markdown, CSV, HTML or JSON. It computes nothing: the figures
// are those of the page and the API.
package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/uptime"
)

// Report is a window's figures.
type Report struct {
	Site      string        `json:"site"`
	Window    string        `json:"window"` // such as 2019-05 or 30d
	From      time.Time     `json:"from"`
	To        time.Time     `json:"to"` // of a window that is not over: now
	Zone      string        `json:"zone"`
	Over      bool          `json:"over"`
	Month     bool          `json:"month"` // a calendar month, which is frozen after its end
	Freezes   bool          `json:"-"`     // it is going to be: nothing hinders it
	Services  []Service     `json:"services"`
	Incidents []IncidentRef `json:"incidents"` // oldest first
}

// Service is one service's figures. Uptime is 1 − down / (time − maintenance −
// unknown); Raw is the same as measured, without maintenance and corrections. Both
// are meaningless unless known.
type Service struct {
	ID       monitor.ServiceID `json:"id"`
	Name     string            `json:"name"`
	Known    bool              `json:"known"`
	Uptime   float64           `json:"uptime"` // 0 to 1
	RawKnown bool              `json:"raw_known"`
	Raw      float64           `json:"raw"`      // 0 to 1
	Coverage float64           `json:"coverage"` // 0 to 1: how much of the window was observed
	DownS    int64             `json:"down_s"`
	UnknownS int64             `json:"unknown_s"`
	MaintS   int64             `json:"maintenance_s"`
	Outages  []Outage          `json:"outages"`

	Exclusions  []Exclusion  `json:"exclusions"`
	Corrections []Correction `json:"corrections"`      // in the order in which they were made
	Frozen      time.Time    `json:"frozen,omitzero"`  // since when the figures are kept as they are
	Amended     []Amended    `json:"amended,omitzero"` // oldest first

	// From and To are the service's own, where its figures were frozen in another
	// zone than the report is in.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`

	Monitors []Service `json:"monitors,omitempty"` // the same of each, where it is asked for
}

// Outage is a span in which a service was down.
type Outage struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

func (o Outage) lasted() string { return incident.Span(o.To.Sub(o.From)) }

// IncidentRef names an incident that lasted in the window.
type IncidentRef struct {
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	Worst    monitor.Impact `json:"worst"`
	Opened   time.Time      `json:"opened"`
	Since    time.Time      `json:"since"`             // of the outage, where it began with less; never before Opened
	Restored time.Time      `json:"restored,omitzero"` // when it worked again
	Resolved time.Time      `json:"resolved,omitzero"` // when it was over: old DNS answers had run out, too
}

// In reports whether an incident lasted in a window, if only for an instant.
func (i IncidentRef) In(w uptime.Window) bool {
	return i.Since.Before(w.To) && (i.Restored.IsZero() || i.Restored.After(w.From) || w.Contains(i.Since))
}

// Of is a service's figures, as they were computed or frozen.
func Of(name string, f uptime.Figures) Service {
	tally := f.Adjusted
	s := Service{ID: f.Service, Name: name, Coverage: tally.Coverage(), DownS: int64(tally.Down.Round(time.Second) / time.Second),
		UnknownS: int64(tally.Unknown / time.Second), MaintS: int64(tally.Maintenance / time.Second), Outages: []Outage{}}
	s.Uptime, s.Known = tally.Uptime()
	s.Raw, s.RawKnown = f.Raw.Uptime()
	for _, o := range f.Outages {
		s.Outages = append(s.Outages, Outage{o.From, o.To})
	}
	s.adjust(f)
	return s
}

// OfMonitor is the figures of a monitor. Why they are what they are, its service
// says.
func OfMonitor(id monitor.ID, name string, f uptime.Figures) Service {
	f.Service, f.Exclusions, f.Corrections = monitor.ServiceID(id), nil, nil
	return Of(name, f)
}

// lines is the services, each with its monitors after it.
func (r Report) lines() []Service {
	var all []Service
	for _, s := range r.Services {
		all = append(all, s)
		for _, m := range s.Monitors {
			m.ID, m.Name = s.ID+"/"+m.ID, s.Name+" / "+m.Name
			all = append(all, m)
		}
	}
	return all
}

// Formats are the forms that Write knows.
func Formats() []string { return []string{"text", "md", "csv", "html", "json"} }

// Write writes the report in one of the Formats.
func (r Report) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return r.text(w)
	case "md":
		return r.markdown(w)
	case "csv":
		return r.csv(w)
	case "html":
		return r.html(w)
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	return fmt.Errorf("the format %q is none of %s", format, strings.Join(Formats(), ", "))
}

func (r Report) zone() *time.Location {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

func (r Report) when(t time.Time) string { return t.In(r.zone()).Format("2006-01-02 15:04 MST") }

func (r Report) title() string {
	t := "Uptime of " + oneLine(r.Site) + ", " + r.Window
	if !r.Over {
		t += " (so far)"
	}
	return t
}

// decimals is how many a figure shows, as on the page.
const decimals = 2

func (s Service) uptime() string { return percent(s.Uptime, s.Known) }

func percent(ratio float64, known bool) string {
	if !known {
		return "not known"
	}
	return uptime.Percent(ratio, decimals) + " %"
}

func (s Service) observed() string { return uptime.Percent(s.Coverage, 1) + " %" }

func span(seconds int64) string { return incident.Span(time.Duration(seconds) * time.Second) }

// oneLine is a text from outside that can break no line.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 }), " ")
}

func (r Report) text(w io.Writer) error {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s\n%s to %s\n\n", r.title(), r.when(r.From), r.when(r.To))
	width := len("service")
	for _, s := range r.lines() {
		width = max(width, len([]rune(oneLine(s.Name))))
	}
	pad := func(text string) string { return text + strings.Repeat(" ", width-len([]rune(text))) }
	_, _ = fmt.Fprintf(&b, "%s  %11s  %9s  %11s  %8s\n", pad("service"), "uptime", "down", "maintenance", "observed")
	for _, s := range r.lines() {
		_, _ = fmt.Fprintf(&b, "%s  %11s  %9s  %11s  %8s\n", pad(oneLine(s.Name)), s.uptime(), span(s.DownS), span(s.MaintS), s.observed())
		for _, o := range s.Outages {
			_, _ = fmt.Fprintf(&b, "    down %s to %s, %s\n", r.when(o.From), r.when(o.To), o.lasted())
		}
		for _, note := range r.notes(s) {
			_, _ = fmt.Fprintf(&b, "    %s\n", note)
		}
	}
	if standing := r.standing(); standing != "" {
		_, _ = fmt.Fprintf(&b, "\n%s\n", standing)
	}
	if len(r.Incidents) > 0 {
		_, _ = fmt.Fprintf(&b, "\nIncidents\n")
	}
	for _, i := range r.Incidents {
		_, _ = fmt.Fprintf(&b, "  %s  %s  %s, %s\n", r.when(i.Since), oneLine(i.Title), i.Worst, i.lasted())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// spell is an outage in words.
type spell struct{ Service, From, To, Lasted string }

func (r Report) outages() (all []spell) {
	for _, s := range r.lines() {
		for _, o := range s.Outages {
			all = append(all, spell{oneLine(s.Name), r.when(o.From), r.when(o.To), o.lasted()})
		}
	}
	return all
}

func (i IncidentRef) lasted() string {
	if i.Restored.IsZero() {
		return "not over"
	}
	return incident.Span(i.Restored.Sub(i.Since))
}

func escapeMarkdown(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "[", `\[`).Replace(oneLine(text))
}

func (r Report) markdown(w io.Writer) error {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "# %s\n\n%s to %s\n\n| service | uptime | down | maintenance | observed |\n|---|---:|---:|---:|---:|\n",
		escapeMarkdown(r.title()), r.when(r.From), r.when(r.To))
	for _, s := range r.lines() {
		_, _ = fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", escapeMarkdown(s.Name), s.uptime(), span(s.DownS), span(s.MaintS), s.observed())
	}
	if outages := r.outages(); len(outages) > 0 {
		_, _ = fmt.Fprintf(&b, "\n## Outages\n\n| service | from | to | lasted |\n|---|---|---|---|\n")
		for _, o := range outages {
			_, _ = fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", escapeMarkdown(o.Service), o.From, o.To, o.Lasted)
		}
	}
	r.markdownNotes(&b)
	if len(r.Incidents) > 0 {
		_, _ = fmt.Fprintf(&b, "\n## Incidents\n\n| began | what | impact | lasted |\n|---|---|---|---|\n")
	}
	for _, i := range r.Incidents {
		_, _ = fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.when(i.Since), escapeMarkdown(i.Title), i.Worst, i.lasted())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// csv has one row a service; a cell that a spreadsheet would take for a formula
// is made text.
func (r Report) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"service", "name", "window", "from", "to", "uptime", "raw", "down_s", "unknown_s", "maintenance_s", "coverage", "corrections", "frozen", "excluded", "corrected"}}
	ratio := func(v float64, known bool) string {
		if !known {
			return ""
		}
		return uptime.Decimal(v, 6) // never rounded up to 1
	}
	for _, s := range r.lines() {
		name := oneLine(s.Name)
		if name != "" && strings.ContainsRune("=+-@", rune(name[0])) {
			name = "'" + name
		}
		frozen := ""
		if !s.Frozen.IsZero() {
			frozen = s.Frozen.UTC().Format(time.RFC3339)
		}
		rows = append(rows, []string{
			string(s.ID), name, r.Window, r.From.UTC().Format(time.RFC3339), r.To.UTC().Format(time.RFC3339), ratio(s.Uptime, s.Known), ratio(s.Raw, s.RawKnown),
			strconv.FormatInt(s.DownS, 10), strconv.FormatInt(s.UnknownS, 10), strconv.FormatInt(s.MaintS, 10), ratio(s.Coverage, true),
			strconv.Itoa(len(s.Corrections)), frozen, s.excluded(), s.corrected(),
		})
	}
	return out.WriteAll(rows)
}

var page = sync.OnceValues(func() (*template.Template, error) {
	return template.New("report").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2024;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{padding:.4rem .6rem;border-bottom:1px solid #d5d9dd;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}@media(prefers-color-scheme:dark){body{color:#e8eaed;background:#16191d}th,td{border-color:#3a4046}}</style>
</head><body><h1>{{.Title}}</h1><p>{{.From}} to {{.To}}</p>
<table><thead><tr><th scope="col">Service</th><th scope="col" class="n">Uptime</th><th scope="col" class="n">Down</th><th scope="col" class="n">Maintenance</th><th scope="col" class="n">Observed</th></tr></thead><tbody>
{{range .Services}}<tr><th scope="row">{{.Name}}</th><td class="n">{{.Uptime}}</td><td class="n">{{.Down}}</td><td class="n">{{.Maintenance}}</td><td class="n">{{.Observed}}</td></tr>
{{end}}</tbody></table>
{{if .Outages}}<h2>Outages</h2>
<table><thead><tr><th scope="col">Service</th><th scope="col">From</th><th scope="col">To</th><th scope="col">Lasted</th></tr></thead><tbody>
{{range .Outages}}<tr><th scope="row">{{.Service}}</th><td>{{.From}}</td><td>{{.To}}</td><td>{{.Lasted}}</td></tr>
{{end}}</tbody></table>{{end}}
{{if .Notes}}<h2>Maintenance and corrections</h2>
<ul>{{range .Notes}}<li>{{.}}</li>
{{end}}</ul>{{end}}{{with .Standing}}<p>{{.}}</p>
{{end}}{{if .Incidents}}<h2>Incidents</h2>
<table><thead><tr><th scope="col">Began</th><th scope="col">What</th><th scope="col">Impact</th><th scope="col">Lasted</th></tr></thead><tbody>
{{range .Incidents}}<tr><td>{{.Began}}</td><td>{{.Title}}</td><td>{{.Impact}}</td><td>{{.Lasted}}</td></tr>
{{end}}</tbody></table>{{end}}</body></html>
`)
})

func (r Report) html(w io.Writer) error {
	t, err := page()
	if err != nil {
		return err
	}
	type row struct{ Name, Uptime, Down, Maintenance, Observed string }
	type began struct{ Began, Title, Impact, Lasted string }
	data := struct {
		Title, From, To string
		Services        []row
		Outages         []spell
		Incidents       []began
		Notes           []string
		Standing        string
	}{Title: r.title(), Outages: r.outages(), Standing: r.standing(), From: r.when(r.From), To: r.when(r.To)}
	for _, s := range r.lines() {
		data.Services = append(data.Services, row{oneLine(s.Name), s.uptime(), span(s.DownS), span(s.MaintS), s.observed()})
		for _, note := range r.notes(s) {
			data.Notes = append(data.Notes, oneLine(s.Name)+": "+note)
		}
	}
	for _, i := range r.Incidents {
		data.Incidents = append(data.Incidents, began{r.when(i.Since), oneLine(i.Title), string(i.Worst), i.lasted()})
	}
	return t.Execute(w, data)
}

// Sort puts incidents in the order of their beginnings.
func (r *Report) Sort() {
	slices.SortStableFunc(r.Incidents, func(a, b IncidentRef) int { return a.Since.Compare(b.Since) })
}
