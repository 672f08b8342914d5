package maintenance

import (
	"slices"

	"github.com/sondehq/sonde/internal/monitor"
)

// Dependents are the services that depend on some of others, at once or by way of
// another, and are none of them; in their order. If those are in maintenance and
// down, these are down without being in maintenance. None of all services.
func Dependents(services []monitor.Service, of []monitor.ServiceID) []monitor.ServiceID {
	if len(of) == 0 {
		return nil
	}
	in := map[monitor.ServiceID]bool{}
	for _, id := range of {
		in[id] = true
	}
	for grown := true; grown; {
		grown = false
		for _, s := range services {
			if !in[s.ID] && slices.ContainsFunc(s.DependsOn, func(id monitor.ServiceID) bool { return in[id] }) {
				in[s.ID], grown = true, true
			}
		}
	}
	var out []monitor.ServiceID
	for _, s := range services {
		if in[s.ID] && !slices.Contains(of, s.ID) {
			out = append(out, s.ID)
		}
	}
	return out
}
