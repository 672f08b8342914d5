package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// plan readies a fault for its time. After the script's length nothing goes wrong.
func (w *world) plan(f Fault) {
	if f.At >= w.script.Length {
		return
	}
	w.at(w.script.Start.Add(f.At), func() {
		switch f.Kind {
		case Silent, Skew:
			f.At = w.now.Sub(w.script.Start)
			w.spells = append(w.spells, f)
			w.troubled(w.now.Add(f.For))
			w.lines.add("%s: %s", f.Kind, f.Place)
		default:
			f.Times = max(f.Times, 1)
			w.armed = append(w.armed, &f)
		}
	})
}

// strikes takes the first fault of a kind that waits for this operation, once;
// nil if there is none. After the script's length nothing goes wrong any more.
func (w *world) strikes(kind Trouble, stage Stage, place monitor.Location) *Fault {
	return w.strikesOne(kind, stage, place, false)
}

// strikesOne is strikes; a minor operation is one that is made again every minute.
// Those faults that wait for a later one let this one through.
func (w *world) strikesOne(kind Trouble, stage Stage, place monitor.Location, minor bool) *Fault {
	if len(w.armed) == 0 {
		return nil
	}
	at := slices.IndexFunc(w.armed, func(f *Fault) bool {
		if f.Kind != kind || f.Stage != "" && stage != "" && f.Stage != stage || f.Place != "" && place != "" && f.Place != place || minor && !f.Minor {
			return false
		}
		f.Skip--
		return f.Skip < 0
	})
	if at < 0 {
		return nil
	}
	if w.now.Sub(w.script.Start) >= w.script.Length {
		w.armed = nil
		return nil
	}
	f := w.armed[at]
	w.lines.add("fault: %s, %s %s", f.Kind, stage, place)
	w.troubled(w.now.Add(f.For))
	if f.Times--; f.Times <= 0 {
		w.armed = slices.Delete(w.armed, at, at+1)
	}
	return f
}

// spell is a fault that lasts, if there is one now.
func (w *world) spell(kind Trouble, place monitor.Location) *Fault {
	since := w.now.Sub(w.script.Start)
	for i, f := range w.spells {
		if f.Kind == kind && f.Place == place && since < w.script.Length && (kind == Skew || since < f.At+f.For) {
			return &w.spells[i]
		}
	}
	return nil
}

// skew is how wrong the clock of a location's probes is.
func (w *world) skew(place monitor.Location) time.Duration {
	if f := w.spell(Skew, place); f != nil {
		return f.For
	}
	return 0
}

func (w *world) feedNames() []string { return slices.Sorted(maps.Keys(w.feeds)) }
