package sim

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// fitting holds a scenario's events, in their order, against the configuration that
// is in force when each happens.
type fitting struct {
	*reader
	cfg    *monitor.Config
	known  map[string]bool            // what events can mean: monitors, services, hosts, addresses
	hosts  map[string]map[string]bool // and the addresses that each points to, some time
	down   map[string]bool            // names that something is the matter with
	ending map[string]bool            // names whose certificates are about to end
	plans  map[string]bool            // planned maintenance
}

// fit checks that a scenario can be played against its configuration: that all of
// its targets, locations and tiers are there, and can do what they are to do.
func (r *reader) fit(s *Scenario) {
	f := &fitting{reader: r, cfg: s.Config, known: map[string]bool{}, hosts: map[string]map[string]bool{},
		down: map[string]bool{}, ending: map[string]bool{}, plans: map[string]bool{}}
	f.names(s.Config)
	for _, e := range s.events {
		if e.config != nil {
			f.names(e.config)
		}
	}
	f.points(s)
	f.plan(s.Config)
	for i := range s.events {
		f.event(&s.events[i])
	}
}

// names adds what a configuration's monitors are called.
func (f *fitting) names(cfg *monitor.Config) {
	host := func(name string) {
		if name != "" && f.hosts[name] == nil {
			f.hosts[name] = map[string]bool{}
		}
	}
	for _, m := range cfg.Monitors {
		for _, name := range handles(m) {
			f.known[name] = true
		}
		if m.HTTP != nil && m.HTTP.Address != "" {
			f.known[addressOnly(m.HTTP.Address)] = true
		}
		if m.DNS != nil {
			host(m.DNS.Name)
		}
		host(hostOf(m))
	}
}

// points adds the addresses that names point to, some time, and those that monitors
// are to speak to. What nobody asks for points nowhere.
func (f *fitting) points(s *Scenario) {
	add := func(name string, addresses []value) {
		for _, a := range addresses {
			if f.hosts[name] != nil {
				f.known[a.text], f.hosts[name][a.text] = true, true
			}
		}
	}
	for _, n := range s.names {
		add(n.name.text, n.addresses)
	}
	for _, e := range s.events {
		if e.action == "dns" {
			add(e.says.text, e.addresses)
		}
		for _, one := range e.speaks {
			for _, to := range one.to {
				f.known[to.text] = true
			}
		}
	}
}

func (f *fitting) plan(cfg *monitor.Config) {
	for _, p := range cfg.Maintenance {
		f.plans[string(p.ID)] = true
	}
}

func addressOnly(text string) string {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().String()
	}
	return text
}

// one reports a value that is none of those that there are.
func (f *fitting) one(what string, got value, of []string) bool {
	if got.node == nil || slices.Contains(of, got.text) {
		return true
	}
	f.report(got.node, got.path, f.closest(got.text, of), "the configuration knows no %s %q", what, got.text)
	return false
}

func (f *fitting) all(what string, got []value, of []string) {
	for _, v := range got {
		f.one(what, v, of)
	}
}

// event checks one event, and notes what is different after it.
func (f *fitting) event(e *happens) {
	var locations, tiers, services, monitors []string
	for _, l := range f.cfg.Locations {
		locations = append(locations, string(l))
	}
	for _, t := range f.cfg.Tiers {
		tiers = append(tiers, string(t.ID))
	}
	for _, s := range f.cfg.Services {
		services = append(services, string(s.ID))
	}
	for _, m := range f.cfg.Monitors {
		monitors = append(monitors, string(m.ID))
	}
	if e.action == "silent" {
		f.all("location", e.targets, locations)
	} else {
		f.all("monitor, service, host or address", e.targets, slices.Sorted(maps.Keys(f.known)))
	}
	f.all("location", e.from, locations)
	f.one("service", e.person.service, services)
	f.one("monitor", e.person.monitor, monitors)
	if e.action == "maintenance" {
		services = append(services, "*")
	}
	f.all("service", e.person.services, services)
	switch e.action {
	case "down", "flap":
		f.fails(e)
	case "up":
		f.mends(e)
	case "slow":
		f.slows(e)
	case "expires", "renew":
		f.ends(e)
	case "dns":
		f.one("host", e.says, slices.Sorted(maps.Keys(f.hosts)))
	case "publish", "decline":
		f.one("tier", e.says, tiers)
	case "correct":
		f.one("service", e.says, services)
	case "maintenance":
		f.plans[e.planID()] = true
	case "end":
		if len(f.plans) == 0 {
			f.report(e.says.node, e.says.path, "no maintenance is planned by then", "the configuration knows no maintenance %q", e.says.text)
			return
		}
		f.one("maintenance", e.says, slices.Sorted(maps.Keys(f.plans)))
	case "apply":
		f.applies(e)
	}
}

