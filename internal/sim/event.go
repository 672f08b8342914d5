package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/uptime"
)

// happens is one event.
type happens struct {
	at     time.Duration
	path   string
	action string // down, up, slow …
	says   value  // what stands at the action's name

	targets []value // of down, up, slow, expires, renew, flap; locations of silent
	from    []value // locations
	with    failing
	by      time.Duration // of slow, until expiry, of a silence, between two flaps, of maintenance
	after   time.Duration // until maintenance begins
	ms      int           // of slow
	times   int

	addresses []value // of dns
	ttl       time.Duration
	speaks    []speaks        // of apply, in short
	config    *monitor.Config // of apply, in full

	person person
}

// speaks is what apply says of one monitor: the address that it speaks to, or, of a
// DNS monitor, those that it expects.
type speaks struct {
	monitor value
	to      []value
}

// person is what somebody does, in their words.
type person struct {
	by, text, reason string
	phase            incident.Phase
	next, drain      time.Duration
	impact           monitor.Impact
	services         []value
	id               value // of a maintenance
	as               value
	from, to         time.Time // of a correction

	service, monitor value // whose incident is meant, if more than one is open
}

// action is one thing that can happen.
type action struct {
	value func(*reading) field // of what stands at its name
	keys  map[string]func(*reading) field
	needs map[string]string // which of them must be there, and what for

	// onIncident: somebody does it to an open incident, and may say to which.
	onIncident bool
}

// reading is an event that is being read.
type reading struct {
	*reader
	scenario *Scenario
	e        *happens
}

func targets(r *reading) field { return r.values(&r.e.targets) }
func byWhom(r *reading) field {
	return func(n *yaml.Node, path string) {
		var who value
		r.needed(&who)(n, path)
		r.e.person.by = who.text
	}
}

func lasts(r *reading) field { return r.duration(&r.e.by) }

func said(into func(*happens) *string) func(*reading) field {
	return func(r *reading) field {
		return func(n *yaml.Node, path string) {
			var v value
			r.needed(&v)(n, path)
			*into(r.e) = v.text
		}
	}
}

var (
	note   = said(func(e *happens) *string { return &e.person.text })
	reason = said(func(e *happens) *string { return &e.person.reason })
)

func says(*reading) field { return func(*yaml.Node, string) {} }

func affects(r *reading) field { return r.values(&r.e.person.services) }
func next(r *reading) field    { return r.duration(&r.e.person.next) }

// actions are all that can happen, with the keys that go with each.
var actions = map[string]action{
	"down": {value: targets, keys: map[string]func(*reading) field{"with": failingField, "from": fromPlaces}},
	"up":   {value: targets},
	"slow": {value: targets, keys: map[string]func(*reading) field{"ms": func(r *reading) field { return r.number(&r.e.ms, 1, 600_000) }},
		needs: map[string]string{"ms": "how much slower"}},
	"expires": {value: targets, keys: map[string]func(*reading) field{"in": lasts}, needs: map[string]string{"in": "how long until then"}},
	"renew":   {value: targets},
	"flap": {value: targets, keys: map[string]func(*reading) field{"every": lasts, "with": failingField, "from": fromPlaces,
		"times": func(r *reading) field { return r.number(&r.e.times, 2, 500) }},
		needs: map[string]string{"every": "from one failure to the next", "times": "how often it fails"}},
	"silent": {value: targets, keys: map[string]func(*reading) field{"for": lasts}, needs: map[string]string{"for": "how long"}},
	"dns": {value: says, keys: map[string]func(*reading) field{"addresses": func(r *reading) field { return r.reader.addresses(&r.e.addresses) },
		"ttl": func(r *reading) field { return r.duration(&r.e.ttl) }}, needs: map[string]string{"addresses": "where it points to"}},
	"apply": {value: applied},

	"ack":     {value: byWhom, onIncident: true},
	"update":  {value: note, onIncident: true, keys: map[string]func(*reading) field{"phase": phase, "next": next, "drain": func(r *reading) field { return r.duration(&r.e.person.drain) }}},
	"publish": {value: says, onIncident: true},
	"decline": {value: says, onIncident: true, keys: map[string]func(*reading) field{"reason": reason}, needs: map[string]string{"reason": "why"}},
	"resolve": {value: byWhom, onIncident: true, keys: map[string]func(*reading) field{"text": note}},
	"open": {value: says, keys: map[string]func(*reading) field{"by": byWhom, "services": affects, "impact": impact, "text": note, "next": next},
		needs: map[string]string{"services": "which it affects", "impact": "how bad it is", "text": "what is known, for everybody"}},
	"maintenance": {value: says, keys: map[string]func(*reading) field{"by": byWhom, "services": affects, "for": lasts, "text": note,
		"in": func(r *reading) field { return r.duration(&r.e.after) }, "id": func(r *reading) field { return r.needed(&r.e.person.id) }},
		needs: map[string]string{"services": `which it is of, or "*"`, "for": "how long"}},
	"end": {value: says, keys: map[string]func(*reading) field{"by": byWhom}},
	"correct": {value: says, keys: map[string]func(*reading) field{"by": byWhom, "reason": reason, "as": corrected,
		"from": past(func(e *happens) *time.Time { return &e.person.from }), "to": past(func(e *happens) *time.Time { return &e.person.to })},
		needs: map[string]string{"from": "since when", "to": "until when", "as": "up, down, maintenance or unknown", "reason": "why"}},
}

