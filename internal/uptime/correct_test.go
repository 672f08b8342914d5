package uptime_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/uptime"
)

// TestCorrectionsEqualTheirTwin: second by second, what the last correction says
// counts, and else what counted without any; what was measured stays as it was.
func TestCorrectionsEqualTheirTwin(t *testing.T) {
	words := []string{"up", "down", "maintenance", "unknown"}
	rapid.Check(t, func(t *rapid.T) {
		flips, exclusions, w := drawHistory(t), drawExclusions(t), drawWindow(t)
		initial := rapid.SampledFrom(someStates).Draw(t, "initial")
		var corrections []uptime.Correction
		for i := range rapid.IntRange(0, 4).Draw(t, "corrections") {
			from := rapid.IntRange(-60, 660).Draw(t, "from")
			as, _ := uptime.CorrectedAs(rapid.SampledFrom(words).Draw(t, "as"))
			corrections = append(corrections, uptime.Correction{
				From: second(from), To: second(from + rapid.IntRange(-10, 200).Draw(t, "for")), As: as, At: second(i),
			})
		}
		shuffled := rapid.Permutation(corrections).Draw(t, "order")
		plain, line := uptime.NewTimeline(flips, initial, exclusions), uptime.NewTimeline(flips, initial, exclusions, shuffled...)
		var want uptime.Seconds
		for s := w.From; s.Before(w.To); s = s.Add(time.Second) {
			one := plain.Tally(uptime.Window{From: s, To: s.Add(time.Second)})
			for _, c := range corrections {
				if !s.Before(c.From) && s.Before(c.To) {
					one = map[monitor.Status]uptime.Seconds{
						monitor.Operational: {Up: time.Second}, monitor.MajorOutage: {Down: time.Second},
						monitor.InMaintenance: {Maintenance: time.Second}, monitor.NotKnown: {Unknown: time.Second},
					}[c.As]
				}
			}
			want = want.Add(one)
		}
		if diff := cmp.Diff(want, line.Tally(w)); diff != "" {
			t.Errorf("tally (-twin +got):\n%s", diff)
		}
		if diff := cmp.Diff(plain.Raw(w), line.Raw(w)); diff != "" {
			t.Errorf("a correction changed what was measured (-want +got):\n%s", diff)
		}
	})
}

func TestWords(t *testing.T) {
	for _, word := range []string{"up", "down", "maintenance", "unknown"} {
		as, known := uptime.CorrectedAs(word)
		if got := (uptime.Correction{As: as}).Word(); !known || got != word {
			t.Errorf("%s: known %t, and back it is %q", word, known, got)
		}
	}
	if _, known := uptime.CorrectedAs("fine"); known {
		t.Error("fine is a word")
	}
}
