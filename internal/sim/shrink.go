package sim

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Shrink returns a shorter script that still breaks the same promise: without the
// faults, acts, changes and outages that do not matter, and no longer than it has
// to be. It plays up to tries scripts.
func Shrink(s Script, rule string, tries int) Script {
	sh := &shrinker{rule: rule, left: tries, best: s}
	for grew := true; grew; {
		grew = less(sh, func(s *Script) *[]Fault { return &s.Faults }) ||
			less(sh, func(s *Script) *[]Act { return &s.Acts }) ||
			less(sh, func(s *Script) *[]Change { return &s.Changes }) ||
			less(sh, func(s *Script) *[]Outage { return &s.Outages }) ||
			less(sh, func(s *Script) *[]Move { return &s.Moves }) ||
			less(sh, func(s *Script) *[]monitor.Plan { return &s.Plans }) ||
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
