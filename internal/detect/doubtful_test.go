package detect_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestWithoutDoubtful: what a location that is set aside finds wrong does not
// count, unless it is known without it; while a vote is open, nothing wrong does.
func TestWithoutDoubtful(t *testing.T) {
	state := detect.Service{Details: map[monitor.ID]detect.Monitor{
		"fine": {Settled: monitor.Up}, "slow": {Settled: monitor.Degraded}, "down": {Settled: monitor.Down},
		"alone": {Settled: monitor.Down, Where: []monitor.Location{"here"}}, "joined": {Settled: monitor.Down, Where: []monitor.Location{"here", "there"}},
		"voted": {Settled: monitor.Down, Vote: &detect.Vote{}},
	}}
	var results []monitor.Result
	for _, id := range []monitor.ID{"fine", "slow", "down", "alone", "joined", "voted"} {
		for _, outcome := range []monitor.Outcome{monitor.OutcomeUp, monitor.OutcomeDegraded, monitor.OutcomeDown} {
			results = append(results, monitor.Result{Monitor: id, Location: "here", Outcome: outcome})
		}
	}
	results = append(results, monitor.Result{Monitor: "fine", Location: "there", Outcome: monitor.OutcomeDown})
	counted := func(aside ...monitor.Location) (got []string) {
		for _, r := range detect.WithoutDoubtful(state, results, aside) {
			got = append(got, string(r.Monitor)+" "+string(r.Outcome)+" "+string(r.Location))
		}
		return got
	}
	want := []string{"fine up here", "slow up here", "slow degraded here", "down up here", "down down here", "alone up here", "joined up here", "joined down here", "voted up here", "fine down there"}
	if diff := cmp.Diff(want, counted("here")); diff != "" {
		t.Errorf("here is set aside (-want +got):\n%s", diff)
	}
	if got := len(counted()); got != len(results) {
		t.Errorf("nothing is set aside: %d of %d results count", got, len(results))
	}
}
