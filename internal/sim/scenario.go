package sim

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/config"
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
	speaks  map[string]string // of apply: monitor to address; of a DNS monitor: to the addresses it expects
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
		if s.Since.After(s.Start) && !s.Start.IsZero() {
			r.report(sinceNode, "since", "it says since when all was well before the start", "%s is after the start", since)
		}
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
	if t.Format(layout) != text {
		r.report(n, path, "", "there is no %s in %s: the clocks are put forward over it", text, zone)
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
