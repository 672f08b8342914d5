package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// checkVotes looks at every flip of a monitor as somebody who counts on fingers
// would: which results were there when it was decided, and do they bear it?
func (w *world) checkVotes(cfg *monitor.Config) {
	byMonitor, arrived := map[monitor.ID][]monitor.Result{}, map[monitor.ID][]monitor.Result{}
	finished := map[string]time.Time{}
	for _, b := range w.books.results {
		for _, r := range b.Results {
			byMonitor[r.Monitor] = append(byMonitor[r.Monitor], r)
			arrived[r.Monitor] = append(arrived[r.Monitor], r)
			if first, again := finished[r.ID()]; !again || b.Finished.Before(first) { // two batches may ask for one re-check
				finished[r.ID()] = b.Finished
			}
		}
	}
	for _, all := range byMonitor {
		slices.SortStableFunc(all, func(a, b monitor.Result) int {
			if c := a.Scheduled.Compare(b.Scheduled); c != 0 {
				return c
			}
			return a.Attempt - b.Attempt
		})
	}
	for _, svc := range slices.Sorted(maps.Keys(w.books.flips)) {
		before := map[monitor.ID]time.Time{}
		for _, f := range w.books.flipsOf(svc) {
			if m, ok := cfg.Monitor(f.Monitor); ok && f.Check != "" && w.steady(svc) { // others were not always what they are now
				w.checkVote(m, f, before[f.Monitor], byMonitor[f.Monitor], arrived[f.Monitor], finished)
			}
			before[f.Monitor] = f.At
		}
	}
}

// checkVote judges one flip that a vote decided. The vote opened with the check
// that the flip names; what was scheduled before that does not count.
func (w *world) checkVote(m monitor.Monitor, f monitor.Flip, before time.Time, all, arrived []monitor.Result, finished map[string]time.Time) {
	opener := slices.IndexFunc(all, func(r monitor.Result) bool { return r.ID() == f.Check })
	if opener < 0 {
		w.books.violate("a flip names the check that began it", "%s: no result has the id %s", m.ID, f.Check)
		return
	}
	opened := all[opener].Scheduled
	borne := w.count(m, f, all, opened, before, finished, nil)
	if doubted := w.books.doubtedIn(opened, f.Decided); len(doubted) > 0 && !(borne.enough() && borne.dated) {
		// What a location says wrong while it is set aside does not count. Whether a
		// single result came before or after nobody outside can tell.
		borne = w.count(m, f, all, opened, before, finished, doubted)
	}
	if !borne.enough() { // a re-check that waits in a queue is made after checks that were due later
		late := slices.Clone(all)
		slices.SortStableFunc(late, func(a, b monitor.Result) int { return finished[a.ID()].Compare(finished[b.ID()]) })
		for _, all := range [][]monitor.Result{late, inTime(late), inTime(arrived)} {
			if other := w.count(m, f, all, opened, before, finished, nil); other.enough() {
				borne = other
			}
		}
	}
	if !borne.enough() {
		w.books.violate("a vote counts those who agree", "%s turned from %s to %s at %s, borne by %d of %d locations, %d needed",
			m.ID, f.From, f.To, f.Decided.Sub(w.script.Start), borne.agree, borne.of, borne.need)
	}
	if !borne.dated {
		w.books.violate("a flip is dated back to its first check", "%s turned %s at %s, and no check of that time says so", m.ID, f.To, f.At.Sub(w.script.Start))
	}
}

// inTime leaves out, of results by their time of arrival, those that were due before one
// of the same location that is there already: they are too late to count.
func inTime(all []monitor.Result) []monitor.Result {
	newest := map[monitor.Location]time.Time{}
	return slices.DeleteFunc(slices.Clone(all), func(r monitor.Result) bool {
		late := r.Scheduled.Before(newest[r.Location])
		if !late {
			newest[r.Location] = r.Scheduled
		}
		return late
	})
}

// tally is what bears a flip.
type tally struct {
	agree, of, need int
	dated           bool // to a check that says so
}

func (t tally) enough() bool { return t.agree >= t.need }

