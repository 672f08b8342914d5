package sim

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
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
	Page      *Page            `json:"page"` // as it was in the end; in Log, whenever it changed
	Report    report.Report    `json:"report"`

	// Rest says that the report is of more time than was played, and what the rest
	// is taken for; empty where all of it was.
	Rest string `json:"rest,omitempty"`
}

// Happening is one line of a replay's log.
type Happening struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"` // scenario, sonde, page, a person, or the tier that is told
	Text string    `json:"text"`

	// Of a message, the form that its tier gets: Chat where it is a chat, Machine
	// where it is for programs (Program), otherwise Email and SMS.
	Told      bool   `json:"told,omitempty"`
	Subject   string `json:"subject,omitempty"`
	Email     string `json:"email,omitempty"`
	SMS       string `json:"sms,omitempty"`
	Chat      string `json:"chat,omitempty"`
	Machine   string `json:"machine,omitempty"`
	Program   bool   `json:"program,omitempty"`
	Incidents int    `json:"incidents,omitempty"` // that it tells of

	Page *Page `json:"page,omitempty"` // what it shows now
}

// PlayedIncident is an incident as it was in the end, and its follow-up.
type PlayedIncident struct {
	incident.Incident
	Over     time.Time         `json:"over,omitzero"` // when it was known to be over, and told
	Heard    []Heard           `json:"heard"`         // in the order of their messages
	Updates  []incident.Update `json:"updates"`
	FollowUp string            `json:"follow_up"` // the draft, in Markdown
}

// Heard is the first message that a tier got about an incident, and about its outage
// if that came later.
type Heard struct {
	Tier   monitor.TierID `json:"tier"`
	At     time.Time      `json:"at"`     // when it was sent
	Since  time.Time      `json:"since"`  // when what it tells of began
	Outage bool           `json:"outage"` // it tells of an outage; false: of less
}

// Replay plays the scenario until ctx ends. An error of type config.Errors means that
// the scenario asks for what cannot be: to acknowledge when no incident is open.
func (s *Scenario) Replay(ctx context.Context) (*Replay, error) {
	cfg := s.Config
	net := newNetwork(s.Start)
	w := newWorld(Script{Seed: 1, Start: s.Start.UTC(), Length: s.Length, Config: cfg}, net.find)
	w.ctx, w.lines.off = ctx, true
	w.shared = store.New(&port{world: w}, w.clock)
	out := &Replay{
		Scenario: s.Name, About: s.About, From: s.Start, To: s.Start.Add(s.Length), Zone: s.Zone.String(),
		Monitors: len(cfg.Monitors), Services: len(cfg.Services), Tiers: len(cfg.Tiers),
		Log: []Happening{}, Incidents: []PlayedIncident{},
	}
	p := &playing{scenario: s, world: w, net: net, out: out}
	w.told, w.noted, w.wrote, w.called = p.told, p.noted, p.wrote, p.called
	p.stage()
	if err := p.history(); err != nil {
		return nil, err
	}
	if err := w.run(); err != nil {
		return nil, s.blame(err)
	}
	p.look()
	return out, p.sum()
}

// told logs a message.
func (p *playing) told(d Delivery) {
	m := d.Message
	h := Happening{At: d.At.In(p.scenario.Zone), Who: string(m.Tier), Text: m.Subject, Told: true, Subject: m.Subject, Incidents: incidentsIn(d.About)}
	switch {
	case m.Chat != "":
		h.Chat = m.Chat
	case m.Program:
		h.Machine, h.Program = m.Machine, true
	default:
		h.Email, h.SMS = m.Email, m.SMS
	}
	p.out.Log = append(p.out.Log, h)
}

// noted logs an update of an incident.
func (p *playing) noted(u incident.Update) {
	p.say(cmp.Or(u.By, "sonde"), cmp.Or(u.Text, u.Detail))
}

