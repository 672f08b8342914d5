package config

import (
	"errors"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
)

// MaxPlans is how many plans of maintenance a file may hold.
const MaxPlans = 200

// plan is one entry of maintenance, as it stands.
type plan struct {
	id           named
	p            monitor.Plan
	services     []named
	except       []named
	dependents   bool
	starts, ends named
	at           map[string]*yaml.Node // where its keys stand
}

// mark remembers where a key stands, for what is found out later.
func (p *plan) mark(name string, c cursor) { p.at[name] = c.node }

func (p *plan) readTime(r *reader, c cursor, name string, into *named) {
	if n := r.scalar(c, "a time such as 2026-12-01 02:00"); n != nil {
		*into = named{n.Value, n, c.path}
		p.mark(name, c)
	}
}

var planKeys = keys[plan]{
	{"id", "unique name: lower-case letters, digits, hyphens", func(r *reader, c cursor, p *plan) { p.id = r.id(c) }},
	{"title", "what is done, for the public", func(r *reader, c cursor, p *plan) { r.text(c, &p.p.Title); p.mark("title", c) }},
	{"text", "more about it, for the public", func(r *reader, c cursor, p *plan) { r.text(c, &p.p.Text); p.mark("text", c) }},
	{"services", "ids of the services that it is of, or all", func(r *reader, c cursor, p *plan) { p.services = r.names(c); p.mark("services", c) }},
	{"dependents", "true: of the services that depend on these, too", func(r *reader, c cursor, p *plan) { r.boolean(c, &p.dependents) }},
	{"starts", "when it begins, once; or the first time of an rrule, and before which cron does not count", func(r *reader, c cursor, p *plan) { p.readTime(r, c, "starts", &p.starts) }},
	{"ends", "when it ends, once; or duration", func(r *reader, c cursor, p *plan) { p.readTime(r, c, "ends", &p.ends) }},
	{"cron", "five fields: comes round at these times", func(r *reader, c cursor, p *plan) { r.text(c, &p.p.Cron); p.mark("cron", c) }},
	{"rrule", "a rule of RFC 5545 such as FREQ=MONTHLY;BYDAY=1SU: comes round by it", func(r *reader, c cursor, p *plan) { r.text(c, &p.p.RRule); p.mark("rrule", c) }},
	{"time_zone", "IANA time zone of its times; the site's by default", func(r *reader, c cursor, p *plan) { r.zone(c, &p.p.TimeZone); p.mark("time_zone", c) }},
	{"duration", "how long it lasts", func(r *reader, c cursor, p *plan) {
		r.duration(c, &p.p.Duration, maintenance.MinDuration, maintenance.MaxDuration)
		p.mark("duration", c)
	}},
	{"except", "days such as 2026-12-25, in its time zone, on which it does not come round", func(r *reader, c cursor, p *plan) { p.except = r.names(c); p.mark("except", c) }},
}

func (f *file) readMaintenance(r *reader, c cursor) {
	r.list(c, false, func(c cursor) {
		p := plan{id: named{node: c.node, path: c.path}, at: map[string]*yaml.Node{}}
		if r.mapping(c.node, c.path, func(c cursor) { planKeys.read(r, c, &p) }) {
			f.plans = append(f.plans, p)
		}
	})
}

// maintenance checks the plans, each against its own rules and the services.
func (r *reader) maintenance(root *yaml.Node, f *file, cfg *monitor.Config) {
	if len(f.plans) > MaxPlans {
		r.report(root, "maintenance", "", "%d plans are more than %d", len(f.plans), MaxPlans)
		return
	}
	for i := range f.plans {
		p := &f.plans[i]
		if !r.declare("maintenance ", p.id) {
			continue
		}
		p.p.ID = monitor.PlanID(p.id.name)
		if p.p.TimeZone == "" {
			p.p.TimeZone = cfg.Site.TimeZone
		}
		before := len(r.problems)
		r.planServices(p, cfg)
		if p.dependents {
			p.p.Services = append(p.p.Services, maintenance.Dependents(cfg.Services, p.p.Services)...)
		}
		for _, day := range p.except {
			p.p.Except = append(p.p.Except, day.name)
		}
		p.p.Starts, p.p.Ends = r.planTime(p, p.starts), r.planTime(p, p.ends)
		if !p.p.Recurs() && p.p.Ends.IsZero() && !p.p.Starts.IsZero() && p.p.Duration > 0 {
			p.p.Ends, p.p.Duration = p.p.Starts.Add(p.p.Duration), 0
		}
		if len(r.problems) == before && !r.reportedWithin(strings.TrimSuffix(p.id.path, ".id")) {
			r.planRules(p)
		}
		cfg.Maintenance = append(cfg.Maintenance, p.p)
	}
}

