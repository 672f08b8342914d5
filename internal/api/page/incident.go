package page

import (
	"html/template"
	"net/url"
	"time"

	"github.com/sondehq/sonde/internal/api/page/words"
	"github.com/sondehq/sonde/internal/api/widget"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// incidentCard is an incident in short.
type incidentCard struct {
	ID       string
	Title    string
	Look     look
	State    string        // in words: what is being done
	Since    template.HTML // "Since …, for …"; of one that is over: how long it lasted
	Affects  template.HTML
	Draining bool
	Drains   template.HTML // until when old DNS answers last; with Draining only
	Over     bool
	Tests    bool // the reader's browser can try what is affected

	Text    string // of the latest update
	Updated template.HTML
	Next    template.HTML // when the next update is promised; empty: there is no promise
	Late    bool          // it is overdue
	More    bool          // there are further updates
}

func (s *sheet) incident(inc store.IncidentView) incidentCard {
	c := incidentCard{
		ID: inc.ID, Title: inc.Title, Look: lookOfImpact(inc.Impact), State: s.phase(inc.Phase),
		Draining: inc.State == incident.Draining, Over: inc.State == incident.Resolved, More: len(inc.Updates) > 1,
	}
	c.Tests = !c.Over && widget.HasTests(s.Snapshot, inc)
	if names := s.names(inc.Services); names != "" {
		c.Affects = s.H("affects", "services", names)
	}
	since, lasted := inc.Lasted(s.Now)
	switch {
	case c.Over:
		c.Look, c.State = looks[monitor.Operational], s.phase(incident.Done)
		c.Since = s.H("resolved_after", "span", s.Span(lasted))
		return c
	case c.Draining:
		c.Look, c.State, c.Drains = draining, s.T("phase.draining"), template.HTML(template.HTMLEscapeString(s.T("draining")))
		if !inc.DNSUntil.IsZero() {
			c.Drains = s.H("draining.until", "time", s.When(inc.DNSUntil))
		}
	}
	c.Since = s.H("since", "time", s.When(since), "span", s.Span(lasted))
	if len(inc.Updates) > 0 {
		c.Text, c.Updated = inc.Updates[0].Text, s.H("update_at", "time", s.When(inc.Updates[0].At))
	}
	if !inc.Next.IsZero() {
		c.Next, c.Late = s.next(inc.Next, "next", "next_late")
	}
	return c
}

// next says when an update is promised, and by how much it is late. What is late
// by less than a minute is not.
func (s *sheet) next(at time.Time, key, lateKey string) (text template.HTML, late bool) {
	if by := s.Now.Sub(at); by >= time.Minute {
		return s.H(lateKey, "time", s.When(at), "span", s.Span(by)), true
	}
	return s.H(key, "time", s.When(at)), false
}

func (s *sheet) currentIncidents() []incidentCard {
	var cards []incidentCard
	for i := range s.Incidents {
		if s.Incidents[i].State != incident.Resolved {
			cards = append(cards, s.incident(s.Incidents[i]))
		}
	}
	return cards
}

// phase is what is being done, in words; one of a newer version is said as it is.
func (s *sheet) phase(p incident.Phase) string {
	if text := s.T("phase." + string(p)); text != "phase."+string(p) {
		return text
	}
	return string(p)
}

// incidentPage is the page of one incident.
type incidentPage struct {
	*sheet
	Card     incidentCard
	Facts    []fact
	Timeline []entry
}

type fact struct {
	Name  string
	Value template.HTML
}

// entry is an update of a time line.
type entry struct {
	State string
	Text  string
	At    template.HTML
}

func (s *sheet) facts(inc store.IncidentView) []fact {
	var list []fact
	add := func(key string, value template.HTML) { list = append(list, fact{s.T(key), value}) }
	since, lasted := inc.Lasted(s.Now)
	if inc.Opened.Before(since) {
		add("fact.first_sign", s.When(inc.Opened))
	}
	add("fact.started", s.When(since))
	if !inc.Restored.IsZero() && !inc.Restored.Equal(inc.Resolved) {
		add("fact.restored", s.When(inc.Restored))
	}
	if inc.State == incident.Resolved {
		add("fact.resolved", s.When(inc.Resolved))
	}
	if inc.State == incident.Resolved || !inc.Restored.IsZero() {
		add("fact.duration", s.text(s.Span(lasted)))
	} else {
		add("fact.so_far", s.text(s.Span(lasted)))
	}
	if inc.State != incident.Resolved {
		if !inc.Next.IsZero() {
			next, _ := s.next(inc.Next, "by_time", "by_time_late")
			add("fact.next", next)
		}
	}
	impact := inc.Worst
	if impact == "" {
		impact = monitor.ImpactNone
	}
	add("fact.impact", s.text(s.T("impact."+string(impact))))
	if names := s.names(inc.Services); names != "" {
		add("fact.services", names)
	}
	return list
}

func (s *sheet) text(text string) template.HTML {
	return template.HTML(template.HTMLEscapeString(text))
}

func (s *sheet) timeline(updates []store.UpdateView) []entry {
	list := make([]entry, len(updates))
	for i, u := range updates {
		list[i] = entry{s.phase(u.Phase), u.Text, s.When(u.At)}
	}
	return list
}

// workCard is planned work.
type workCard struct {
	ID      string
	Title   string
	Text    string
	Running bool
	When    template.HTML
	Affects template.HTML
	Updated template.HTML
}

// maintenance is the work that is going on and to come, in that order, the next
// one first.
func (s *sheet) maintenance() []workCard {
	var running, coming []workCard
	for _, m := range s.Maintenance {
		card := s.work(m)
		switch m.State {
		case store.MaintenanceInProgress:
			running = append(running, card)
		case store.MaintenanceScheduled:
			coming = append(coming, card)
		}
	}
	return append(running, coming...)
}

func (s *sheet) work(m store.MaintenanceView) workCard {
	c := workCard{ID: url.PathEscape(m.ID), Title: m.Title, Text: m.Text, Running: m.State == store.MaintenanceInProgress}
	switch {
	case c.Running && s.Now.After(m.Ends):
		c.When = s.H("maintenance.over", "time", s.When(m.Ends))
	case c.Running:
		c.When = s.H("maintenance.until", "time", s.When(m.Ends))
	default:
		ends := m.Ends.In(s.zone)
		c.When = s.H("range", "from", s.At(m.Starts), "to", stamp(ends, s.lang.At(ends, m.Starts.In(s.zone))+" "+words.Abbreviation(ends)))
	}
	if names := s.names(m.Services); names != "" {
		c.Affects = s.H("affects", "services", names)
	}
	if len(m.Updates) > 0 {
		c.Text, c.Updated = m.Updates[0].Text, s.H("update_at", "time", s.When(m.Updates[0].At))
	}
	return c
}
