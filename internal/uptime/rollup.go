package uptime

import (
	"cmp"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Rollup is what the results of one monitor in one window (an hour, a day, a
// month) come to. The zero value is a rollup of no time, and ready for use.
type Rollup struct {
	Monitor monitor.ID `json:"monitor,omitempty"` // empty in a rollup of several
	Window

	// How many results there were, by outcome, re-checks included.
	Up       int64 `json:"up"`
	Degraded int64 `json:"degraded"`
	Down     int64 `json:"down"`
	NotRun   int64 `json:"not_run"` // no verdict, an outcome unknown to this version included

	// Observed is how much of the window was within an interval of a check
	// that was run, from whatever location.
	Observed time.Duration `json:"observed"`

	// Latency is the total times of the checks that found the target up or
	// degraded: how long a failure took says how the target fails, and not how
	// fast it answers.
	Latency Sketch `json:"latency,omitzero"`
}

// FromResults rolls up the results of a monitor that were scheduled within the
// window. Results of other monitors are left out, and a result that came twice
// counts once: it may be called again, with the same results or more, and gives
// the whole rollup anew. Results of one interval before the window let its
// beginning count as observed.
func FromResults(m monitor.Monitor, w Window, results []monitor.Result) Rollup {
	rollup := Rollup{Monitor: m.ID, Window: w}
	var covered time.Time // the end of what was observed up to here
	for _, r := range distinct(m.ID, results) {
		if w.Contains(r.Scheduled) {
			rollup.Add(*r)
		}
		if !ran(r.Outcome) {
			continue
		}
		slot := Window{later(r.Scheduled, covered), r.Scheduled.Add(m.Every)}
		rollup.Observed += slot.Intersect(w).Duration()
		covered = later(covered, slot.To)
	}
	return rollup
}

func ran(o monitor.Outcome) bool {
	return o == monitor.OutcomeUp || o == monitor.OutcomeDegraded || o == monitor.OutcomeDown
}

// distinct are the results of a monitor by scheduled time, each key once. Of
// results with one key it is the one that was started first, as a table keeps
// the one that was written first.
func distinct(id monitor.ID, results []monitor.Result) []*monitor.Result {
	own := make([]*monitor.Result, 0, len(results))
	for i := range results {
		if results[i].Monitor == id {
			own = append(own, &results[i])
		}
	}
	slices.SortFunc(own, func(a, b *monitor.Result) int {
		return cmp.Or(byKey(a, b), a.Started.Compare(b.Started), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Timing.Total, b.Timing.Total))
	})
	return slices.CompactFunc(own, func(a, b *monitor.Result) bool { return byKey(a, b) == 0 })
}

func byKey(a, b *monitor.Result) int {
	return cmp.Or(a.Scheduled.Compare(b.Scheduled), cmp.Compare(a.Location, b.Location), cmp.Compare(a.Attempt, b.Attempt))
}

// Add counts one result, whosever it is and whenever it was scheduled. It does
// not know one that came twice, nor how much time it stands for: FromResults
// does both.
func (r *Rollup) Add(result monitor.Result) {
	switch result.Outcome {
	case monitor.OutcomeUp:
		r.Up++
		r.Latency.Add(result.Timing.Total)
	case monitor.OutcomeDegraded:
		r.Degraded++
		r.Latency.Add(result.Timing.Total)
	case monitor.OutcomeDown:
		r.Down++
	default:
		r.NotRun++
	}
}

// Merge adds the rollup of another window, or of another monitor, to this one.
// The window becomes one that holds both. Hours merged in any order and
// grouping make the same day. A rollup that was added once must not be added
// again.
func (r *Rollup) Merge(o Rollup) {
	switch {
	case o.Window == (Window{}):
	case r.Window == (Window{}):
		r.Monitor, r.Window = o.Monitor, o.Window
	default:
		if r.Monitor != o.Monitor {
			r.Monitor = ""
		}
		r.Window = Window{earlier(r.From, o.From), later(r.To, o.To)}
	}
	r.Up += o.Up
	r.Degraded += o.Degraded
	r.Down += o.Down
	r.NotRun += o.NotRun
	r.Observed += o.Observed
	r.Latency.Merge(o.Latency)
}

// Clone returns a rollup that shares nothing with this one.
func (r Rollup) Clone() Rollup {
	r.Latency = r.Latency.Clone()
	return r
}

// Checks is how many results there were.
func (r Rollup) Checks() int64 { return r.Up + r.Degraded + r.Down + r.NotRun }

// Ran is how many of them had a verdict.
func (r Rollup) Ran() int64 { return r.Checks() - r.NotRun }

// Coverage is the share of the window that was observed, 0 to 1; 0 for a window
// without time. It means nothing in a rollup of several monitors.
func (r Rollup) Coverage() float64 {
	if r.IsEmpty() {
		return 0
	}
	return share(min(r.Observed, r.Duration()), r.Duration())
}