// reportedWithin reports whether something below a path is wrong already.
func (r *reader) reportedWithin(path string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return strings.HasPrefix(p.Path, path+".") })
}

func (r *reader) planTime(p *plan, text named) time.Time {
	if text.node == nil {
		return time.Time{}
	}
	at, err := maintenance.ParseTime(text.name, p.p.Zone())
	if err != nil {
		r.report(text.node, text.path, "", "%v", err)
	}
	return at
}

func (r *reader) planRules(p *plan) {
	if !p.p.Recurs() && p.p.Duration > 0 && !p.p.Ends.IsZero() {
		r.report(p.at["duration"], sibling(p.id.path, "duration"), "leave one of them out", "both ends and duration are given")
		return
	}
	err := maintenance.Check(p.p)
	var m *maintenance.Mistake
	if !errors.As(err, &m) {
		return
	}
	at, path := p.at[m.Field], sibling(p.id.path, m.Field)
	if at == nil {
		at, path = p.id.node, p.id.path
	}
	r.report(at, path, "", "%s", m.Message)
}

// planServices: a plan says of which services it is, so that nobody mutes all by
// leaving something out.
func (r *reader) planServices(p *plan, cfg *monitor.Config) {
	if len(p.services) == 0 {
		if _, has := p.at["services"]; !has || !r.reportedWithin(sibling(p.id.path, "services")) {
			r.report(p.id.node, p.id.path, "services: all means all of them", "the maintenance %q is of no service", p.id.name)
		}
		return
	}
	if len(p.services) == 1 && p.services[0].name == "all" {
		return
	}
	var known []string
	for _, s := range cfg.Services {
		known = append(known, string(s.ID))
	}
	for _, s := range p.services {
		id := monitor.ServiceID(s.name)
		switch {
		case s.name == "all":
			r.report(s.node, s.path, "", "all stands alone: no other service beside it")
		case !slices.Contains(known, s.name):
			r.report(s.node, s.path, suggest(s.name, known), "there is no service %q", s.name)
		case slices.Contains(p.p.Services, id):
			r.report(s.node, s.path, "", "the service %q is there twice", s.name)
		default:
			p.p.Services = append(p.p.Services, id)
		}
	}
}

// hears reads what a tier wants to hear of. Who hears of a beginning hears of its
// end, and nobody else does.
func (t *tier) readEvents(r *reader, c cursor) {
	var known []string
	for _, h := range monitor.AllHears() {
		known = append(known, string(h))
	}
	if r.recording() {
		r.list(c, true, func(cursor) { r.mayBe(known) })
		return
	}
	for _, name := range r.names(c) {
		switch h := monitor.Hears(name.name); {
		case !slices.Contains(known, name.name):
			r.report(name.node, name.path, suggest(name.name, known), "expected some of %s, found %q", strings.Join(known, ", "), name.name)
		case slices.Contains(t.t.Events, h):
			r.report(name.node, name.path, "", "%q is there twice", name.name)
		default:
			t.t.Events = append(t.t.Events, h)
		}
	}
	t.eventsNode = c.node
}

func (r *reader) tierEvents(t *tier) {
	has := func(h monitor.Hears) bool { return slices.Contains(t.t.Events, h) }
	path := sibling(t.id.path, "events")
	if t.eventsNode == nil || r.reportedWithin(path) || slices.ContainsFunc(r.problems, func(p Problem) bool { return strings.HasPrefix(p.Path, path) }) {
		return
	}
	switch {
	case len(t.t.Events) == 0:
		r.report(t.eventsNode, path, "leave it out for all of them", "it names no event: a tier hears of some")
	case t.t.Remind > 0 && !has(monitor.HearsReminder):
		r.report(t.eventsNode, path, "add reminder, or leave remind out", "remind is set, and reminder is not among the events")
	case has(monitor.HearsOpened) != has(monitor.HearsResolved):
		r.report(t.eventsNode, path, "add the other, or leave both out", "opened and resolved go together: whoever hears of the beginning hears of the end")
	case !has(monitor.HearsOpened) && (has(monitor.HearsEscalated) || has(monitor.HearsReminder) || has(monitor.HearsUpdated)):
		r.report(t.eventsNode, path, "add opened and resolved", "a tier that does not hear of a beginning hears of nothing after it")
	}
}
