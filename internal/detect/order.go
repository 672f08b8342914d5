package detect

import (
	"cmp"
	"slices"
	"sort"

	"github.com/sondehq/sonde/internal/monitor"
)

// inOrder is the order in which results are counted, whatever order they come
// in: by their scheduled time, then by name.
func inOrder(a, b *monitor.Result) int {
	return cmp.Or(
		a.Scheduled.Compare(b.Scheduled), cmp.Compare(a.Monitor, b.Monitor),
		cmp.Compare(a.Location, b.Location), cmp.Compare(a.Attempt, b.Attempt))
}

// moment counts one monitor's results that were scheduled for the same time:
// first the location that opens a vote with them, since the others speak in it.
func (s *stepper) moment(group []*monitor.Result) {
	for len(group) > 0 {
		i := max(slices.IndexFunc(group, s.news), 0)
		for i > 0 && group[i-1].Location == group[i].Location {
			i-- // each location is heard in its own order
		}
		s.result(group[i])
		group = slices.Delete(group, i, i+1)
	}
}

// news reports whether a result contradicts its monitor's state, and its
// location has not been outvoted with that before.
func (s *stepper) news(r *monitor.Result) bool {
	d := s.out.Details[r.Monitor]
	return !agrees(d.Settled, r.Outcome) && d.Dissent[r.Location].Outcome != r.Outcome
}

// find is Config.Monitor without a copy: it is asked twice for each result.
func find(cfg *monitor.Config, id monitor.ID) *monitor.Monitor {
	i := sort.Search(len(cfg.Monitors), func(i int) bool { return cfg.Monitors[i].ID >= id })
	if i == len(cfg.Monitors) || cfg.Monitors[i].ID != id {
		return nil
	}
	return &cfg.Monitors[i]
}
