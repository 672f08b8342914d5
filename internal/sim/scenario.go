package sim

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// Scenario is an outage to be played: what happens to targets, names and
// locations, and what people do, at which time.
type Scenario struct {
	Name   string
	About  string
	Start  time.Time
	Zone   *time.Location
	Length time.Duration
	Since  time.Time       // since when all was well before it; zero: since Start
	Config *monitor.Config // its own fleet and policy; nil if it has none

	names  []moved
	events []happens
	file   string
}

// moved is a name and its addresses.
type moved struct {
	name      string
	addresses []string
	ttl       time.Duration
}

// happens is one event.
type happens struct {
	at      time.Duration
	node    *yaml.Node
	path    string
	action  string   // down, up, slow …
	targets []string // of down, up, slow, expires, flap; locations of silent
	from    []monitor.Location
	failure monitor.Failure
	by      time.Duration // of slow; until expiry; of a silence; between two flaps
	ms      int           // of slow
	times   int
	move    moved
	speaks  map[string]string // of apply: monitor to address
	act     Act
}

// Home is the location of a configuration that names none.
const Home monitor.Location = "us-east-1"

// Limits of scenarios.
const (
	maxLength = 7 * 24 * time.Hour
	maxEvents = 2000
)

// ReadScenario reads a scenario's text; name is what problems call it. Its error is
// of type config.Errors. A scenario without a config of its own is played against
// another one, see Against.
func ReadScenario(name string, text []byte) (*Scenario, error) {
	r := &reader{file: name}
	root := r.parse(text)
	if root == nil {
		return nil, r.sorted()
	}
	s := &Scenario{Zone: time.UTC, file: name}
	var start, since, zone string
	var startNode, sinceNode, zoneNode, events, configured *yaml.Node
	at := func(into **yaml.Node, text *string) field {
		return func(n *yaml.Node, path string) { *into = n; r.text(text)(n, path) }
	}
	ok := r.mapping(root, "", map[string]field{
		"name": r.text(&s.Name), "about": r.text(&s.About), "length": r.duration(&s.Length),
		"start": at(&startNode, &start), "since": at(&sinceNode, &since), "zone": at(&zoneNode, &zone),
		"dns":    func(n *yaml.Node, path string) { r.records(s, n, path) },
		"events": func(n *yaml.Node, _ string) { events = n },
		"config": func(n *yaml.Node, _ string) { configured = n },
	})
	if !ok {
		return nil, r.sorted()
	}
	if zoneNode != nil {
		if loaded, err := time.LoadLocation(zone); err == nil && zone != "Local" {
			s.Zone = loaded
		} else {
			r.report(zoneNode, "zone", "such as America/Los_Angeles", "the time zone %q is not known", zone)
		}
	}
	s.Start = r.local(startNode, "start", start, s.Zone, "2006-01-02 15:04")
	if sinceNode != nil {
		s.Since = r.local(sinceNode, "since", since, s.Zone, "2006-01-02")
	}
	switch {
	case s.Length == 0:
		r.report(nil, "length", "such as length: 6h", "a scenario needs a length")
	case s.Length > maxLength:
		r.report(nil, "length", "", "%s is longer than %s", s.Length, maxLength)
	}
	if events == nil {
		r.report(nil, "events", "", "a scenario needs events")
	} else {
		r.events(s, events)
	}
	if configured != nil {
		r.config(s, configured, text)
	}
	if len(r.problems) > 0 {
		return nil, r.sorted()
	}
	return s, nil
}

// local reads a time of the scenario's zone.
func (r *reader) local(n *yaml.Node, path, text string, zone *time.Location, layout string) time.Time {
	if n == nil {
		r.report(nil, path, "such as "+path+": "+layout, "a scenario needs to say when it begins")
		return time.Time{}
	}
	t, err := time.ParseInLocation(layout, text, zone)
	if err != nil || t.Year() < 1990 || t.Year() > 2100 {
		r.report(n, path, "", "expected a local time such as %s, found %q", layout, text)
		return time.Time{}
	}
	return t
}

