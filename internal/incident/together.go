package incident

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// common is how far apart the beginnings of outages may be that are taken to have
// one cause.
const common = 15 * time.Minute

// ofCommonCause finds the incident of another service that broke at about the
// same time, at the same address, certificate or resolver: they are told as one.
func (s *stepper) ofCommonCause(c Change) (inc Incident, what string, found bool) {
	if !c.Status.IsOutage() || len(c.Shared) == 0 {
		return Incident{}, "", false
	}
	inc, found = s.find(func(i *Incident) bool {
		if i.State != Open || i.Manual {
			return false
		}
		for _, a := range i.Services {
			if !a.Cause || !a.Restored.IsZero() || !a.Status.IsOutage() || c.At.Sub(a.Since).Abs() > common {
				continue
			}
			if at := slices.IndexFunc(c.Shared, func(s string) bool { return slices.Contains(a.Shared, s) }); at >= 0 {
				what = c.Shared[at]
				return true
			}
		}
		return false
	})
	return inc, what, found
}

// together adds a further cause to an incident. Nobody is sent a message for it
// alone, unless it makes the incident worse.
func (s *stepper) together(inc Incident, svc monitor.Service, c Change, what string) {
	inc = inc.clone()
	before := inc.Impact
	inc.Services = append(inc.Services, affected(svc, c, true))
	inc.Drain = latest(inc.Drain, c.Drain)
	if c.At.Before(inc.Opened) {
		inc.Opened = c.At
	}
	inc.name()
	inc.weigh(s.cfg, s.when(inc, c))
	inc.Common = append(slices.Clone(inc.Common), svc.Name+" has the same "+what+".")
	s.put(inc, svc.Name+" broke at the same time, probably for the same reason: "+sentence(c)+".", c.Detail, inc.Impact.Rank() > before.Rank())
}
