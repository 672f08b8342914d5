package sim

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/cron"
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
	Config *monitor.Config // what it is played against; nil if there is nothing

	names  []moved
	events []happens
	file   string
}

// Options say what a scenario is played against.
type Options struct {
	// Config is played against in place of the scenario's own fleet and policy.
	Config *monitor.Config

	// Tiers are taken in place of those of the scenario's configuration, and of
	// those that it puts in force later.
	Tiers []monitor.Tier

	// Open reads a file that the scenario names, as it names it; nil: it may name
	// none.
	Open func(path string) ([]byte, error)
}

// moved is a name and its addresses.
type moved struct {
	name      value
	addresses []value
	ttl       time.Duration
}

// Home is the location of a configuration that names none.
const Home monitor.Location = "us-east-1"

// Limits of scenarios.
const (
	maxLength = 7 * 24 * time.Hour
	maxEvents = 2000
)

// ReadScenario reads a scenario's text, and holds it against what it is played
// against; name is what problems call it. Its error is of type config.Errors, and
// names all that is wrong at once: what depends on a part that cannot be read is
// looked at when that is mended.
func ReadScenario(name string, text []byte, opts Options) (*Scenario, error) {
	r := &reader{file: name, opts: opts}
	root := r.parse(text)
	if root == nil {
		return nil, r.sorted()
	}
	r.root, r.lines = root, bytes.Split(text, []byte("\n"))
	s := &Scenario{Zone: time.UTC, file: name}
	var start, since, zone, length value
	var events, names, configured *yaml.Node
	ok := r.mapping(root, "", map[string]field{
		"name": r.text(&s.Name), "about": r.text(&s.About), "length": r.needed(&length),
		"start": r.needed(&start), "since": r.needed(&since), "zone": r.needed(&zone),
		"dns":    func(n *yaml.Node, _ string) { names = n },
		"events": func(n *yaml.Node, _ string) { events = n },
		"config": func(n *yaml.Node, _ string) { configured = n },
	})
	if !ok {
		return nil, r.sorted()
	}
	s.Name = cmp.Or(s.Name, name)
	own := r.own(configured)
	s.Config = own
	if opts.Config != nil {
		s.Config = opts.Config
	}
	r.clocks(s, zone, own)
	r.times(s, start, since, length)
	if names != nil {
		r.records(s, names)
	}
	if events == nil {
		r.report(root, "events", "", "a scenario needs events")
	} else {
		r.events(s, events)
	}
	if s.Config != nil {
		r.fit(s)
	}
	if len(r.problems) > 0 {
		return nil, r.sorted()
	}
	return s, nil
}

// own is the fleet and policy that the scenario brings, with whatever tiers were
// asked for.
func (r *reader) own(n *yaml.Node) *monitor.Config {
	if n == nil {
		return nil
	}
	return r.config(n, "config")
}

// clocks finds the zone of the scenario's times: its own, or that of the site that
// it is played for.
func (r *reader) clocks(s *Scenario, named value, own *monitor.Config) {
	zone := named.text
	if named.node == nil {
		if cfg := cmp.Or(own, s.Config); cfg != nil {
			s.Zone = cfg.Zone()
		}
		return
	}
	if loaded, err := time.LoadLocation(zone); err == nil && zone != "Local" && zone != "" {
		s.Zone = loaded
	} else if zone != "" {
		r.report(named.node, "zone", "such as America/Los_Angeles", "the time zone %q is not known", zone)
	}
}

// times reads when it begins, how long it lasts and since when all was well.
func (r *reader) times(s *Scenario, start, since, length value) {
	s.Start = r.local(start, "start", s.Zone, "2006-01-02 15:04")
	if since.node != nil {
		s.Since = r.local(since, "since", s.Zone, "2006-01-02")
		if s.Since.After(s.Start) && !s.Start.IsZero() {
			r.report(since.node, "since", "it says since when all was well before the start", "%s is after the start", since.text)
		}
	}
	if length.node == nil {
		r.report(r.root, "length", "such as length: 6h", "a scenario needs a length")
		return
	}
	r.duration(&s.Length)(length.node, "length")
	if s.Length > maxLength {
		r.report(length.node, "length", "", "%s is longer than %s", s.Length, maxLength)
	}
}

