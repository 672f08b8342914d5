package config

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/cron"
	"github.com/sondehq/sonde/internal/monitor"
)

// Those who are told at once hear that nobody outside has been after usualNag, and
// not before the policy itself would have told somebody, and some time.
const (
	usualNag = 30 * time.Minute
	nagLater = 10 * time.Minute
)

func (t *tier) readNag(r *reader, c cursor) {
	t.nagNode = c.node
	r.may(fragment{"enum": []any{"off", false}})
	if n := r.enter(c.node, c.path); n != nil && n.Kind == yaml.ScalarNode && (n.Value == "off" || n.Value == "false") {
		return
	}
	r.duration(c, &t.t.Nag, time.Minute, maxAfter)
}

func (t *tier) readQuiet(r *reader, c cursor) {
	q := &monitor.Quiet{From: -1, To: -1, Below: monitor.ImpactMajor}
	if !r.mapping(c.node, c.path, func(c cursor) { quietKeys.read(r, c, q) }) || r.reported(c.path) {
		return
	}
	switch {
	case q.From < 0 || q.To < 0:
		r.report(c.key, c.path, "such as {from: \"22:00\", to: \"07:00\"}", "quiet needs from and to")
		return
	case q.From == q.To:
		r.report(c.key, c.path, "", "quiet hours end when they begin")
		return
	}
	t.t.Quiet = q
}

var quietKeys = keys[monitor.Quiet]{
	{"from", "time of day, such as \"22:00\"", func(r *reader, c cursor, q *monitor.Quiet) { r.timeOfDay(c, &q.From) }},
	{"to", "time of day, such as \"07:00\"; before from: of the next day", func(r *reader, c cursor, q *monitor.Quiet) { r.timeOfDay(c, &q.To) }},
	{"time_zone", "IANA zone; the site's by default", func(r *reader, c cursor, q *monitor.Quiet) { r.zone(c, &q.TimeZone) }},
	{"below", "impacts below this one wait: major or critical; major by default", func(r *reader, c cursor, q *monitor.Quiet) {
		r.choice(c, (*string)(&q.Below), string(monitor.ImpactMajor), string(monitor.ImpactCritical))
	}},
}

var timeForm = regexp.MustCompile(`^([01]?\d|2[0-3]):([0-5]\d)$`)

// timeOfDay reads minutes after midnight. YAML takes 22:00 without quotes for a
// text, too.
func (r *reader) timeOfDay(c cursor, into *int) {
	n := r.scalar(c, "a time of day")
	if n == nil {
		return
	}
	m := timeForm.FindStringSubmatch(n.Value)
	if m == nil {
		r.report(n, c.path, "", "expected a time of day such as \"22:00\", found %q", n.Value)
		return
	}
	hours, _ := strconv.Atoi(m[1])
	minutes, _ := strconv.Atoi(m[2])
	*into = hours*60 + minutes
}

func (s *service) readOverrides(r *reader, c cursor) {
	s.s.Tiers = map[monitor.TierID]monitor.Override{}
	r.mapping(c.node, c.path, func(c cursor) {
		o := monitor.Override{}
		if !r.mapping(c.node, c.path, func(c cursor) { overrideKeys.read(r, c, &o) }) || r.reported(c.path) {
			return
		}
		if o == (monitor.Override{}) || o.Never && (o.After != nil || o.Impact != "") {
			r.report(c.key, c.path, "", "expected after, impact or both; or never alone")
			return
		}
		s.overrides = append(s.overrides, named{c.key.Value, c.key, c.path})
		s.s.Tiers[monitor.TierID(c.key.Value)] = o
	})
}

var overrideKeys = keys[monitor.Override]{
	{"after", "how long after the beginning it is told", func(r *reader, c cursor, o *monitor.Override) { o.After = durationKey(r, c, 0, maxAfter) }},
	{"impact", "the least impact it hears of", func(r *reader, c cursor, o *monitor.Override) {
		r.choice(c, (*string)(&o.Impact), string(monitor.ImpactMinor), string(monitor.ImpactMajor), string(monitor.ImpactCritical))
	}},
	{"never", "it does not hear of this service", func(r *reader, c cursor, o *monitor.Override) { r.boolean(c, &o.Never) }},
}

// readRehearsal reads when the way to people is tried.
func (f *file) readRehearsal(r *reader, c cursor) {
	f.rehearsal = &monitor.Rehearsal{}
	r.mapping(c.node, c.path, func(c cursor) { rehearsalKeys.read(r, c, f) })
	if f.rehearsal.Cron == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "such as {cron: \"0 9 1 * *\"}", "cron is missing")
	}
}

var rehearsalKeys = keys[file]{
	{"cron", "five fields, such as 0 9 1 * *: at nine on the first of each month", func(r *reader, c cursor, f *file) {
		r.text(c, &f.rehearsal.Cron)
		f.rehearse = named{f.rehearsal.Cron, c.node, c.path}
	}},
	{"time_zone", "IANA zone; the site's by default", func(r *reader, c cursor, f *file) { r.zone(c, &f.rehearsal.TimeZone) }},
	{"tiers", "whom a test is sent to; by default every tier that is not public", func(r *reader, c cursor, f *file) {
		f.rehearsed = r.names(c)
		if len(f.rehearsed) == 0 && !r.recording() && !r.reported(c.path) {
			r.report(c.key, c.path, "leave it out for all that are not public", "it names no tier")
		}
	}},
}

// policies fills in what tiers leave out, and checks which tiers services name.
func (r *reader) policies(f *file, cfg *monitor.Config) {
	public, nag := false, usualNag
	for _, t := range cfg.Tiers {
		if t.Public {
			public, nag = true, max(nag, t.After+t.Hold+nagLater)
		}
	}
	for i := range cfg.Tiers {
		t := &cfg.Tiers[i]
		if q := t.Quiet; q != nil && q.TimeZone == "" {
			q.TimeZone = cfg.Site.TimeZone
		}
		given := false
		for _, own := range f.tiers {
			given = given || own.id.name == string(t.ID) && own.nagNode != nil
		}
		if !given && public && !t.Public && t.After == 0 {
			t.Nag = nag
		}
	}
	if cfg.Rehearse = f.rehearsal; cfg.Rehearse != nil && cfg.Rehearse.Cron != "" {
		if cfg.Rehearse.TimeZone == "" {
			cfg.Rehearse.TimeZone = cfg.Site.TimeZone
		}
		if _, err := cron.Parse(cfg.Rehearse.Cron, nil); err != nil {
			r.report(f.rehearse.node, f.rehearse.path, "", "%v", err)
		}
	}
	var known []string
	for _, t := range cfg.Tiers {
		known = append(known, string(t.ID))
	}
	for _, t := range f.rehearsed {
		if id := monitor.TierID(t.name); slices.Contains(cfg.Rehearse.Tiers, id) {
			r.report(t.node, t.path, "", "the tier %q is there twice", t.name)
		} else if _, has := cfg.Tier(id); !has {
			r.report(t.node, t.path, suggest(t.name, known), "there is no tier %q", t.name)
		} else {
			cfg.Rehearse.Tiers = append(cfg.Rehearse.Tiers, id)
		}
	}
	for _, s := range f.services {
		for _, o := range s.overrides {
			if _, has := cfg.Tier(monitor.TierID(o.name)); !has {
				r.report(o.node, o.path, suggest(o.name, known), "there is no tier %q", o.name)
			}
		}
	}
}
