package sim

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/uptime"
)

// person does what somebody does at the command line: reads, decides, writes, again
// after a conflict; then what the command does so that it is seen at once.
func (w *world) person(decide func(*store.Store, *monitor.Config) ([]table.Op, error), at func(*pipeline.Pipeline) error) error {
	delete(w.stages, personKey) // each command is a process of its own
	var err error
	for range personTries {
		err = w.call(Person, "", func(p *pipeline.Pipeline) error {
			cfg, err := p.Store.Config(w.ctx)
			if err != nil {
				return err
			}
			ops, err := decide(p.Store, cfg)
			if err != nil {
				return err
			}
			return p.Store.Commit(w.ctx, ops...)
		})
		if !errors.Is(err, table.ErrConflict) {
			break
		}
	}
	if err != nil {
		return err
	}
	return w.call(Person, "", func(p *pipeline.Pipeline) error {
		if err := at(p); err != nil {
			return err
		}
		return p.Snapshot(w.ctx)
	})
}

// personKey is where call keeps the stages of whoever is at the command line.
const personKey = string(Person) + "@"

func nothingMore(*pipeline.Pipeline) error { return nil }

// acts does what a person does to incidents.
func (p *playing) acts(e *happens) error {
	return p.world.person(func(s *store.Store, cfg *monitor.Config) ([]table.Op, error) {
		board, err := s.Board(p.world.ctx)
		if err != nil {
			return nil, err
		}
		measured, err := p.measured(s, cfg)
		if err != nil {
			return nil, err
		}
		fx, err := e.decide(cfg, board.Open, measured, p.world.now)
		if err != nil {
			return nil, err
		}
		return store.IncidentOps(board, fx)
	}, nothingMore)
}

// measured is how the services are.
func (p *playing) measured(s *store.Store, cfg *monitor.Config) (map[monitor.ServiceID]monitor.Status, error) {
	var ids []monitor.ServiceID
	for _, svc := range cfg.Services {
		ids = append(ids, svc.ID)
	}
	states, err := s.States(p.world.ctx, ids)
	out := map[monitor.ServiceID]monitor.Status{}
	for id, state := range states {
		out[id] = state.Status
	}
	return out, err
}

// decide is what a person's act means, by the functions that `sonde incident` calls.
func (e *happens) decide(cfg *monitor.Config, open []incident.Incident, measured map[monitor.ServiceID]monitor.Status, now time.Time) (incident.Effects, error) {
	p := &e.person
	note := incident.Note{By: p.by, Text: p.text, Phase: p.phase}
	if p.next > 0 {
		note.Next = now.Add(p.next)
	}
	if p.drain > 0 {
		note.Drain = now.Add(p.drain)
	}
	if e.action == "open" {
		d := incident.Declaration{By: p.by, Title: e.says.text, Text: p.text, Impact: p.impact, Next: note.Next}
		for _, id := range p.services {
			d.Services = append(d.Services, monitor.ServiceID(id.text))
		}
		return incident.Declare(cfg, open, d, now)
	}
	inc, err := p.chosen(cfg, open)
	if err != nil {
		return incident.Effects{}, err
	}
	switch e.action {
	case "ack":
		return incident.Acknowledge(cfg, inc, p.by, now)
	case "publish":
		return incident.Publish(cfg, inc, monitor.TierID(e.says.text), p.by, now)
	case "decline":
		return incident.Decline(cfg, inc, monitor.TierID(e.says.text), p.by, p.reason, now)
	case "resolve":
		return incident.Resolve(cfg, inc, measured, note, now)
	}
	return incident.Post(cfg, inc, note, now)
}

// errSeveral means that it is not clear which incident is meant.
var errSeveral = errors.New("say with service: or monitor: which one is meant")

