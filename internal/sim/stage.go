package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// playing is a scenario that is being played.
type playing struct {
	scenario *Scenario
	world    *world
	net      *network
	out      *Replay

	stale   int  // how many snapshots may show something new
	renewed bool // one of them has been written
}

// refused is an event that could not be.
type refused struct {
	event *happens
	err   error
}

func (r *refused) Error() string {
	return fmt.Sprintf("%s at %s: %v", r.event.action, r.event.at, r.err)
}
func (r *refused) Unwrap() error { return r.err }

// stage plans a scenario's events in its world.
func (p *playing) stage() {
	for _, m := range p.scenario.names {
		p.net.move(m.name.text, words(m.addresses), max(m.ttl, time.Minute), p.scenario.Start)
	}
	for i := range p.scenario.events {
		e := &p.scenario.events[i]
		if e.config != nil {
			for _, l := range e.config.Locations {
				if !slices.Contains(p.scenario.Config.Locations, l) && !slices.Contains(p.world.places, l) {
					p.world.places = append(p.world.places, l)
				}
			}
		}
		p.world.at(p.scenario.Start.Add(e.at), func() {
			if err := p.happen(e); err != nil {
				p.world.failure = &refused{e, err}
			}
		})
	}
	p.beat(p.scenario.Config)
}

// say adds a line to the log.
func (p *playing) say(who, text string) {
	p.out.Log = append(p.out.Log, Happening{At: p.world.now.In(p.scenario.Zone), Who: who, Text: text})
}

// happen does what an event says.
func (p *playing) happen(e *happens) error {
	n, w := p.net, p.world
	what := strings.Join(words(e.targets), ", ")
	tell := func(format string, args ...any) { p.say("scenario", fmt.Sprintf(format, args...)) }
	switch e.action {
	case "down":
		n.breakAll(e)
		tell("%s down%s%s", what, n.looks(e), place(e.from))
	case "up":
		p.mend(e)
		tell("%s up", what)
	case "slow":
		for _, t := range e.targets {
			n.slow[t.text] = &slowness{by: time.Duration(e.ms) * time.Millisecond}
		}
		tell("%s slower by %d ms", what, e.ms)
	case "expires":
		for _, t := range e.targets {
			n.expires[t.text] = w.now.Add(e.by)
		}
		tell("certificate of %s expires in %s", what, e.by)
	case "renew":
		for _, t := range e.targets {
			if delete(n.expires, t.text); t.text == "*" {
				clear(n.expires)
			}
		}
		tell("certificate of %s renewed", what)
	case "flap":
		tell("%s goes down and up every %s, %d times", what, e.by, e.times)
		p.flap(e, e.times)
	case "silent":
		for _, l := range e.targets {
			w.plan(Fault{At: e.at, Kind: Silent, Place: monitor.Location(l.text), For: e.by})
		}
		tell("no results from %s for %s", what, e.by)
	case "dns":
		n.move(e.says.text, words(e.addresses), e.ttl, w.now)
		tell("%s points to %s", e.says.text, strings.Join(words(e.addresses), ", "))
	case "apply":
		return p.applies(e)
	case "maintenance":
		return p.plans(e)
	case "end":
		return p.ends(e)
	case "correct":
		return p.corrects(e)
	default:
		return p.acts(e)
	}
	return nil
}

func place(from []value) string {
	if len(from) == 0 {
		return ""
	}
	return ", as seen from " + strings.Join(words(from), ", ")
}

// looks is how something fails, as far as all that is meant fails alike.
func (n *network) looks(e *happens) string {
	var all []string
	add := func(detail string) {
		if !slices.Contains(all, detail) {
			all = append(all, detail)
		}
	}
	for _, m := range n.cfg.Monitors {
		if !slices.ContainsFunc(e.targets, func(t value) bool { return slices.Contains(append(handles(m), n.addressesOf(m)...), t.text) }) {
			continue
		}
		if m.Heartbeat != nil {
			add("no pings")
			continue
		}
		f, _ := e.with.of(m)
		add(f.Detail)
	}
	if len(all) == 0 || len(all) > 2 {
		return ""
	}
	return ": " + strings.Join(all, "; ")
}

func (n *network) breakAll(e *happens) {
	var from []monitor.Location
	for _, l := range e.from {
		from = append(from, monitor.Location(l.text))
	}
	for _, t := range e.targets {
		n.down[t.text] = &breakage{with: e.with, from: from}
	}
}

// mend lets targets work again: what is down by their names, and their part of what
// is down by others.
func (p *playing) mend(e *happens) {
	n, silent := p.net, p.net.silent()
	for _, t := range e.targets {
		delete(n.down, t.text)
		delete(n.slow, t.text)
		if t.text == "*" {
			clear(n.down)
			clear(n.slow)
		}
		for _, b := range n.down {
			b.spare = with(b.spare, t.text)
		}
		for _, s := range n.slow {
			s.spare = with(s.spare, t.text)
		}
	}
	p.mended(silent)
}

func with(names map[string]bool, name string) map[string]bool {
	if names == nil {
		names = map[string]bool{}
	}
	names[name] = true
	return names
}

// flap breaks the targets and mends them, a number of times.
func (p *playing) flap(e *happens, left int) {
	if left == 0 {
		return
	}
	p.net.breakAll(e)
	p.world.after(e.by/2, func() { p.mend(e) })
	p.world.after(e.by, func() { p.flap(e, left-1) })
}

// withPort is an address with the port of the one before it, if that had one.
func withPort(address, before string) string {
	ap, err := netip.ParseAddrPort(before)
	ip, bad := netip.ParseAddr(address)
	if err != nil || bad != nil {
		return address
	}
	return netip.AddrPortFrom(ip, ap.Port()).String()
}

// Shipped lists the names of the scenarios that come with Sonde.
func Shipped() []string {
	entries, err := scenarios.ReadDir("scenarios")
	if err != nil {
		return nil // embedded: it is there
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// ShippedText returns the text of a shipped scenario, and whether there is one.
func ShippedText(name string) ([]byte, bool) {
	text, err := scenarios.ReadFile("scenarios/" + name + ".yaml")
	return text, err == nil
}
