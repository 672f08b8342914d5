package importer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// builder makes the document.
type builder struct {
	opts      Options
	doc       document
	warnings  []Warning
	files     map[string]int    // order of the sources
	ids       map[string]bool   // taken
	numbers   map[string]int    // the next one of an id that was taken
	variables map[string]bool   // names of environment variables
	secrets   map[string]string // value to variable
	domains   map[string]*entry // monitors of registrations
	told      map[string]bool   // what is said once
}

func newBuilder(opts Options) *builder {
	if opts.Home == "" {
		opts.Home = monitor.Local
	}
	return &builder{opts: opts, files: map[string]int{}, ids: map[string]bool{}, numbers: map[string]int{}, variables: map[string]bool{}, secrets: map[string]string{},
		domains: map[string]*entry{}, told: map[string]bool{}}
}

// once warns of what is so for a whole file only where it is met first.
func (s *source) once(what string, n *yaml.Node, path, hint, format string, args ...any) {
	if !s.told[what] {
		s.told[what] = true
		s.warn(n, path, hint, format, args...)
	}
}

// entry begins a monitor that is made of an object.
func (o *object) entry(name string, others ...string) *entry {
	id := o.id(append([]string{name}, others...)...)
	e := &entry{ID: id, from: o.source, node: o.at, path: o.path}
	if name != id {
		e.Name = line(name)
	}
	return e
}

// line is a text without what belongs to no name.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// expect adds an expression, if it compiles for the kind of the monitor.
func (e *entry) expect(n *yaml.Node, path, source string, kind monitor.Kind) {
	if source == "" {
		return
	}
	if _, err := expect.Compile(source, kind); err != nil {
		e.from.warn(n, path, "write it by hand", "it became %s, which is not an expression of a %s monitor (%v): left out", source, kind, err)
		return
	}
	if !slices.Contains(e.Expect, source) {
		e.Expect = append(e.Expect, source)
	}
}

// warnOf is expect for what does not make an outage.
func (e *entry) warnOf(n *yaml.Node, path, source string, kind monitor.Kind) {
	kept := e.Expect
	e.Expect = e.Warn
	e.expect(n, path, source, kind)
	e.Warn, e.Expect = e.Expect, kept
}

// times sets interval and timeout within what monitors.yaml allows.
func (e *entry) times(every, timeout time.Duration) {
	least, usual := monitor.MinEvery, time.Minute
	switch {
	case e.Heartbeat != nil:
		return
	case e.Domain != "":
		least, usual = time.Hour, 6*time.Hour
	case e.Browser != "":
		least, usual = time.Minute, 5*time.Minute
	}
	fit := min(max(every, least), 24*time.Hour).Truncate(time.Second)
	if fit != every {
		e.from.warn(e.node, e.path, "", "an interval is from %s to 24h, in whole seconds: %s became %s", span(least), span(every), span(fit))
	}
	if fit != usual {
		e.Every = span(fit)
	}
	end := min(max(timeout, 100*time.Millisecond), time.Minute, fit)
	if end != timeout {
		e.from.warn(e.node, e.path, "", "a timeout is from 100ms to 1m and not above the interval: %s became %s", span(timeout), span(end))
	}
	if end != min(10*time.Second, fit) {
		e.Timeout = span(end)
	}
}

// reach allows private addresses to a monitor whose host is one.
func (e *entry) reach(host string) {
	if isPrivate(host) {
		e.Private = true
		e.from.once("private", e.node, e.path, "it must run where it can reach them: `sonde up` inside the network",
			"%s is an address of a private network: private: true is set, here and for others like it", host)
	}
}

// add puts a monitor into the document, and its service where the page needs one.
func (b *builder) add(e *entry) { b.doc.Monitors = append(b.doc.Monitors, e) }

// finish leaves out what is not valid and writes the rest.
func (b *builder) finish(tool, name string) (*Result, error) {
	b.checkSite()
	b.bound()
	b.doc.Monitors = slices.DeleteFunc(b.doc.Monitors, func(e *entry) bool { return !b.valid(e) })
	b.services()
	b.doc.shareDefaults()
	b.doc.Maintenance = slices.DeleteFunc(b.doc.Maintenance, func(p *planOut) bool { return !b.validPlan(p) })
	r := &Result{Monitors: len(b.doc.Monitors), Services: len(b.doc.Services), Warnings: b.sorted()}
	if len(b.doc.Monitors) == 0 {
		return r, fmt.Errorf("%s: %w", name, ErrNothing)
	}
	text, err := b.doc.text(fmt.Sprintf("# Made by `sonde import %s`. What to set, and what was not carried over, it has said.\n", tool))
	if err != nil {
		return r, err
	}
	if len(text) > config.MaxFile {
		return r, fmt.Errorf("the result would have %d bytes, and a monitors.yaml has at most 1 MiB: import the source in parts, one for each stack", len(text))
	}
	cfg, err := config.Load("monitors.yaml", text, config.Options{Home: b.opts.Home})
	if err != nil {
		return r, fmt.Errorf("the result is not valid: %w", err)
	}
	r.Text = text
	r.Secrets = references(cfg)
	return r, nil
}

