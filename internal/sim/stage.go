package sim

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Against checks that a scenario can be played against a configuration: that all
// of its targets, locations and tiers are there. Its error is of type
// config.Errors.
func (s *Scenario) Against(cfg *monitor.Config) error {
	r := &reader{file: s.file}
	known := map[string]bool{}
	hosts := map[string]bool{}
	for _, m := range cfg.Monitors {
		for _, name := range handles(m) {
			known[name] = true
		}
		if m.HTTP != nil && m.HTTP.Address != "" {
			known[addressOnly(m.HTTP.Address)] = true
		}
		if m.DNS != nil {
			hosts[m.DNS.Name] = true
		}
		hosts[hostOf(m)] = true
	}
	points := func(name string, addresses []string) { // what nobody asks for points nowhere
		for _, a := range addresses {
			if hosts[name] {
				known[a] = true
			}
		}
	}
	for _, n := range s.names {
		points(n.name, n.addresses)
	}
	for _, e := range s.events {
		points(e.move.name, e.move.addresses)
		for _, to := range e.speaks {
			for _, a := range addressList(to) {
				known[a] = true
			}
		}
	}
	for _, e := range s.events {
		r.against(cfg, e, known, hosts)
	}
	if len(r.problems) == 0 {
		return nil
	}
	return r.sorted()
}

func addressOnly(text string) string {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().String()
	}
	return text
}

func (r *reader) against(cfg *monitor.Config, e happens, known, hosts map[string]bool) {
	names := slices.Sorted(maps.Keys(known))
	var locations, tiers []string
	for _, l := range cfg.Locations {
		locations = append(locations, string(l))
	}
	for _, t := range cfg.Tiers {
		tiers = append(tiers, string(t.ID))
	}
	one := func(what, got string, of []string) {
		if !slices.Contains(of, got) {
			r.report(e.node, e.path, r.closest(got, of), "the configuration knows no %s %q", what, got)
		}
	}
	if e.action == "silent" {
		for _, l := range e.targets {
			one("location", l, locations)
		}
	} else {
		for _, t := range e.targets {
			one("monitor, service, host or address", t, names)
		}
	}
	for _, l := range e.from {
		one("location", string(l), locations)
	}
	switch e.action {
	case "dns":
		one("host", e.move.name, slices.Sorted(maps.Keys(hosts)))
	case "publish", "decline":
		one("tier", string(e.act.Tier), tiers)
	}
	for _, id := range slices.Sorted(maps.Keys(e.speaks)) {
		m, ok := cfg.Monitor(monitor.ID(id))
		if pinned := ok && m.HTTP != nil && m.HTTP.Address != ""; !pinned && (!ok || m.DNS == nil || len(m.DNS.Answers) == 0) {
			r.report(e.node, e.path, "", "%q is no HTTP monitor with an address of its own, and no DNS monitor with answers", id)
		}
	}
}

// stage plans a scenario's events in a world, and returns what the world is to
// call it when each happens.
func (s *Scenario) stage(w *world, n *network, say func(string)) {
	for _, m := range s.names {
		n.move(m.name, m.addresses, max(m.ttl, time.Minute), s.Start)
	}
	for _, e := range s.events {
		switch e.action {
		case "ack", "update", "publish", "decline":
			// They are acts of the script.
		default:
			w.at(s.Start.Add(e.at), func() { e.happen(w, n, say) })
		}
	}
}

// happen does what an event says.
func (e happens) happen(w *world, n *network, say func(string)) {
	what := strings.Join(e.targets, ", ")
	switch e.action {
	case "down":
		for _, t := range e.targets {
			n.down[t] = breakage{e.failure, e.from}
		}
		say(what + " down: " + e.failure.Detail + place(e.from))
	case "up":
		for _, t := range e.targets {
			n.mend(t)
		}
		say(what + " up")
	case "slow":
		for _, t := range e.targets {
			n.slow[t] = time.Duration(e.ms) * time.Millisecond
		}
		say(fmt.Sprintf("%s slower by %d ms", what, e.ms))
	case "expires":
		for _, t := range e.targets {
			n.expires[t] = w.now.Add(e.by)
		}
		say(fmt.Sprintf("certificate of %s expires in %s", what, e.by))
	case "flap":
		say(fmt.Sprintf("%s goes down and up every %s, %d times", what, e.by, e.times))
		e.flap(w, n, e.times)
	case "silent":
		for _, l := range e.targets {
			w.plan(Fault{At: e.at, Kind: Silent, Place: monitor.Location(l), For: e.by})
		}
		say(fmt.Sprintf("no results from %s for %s", what, e.by))
	case "dns":
		n.move(e.move.name, e.move.addresses, e.move.ttl, w.now)
		say(e.move.name + " points to " + strings.Join(e.move.addresses, ", "))
	case "apply":
		e.apply(w, say)
	}
}

func place(from []monitor.Location) string {
	if len(from) == 0 {
		return ""
	}
	var names []string
	for _, l := range from {
		names = append(names, string(l))
	}
	return ", as seen from " + strings.Join(names, ", ")
}

func (n *network) mend(target string) {
	delete(n.down, target)
	delete(n.slow, target)
	delete(n.expires, target)
	if target == "*" {
		clear(n.down)
		clear(n.slow)
		clear(n.expires)
	}
}

// flap breaks the targets and mends them, a number of times.
func (e happens) flap(w *world, n *network, left int) {
	if left == 0 {
		return
	}
	for _, t := range e.targets {
		n.down[t] = breakage{e.failure, e.from}
	}
	w.after(e.by/2, func() {
		for _, t := range e.targets {
			n.mend(t)
		}
	})
	w.after(e.by, func() { e.flap(w, n, left-1) })
}

// addressList takes apart what apply says of one monitor.
func addressList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// apply stores a configuration in which some monitors speak to other addresses,
// or expect others of DNS.
func (e happens) apply(w *world, say func(string)) {
	cfg, err := w.store.Config(w.ctx)
	if err != nil {
		w.failure = err
		return
	}
	next := *cfg
	next.Monitors = slices.Clone(cfg.Monitors)
	var done []string
	for i, m := range next.Monitors {
		to, is := e.speaks[string(m.ID)]
		switch {
		case !is:
		case m.DNS != nil:
			dns := *m.DNS
			dns.Answers = addressList(to)
			next.Monitors[i].DNS = &dns
			done = append(done, string(m.ID)+" expects "+to)
		default:
			http := *m.HTTP
			http.Address = to
			next.Monitors[i].HTTP = &http
			done = append(done, string(m.ID)+" at "+to)
		}
	}
	w.change(&next)
	say("sonde apply: " + strings.Join(done, ", "))
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
