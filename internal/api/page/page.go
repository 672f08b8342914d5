// Package page makes the public HTML: complete without JavaScript, one file with
// its style inside, under a policy that lets nothing else in. Every text of a
// target or an operator stands in it as text.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/api/widget"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// View is a snapshot as it is shown at a time.
type View struct {
	store.Snapshot
	Now      time.Time
	Empty    bool // no snapshot was ever made
	Stale    bool // it is too old to say anything about now
	Status   monitor.Status
	Sentence string
}

//go:embed status.html incident.html style.css
var files embed.FS

var style = func() string {
	text, err := files.ReadFile("style.css")
	if err != nil {
		return "" // it is embedded
	}
	return strings.TrimSpace(string(text))
}()

// Policy is the pages' Content-Security-Policy: the inline style by its hash,
// the icon from its data URL, and nothing else.
var Policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// look is how a state appears: a colour class, a sign and a word, so that no
// colour stands alone.
type look struct{ Class, Sign, Word string }

var looks = map[monitor.Status]look{
	monitor.Operational:   {"ok", "✓", "Operational"},
	monitor.AtRisk:        {"warn", "!", "At risk"},
	monitor.DegradedPerf:  {"warn", "!", "Degraded"},
	monitor.PartialOutage: {"part", "◐", "Partial outage"},
	monitor.MajorOutage:   {"bad", "✕", "Outage"},
	monitor.InMaintenance: {"plan", "⚙", "Maintenance"},
	monitor.NotKnown:      {"none", "?", "Unknown"},
}

// lookOf never shows green for what this version does not know.
func lookOf(s monitor.Status) look {
	if l, ok := looks[s]; ok {
		return l
	}
	return looks[monitor.NotKnown]
}

// severity orders statuses for the banner, worst last.
var severity = []monitor.Status{monitor.Operational, monitor.InMaintenance, monitor.NotKnown, monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage, monitor.MajorOutage}

// Overall is the status of everything, and a sentence for it. An outage of one
// service among others is a partial one; what is unknown is never fine.
func Overall(v View) (monitor.Status, string) {
	switch {
	case v.Empty || len(v.Services) == 0:
		return monitor.NotKnown, "No data yet"
	case v.Stale:
		return monitor.NotKnown, "The current state is not known"
	}
	worst, all := monitor.Operational, true
	for _, s := range v.Services {
		at := slices.Index(severity, s.Status)
		status := s.Status
		if at < 0 {
			at, status = slices.Index(severity, monitor.NotKnown), monitor.NotKnown
		}
		if at > slices.Index(severity, worst) {
			worst = status
		}
		all = all && s.Status == monitor.MajorOutage
	}
	if worst == monitor.MajorOutage && !all {
		worst = monitor.PartialOutage
	}
	return worst, map[monitor.Status]string{
		monitor.Operational:   "All systems operational",
		monitor.InMaintenance: "Maintenance is going on",
		monitor.NotKnown:      "The state of some services is not known",
		monitor.AtRisk:        "All systems work, some without redundancy",
		monitor.DegradedPerf:  "Some services are degraded",
		monitor.PartialOutage: "Some services are down",
		monitor.MajorOutage:   "All services are down",
	}[worst]
}

var templates = sync.OnceValues(func() (*template.Template, error) {
	return template.New("page").Funcs(template.FuncMap{
		"look": lookOf, "style": func() template.CSS { return template.CSS(style) }, "icon": icon,
		"percent": percent, "bars": bars, "summary": summary, "span": incident.Span, "clock": clock, "iso": iso,
		"open": open, "days": pastDays, "groups": groups, "only": only, "tests": tests, "down": downFor, "observed": observed,
	}).ParseFS(files, "status.html", "incident.html")
})

// Status is the main page.
func Status(v View) ([]byte, error) { return execute("status.html", v) }

// Incident is the page of one incident.
func Incident(v View, inc store.IncidentView) ([]byte, error) {
	return execute("incident.html", struct {
		View
		Incident store.IncidentView
	}{v, inc})
}

func execute(name string, v any) ([]byte, error) {
	t, err := templates()
	if err != nil {
		return nil, fmt.Errorf("parse page: %w", err)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, name, v); err != nil {
		return nil, fmt.Errorf("make page: %w", err)
	}
	return out.Bytes(), nil
}

// icon is the favicon of a state.
func icon(s monitor.Status) template.URL {
	colours := map[string]string{"ok": "1a7f37", "warn": "9a6700", "part": "bc4c00", "bad": "cf222e", "plan": "0969da", "none": "6e7781"}
	svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#` + colours[lookOf(s).Class] + `"/></svg>`
	return template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg)))
}

