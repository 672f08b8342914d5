package detect_test

import (
	"testing"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestJudge: what a service is by its monitors. A status claims no more than is
// known: what is broken for certain is an outage, though nobody knows whether
// anything of it works.
func TestJudge(t *testing.T) {
	states := map[byte]monitor.State{'u': monitor.Up, 'g': monitor.Degraded, 'd': monitor.Down, '?': monitor.Unknown, 'p': monitor.Paused}
	for _, tt := range []struct {
		name   string
		needs  int
		states string
		want   monitor.Status
	}{
		{"all are up", 2, "uu", monitor.Operational},
		{"as many as needed", 1, "ud", monitor.AtRisk},
		{"as many as needed, some badly", 2, "ug", monitor.DegradedPerf},
		{"fewer than needed", 2, "ud", monitor.PartialOutage},
		{"none", 1, "dd", monitor.MajorOutage},
		{"none, and it needs none", 0, "dd", monitor.AtRisk},
		{"nothing is known", 1, "??", monitor.NotKnown},
		{"it hangs on what is not known", 1, "d?", monitor.NotKnown},
		{"not known, and not needed", 1, "u?", monitor.Operational},
		{"too few, whatever the rest is", 2, "dd?", monitor.PartialOutage},
		{"the same, and one is up", 3, "ud?", monitor.PartialOutage},
		{"paused ones do not count", 2, "dp", monitor.MajorOutage},
		{"there are none", 1, "p", monitor.NotKnown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var settled []monitor.State
			for i := range len(tt.states) {
				settled = append(settled, states[tt.states[i]])
			}
			if got, _, _ := detect.Judge(tt.needs, settled); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