// chosen is the incident that is meant: that of the service or the monitor, or the
// only one that is open.
func (p *person) chosen(cfg *monitor.Config, open []incident.Incident) (incident.Incident, error) {
	of, service := "", monitor.ServiceID(p.service.text)
	if m, has := cfg.Monitor(monitor.ID(p.monitor.text)); has {
		service = m.Service
	}
	if service != "" {
		of = " of " + string(service)
		open = slices.DeleteFunc(slices.Clone(open), func(inc incident.Incident) bool { _, in := inc.Affects(service); return !in })
	}
	switch len(open) {
	case 0:
		return incident.Incident{}, fmt.Errorf("%w%s", errNoIncident, of)
	case 1:
		return open[0], nil
	}
	var titles []string
	for _, inc := range open {
		titles = append(titles, inc.Title)
	}
	return incident.Incident{}, fmt.Errorf("%d incidents are open%s (%s): %w", len(open), of, strings.Join(titles, "; "), errSeveral)
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// planID is what a maintenance is called: as it is said, or after its title.
func (e *happens) planID() string {
	if e.person.id.text != "" {
		return e.person.id.text
	}
	return strings.Trim(notInID.ReplaceAllString(strings.ToLower(e.says.text), "-"), "-")
}

// plans makes a plan, as `sonde maintenance add` does.
func (p *playing) plans(e *happens) error {
	now := p.world.now
	err := p.world.person(func(s *store.Store, cfg *monitor.Config) ([]table.Op, error) {
		m, err := s.Maintenance(p.world.ctx, now)
		if err != nil {
			return nil, err
		}
		plan := monitor.Plan{ID: monitor.PlanID(e.planID()), Title: e.says.text, Text: e.person.text, TimeZone: cfg.Site.TimeZone, By: e.person.by,
			Since: now, Created: now, Starts: now.Add(e.after), Ends: now.Add(e.after + e.by)}
		for _, id := range e.person.services {
			if id.text != "*" {
				plan.Services = append(plan.Services, monitor.ServiceID(id.text))
			}
		}
		if slices.ContainsFunc(m.All(cfg), func(o monitor.Plan) bool { return o.ID == plan.ID }) {
			return nil, fmt.Errorf("there is a maintenance %s already", plan.ID)
		}
		if err := maintenance.Check(plan); err != nil {
			return nil, err
		}
		op, err := m.PlanOp(plan)
		op.If = table.Absent
		return []table.Op{op}, err
	}, func(stages *pipeline.Pipeline) error { return stages.Maintain(p.world.ctx) })
	if err == nil {
		p.say(e.person.by, fmt.Sprintf("plans maintenance: %s, in %s, for %s (%s)", e.says.text, e.after, e.by, e.planID()))
	}
	return err
}

// ends ends a maintenance, or takes it back, as `sonde maintenance end` does.
func (p *playing) ends(e *happens) error {
	now, did := p.world.now, "ends"
	err := p.world.person(func(s *store.Store, cfg *monitor.Config) ([]table.Op, error) {
		m, err := s.Maintenance(p.world.ctx, now)
		if err != nil {
			return nil, err
		}
		id := monitor.PlanID(e.says.text)
		at := slices.IndexFunc(m.Plans, func(o monitor.Plan) bool { return o.ID == id })
		run := slices.IndexFunc(m.Runs, func(r maintenance.Run) bool { return r.Plan == id && !r.IsOver() && now.Before(r.To) })
		var ops []table.Op
		switch {
		case at < 0 && run < 0:
			return nil, fmt.Errorf("%s is not going on: what is planned in the configuration is taken out there", id)
		case at >= 0 && !m.Plans[at].Cancelled.IsZero():
			return nil, fmt.Errorf("%s was ended already", id)
		case at >= 0 && !now.Before(m.Plans[at].Ends):
			return nil, fmt.Errorf("%s was over already", id)
		}
		if run >= 0 {
			r := m.Runs[run]
			r.Ended, r.EndedBy, r.Updated = now, e.person.by, now
			if ops, err = m.RunOps(r, nil); err != nil {
				return nil, err
			}
		} else {
			did = "takes back"
		}
		if at >= 0 {
			plan := m.Plans[at]
			plan.Cancelled, plan.CancelledBy = now, e.person.by
			op, err := m.PlanOp(plan)
			if err != nil {
				return nil, err
			}
			ops = append(ops, op)
		}
		return ops, nil
	}, func(stages *pipeline.Pipeline) error { return stages.Maintain(p.world.ctx) })
	if err == nil {
		p.say(e.person.by, did+" the maintenance "+e.says.text)
	}
	return err
}

// corrects corrects what a service was, as `sonde correct` does. (No month that a
// scenario plays in is frozen.)
func (p *playing) corrects(e *happens) error {
	now := p.world.now
	c := uptime.Correction{Service: monitor.ServiceID(e.says.text), From: e.person.from.UTC(), To: e.person.to.UTC(), Reason: e.person.reason, By: e.person.by, At: now}
	c.As, _ = uptime.CorrectedAs(e.person.as.text)
	switch {
	case !c.To.After(c.From):
		return errors.New("to: does not come after from")
	case c.To.After(now):
		return errors.New("to: is in the future")
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{e.says.text, c.From.String(), c.To.String(), string(c.As), c.Reason, now.String()}, "\x00")))
	c.ID = strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
	err := p.world.person(func(*store.Store, *monitor.Config) ([]table.Op, error) {
		op, err := store.CorrectionOp(c, 0)
		return []table.Op{op}, err
	}, func(stages *pipeline.Pipeline) error { return stages.Rollup(p.world.ctx) })
	if err == nil {
		p.say(e.person.by, fmt.Sprintf("corrects %s: %s from %s to %s: %s", c.Service, c.Word(), p.local(c.From), p.local(c.To), c.Reason))
	}
	return err
}