// count counts the results that were there when a flip was decided; of locations
// that are doubted, the good ones.
func (w *world) count(m monitor.Monitor, f monitor.Flip, all []monitor.Result, opened, before time.Time, finished map[string]time.Time, doubted []monitor.Location) tally {
	fits, enough := runsOf(m, f)
	window := m.Window // x of y, where others want x in a row; an outage ends by good ones in a row
	if f.From == string(monitor.Down) || f.To == string(monitor.Up) {
		window = 0
	}
	longest, spoke, run := map[monitor.Location]int{}, map[monitor.Location]bool{}, map[monitor.Location]int{}
	last := map[monitor.Location][]bool{}
	t := tally{of: len(m.Locations), dated: f.At.Equal(before.Add(time.Millisecond)) || f.At.Equal(f.Decided)}
	for _, r := range all {
		// A location's clock may be ahead, and say that it finished in the future.
		early := r.Scheduled.Before(opened)
		if early && window == 0 || finished[r.ID()].Add(-w.maxSkew()).After(f.Decided) {
			continue
		}
		if r.Outcome != monitor.OutcomeUp && slices.Contains(doubted, r.Location) {
			continue
		}
		// At a deadline those decide who were heard; what came just before it may
		// still have been on its way.
		if !early && !finished[r.ID()].Add(w.maxSkew()+w.travel()).After(f.Decided) {
			spoke[r.Location] = true
		}
		all := append(last[r.Location], fits(r.Outcome))
		last[r.Location] = all
		switch {
		case window > 0:
			run[r.Location] = 0
			for _, fit := range all[max(0, len(all)-window):] {
				if fit {
					run[r.Location]++
				}
			}
		case fits(r.Outcome):
			run[r.Location]++
		default:
			run[r.Location] = 0
		}
		if !early { // a window slides over the votes before this one
			longest[r.Location] = max(longest[r.Location], run[r.Location])
		}
		t.dated = t.dated || fits(r.Outcome) && r.Scheduled.Equal(f.At)
	}
	for _, n := range longest {
		if n >= enough {
			t.agree++
		}
	}
	var good int
	t.need, good = needed(m, t.of)
	if !f.Decided.Before(opened.Add(soonest(m))) { // those decide who were heard
		if t.of = len(spoke); t.of < len(m.Locations) {
			t.need = min(t.need, t.of/2+1)
		}
		good = t.of - t.need + 1
	}
	if f.To == string(monitor.Up) || f.From == string(monitor.Down) {
		t.need = good
	}
	return t
}

// doubtedIn is the locations that were set aside at any moment of a span.
func (b *books) doubtedIn(from, to time.Time) []monitor.Location {
	all := slices.Clone(b.aside(from))
	for _, d := range b.doubts {
		if !d.at.Before(from) && !d.at.After(to) {
			all = append(all, d.aside...)
		}
	}
	return all
}

// runsOf says which outcomes bear a flip, and how many of them in a row.
func runsOf(m monitor.Monitor, f monitor.Flip) (fits func(monitor.Outcome) bool, enough int) {
	enough = m.Confirm
	switch monitor.State(f.To) {
	case monitor.Up:
		fits, enough = func(o monitor.Outcome) bool { return o == monitor.OutcomeUp }, m.Recover
	case monitor.Down:
		fits = func(o monitor.Outcome) bool { return o == monitor.OutcomeDown }
	default:
		fits = func(o monitor.Outcome) bool { return o == monitor.OutcomeDown || o == monitor.OutcomeDegraded }
		if f.From == string(monitor.Down) {
			fits, enough = func(o monitor.Outcome) bool { return o == monitor.OutcomeUp || o == monitor.OutcomeDegraded }, m.Recover
		}
	}
	if f.From == string(monitor.Unknown) && f.To == string(monitor.Up) {
		enough = 1
	}
	return fits, enough
}

// travel is how long a result may take to be counted.
func (w *world) travel() time.Duration {
	if len(w.script.Faults) == 0 {
		return 2 * time.Second
	}
	return time.Minute
}

// maxSkew is how wrong any clock of the script is.
func (w *world) maxSkew() time.Duration {
	var d time.Duration
	for _, f := range w.script.Faults {
		if f.Kind == Skew {
			d = max(d, f.For.Abs())
		}
	}
	return d
}