func (r *reader) records(s *Scenario, n *yaml.Node, path string) {
	if n.Kind != yaml.SequenceNode {
		r.report(n, path, "", "expected a list of names")
		return
	}
	for i, one := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		var m moved
		r.mapping(one, at, map[string]field{"name": r.text(&m.name), "addresses": r.texts(&m.addresses), "ttl": r.duration(&m.ttl)})
		r.addresses(one, at, m.addresses)
		if m.name == "" {
			r.report(one, at, "", "a record needs a name")
		}
		s.names = append(s.names, m)
	}
}

func (r *reader) addresses(n *yaml.Node, path string, all []string) {
	if len(all) == 0 {
		r.report(n, path, "", "a name needs addresses")
	}
	for _, a := range all {
		if _, err := netip.ParseAddr(a); err != nil {
			r.report(n, path, "", "%q is no IP address", a)
		}
	}
}

// config reads the fleet that stands in the scenario itself: its lines, at their
// places, as a monitors.yaml.
func (r *reader) config(s *Scenario, n *yaml.Node, text []byte) {
	if n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle != 0 || len(n.Content) == 0 {
		r.report(n, "config", "", "expected what a monitors.yaml holds, indented, from the next line on")
		return
	}
	lines := bytes.Split(text, []byte("\n"))
	for i := range lines {
		inside := i+1 >= n.Line && i+1 <= r.endOf(n, lines)
		if !inside {
			lines[i] = nil
		}
	}
	cfg, err := config.Load(r.file, bytes.Join(lines, []byte("\n")), config.Options{Home: Home})
	var problems config.Errors
	if errors.As(err, &problems) {
		r.problems = append(r.problems, problems...)
		return
	}
	s.Config = cfg
}

// endOf is the last line of a block: that before the next one that is not
// indented.
func (r *reader) endOf(n *yaml.Node, lines [][]byte) int {
	for i := n.Line; i < len(lines); i++ {
		if line := lines[i]; len(line) > 0 && line[0] != ' ' && line[0] != '#' && line[0] != '\r' {
			return i
		}
	}
	return len(lines)
}

func (r *reader) events(s *Scenario, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.report(n, "events", "", "expected a list")
		return
	}
	if len(n.Content) > maxEvents {
		r.report(n, "events", "", "%d events, at most %d", len(n.Content), maxEvents)
		return
	}
	last := time.Duration(0)
	for i, one := range n.Content {
		e := r.event(s, one, fmt.Sprintf("events[%d]", i), last)
		last = e.at
		s.events = append(s.events, e)
	}
}

// event reads one event: when, and exactly one thing that happens.
func (r *reader) event(s *Scenario, n *yaml.Node, path string, last time.Duration) happens {
	e := happens{node: n, path: path, at: last}
	var actions []string
	var with string
	acts := func(name string, read field) field {
		return func(n *yaml.Node, path string) { actions = append(actions, name); read(n, path) }
	}
	var from []string
	e.act.By = "operator"
	problems := len(r.problems)
	ok := r.mapping(n, path, map[string]field{
		"at":   func(n *yaml.Node, path string) { e.at = r.moment(s, n, path, last) },
		"down": acts("down", r.texts(&e.targets)), "up": acts("up", r.texts(&e.targets)), "slow": acts("slow", r.texts(&e.targets)),
		"expires": acts("expires", r.texts(&e.targets)), "flap": acts("flap", r.texts(&e.targets)), "silent": acts("silent", r.texts(&e.targets)),
		"dns": acts("dns", r.text(&e.move.name)), "addresses": r.texts(&e.move.addresses), "ttl": r.duration(&e.move.ttl),
		"apply": acts("apply", r.pairs(&e.speaks)),
		"ack":   acts("ack", r.text(&e.act.By)), "update": acts("update", r.text(&e.act.Text)),
		"publish": acts("publish", r.text((*string)(&e.act.Tier))), "decline": acts("decline", r.text((*string)(&e.act.Tier))),
		"with": r.text(&with), "from": r.texts(&from), "ms": r.number(&e.ms, 1, 600_000), "in": r.duration(&e.by), "for": r.duration(&e.by),
		"every": r.duration(&e.by), "times": r.number(&e.times, 1, 500),
		"by": r.text(&e.act.By), "phase": r.text((*string)(&e.act.Phase)), "next": r.duration(&e.act.Next), "reason": r.text(&e.act.Text),
	})
	if !ok {
		return e
	}
	if len(actions) != 1 && len(r.problems) > problems {
		return e // a misspelt action is said already
	}
	if len(actions) != 1 {
		r.report(n, path, "down, up, slow, flap, expires, dns, silent, apply, ack, update, publish or decline",
			"an event says one thing that happens, this one says %d", len(actions))
		return e
	}
	e.action = actions[0]
	for _, l := range from {
		e.from = append(e.from, monitor.Location(l))
	}
	if with == "" {
		with = "refused"
	}
	if e.failure, ok = failureNamed(with); !ok {
		r.report(n, path+".with", "refused, timeout, reset, unreachable, dns, tls, certificate, or a status such as 503", "%q is no way to fail", with)
	}
	r.complete(n, path, &e)
	return e
}

