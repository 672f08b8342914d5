package detect

import (
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Other is what a location finds of late of a monitor that is not up, where that
// is something else than Monitor.Failure.
type Other struct {
	Failure *monitor.Failure `json:"failure,omitempty"` // nil: it has gone back to what stands
	Shared  []string         `json:"shared,omitempty"`
	At      time.Time        `json:"at"`                // scheduled time of the result that was noted last
	Twice   bool             `json:"twice,omitempty"`   // said two times in a row: it counts
	Changes int              `json:"changes,omitempty"` // how often it has changed its mind
}

// mostPause is after how many changes of its mind a location is given no longer
// pauses: 1<<5 rounds.
const mostPause = 5

// pause is how long a location that changes what it says is not listened to, twice
// as long each time: a target that fails in two ways in turn must not cost a write
// for each result.
func (o Other) pause(m *monitor.Monitor) time.Duration { return m.Every << min(o.Changes, mostPause) }

// isOther reports whether a failure is of another kind, or at another place, than
// the one that stands. What else a result says of it changes with every check.
func (d *Monitor) isOther(f *monitor.Failure, at []string) bool {
	return d.Failure == nil || differs(d.Settled, *d.Failure, d.Shared, *f, at)
}

func differs(settled monitor.State, f monitor.Failure, at []string, g monitor.Failure, as []string) bool {
	return f.Kind != g.Kind || settled == monitor.Down && !slices.Equal(at, as)
}

// note takes down what a location finds of a monitor that stays as bad as it is,
// if that is not what is known already. It reports whether it did.
func (d *Monitor) note(m *monitor.Monitor, r *monitor.Result) bool {
	if r.Failure == nil {
		return false
	}
	at := shared(r)
	o, noted := d.Others[r.Location]
	next := Other{Failure: r.Failure, Shared: at, At: r.Scheduled, Changes: o.Changes}
	switch other := d.isOther(r.Failure, at); {
	case noted && !r.Scheduled.After(o.At):
		return false
	case !other && o.Failure == nil:
		return false
	case !other:
		next = Other{At: r.Scheduled, Changes: o.Changes + 1}
	case o.Failure != nil && !differs(d.Settled, *o.Failure, o.Shared, *r.Failure, at):
		if o.Twice {
			return false
		}
		next = o
		next.At, next.Twice = r.Scheduled, true
	case noted && r.Scheduled.Before(o.At.Add(o.pause(m))):
		return false
	case noted && o.Failure != nil:
		next.Changes++
	}
	d.Others = orMake(maps.Clone(d.Others))
	d.Others[r.Location] = next
	return true
}

// refresh takes over what most locations find by now, of those that are heard, not
// set aside, and agree that the monitor is not up: first the kind, then the place.
func (s *stepper) refresh(m monitor.Monitor, d Monitor, h hearing) {
	var found []Other
	heard := 0
	for _, location := range m.Locations {
		if _, dissents := d.Dissent[location]; dissents || !h.hears(m.ID, location) || slices.Contains(h.aside, location) {
			continue
		}
		heard++
		if o := d.Others[location]; o.Failure != nil && o.Twice {
			found = append(found, o)
		}
	}
	is := func(o Other) func(Other) bool {
		return func(p Other) bool { return !differs(d.Settled, *o.Failure, o.Shared, *p.Failure, p.Shared) }
	}
	kind := func(o Other) func(Other) bool {
		return func(p Other) bool { return p.Failure.Kind == o.Failure.Kind }
	}
	best, most := Other{}, 0
	for _, o := range found {
		fit := count(found, is(o))
		enough := 2*fit > heard || (d.Failure == nil || o.Failure.Kind != d.Failure.Kind) && 2*count(found, kind(o)) > heard
		if enough && fit > most {
			best, most = o, fit
		}
	}
	if most == 0 {
		return
	}
	d = d.clone()
	d.Failure, d.Shared = best.Failure, best.Shared
	d.Others = maps.Clone(d.Others)
	maps.DeleteFunc(d.Others, func(_ monitor.Location, o Other) bool { return o.Failure != nil && is(best)(o) })
	s.put(m.ID, d)
}

func count(all []Other, fits func(Other) bool) (n int) {
	for _, o := range all {
		if fits(o) {
			n++
		}
	}
	return n
}