// keysOfAll are the keys that go with any action.
func keysOfAll() map[string]bool {
	all := map[string]bool{}
	for name, a := range actions {
		for key := range a.fields(name) {
			all[key] = true
		}
	}
	return all
}

// fields are the keys that an event with this action may have.
func (a action) fields(name string) map[string]func(*reading) field {
	all := map[string]func(*reading) field{"at": says, name: a.value}
	maps.Copy(all, a.keys)
	if a.onIncident {
		all["service"] = func(r *reading) field { return r.needed(&r.e.person.service) }
		all["monitor"] = func(r *reading) field { return r.needed(&r.e.person.monitor) }
		all["by"] = byWhom
	}
	return all
}

func (r *reader) events(s *Scenario, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.report(n, "events", "", "expected a list")
		return
	}
	if len(n.Content) > maxEvents {
		r.report(n.Content[maxEvents], "events", "", "%d events, at most %d", len(n.Content), maxEvents)
		return
	}
	last := time.Duration(0)
	for i, one := range n.Content {
		e, ok := r.event(s, one, fmt.Sprintf("events[%d]", i), last)
		last = max(last, e.at)
		if ok {
			s.events = append(s.events, e)
		}
	}
}

// event reads one event: when, and exactly one thing that happens. It reports
// false where that is not to be known.
func (r *reader) event(s *Scenario, n *yaml.Node, path string, last time.Duration) (happens, bool) {
	e := happens{path: path, at: last, person: person{by: "operator"}}
	if n.Kind != yaml.MappingNode {
		r.report(n, path, "such as {at: +5m, down: shop}", "expected when, and what happens")
		return e, false
	}
	var found []*yaml.Node
	at := value{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key := n.Content[i]; {
		case key.Value == "at":
			at = value{"", n.Content[i+1], path + ".at"}
		case actions[key.Value].value != nil && !slices.ContainsFunc(found, func(o *yaml.Node) bool { return o.Value == key.Value }):
			found = append(found, key, n.Content[i+1])
		}
	}
	if at.node == nil {
		r.report(n, path, "such as at: +5m, or at: \"18:05\"", "an event needs to say when it happens")
	} else {
		e.at = r.moment(s, at.node, at.path, last)
	}
	if len(found) != 2 {
		return e, r.not(n, path, found)
	}
	e.action, e.says = found[0].Value, value{found[1].Value, found[1], path + "." + found[0].Value}
	return e, r.complete(&reading{r, s, &e}, n)
}

// not says what is wrong with an event that says nothing that happens, or more than
// one thing.
func (r *reader) not(n *yaml.Node, path string, found []*yaml.Node) bool {
	names := slices.Sorted(maps.Keys(actions))
	if len(found) > 2 {
		r.report(found[2], path, "put them into two events, at the same time", "an event says one thing that happens, and this one says %s and %s", found[0].Value, found[2].Value)
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Value != "at" {
			hint := r.closest(key.Value, names)
			if hint == "" {
				hint = "one of " + strings.Join(names, ", ")
			}
			r.report(key, path, hint, "the key %q is nothing that happens", key.Value)
			return false
		}
	}
	r.report(n, path, "one of "+strings.Join(names, ", "), "an event says one thing that happens, and this one says none")
	return false
}