// complete checks what each kind of event needs.
func (r *reader) complete(n *yaml.Node, path string, e *happens) {
	needs := func(lacks bool, what string) {
		if lacks {
			r.report(n, path, "", "%s needs %s", e.action, what)
		}
	}
	switch e.action {
	case "slow":
		needs(e.ms == 0, "ms:, how much slower")
	case "expires":
		needs(e.by == 0, "in:, how long until then")
	case "flap":
		needs(e.by == 0 || e.times <= 1, "every: and times:")
	case "silent":
		needs(e.by == 0, "for:, how long")
	case "dns":
		r.addresses(n, path, e.move.addresses)
	case "decline":
		needs(e.act.Text == "", "reason:")
	case "update":
		phases := []incident.Phase{"", incident.Investigating, incident.Identified, incident.Monitoring}
		if !slices.Contains(phases, e.act.Phase) {
			r.report(n, path+".phase", "", "%v", incident.ErrPhase)
		}
	}
	e.act.At, e.act.Do, e.act.Strict = e.at, Deed(e.action), true
}

func (r *reader) pairs(into *map[string]string) field {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.MappingNode {
			r.report(n, path, "such as {lb-primary: 203.0.113.20}", "expected monitors and the addresses that they are to speak to")
			return
		}
		*into = map[string]string{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if _, err := netip.ParseAddr(n.Content[i+1].Value); err != nil {
				r.report(n.Content[i+1], path, "", "%q is no IP address", n.Content[i+1].Value)
			}
			(*into)[n.Content[i].Value] = n.Content[i+1].Value
		}
	}
}

// moment reads +25m, from the start, or a time of day, the next one after the
// event before.
func (r *reader) moment(s *Scenario, n *yaml.Node, path string, last time.Duration) time.Duration {
	at, ok := time.Duration(0), false
	if text, relative := strings.CutPrefix(n.Value, "+"); relative {
		d, err := time.ParseDuration(text)
		at, ok = d, err == nil
	} else {
		at, ok = s.timeOfDay(n.Value, last)
	}
	switch {
	case n.Kind != yaml.ScalarNode || !ok:
		r.report(n, path, "", "expected a time of day such as 18:05, or +25m from the start, found %q", n.Value)
		return last
	case at < last:
		r.report(n, path, "put the events in the order of their times", "%s is before the event before it", n.Value)
		return last
	case at > s.Length && s.Length > 0:
		r.report(n, path, "", "%s is after the end of the scenario", n.Value)
		return last
	}
	return at
}

func (s *Scenario) timeOfDay(text string, last time.Duration) (time.Duration, bool) {
	var clock time.Time
	var err error
	for _, layout := range []string{"15:04", "15:04:05"} {
		if clock, err = time.Parse(layout, text); err == nil {
			break
		}
	}
	if err != nil {
		return 0, false
	}
	from := s.Start.Add(last).In(s.Zone)
	for day := range 3 {
		at := time.Date(from.Year(), from.Month(), from.Day()+day, clock.Hour(), clock.Minute(), clock.Second(), 0, s.Zone)
		if !at.Before(s.Start.Add(last)) {
			return at.Sub(s.Start), true
		}
	}
	return 0, false
}