// local reads a time of the scenario's zone.
func (r *reader) local(v value, path string, zone *time.Location, layout string) time.Time {
	if v.node == nil {
		r.report(r.root, path, "such as "+path+": "+layout, "a scenario needs to say when it begins")
		return time.Time{}
	}
	t, err := time.Parse(layout, v.text)
	if err != nil || t.Year() < 1990 || t.Year() > 2100 {
		r.report(v.node, path, "", "expected a local time such as %s, found %q", layout, v.text)
		return time.Time{}
	}
	t = cron.Instant(t, zone).In(zone) // the first of two
	if t.Format(layout) != v.text {
		r.report(v.node, path, "", "there is no %s in %s: the clocks are put forward over it", v.text, zone)
	}
	return t
}

func (r *reader) records(s *Scenario, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.report(n, "dns", "", "expected a list of names")
		return
	}
	for i, one := range n.Content {
		at := fmt.Sprintf("dns[%d]", i)
		var m moved
		if !r.mapping(one, at, map[string]field{"name": r.needed(&m.name), "addresses": r.addresses(&m.addresses), "ttl": r.duration(&m.ttl)}) {
			continue
		}
		if m.name.node == nil {
			r.report(one, at, "", "a record needs a name")
		}
		if m.addresses == nil {
			r.report(one, at, "", "a name needs addresses")
		}
		if slices.ContainsFunc(s.names, func(o moved) bool { return o.name.text == m.name.text }) {
			r.report(m.name.node, at+".name", "", "%s stands here twice", m.name.text)
		}
		s.names = append(s.names, m)
	}
}

func (r *reader) addresses(into *[]value) field {
	return func(n *yaml.Node, path string) {
		r.values(into)(n, path)
		for _, a := range *into {
			if _, err := netip.ParseAddr(a.text); err != nil {
				r.report(a.node, a.path, "", "%q is no IP address", a.text)
			}
		}
	}
}

// config reads a fleet that stands in the scenario itself: its lines, at their
// places, as a monitors.yaml.
func (r *reader) config(n *yaml.Node, path string) *monitor.Config {
	if n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle != 0 || len(n.Content) == 0 {
		r.report(n, path, "", "expected what a monitors.yaml holds, indented, from the next line on")
		return nil
	}
	lines := make([][]byte, len(r.lines))
	copy(lines[n.Line-1:], r.lines[n.Line-1:r.endOf(n)])
	return r.load(r.file, bytes.Join(lines, []byte("\n")))
}

// load compiles a fleet; what is wrong with it is a problem of the scenario.
func (r *reader) load(name string, text []byte) *monitor.Config {
	cfg, err := config.Load(name, text, config.Options{Home: Home})
	var problems config.Errors
	if errors.As(err, &problems) {
		r.problems = append(r.problems, problems...)
		return nil
	}
	if r.opts.Tiers != nil {
		cfg.Tiers = r.opts.Tiers
	}
	return cfg
}

// endOf is after which line a block ends: before that of what follows it.
func (r *reader) endOf(n *yaml.Node) int {
	end := len(r.lines)
	if next := following(r.root, n); next != nil {
		end = next.Line - 1
	}
	for end > n.Line {
		last := bytes.TrimSpace(r.lines[end-1])
		if len(last) > 0 && last[0] != '#' && !bytes.Equal(last, []byte("-")) && !bytes.Equal(last, []byte("...")) {
			break
		}
		end--
	}
	return end
}

// following is the node that stands after another and all that is in it; nil if
// none does.
func following(root, n *yaml.Node) (next *yaml.Node) {
	passed := false
	var walk func(*yaml.Node) bool
	walk = func(at *yaml.Node) bool {
		if at == n {
			passed = true
			return false
		}
		if passed {
			next = at
			return true
		}
		return slices.ContainsFunc(at.Content, walk)
	}
	walk(root)
	return next
}
