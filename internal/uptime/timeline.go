package uptime

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Exclusion is a span, From inclusive, To exclusive, that counts as
// maintenance in adjusted figures.
type Exclusion struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
}

// Timeline is the condition of one service, or one monitor, over all time. It
// is not changed after it is built, and may be shared between goroutines.
type Timeline struct {
	initial monitor.Status
	cuts    []cut // by time, ascending; no two at one time
}

// cut is an instant at which something changes, and what holds from then on.
type cut struct {
	at       time.Time
	status   monitor.Status
	excluded bool
	said     monitor.Status // by a correction; empty: none holds
}

// adjusted is what counts: what people said, or what was measured. Within
// exclusions, what is known is maintenance.
func (c cut) adjusted() monitor.Status {
	switch {
	case c.said != "":
		return c.said
	case c.excluded && c.status != monitor.NotKnown:
		return monitor.InMaintenance
	}
	return c.status
}

// NewTimeline lays out flips of one service, or of one monitor (Select picks
// them). initial is the state before the first flip: a monitor.State or
// monitor.Status, empty where it is not known.
//
// Flips may come in any order, and twice. They take effect by At; of flips at
// one time the one decided last holds, and of those decided at one time the
// last of the chain that their From and To make (the worse one, where there are
// several such chains). A flip to suspect changes nothing: a suspect counts as
// what it was.
//
// Corrections change what counts, and never what was measured: Raw knows nothing
// of them. Of several at one time the one made last holds.
func NewTimeline(flips []monitor.Flip, initial string, exclusions []Exclusion, corrections ...Correction) *Timeline {
	t := &Timeline{initial: StatusOf(initial)}
	changes, spans := changesOf(flips, t.initial), merged(exclusions)
	status, excluded := t.initial, false
	for len(changes) > 0 || len(spans) > 0 {
		at := next(changes, spans, excluded)
		if len(changes) > 0 && changes[0].at.Equal(at) {
			status, changes = changes[0].status, changes[1:]
		}
		switch {
		case len(spans) == 0:
		case excluded && spans[0].To.Equal(at):
			excluded, spans = false, spans[1:]
		case !excluded && spans[0].From.Equal(at):
			excluded = true
		}
		t.cuts = append(t.cuts, cut{at: at, status: status, excluded: excluded})
	}
	for _, c := range inOrder(corrections) {
		t.correct(c)
	}
	return t
}

// next is when the next change of status or exclusion is.
func next(changes []change, spans []Window, excluded bool) time.Time {
	var at time.Time
	if len(spans) > 0 {
		at = spans[0].From
		if excluded {
			at = spans[0].To
		}
	}
	if len(changes) > 0 && (len(spans) == 0 || changes[0].at.Before(at)) {
		at = changes[0].at
	}
	return at
}

// merged are the exclusions in order, those that touch or overlap as one.
func merged(exclusions []Exclusion) []Window {
	spans := make([]Window, 0, len(exclusions))
	for _, e := range exclusions {
		if w := (Window{e.From, e.To}); !w.IsEmpty() {
			spans = append(spans, w)
		}
	}
	slices.SortFunc(spans, func(a, b Window) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	out := spans[:0]
	for _, w := range spans {
		if n := len(out); n > 0 && !w.From.After(out[n-1].To) {
			out[n-1].To = later(out[n-1].To, w.To)
			continue
		}
		out = append(out, w)
	}
	return out
}

// Status is what the service was at one time, exclusions ignored.
func (t *Timeline) Status(at time.Time) monitor.Status {
	if i := t.from(at); i >= 0 {
		return t.cuts[i].status
	}
	return t.initial
}

// from is the index of the last cut at or before a time; -1 if there is none.
func (t *Timeline) from(at time.Time) int {
	return sort.Search(len(t.cuts), func(i int) bool { return t.cuts[i].at.After(at) }) - 1
}

// Tally is the time spent in each condition within a window, adjusted: within
// exclusions, what is known counts as maintenance.
func (t *Timeline) Tally(w Window) Seconds {
	var s Seconds
	t.pieces(w, func(w Window, now cut) { s.spend(now.adjusted(), w.To.Sub(w.From)) })
	return s
}

// Raw is the time spent in each condition within a window, exclusions ignored.
func (t *Timeline) Raw(w Window) Seconds {
	var s Seconds
	t.pieces(w, func(w Window, now cut) { s.spend(now.status, w.To.Sub(w.From)) })
	return s
}

// Tally is the adjusted time spent in each condition. Those who ask for more
// than one window build a Timeline.
func Tally(flips []monitor.Flip, initial string, w Window, exclusions []Exclusion) Seconds {
	return NewTimeline(flips, initial, exclusions).Tally(w)
}

// pieces calls yield for the parts of the window in which nothing changes, in
// order, without gaps; none is empty.
func (t *Timeline) pieces(w Window, yield func(w Window, now cut)) {
	if w.IsEmpty() {
		return
	}
	now := cut{at: w.From, status: t.initial}
	i := t.from(w.From)
	if i >= 0 {
		now = t.cuts[i]
	}
	for at := w.From; at.Before(w.To); {
		i++
		end := w.To
		if i < len(t.cuts) {
			end = earlier(end, t.cuts[i].at)
		}
		yield(Window{at, end}, now)
		at = end
		if i < len(t.cuts) {
			now = t.cuts[i]
		}
	}
}
