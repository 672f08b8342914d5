package sim

import (
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/report"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

//go:embed scenarios/*.yaml
var scenarios embed.FS

// Replay is what came of a scenario.
type Replay struct {
	Scenario  string           `json:"scenario"`
	About     string           `json:"about,omitempty"`
	From      time.Time        `json:"from"`
	To        time.Time        `json:"to"`
	Zone      string           `json:"zone"`
	Monitors  int              `json:"monitors"`
	Services  int              `json:"services"`
	Tiers     int              `json:"tiers"`
	Log       []Happening      `json:"log"` // all that happened, in its order
	Incidents []PlayedIncident `json:"incidents"`
	Page      []PlayedService  `json:"page"` // as it was in the end
	Report    report.Report    `json:"report"`
}

// Happening is one line of a replay's log.
type Happening struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"` // scenario, sonde, a person, or the tier that is told
	Text string    `json:"text"`

	// Of a message:
	Told      bool   `json:"told,omitempty"`
	Subject   string `json:"subject,omitempty"`
	Email     string `json:"email,omitempty"`
	SMS       string `json:"sms,omitempty"`
	Incidents int    `json:"incidents,omitempty"` // that it tells of
}

// PlayedIncident is an incident as it was in the end, and its follow-up.
type PlayedIncident struct {
	incident.Incident
	Updates  []incident.Update `json:"updates"`
	FollowUp string            `json:"follow_up"` // the draft, in Markdown
}

// PlayedService is a service on the page.
type PlayedService struct {
	ID     monitor.ServiceID `json:"id"`
	Name   string            `json:"name"`
	Status monitor.Status    `json:"status"`
}

// Replay plays the scenario against a configuration, which it fits (Against). An
// error of type config.Errors means that the scenario asks for what cannot be: to
// acknowledge when no incident is open.
func (s *Scenario) Replay(cfg *monitor.Config) (*Replay, error) {
	script := Script{Seed: 1, Start: s.Start.UTC(), Length: s.Length, Config: cfg}
	for _, e := range s.events {
		switch e.act.Do {
		case Acknowledge, Post, Publish, Decline:
			script.Acts = append(script.Acts, e.act)
		}
	}
	net := newNetwork(s.Start)
	w := newWorld(script, net.find)
	out := &Replay{
		Scenario: s.Name, About: s.About, From: s.Start, To: s.Start.Add(s.Length), Zone: s.Zone.String(),
		Monitors: len(cfg.Monitors), Services: len(cfg.Services), Tiers: len(cfg.Tiers),
		Log: []Happening{}, Incidents: []PlayedIncident{}, Page: []PlayedService{},
	}
	say := func(who string) func(string) {
		return func(text string) { out.Log = append(out.Log, Happening{At: w.now.In(s.Zone), Who: who, Text: text}) }
	}
	w.told = func(d Delivery) {
		out.Log = append(out.Log, Happening{
			At: d.At.In(s.Zone), Who: string(d.Message.Tier), Text: d.Message.Subject, Told: true, Subject: d.Message.Subject,
			Email: d.Message.Email, SMS: d.Message.SMS, Incidents: incidentsIn(d.About),
		})
	}
	w.noted = func(u incident.Update) {
		who, text := "sonde", u.Text
		if u.By != "" {
			who = u.By
		}
		if text == "" {
			text = u.Detail
		}
		say(who)(text)
	}
	s.stage(w, net, say("scenario"))
	if err := s.history(w); err != nil {
		return nil, err
	}
	if err := w.run(); err != nil {
		return nil, s.blame(err)
	}
	return out, s.sum(w, out)
}

// blame finds the event that asked for what cannot be.
func (s *Scenario) blame(err error) error {
	var no *refused
	if !errors.As(err, &no) {
		return fmt.Errorf("play %s: %w", s.Name, err)
	}
	r := &reader{file: s.file}
	at := s.Start.Add(no.act.At).Format("15:04:05 MST")
	for _, e := range s.events {
		if e.act != no.act {
			continue
		}
		hint := ""
		if errors.Is(no.err, errNoIncident) {
			hint = "`sonde replay` without it shows when one is"
		}
		r.report(e.node, e.path, hint, "nobody can %s at %s: %v", no.act.Do, at, no.err)
		return r.sorted()
	}
	return err
}

func incidentsIn(all []incident.Notification) int {
	ids := map[string]bool{}
	for _, n := range all {
		ids[n.Incident] = true
	}
	return len(ids)
}

// history stores that all was well before the scenario began.
func (s *Scenario) history(w *world) error {
	if s.Since.IsZero() {
		return nil
	}
	for _, svc := range w.script.Config.Services {
		op, err := store.FlipOp(monitor.Flip{Service: svc.ID, From: string(monitor.NotKnown), To: string(monitor.Operational),
			At: s.Since.UTC(), Decided: s.Since.UTC(), Reason: "all was well before the scenario"})
		if err != nil {
			return err
		}
		if err := w.store.Commit(w.ctx, op); err != nil {
			return fmt.Errorf("put history: %w", err)
		}
	}
	return nil
}

// sum reads what is left in the table.
func (s *Scenario) sum(w *world, out *Replay) error {
	cfg, err := w.store.Config(w.ctx)
	if err != nil {
		return err
	}
	for _, id := range w.books.incidents {
		inc, _, err := w.store.Incident(w.ctx, id)
		if err != nil {
			return err
		}
		story, err := w.store.Story(w.ctx, inc, w.now)
		if err != nil {
			return err
		}
		out.Incidents = append(out.Incidents, PlayedIncident{inc, story.Updates, incident.Draft(cfg, story, w.now)})
	}
	page, _, err := w.store.Snapshot(w.ctx)
	if err != nil {
		return err
	}
	for _, v := range page.Services {
		out.Page = append(out.Page, PlayedService{v.ID, v.Name, v.Status})
	}
	return s.figures(w, cfg, out)
}

// figures is the uptime: of the month, if the scenario says how it was before;
// otherwise of the time that was played.
func (s *Scenario) figures(w *world, cfg *monitor.Config, out *Replay) error {
	window := uptime.Window{From: s.Start.UTC(), To: s.Start.Add(s.Length).UTC()}
	name := "played"
	if !s.Since.IsZero() {
		local := s.Start.In(s.Zone)
		window, name = uptime.Month(local.Year(), local.Month(), s.Zone), local.Format("2006-01")
	}
	r := report.Report{Site: cfg.Site.Name, Window: name, From: window.From, To: window.To, Zone: s.Zone.String(), Over: true,
		Services: []report.Service{}, Incidents: []report.IncidentRef{}}
	for _, svc := range cfg.Services {
		line, err := w.store.Timeline(w.ctx, svc.ID, window.From, window.To)
		if err != nil {
			return err
		}
		r.Services = append(r.Services, report.Of(svc.Name, line.Figures(svc.ID, window)))
	}
	for _, inc := range out.Incidents {
		since, restored := inc.Lasted()
		r.Incidents = append(r.Incidents, report.IncidentRef{ID: inc.ID, Title: inc.Title, Worst: inc.Worst, Opened: inc.Opened, Since: since, Restored: restored, Resolved: inc.Resolved})
	}
	r.Sort()
	out.Report = r
	return nil
}