// complete reads what an event says with what happens.
func (r *reader) complete(in *reading, n *yaml.Node) bool {
	e := in.e
	what, before := actions[e.action], len(r.problems)
	keys := what.fields(e.action)
	fields := map[string]field{}
	for name, read := range keys {
		fields[name] = read(in)
	}
	r.within, r.elsewhere = e.action, keysOfAll()
	r.mapping(n, e.path, fields)
	r.within = ""
	if what.value != nil && e.says.node.Kind == yaml.ScalarNode && len(r.problems) == before {
		r.needed(&e.says)(e.says.node, e.says.path)
	}
	for _, name := range slices.Sorted(maps.Keys(what.needs)) {
		if !has(n, name) {
			r.report(e.says.node, e.path, "", "%s needs %s:, %s", e.action, name, what.needs[name])
		}
	}
	if e.says.node.Kind != yaml.ScalarNode && e.targets == nil && e.action != "apply" && len(r.problems) == before {
		r.report(e.says.node, e.says.path, "", "expected text")
	}
	return len(r.problems) == before
}

func has(n *yaml.Node, name string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}

func fromPlaces(r *reading) field { return r.values(&r.e.from) }

func phase(r *reading) field {
	return func(n *yaml.Node, path string) {
		var v value
		r.needed(&v)(n, path)
		r.e.person.phase = incident.Phase(v.text)
		if v.text != "" && !slices.Contains([]incident.Phase{incident.Investigating, incident.Identified, incident.Monitoring}, r.e.person.phase) {
			r.report(n, path, "", "%v", incident.ErrPhase)
		}
	}
}

func impact(r *reading) field {
	return func(n *yaml.Node, path string) {
		var v value
		r.needed(&v)(n, path)
		r.e.person.impact = monitor.Impact(v.text)
		if v.text != "" && !slices.Contains([]monitor.Impact{monitor.ImpactMinor, monitor.ImpactMajor, monitor.ImpactCritical}, r.e.person.impact) {
			r.report(n, path, "", "%v", incident.ErrImpact)
		}
	}
}

func corrected(r *reading) field {
	return func(n *yaml.Node, path string) {
		r.needed(&r.e.person.as)(n, path)
		if _, known := uptime.CorrectedAs(r.e.person.as.text); !known && r.e.person.as.text != "" {
			r.report(n, path, "up, down, maintenance or unknown", "%q is nothing that a service can have been", r.e.person.as.text)
		}
	}
}

// applied reads what is put in force: a file, a whole configuration, or, in short,
// monitors and the addresses that they are to speak to.
func applied(r *reading) field {
	return func(n *yaml.Node, path string) {
		switch {
		case n.Kind == yaml.ScalarNode:
			r.fromFile(n, path)
		case n.Kind == yaml.MappingNode && has(n, "monitors"):
			r.e.config = r.reader.config(n, path)
		case n.Kind == yaml.MappingNode && len(n.Content) > 0:
			r.pairs(n, path)
		default:
			r.report(n, path, "such as {lb-primary: 203.0.113.20}", "expected a file, a configuration with monitors, or monitors and the addresses that they are to speak to")
		}
	}
}

// fromFile reads a configuration from a file.
func (r *reading) fromFile(n *yaml.Node, path string) {
	var name value
	if r.needed(&name)(n, path); name.text == "" {
		return
	}
	if r.opts.Open == nil {
		r.report(n, path, "write the configuration out in its place", "a scenario that comes with Sonde has no files beside it")
		return
	}
	text, err := r.opts.Open(name.text)
	if err != nil {
		r.report(n, path, "", "%v", err)
		return
	}
	r.e.config = r.load(name.text, text)
}

func (r *reading) pairs(n *yaml.Node, path string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		one := speaks{monitor: value{key.Value, key, path}}
		if slices.ContainsFunc(r.e.speaks, func(o speaks) bool { return o.monitor.text == key.Value }) {
			r.report(key, path, "", "the key %q stands here twice", key.Value)
			continue
		}
		r.reader.addresses(&one.to)(n.Content[i+1], path+"."+key.Value)
		r.e.speaks = append(r.e.speaks, one)
	}
}