func (p *playing) local(t time.Time) string { return t.In(p.scenario.Zone).Format("15:04 MST") }

// applies puts another configuration in force, as `sonde apply` does: under the
// version that was looked at, and not if nothing changes.
func (p *playing) applies(e *happens) error {
	w := p.world
	version, err := w.store.ConfigVersion(w.ctx)
	if err != nil {
		return err
	}
	present, err := w.store.Config(w.ctx)
	if err != nil {
		return err
	}
	next := e.config
	if next == nil {
		next = e.readdressed(present)
	}
	difference, err := config.Diff(present, next)
	if err != nil {
		return err
	}
	if difference.IsEmpty() {
		p.say("scenario", "sonde apply: nothing changes")
		return nil
	}
	stored, err := w.store.PutConfig(w.ctx, next, version, e.person.by)
	if err != nil {
		return err
	}
	p.say("scenario", "sonde apply: "+changes(difference, e.config == nil))
	p.beat(stored)
	return nil
}

// changes is what a configuration changes, in a line; field by field where that is
// asked for.
func changes(d config.Difference, fields bool) string {
	var all []string
	for _, name := range d.Added {
		all = append(all, "+ "+name)
	}
	for _, name := range d.Changed {
		line := "~ " + name
		for _, f := range d.Fields[name] {
			if fields {
				line += fmt.Sprintf(" %s: %s -> %s", f.Path, f.Before, f.After)
			}
		}
		all = append(all, line)
	}
	for _, name := range d.Removed {
		all = append(all, "- "+name)
	}
	return strings.Join(all, ", ")
}

// readdressed is a configuration in which some monitors speak to other addresses, or
// expect others of DNS.
func (e *happens) readdressed(cfg *monitor.Config) *monitor.Config {
	next := *cfg
	next.Monitors = slices.Clone(cfg.Monitors)
	for i, m := range next.Monitors {
		at := slices.IndexFunc(e.speaks, func(o speaks) bool { return o.monitor.text == string(m.ID) })
		switch {
		case at < 0:
		case m.DNS != nil:
			dns := *m.DNS
			dns.Answers = words(e.speaks[at].to)
			next.Monitors[i].DNS = &dns
		default:
			http := *m.HTTP
			http.Address = withPort(e.speaks[at].to[0].text, http.Address)
			next.Monitors[i].HTTP = &http
		}
	}
	return &next
}
