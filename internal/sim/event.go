package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

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
			to := []*yaml.Node{n.Content[i+1]}
			if to[0].Kind == yaml.SequenceNode { // of a DNS monitor: what it expects
				to = to[0].Content
			}
			var all []string
			for _, one := range to {
				if _, err := netip.ParseAddr(one.Value); err != nil {
					r.report(one, path, "", "%q is no IP address", one.Value)
				}
				all = append(all, one.Value)
			}
			(*into)[n.Content[i].Value] = strings.Join(all, ", ")
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
		end, before := s.Start.Add(s.Length).In(s.Zone), s.Start.Add(last).In(s.Zone)
		r.report(n, path, "put the events in the order of their times: one that is earlier in the day than the event before is the next day's",
			"%s is after the end of the scenario at %s; the event before is at %s", n.Value, end.Format("15:04 on 2 Jan"), before.Format("15:04"))
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
		if at.Hour() != clock.Hour() || at.Minute() != clock.Minute() {
			continue // the clocks are put forward over it
		}
		if !at.Before(s.Start.Add(last)) {
			return at.Sub(s.Start), true
		}
	}
	return 0, false
}