func zone(v View) *time.Location {
	if location, err := time.LoadLocation(v.Site.TimeZone); err == nil {
		return location
	}
	return time.UTC
}

func clock(v View, t time.Time) string { return t.In(zone(v)).Format("2 Jan 2006, 15:04 MST") }

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// window returns one window's figure; known is false where nothing was observed.
func window(s store.ServiceView, name string) (w store.WindowView, known bool) {
	for _, w := range s.Uptime {
		if w.Window == name && w.Known {
			return w, true
		}
	}
	return w, false
}

// percent is a window's uptime, never rounded up.
func percent(s store.ServiceView, name string) string {
	w, known := window(s, name)
	if !known {
		return "no data"
	}
	return uptime.Percent(w.Uptime, 2) + " %"
}

// observed says how much of a window was, where that is not all of it.
func observed(s store.ServiceView, name string) string {
	w, known := window(s, name)
	switch {
	case !known || w.Coverage >= 0.99:
		return ""
	case w.Coverage < 0.01:
		return "less than 1 % of the 90 days observed"
	}
	return uptime.Percent(w.Coverage, 0) + " % of the 90 days observed"
}

const barDays = 90

// bars is the last 90 days as marks, oldest first; days of which nothing is
// known, or before anything was measured, are empty. It is made by hand: a page
// of many services has thousands of them.
func bars(s store.ServiceView) template.HTML {
	var b strings.Builder
	b.Grow(barDays * 64)
	for range barDays - min(len(s.Days), barDays) {
		b.WriteString(`<i class="none" title="no data"></i>`)
	}
	for _, d := range s.Days[max(len(s.Days)-barDays, 0):] {
		class, title := lookOf(d.Worst).Class, d.Date+": no data"
		switch {
		case !d.Known:
			class = "none"
		case d.DownS > 0:
			title = d.Date + ": " + uptime.Percent(d.Uptime, 2) + " %, down " + incident.Span(time.Duration(d.DownS)*time.Second)
		default:
			title = d.Date + ": " + uptime.Percent(d.Uptime, 2) + " %"
		}
		b.WriteString(`<i class="` + class + `" title="` + template.HTMLEscapeString(title) + `"></i>`)
	}
	return template.HTML(b.String())
}

// summary says in words what the bars show.
func summary(s store.ServiceView) string {
	bad := 0
	for _, d := range s.Days {
		if d.DownS > 0 {
			bad++
		}
	}
	return fmt.Sprintf("%s, last 90 days: uptime %s, %d days with downtime", s.Name, percent(s, "90d"), bad)
}

func downFor(v View, i store.IncidentView) string {
	if i.Resolved.IsZero() {
		return incident.Span(v.Now.Sub(i.Opened))
	}
	return incident.Span(i.Resolved.Sub(i.Opened))
}

// open is the incidents that are not over.
func open(v View) []store.IncidentView {
	return slices.DeleteFunc(slices.Clone(v.Incidents), func(i store.IncidentView) bool { return i.State == incident.Resolved })
}

// only says from where alone a monitor looks different.
func only(m store.MonitorView) string {
	var parts []string
	for location, outcome := range m.Only {
		parts = append(parts, string(outcome)+" from "+string(location)+" only")
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// group is services under one heading.
type group struct {
	Name     string
	Services []store.ServiceView
}

// groups keeps the order of the configuration.
func groups(v View) []group {
	var out []group
	for _, s := range v.Services {
		at := slices.IndexFunc(out, func(g group) bool { return g.Name == s.Group })
		if at < 0 {
			out = append(out, group{Name: s.Group})
			at = len(out) - 1
		}
		out[at].Services = append(out[at].Services, s)
	}
	return out
}

// day is the incidents that were over, by the day they began.
type day struct {
	Date      string
	Incidents []store.IncidentView
}

// pastDays is the last 14 days, newest first, those without incidents too.
func pastDays(v View) []day {
	at := zone(v)
	var out []day
	for i := range 14 {
		d := v.Now.In(at).AddDate(0, 0, -i)
		one := day{Date: d.Format("Monday, 2 January 2006")}
		for _, inc := range v.Incidents {
			if inc.State == incident.Resolved && inc.Opened.In(at).Format(time.DateOnly) == d.Format(time.DateOnly) {
				one.Incidents = append(one.Incidents, inc)
			}
		}
		out = append(out, one)
	}
	return out
}

// tests reports whether a visitor's browser can try a service of an incident
// that is not over.
func tests(v View, i store.IncidentView) bool {
	return i.State != incident.Resolved && widget.HasTests(v.Snapshot, i)
}
