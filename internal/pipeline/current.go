package pipeline

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

const (
	turnsFor = 24 * time.Hour // how far back the snapshot says what a service was
	maxTurns = 200            // and how many changes it holds at the most
	checkFor = 25 * time.Hour // for so long a last check is shown
)

// checks is the last check with a verdict of each monitor.
type checks map[monitor.ID]store.CheckView

// hear takes batches into account, in any order.
func (c checks) hear(batches []store.Batch) {
	for _, b := range batches {
		for _, r := range b.Results {
			if r.Outcome == monitor.OutcomeNotRun || r.Scheduled.Before(c[r.Monitor].At) {
				continue
			}
			last := store.CheckView{At: r.Scheduled, Outcome: r.Outcome, MS: math.Round(monitor.MS(r.Timing.Total)*10) / 10, Status: r.Status}
			if !r.Expires.IsZero() { // of the certificate itself nothing is stored where a check was fine
				last.Ends = r.Expires.UTC()
			}
			c[r.Monitor] = last
		}
	}
}

// show puts the last checks into a snapshot.
func (c checks) show(s *store.Snapshot) {
	for _, view := range s.Services {
		for i, m := range view.Monitors {
			if last, has := c[m.ID]; has && (m.Last == nil || !last.At.Before(m.Last.At)) {
				view.Monitors[i].Last = &last
			}
		}
	}
}

// carry takes over from the snapshot before what only Sweep and Rollup know.
func carry(view *store.ServiceView, was store.ServiceView, now time.Time) {
	view.Turns = turned(was.Turns, *view, now)
	for i, m := range view.Monitors {
		at := slices.IndexFunc(was.Monitors, func(w store.MonitorView) bool { return w.ID == m.ID })
		if at < 0 {
			continue
		}
		view.Monitors[i].Uptime, view.Monitors[i].Coverage = was.Monitors[at].Uptime, was.Monitors[at].Coverage
		if last := was.Monitors[at].Last; last != nil && now.Sub(last.At) < checkFor {
			view.Monitors[i].Last = last
		}
	}
}

// turned brings up to date what a service was, from what it is now. Rollup will
// say it exactly.
func turned(turns []store.TurnView, view store.ServiceView, now time.Time) []store.TurnView {
	turns = slices.Clone(turns)
	if n := len(turns); n == 0 || turns[n-1].Status != view.Status {
		// The status may be dated back behind what was known.
		turns = slices.DeleteFunc(turns, func(t store.TurnView) bool { return !t.At.Before(view.Since) })
		turns = append(turns, store.TurnView{At: view.Since, Status: view.Status})
	}
	begin := now.Add(-turnsFor)
	first := max(len(turns)-maxTurns, 0)
	for first+1 < len(turns) && !turns[first+1].At.After(begin) {
		first++
	}
	return turns[first:]
}

// turnViews is what a service was in the last 24 hours.
func turnViews(line uptime.History, now time.Time) []store.TurnView {
	turns := line.Turns(uptime.Last(now, turnsFor))
	views := make([]store.TurnView, 0, len(turns))
	for _, t := range turns[max(len(turns)-maxTurns, 0):] {
		views = append(views, store.TurnView{At: t.At, Status: t.Status})
	}
	return views
}

// shares is the uptime and the coverage of one monitor, by window.
type shares struct{ uptime, coverage map[string]float64 }

// shareDecimals is how many a monitor's shares are kept with: digits cost room.
const shareDecimals = 6

func sharesOf(line uptime.History, now time.Time) shares {
	s := shares{map[string]float64{}, map[string]float64{}}
	for _, name := range uptime.Names() {
		w, err := uptime.ParseWindow(name, now, time.UTC)
		if err != nil {
			continue
		}
		spent := line.Tally(w)
		share, known := spent.Uptime()
		if known {
			s.uptime[name] = floored(share)
		}
		if observed := spent.Coverage(); observed > 0 && (!known || observed < 1) {
			s.coverage[name] = floored(observed)
		}
	}
	return s
}

// floored is a share as it is kept, never rounded up.
func floored(share float64) float64 {
	f, err := strconv.ParseFloat(uptime.Decimal(share, shareDecimals), 64)
	if err != nil {
		return 0
	}
	return f
}