// means are the monitors that a name means, some time.
func (f *fitting) means(name string) []monitor.Monitor {
	var all []monitor.Monitor
	for _, m := range f.cfg.Monitors {
		pinned := m.HTTP != nil && addressOnly(m.HTTP.Address) == name
		if pinned || slices.Contains(handles(m), name) || f.hosts[hostOf(m)][name] {
			all = append(all, m)
		}
	}
	return all
}

// fails checks that what is meant can fail so.
func (f *fitting) fails(e *happens) {
	for _, t := range e.targets {
		for _, m := range f.means(t.text) {
			if why, hint := e.with.cannot(m); why != "" {
				f.report(e.with.node, e.with.path, hint, "%s", why)
				break
			}
		}
		if means := f.means(t.text); len(e.from) > 0 && len(means) > 0 && !slices.ContainsFunc(means, func(m monitor.Monitor) bool { return m.Heartbeat == nil }) {
			f.report(e.from[0].node, e.from[0].path, "leave from: out", "a heartbeat's job reports from nowhere")
		}
		if e.action == "down" { // what flaps ends up
			f.down[t.text] = true
		}
	}
}

// mends checks that there is something to mend: what is down by this name, or by
// another one of the same monitors.
func (f *fitting) mends(e *happens) {
	for _, t := range e.targets {
		covers := func(name string) bool {
			return name == t.text || t.text == "*" || slices.ContainsFunc(f.means(t.text), func(m monitor.Monitor) bool { return slices.Contains(handles(m), name) })
		}
		down := slices.Sorted(maps.Keys(f.down))
		if f.known[t.text] && !slices.ContainsFunc(down, covers) {
			hint := "nothing is down or slow then"
			if len(down) > 0 {
				hint = "what is down or slow then is " + strings.Join(down, ", ")
			}
			if f.ending[t.text] {
				hint = "a certificate is renewed with renew:"
			}
			f.report(t.node, t.path, hint, "%s is not down or slow by this name", t.text)
		}
		delete(f.down, t.text)
		if t.text == "*" {
			clear(f.down)
		}
	}
}

func (f *fitting) slows(e *happens) {
	for _, t := range e.targets {
		if means := f.means(t.text); len(means) > 0 && !slices.ContainsFunc(means, func(m monitor.Monitor) bool { return m.Heartbeat == nil }) {
			f.report(t.node, t.path, "", "a heartbeat cannot be slow")
		}
		f.down[t.text] = true
	}
}

// ends checks that there is a certificate, or a registration, and, to renew it, that
// one is about to end.
func (f *fitting) ends(e *happens) {
	for _, t := range e.targets {
		means := f.means(t.text)
		switch {
		case len(means) > 0 && !slices.ContainsFunc(means, hasEnd):
			f.report(t.node, t.path, "", "%s has no certificate and no registration", t.text)
		case e.action == "renew" && f.known[t.text] && !f.ending[t.text] && (t.text != "*" || len(f.ending) == 0):
			f.report(t.node, t.path, "it is said with expires:", "no certificate of %s is about to end by this name", t.text)
		}
		if e.action == "expires" {
			f.ending[t.text] = true
		} else if delete(f.ending, t.text); t.text == "*" {
			clear(f.ending)
		}
	}
}

// hasEnd reports whether a monitor sees a certificate or a registration.
func hasEnd(m monitor.Monitor) bool {
	switch m.Kind() {
	case monitor.KindHTTP, monitor.KindTLS, monitor.KindGRPC, monitor.KindWebSocket, monitor.KindDomain, monitor.KindTCP:
		return true
	}
	return false
}

func (f *fitting) applies(e *happens) {
	if e.config != nil {
		f.cfg = e.config
		f.plan(e.config)
		return
	}
	for _, one := range e.speaks {
		m, ok := f.cfg.Monitor(monitor.ID(one.monitor.text))
		if pinned := ok && m.HTTP != nil && m.HTTP.Address != ""; !pinned && (!ok || m.DNS == nil || len(m.DNS.Answers) == 0) {
			f.report(one.monitor.node, one.monitor.path, "", "%q is no HTTP monitor with an address of its own, and no DNS monitor with answers", one.monitor.text)
		} else if pinned && len(one.to) > 1 {
			f.report(one.to[1].node, one.to[1].path, "", "%s speaks to one address", one.monitor.text)
		}
	}
}
