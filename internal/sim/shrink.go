package sim

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Shrink returns a shorter script that still breaks the same promise: without the
// faults, acts, changes, outages, services, monitors and tiers that do not matter, and
// no longer than it has to be. It plays up to tries scripts.
func Shrink(s Script, rule string, tries int) Script {
	sh := &shrinker{rule: rule, left: tries, best: s}
	for grew := true; grew; {
		grew = less(sh, func(s *Script) *[]Fault { return &s.Faults }) ||
			less(sh, func(s *Script) *[]Act { return &s.Acts }) ||
			less(sh, func(s *Script) *[]Change { return &s.Changes }) ||
			less(sh, func(s *Script) *[]Outage { return &s.Outages }) ||
			less(sh, func(s *Script) *[]Move { return &s.Moves }) ||
			less(sh, func(s *Script) *[]monitor.Plan { return &s.Plans }) ||
			less(sh, func(s *Script) *[]Ending { return &s.Endings }) ||
			sh.smaller() ||
			sh.sooner()
	}
	return sh.best
}

type shrinker struct {
	rule string
	left int
	best Script
}

// fails keeps a script if it still breaks the promise.
func (sh *shrinker) fails(s Script) bool {
	if sh.left <= 0 {
		return false
	}
	sh.left--
	out, err := Play(s)
	if err != nil {
		return false
	}
	for _, v := range out.Violations {
		if v.Rule == sh.rule {
			sh.best = s
			return true
		}
	}
	return false
}

// less takes parts of a list away: halves first, then ever smaller pieces. It
// reports whether that made the script shorter.
func less[T any](sh *shrinker, list func(*Script) *[]T) bool {
	shorter := false
	for n := max((len(*list(&sh.best))+1)/2, 1); n >= 1; n /= 2 {
		for from := 0; from < len(*list(&sh.best)); {
			s := sh.best
			all := *list(&s)
			to := min(from+n, len(all))
			*list(&s) = append(append([]T{}, all[:from]...), all[to:]...)
			if sh.fails(s) {
				shorter = true
			} else {
				from += n
			}
		}
	}
	return shorter
}

// smaller takes services, monitors and tiers away, one by one.
func (sh *shrinker) smaller() bool {
	smaller := false
	for _, svc := range sh.best.Config.Services {
		smaller = sh.lighter(func(m monitor.Monitor) bool { return m.Service == svc.ID }) || smaller
	}
	for _, one := range sh.best.Config.Monitors {
		smaller = sh.lighter(func(m monitor.Monitor) bool { return m.ID == one.ID }) || smaller
	}
	for _, tier := range sh.best.Config.Tiers {
		s := sh.best
		s.Changes = slices.Clone(s.Changes)
		s.everywhere(func(cfg *monitor.Config) {
			cfg.Tiers = slices.DeleteFunc(cfg.Tiers, func(t monitor.Tier) bool { return t.ID == tier.ID })
		})
		smaller = len(s.Config.Tiers) > 0 && sh.fails(s) || smaller
	}
	return smaller
}

// lighter keeps the script without some monitors, if it has any others and still fails.
func (sh *shrinker) lighter(gone func(monitor.Monitor) bool) bool {
	s := sh.best.without(gone)
	empty := len(s.Config.Monitors) == 0 || slices.ContainsFunc(s.Changes, func(c Change) bool { return len(c.Config.Monitors) == 0 })
	return !empty && len(s.Config.Monitors) < len(sh.best.Config.Monitors) && sh.fails(s)
}

// without is the script without some monitors, and the services that have no other.
func (s Script) without(gone func(monitor.Monitor) bool) Script {
	lost := map[monitor.ID]bool{}
	s.Changes = slices.Clone(s.Changes)
	s.everywhere(func(cfg *monitor.Config) {
		var removed []monitor.ServiceID
		for _, m := range cfg.Monitors {
			lost[m.ID] = lost[m.ID] || gone(m)
		}
		cfg.Monitors = slices.DeleteFunc(cfg.Monitors, gone)
		for i := range cfg.Services {
			svc := &cfg.Services[i]
			svc.Monitors = slices.DeleteFunc(slices.Clone(svc.Monitors), func(id monitor.ID) bool { return find(cfg, id) == nil })
			if svc.Needs = min(svc.Needs, len(svc.Monitors)); len(svc.Monitors) == 0 {
				removed = append(removed, svc.ID)
			}
		}
		cfg.Services = slices.DeleteFunc(cfg.Services, func(svc monitor.Service) bool { return slices.Contains(removed, svc.ID) })
		for i := range cfg.Services {
			svc := &cfg.Services[i]
			svc.DependsOn = slices.DeleteFunc(slices.Clone(svc.DependsOn), func(d monitor.ServiceID) bool { return slices.Contains(removed, d) })
		}
	})
	s.Outages = slices.DeleteFunc(slices.Clone(s.Outages), func(o Outage) bool { return lost[o.Monitor] })
	s.Moves = slices.DeleteFunc(slices.Clone(s.Moves), func(m Move) bool { return lost[m.Monitor] })
	s.Endings = slices.DeleteFunc(slices.Clone(s.Endings), func(e Ending) bool { return lost[e.Monitor] })
	return s
}

// sooner ends the script earlier, but not before the last outage of a time: what
// breaks after the end would be another promise broken, that of the end.
func (sh *shrinker) sooner() bool {
	shorter := false
	for step := sh.best.Length / 2; step >= time.Minute; step /= 2 {
		s := sh.best
		s.Length -= step
		cut := slices.ContainsFunc(s.Outages, func(o Outage) bool {
			return o.Begins >= s.Length || o.Ends > s.Length && o.Ends <= sh.best.Length
		}) || slices.ContainsFunc(s.Moves, func(m Move) bool { return m.At+m.TTL+m.Stale > s.Length })
		if s.Length >= time.Minute && !cut && sh.fails(s) {
			shorter = true
		}
	}
	return shorter
}
