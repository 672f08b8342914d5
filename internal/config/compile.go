package config

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

const maxServiceMonitors = 200

var (
	idForm       = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	locationForm = regexp.MustCompile(`^(local|[a-z]{2}(-[a-z]+)+-\d)$`)
)

// id reads the name of a thing.
func (r *reader) id(c cursor) named {
	n := r.scalar(c, "an id")
	if n == nil {
		return named{node: c.node, path: c.path}
	}
	if !idForm.MatchString(n.Value) {
		r.report(n, c.path, "", "an id is a lower-case letter or digit, then up to 62 of these and hyphens; found %q", n.Value)
	}
	return named{n.Value, n, c.path}
}

// names reads a list of texts; one text stands for a list of one.
func (r *reader) names(c cursor) []named {
	var all []named
	r.list(c, true, func(c cursor) {
		if n := r.scalar(c, "text"); n != nil {
			all = append(all, named{n.Value, n, c.path})
		}
	})
	return all
}

// declare reports whether an id is new; the first of two is named.
func (r *reader) declare(what string, id named) bool {
	if id.name == "" {
		if !r.reported(id.path) {
			r.report(id.node, id.path, "", "id is missing")
		}
		return false
	}
	if first, twice := r.ids[what+id.name]; twice {
		r.report(id.node, id.path, "", "the %s %q is there twice, first in line %d", strings.TrimSpace(what), id.name, first.line)
		return false
	}
	r.ids[what+id.name] = place{id.node.Line, id.node.Column}
	return true
}

// sibling is the path of another key beside the one of an id.
func sibling(path, key string) string {
	if !strings.HasSuffix(path, ".id") {
		return join(path, key)
	}
	return strings.TrimSuffix(path, "id") + key
}

// compile applies defaults, follows references and places services.
func (r *reader) compile(root *yaml.Node, f *file) *monitor.Config {
	cfg := &monitor.Config{Site: f.site}
	if cfg.Site.TimeZone == "" {
		cfg.Site.TimeZone = "UTC"
	}
	if cfg.Site.Name == "" {
		cfg.Site.Name = "Status"
	}
	r.locations(f, cfg)
	for i := range f.monitors {
		r.monitor(&f.monitors[i], f, cfg)
	}
	if len(f.monitors) == 0 && !r.reported("monitors") {
		r.report(root, "monitors", "", "at least one monitor is needed")
	}
	if len(f.monitors) > MaxMonitors {
		r.report(root, "monitors", "use several stacks", "%d monitors are more than %d", len(f.monitors), MaxMonitors)
	}
	r.services(f, cfg)
	r.tiers(f, cfg)
	r.policies(f, cfg)
	r.maintenance(root, f, cfg)
	if len(r.problems) == 0 {
		place := shards{}
		for i := range cfg.Services {
			cfg.Services[i].Shard = place.next(len(cfg.Services[i].Monitors))
		}
		slices.SortFunc(cfg.Monitors, func(a, b monitor.Monitor) int { return strings.Compare(string(a.ID), string(b.ID)) })
	}
	return cfg
}

// shards puts whole services side by side until a shard is full.
type shards struct{ shard, used int }

func (s *shards) next(monitors int) int {
	if s.used > 0 && s.used+monitors > monitor.ShardMonitors {
		s.shard, s.used = s.shard+1, 0
	}
	s.used += monitors
	return s.shard
}

func (r *reader) locations(f *file, cfg *monitor.Config) {
	for _, l := range f.locations {
		if !locationForm.MatchString(l.name) {
			r.report(l.node, l.path, "", "expected an AWS Region such as eu-west-1, or local, found %q", l.name)
		} else if r.declare("location ", l) {
			cfg.Locations = append(cfg.Locations, monitor.Location(l.name))
		}
	}
	if r.opts.Home == monitor.Local || len(cfg.Locations) == 0 {
		// One machine is one location, whatever Regions the file names.
		cfg.Locations = []monitor.Location{r.opts.Home}
	}
	if cfg.Locations[0] == "" {
		cfg.Locations[0] = monitor.Local
	}
}

func or[T any](values ...*T) T {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	var zero T
	return zero
}

func ptr[T any](v T) *T { return &v }

func (r *reader) monitor(e *entry, f *file, cfg *monitor.Config) {
	if !r.declare("monitor ", e.id) {
		return
	}
	m := &e.m
	m.ID = monitor.ID(e.id.name)
	if m.Name == "" {
		m.Name = e.id.name
	}
	if len(e.kinds) != 1 {
		r.kinds(e)
		return
	}
	d := f.defaults
	m.Every = or(e.every, d.every, ptr(time.Minute))
	switch m.Kind() {
	case monitor.KindDomain:
		r.domainEvery(e)
	case monitor.KindBrowser:
		r.journeyTimes(e)
	}
	m.Recheck = or(e.recheck, d.recheck, ptr(3*time.Second))
	usual := 2
	if m.Kind() == monitor.KindHeartbeat {
		usual, d.confirm, d.window, d.recover, d.quorum = 1, nil, nil, nil, nil // what the table says needs no second look
	}
	m.Quorum, m.Private = or(e.quorum, d.quorum), or(e.private, d.private)
	m.Confirm, m.Recover = or(e.confirm, d.confirm, &usual), or(e.recover, d.recover, &usual)
	if e.confirm != nil {
		m.Window = or(e.window)
	} else if d.confirm != nil {
		m.Window = or(d.window)
	}
	m.Flapping = or(e.flapping, d.flapping, &monitor.Flap{Changes: 6, Within: 30 * time.Minute})
	m.Expiry = or(e.expiry, d.expiry)
	r.timeout(e, d)
	r.monitorLocations(e, f, cfg)
	r.fromLambda(e)
	for _, x := range e.expect {
		r.expression(x, m.Kind())
		m.Expect = append(m.Expect, x.name)
	}
	for _, x := range e.warn {
		r.expression(x, m.Kind())
		m.Warn = append(m.Warn, x.name)
	}
	cfg.Monitors = append(cfg.Monitors, *m)
}