// bound leaves out what is more than a file may hold.
func (b *builder) bound() {
	if all := b.doc.Monitors; len(all) > config.MaxMonitors {
		first := all[config.MaxMonitors]
		first.from.warn(first.node, first.path, "import the rest as a file of its own, for another stack", "a file has at most %d monitors: %d are left out, from here on", config.MaxMonitors, len(all)-config.MaxMonitors)
		b.doc.Monitors = all[:config.MaxMonitors]
	}
	if all := b.doc.Maintenance; len(all) > config.MaxPlans {
		first := all[config.MaxPlans]
		first.from.warn(first.node, first.path, "", "a file has at most %d plans of maintenance: %d are left out, from here on", config.MaxPlans, len(all)-config.MaxPlans)
		b.doc.Maintenance = all[:config.MaxPlans]
	}
}

// references is the secrets that a configuration refers to.
func references(cfg *monitor.Config) []monitor.Reference {
	all := map[monitor.Reference]bool{}
	for _, m := range cfg.Monitors {
		for _, ref := range m.References() {
			all[ref] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b monitor.Reference) int { return strings.Compare(a.String(), b.String()) })
}

// problem is the first that a document has, "" if it is valid.
func problem(d *document, home monitor.Location) string {
	text, err := d.text("")
	if err != nil {
		return err.Error()
	}
	_, err = config.Load("monitors.yaml", text, config.Options{Home: home})
	var all config.Errors
	switch {
	case err == nil:
		return ""
	case errors.As(err, &all) && len(all) > 0:
		return strings.TrimSpace(all[0].Path[strings.IndexByte(all[0].Path, '.')+1:] + ": " + all[0].Message)
	}
	return err.Error()
}

// reachResolvers is reach for the DNS servers that are asked.
func (e *entry) reachResolvers() {
	for _, server := range e.DNS.Resolvers {
		e.reach(strings.TrimPrefix(server, "tls://"))
	}
}

// valid reports whether a monitor can stand in a monitors.yaml, and warns if not.
func (b *builder) valid(e *entry) bool {
	what := fmt.Sprintf("%q", e.Name)
	if e.Name == "" {
		what = fmt.Sprintf("%q", e.ID)
	}
	d := &document{Monitors: []*entry{e}}
	why := problem(d, monitor.Local)
	if why == "" && b.opts.Home != monitor.Local {
		if why = problem(d, b.opts.Home); why != "" {
			e.from.warn(e.node, e.path, "with --local it is kept, for `sonde up`", "%s is left out: %s", what, why)
			return false
		}
	}
	if why != "" {
		e.from.warn(e.node, e.path, "write it by hand", "%s is left out: %s", what, e.from.hide(why))
	}
	return why == ""
}

// services makes a service of each monitor that has a heading, a description or is
// internal; the others have one of their own anyway.
func (b *builder) services() {
	for _, e := range b.doc.Monitors {
		if e.group == "" && e.description == "" && !e.internal {
			continue
		}
		b.doc.Services = append(b.doc.Services, &serviceOut{ID: e.ID, Name: e.Name, Description: line(e.description), Group: line(e.group), Monitors: []string{e.ID}, Internal: e.internal})
	}
}

func (b *builder) checkSite() {
	probe := []*entry{{ID: "a", TCP: &tcpOut{Address: "a.example:1"}}}
	if s := b.doc.Site; s != nil && problem(&document{Site: s, Monitors: probe}, monitor.Local) != "" {
		s.URL = ""
		if *s == (siteOut{}) || problem(&document{Site: s, Monitors: probe}, monitor.Local) != "" {
			b.doc.Site = nil
		}
	}
}

// validPlan keeps of a plan the services that are left, and reports whether it is
// valid.
func (b *builder) validPlan(p *planOut) bool {
	var left []string
	for _, id := range p.Services {
		if id == "all" || slices.ContainsFunc(b.doc.Monitors, func(e *entry) bool { return e.ID == id }) {
			left = append(left, id)
		}
	}
	if p.Services = left; len(left) == 0 {
		p.from.warn(p.node, p.path, "", "the maintenance is of nothing that was carried over: left out")
		return false
	}
	only := *p
	only.Services = []string{"all"}
	d := &document{Monitors: []*entry{{ID: "a", TCP: &tcpOut{Address: "a.example:1"}}}, Maintenance: []*planOut{&only}}
	if why := problem(d, monitor.Local); why != "" {
		p.from.warn(p.node, p.path, "see maintenance: in the README", "the maintenance is left out: %s", why)
		return false
	}
	return true
}