// blame finds the event that asked for what cannot be.
func (s *Scenario) blame(err error) error {
	var no *refused
	if !errors.As(err, &no) {
		return fmt.Errorf("play %s: %w", s.Name, err)
	}
	r := &reader{file: s.file}
	hint := ""
	if errors.Is(no.err, errNoIncident) {
		hint = "`sonde replay` without it shows when one is"
	}
	r.report(no.event.says.node, no.event.says.path, hint, "nobody can %s at %s: %v", no.event.action, s.Start.Add(no.event.at).In(s.Zone).Format("15:04:05 MST"), no.err)
	return r.sorted()
}

func incidentsIn(all []incident.Notification) int {
	ids := map[string]bool{}
	for _, n := range all {
		ids[n.Incident] = true
	}
	return len(ids)
}

// history stores that all was well before the scenario began.
func (p *playing) history() error {
	if p.scenario.Since.IsZero() {
		return nil
	}
	for _, svc := range p.scenario.Config.Services {
		if err := p.works(svc.ID, p.scenario.Since, "all was well before the scenario"); err != nil {
			return err
		}
	}
	return nil
}

// sum reads what is left in the table.
func (p *playing) sum() error {
	w := p.world
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
		one := PlayedIncident{Incident: inc, Heard: p.heard(id), Updates: story.Updates, FollowUp: incident.Draft(cfg, story, w.now)}
		if at := slices.IndexFunc(w.books.heads[id], func(h head) bool { return h.inc.State == incident.Resolved }); at >= 0 {
			one.Over = p.in(w.books.heads[id][at].at)
		}
		p.out.Incidents = append(p.out.Incidents, one)
	}
	return p.figures(cfg)
}

// heard is what each tier was sent first about an incident.
func (p *playing) heard(id string) []Heard {
	all := []Heard{}
	for _, d := range p.world.books.mail {
		for _, n := range d.About {
			outage := n.Worst.AtLeast(monitor.ImpactMajor)
			if n.Incident != id || n.Event == incident.EventAsked || slices.ContainsFunc(all, func(h Heard) bool { return h.Tier == n.Tier && (h.Outage || !outage) }) {
				continue
			}
			all = append(all, Heard{n.Tier, p.in(d.At), p.in(n.Since), outage})
		}
	}
	return all
}

// figures is the uptime: of the month, if the scenario says how it was before;
// otherwise of the time that was played.
func (p *playing) figures(cfg *monitor.Config) error {
	s, w, out := p.scenario, p.world, p.out
	window := uptime.Window{From: s.Start.UTC(), To: s.Start.Add(s.Length).UTC()}
	name, month := "played", !s.Since.IsZero()
	if month {
		local := s.Start.In(s.Zone)
		window, name = uptime.Month(local.Year(), local.Month(), s.Zone), local.Format("2006-01")
	}
	r := report.Report{Site: cfg.Site.Name, Window: name, From: window.From, To: window.To, Zone: s.Zone.String(), Over: true, Month: month,
		Services: []report.Service{}, Incidents: []report.IncidentRef{}}
	if end := s.Start.Add(s.Length); end.Before(window.To) {
		out.Rest = "played until " + end.In(s.Zone).Format("2 Jan 15:04") + "; the rest of the month is taken as working"
		for _, svc := range cfg.Services {
			if err := p.works(svc.ID, end, "it was played until then, and all is taken as working after it"); err != nil {
				return err
			}
		}
	}
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

// works stores that a service works from a time on.
func (p *playing) works(id monitor.ServiceID, at time.Time, why string) error {
	op, err := store.FlipOp(monitor.Flip{Service: id, From: string(monitor.NotKnown), To: string(monitor.Operational), At: at.UTC(), Decided: at.UTC(), Reason: why})
	if err != nil {
		return err
	}
	if err := p.world.store.Commit(p.world.ctx, op); err != nil {
		return fmt.Errorf("put history: %w", err)
	}
	return nil
}