func (r *reader) kinds(e *entry) {
	var all []string
	for _, kind := range monitor.Kinds {
		all = append(all, string(kind))
	}
	if len(e.kinds) == 0 {
		if !r.reported(e.id.path[:max(strings.LastIndex(e.id.path, "."), 0)]) {
			r.report(e.id.node, e.id.path, "", "the monitor %q watches nothing: it needs one of %s", e.id.name, strings.Join(all, ", "))
		}
		return
	}
	var names []string
	for _, k := range e.kinds {
		names = append(names, k.name)
	}
	r.report(e.kinds[1].node, e.kinds[1].path, "make two monitors", "the monitor %q has %s: exactly one is possible", e.id.name, strings.Join(names, " and "))
}

// timeout must leave a check before the next one; one that comes from the
// defaults gives way to a short interval.
func (r *reader) timeout(e *entry, d settings) {
	m := &e.m
	switch {
	case e.timeout != nil:
		m.Timeout = *e.timeout
		if m.Timeout > m.Every {
			r.report(e.timeoutNode, sibling(e.id.path, "timeout"), "", "the timeout %s is longer than the interval %s: a check would not be over when the next is due", short(m.Timeout), short(m.Every))
		}
	case d.timeout != nil && d.every != nil && e.every == nil && *d.timeout > *d.every:
		m.Timeout = *d.timeout
		if !r.reported("defaults.timeout") {
			r.report(d.timeoutNode, "defaults.timeout", "", "the timeout %s is longer than the interval %s: a check would not be over when the next is due", short(*d.timeout), short(*d.every))
		}
	default:
		m.Timeout = min(or(d.timeout, ptr(10*time.Second)), m.Every)
	}
}

func (r *reader) monitorLocations(e *entry, f *file, cfg *monitor.Config) {
	m := &e.m
	var known []string
	for _, l := range f.locations {
		known = append(known, l.name)
	}
	for _, l := range e.locations {
		if !slices.Contains(known, l.name) {
			r.report(l.node, l.path, suggest(l.name, known), "%q is not one of the file's locations", l.name)
		} else if slices.Contains(m.Locations, monitor.Location(l.name)) {
			r.report(l.node, l.path, "", "the location %q is there twice: it has one vote", l.name)
		}
		m.Locations = append(m.Locations, monitor.Location(l.name))
	}
	switch {
	case r.opts.Home == monitor.Local, m.Kind() == monitor.KindHeartbeat:
		m.Locations = []monitor.Location{cfg.Home()} // a heartbeat is read where the table is
	case len(m.Locations) == 0:
		m.Locations = slices.Clone(cfg.Locations)
	}
	if m.Quorum > len(m.Locations) && r.opts.Home != monitor.Local {
		at, path := e.id.node, e.id.path
		if e.quorum != nil {
			at, path = e.quorumNode, sibling(e.id.path, "quorum")
		}
		r.report(at, path, "", "the quorum of %q is %d, and its locations are %d", e.id.name, m.Quorum, len(m.Locations))
	}
}

// expression compiles an expectation; the problem points into it where that can
// be seen in the file.
func (r *reader) expression(x named, kind monitor.Kind) {
	err, known := r.expressions[expression{x.name, kind}]
	if !known {
		_, err = expect.Compile(x.name, kind)
		r.expressions[expression{x.name, kind}] = err
	}
	r.badExpression(x, err)
}

// valueExpression compiles an expression that may give anything.
func (r *reader) valueExpression(x named, kind monitor.Kind) {
	_, err := expect.CompileValue(x.name, kind)
	r.badExpression(x, err)
}

func (r *reader) badExpression(x named, err error) {
	if err == nil {
		return
	}
	at := *x.node
	message, hint := err.Error(), ""
	if e, ok := expect.AsError(err); ok {
		message = e.Message
		if e.Name != "" {
			if hint = suggest(e.Name, e.Known); hint == "" {
				hint = "known are " + strings.Join(e.Known, ", ")
			}
		}
		quoted := at.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
		switch { // on one line, and without escapes
		case e.Line > 1:
		case at.Style == 0:
			at.Column += max(e.Column-1, 0)
		case quoted && !strings.ContainsAny(x.name, "'\"\\\n"):
			at.Column += max(e.Column, 1)
		}
	}
	r.report(&at, x.path, hint, "%s", message)
}
