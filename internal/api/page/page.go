// Package page makes the public HTML: complete without JavaScript, one file with
// its style and its script inside, under a policy that lets nothing else in.
// Every text of a target or an operator stands in it as text.
//
//	body, err := page.Status(page.View{Snapshot: s, Now: now, Lang: l})
//
// A page of twenty services with ninety days each weighs less than 30 kB before
// it is compressed, and the script less than 2 kB; tests hold them to it. Pages
// say the same to everybody who asks in the same language within a minute, so
// that caches can keep them.
package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/api/page/words"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/zone"
)

// View is a snapshot as it is shown at a time.
type View struct {
	store.Snapshot
	Now      time.Time
	Empty    bool // no snapshot was ever made
	Stale    bool // it is too old to say anything about now
	Status   monitor.Status
	Sentence string // in English, for the JSON

	Lang   *words.Language // nil: English
	Chosen bool            // the reader asked for Lang by its name: links keep it
	Zone   *time.Location  // the site's; nil: it is loaded
	Links  Links
}

// Links is what else there is, beside the pages, for them to link to.
type Links struct {
	Subscribe bool // POST /subscribe
	Atom      bool // /history.atom
	RSS       bool // /history.rss
	Calendar  bool // /maintenance.ics
}

//go:embed files
var files embed.FS

var templates = sync.OnceValues(func() (*template.Template, error) {
	return template.New("page").Funcs(template.FuncMap{"style": style, "more": more, "script": script, "sprite": sprite}).ParseFS(files, "files/*.html")
})

// Status is the main page.
func Status(v View) ([]byte, error) {
	s := newSheet(v, "/", "")
	return execute("status.html", statusPage{s, s.currentIncidents(), s.maintenance(), s.groups(), s.past()})
}

// Incident is the page of one incident.
func Incident(v View, inc store.IncidentView) ([]byte, error) {
	s := newSheet(v, "/incidents/"+inc.ID, inc.Title)
	return execute("incident.html", incidentPage{s, s.incident(inc), s.facts(inc), s.timeline(inc.Updates)})
}

// Service is the page of one service.
func Service(v View, svc store.ServiceView) ([]byte, error) {
	s := newSheet(v, "/services/"+string(svc.ID), svc.Name)
	return execute("service.html", s.service(svc))
}

// History is the page of all incidents that are known, by month.
func History(v View) ([]byte, error) {
	s := newSheet(v, "/history", "")
	s.Heading = s.T("history")
	return execute("history.html", historyPage{s, s.months(v.Incidents)})
}

// Missing is what a reader sees where there is nothing.
func Missing(v View) ([]byte, error) { return notice(v, "missing", "missing.text") }

// Failed is what a reader sees when the status cannot be read.
func Failed(v View) ([]byte, error) {
	v.Empty = true
	return notice(v, "failed", "failed.text")
}

func notice(v View, heading, text string) ([]byte, error) {
	s := newSheet(v, "/", "")
	s.Heading = s.T(heading)
	return execute("notice.html", noticePage{s, s.T(text)})
}

func execute(name string, data any) ([]byte, error) {
	t, err := templates()
	if err != nil {
		return nil, fmt.Errorf("parse page: %w", err)
	}
	var out bytes.Buffer
	out.Grow(32 << 10)
	if err := t.ExecuteTemplate(&out, name, data); err != nil {
		return nil, fmt.Errorf("make page: %w", err)
	}
	return out.Bytes(), nil
}

// zoneOf is the site's time zone; UTC where it is unknown to this system.
func zoneOf(v View) *time.Location {
	if v.Zone != nil {
		return v.Zone
	}
	if at, err := zone.Load(v.Site.TimeZone); err == nil {
		return at
	}
	return time.UTC
}
