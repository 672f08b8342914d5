package config

import (
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

func (r *reader) services(f *file, cfg *monitor.Config) {
	owner := map[string]string{} // monitor to service
	for i := range f.services {
		r.service(&f.services[i], f, cfg, owner)
	}
	for _, m := range f.monitors {
		if m.id.name == "" || owner[m.id.name] != "" {
			continue
		}
		if first, clash := r.ids["service "+m.id.name]; clash {
			r.report(m.id.node, m.id.path, "put it into that service, or rename one of them",
				"the monitor %q is in no service, and the service that it would have has its name already, in line %d", m.id.name, first.line)
			continue
		}
		owner[m.id.name] = m.id.name
		cfg.Services = append(cfg.Services, monitor.Service{
			ID: monitor.ServiceID(m.id.name), Name: m.m.Name, Monitors: []monitor.ID{monitor.ID(m.id.name)}, Needs: 1,
		})
	}
	for i := range cfg.Monitors {
		cfg.Monitors[i].Service = monitor.ServiceID(owner[string(cfg.Monitors[i].ID)])
	}
	r.dependencies(f)
}

func (r *reader) service(s *service, f *file, cfg *monitor.Config, owner map[string]string) {
	if !r.declare("service ", s.id) {
		return
	}
	s.s.ID = monitor.ServiceID(s.id.name)
	if s.s.Name == "" {
		s.s.Name = s.id.name
	}
	var known []string
	for _, m := range f.monitors {
		known = append(known, m.id.name)
	}
	for _, m := range s.monitors {
		switch {
		case !slices.Contains(known, m.name):
			r.report(m.node, m.path, suggest(m.name, known), "there is no monitor %q", m.name)
		case owner[m.name] == s.id.name:
			r.report(m.node, m.path, "", "the monitor %q is in this service twice", m.name)
		case owner[m.name] != "":
			r.report(m.node, m.path, "use depends_on", "the monitor %q is in the service %q already: a monitor has one service", m.name, owner[m.name])
		default:
			owner[m.name] = s.id.name
			s.s.Monitors = append(s.s.Monitors, monitor.ID(m.name))
		}
	}
	if len(s.monitors) == 0 && !r.reported(s.id.path[:max(strings.LastIndex(s.id.path, "."), 0)]+".monitors") {
		r.report(s.id.node, s.id.path, "", "the service %q has no monitors", s.id.name)
	}
	if len(s.monitors) > maxServiceMonitors {
		r.report(s.id.node, s.id.path, "", "the service %q has %d monitors, at most %d", s.id.name, len(s.monitors), maxServiceMonitors)
	}
	s.s.Needs = or(s.needs, ptr(len(s.s.Monitors)))
	if s.needs != nil && *s.needs > len(s.monitors) {
		r.report(s.needsNode, sibling(s.id.path, "needs"), "", "the service %q needs %d monitors up, and has %d", s.id.name, *s.needs, len(s.monitors))
	}
	for _, d := range s.dependsOn {
		s.s.DependsOn = append(s.s.DependsOn, monitor.ServiceID(d.name))
	}
	cfg.Services = append(cfg.Services, s.s)
}

// dependencies checks that depends_on leads somewhere, and never back.
func (r *reader) dependencies(f *file) {
	above := map[string][]string{}
	var known []string
	for _, s := range f.services {
		known = append(known, s.id.name)
	}
	for _, s := range f.services {
		for _, d := range s.dependsOn {
			if _, ok := r.ids["service "+d.name]; ok {
				above[s.id.name] = append(above[s.id.name], d.name)
				continue
			}
			if _, ok := r.ids["monitor "+d.name]; ok {
				r.report(d.node, d.path, "depends_on takes services: put the monitor into one", "there is no service %q, only a monitor", d.name)
				continue
			}
			r.report(d.node, d.path, suggest(d.name, known), "there is no service %q", d.name)
		}
	}
	told := map[string]bool{}
	for _, s := range f.services {
		if told[s.id.name] {
			continue
		}
		if cycle := findCycle(s.id.name, above); cycle != nil {
			for _, name := range cycle {
				told[name] = true
			}
			r.report(s.dependsOn[0].node, sibling(s.id.path, "depends_on"), "", "depends_on leads back to where it began: %s", strings.Join(cycle, " → "))
		}
	}
}

// findCycle is the way from a service back to itself; nil if there is none.
func findCycle(from string, above map[string][]string) []string {
	seen := map[string]bool{}
	var walk func(path []string) []string
	walk = func(path []string) []string {
		for _, next := range above[path[len(path)-1]] {
			if next == from {
				return append(path, next)
			}
			if !seen[next] {
				seen[next] = true
				if found := walk(append(slices.Clone(path), next)); found != nil {
					return found
				}
			}
		}
		return nil
	}
	return walk([]string{from})
}

func (r *reader) tiers(f *file, cfg *monitor.Config) {
	for i := range f.tiers {
		t := &f.tiers[i]
		if !r.declare("tier ", t.id) {
			continue
		}
		t.t.ID = monitor.TierID(t.id.name)
		if t.t.Name == "" {
			t.t.Name = t.id.name
		}
		if t.t.Hold > 0 && !t.t.Public {
			r.report(t.holdNode, sibling(t.id.path, "hold"), "add public: true, or leave hold out", "only the messages to a public tier can be held")
		}
		if t.t.Machine && t.t.Chat {
			r.report(t.machineNode, sibling(t.id.path, "machine"), "make two tiers of it", "a tier is for a chat or for programs")
		}
		r.tierEvents(t)
		cfg.Tiers = append(cfg.Tiers, t.t)
	}
	if !f.hasTiers {
		cfg.Tiers = []monitor.Tier{{ID: "oncall", Name: "On-call", Impact: monitor.ImpactMinor}}
	}
}
