package uptime_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/uptime"
)

const horizon = 600 // seconds that the properties play in

var someStates = []string{
	"operational", "at_risk", "degraded", "partial_outage", "major_outage", "maintenance", "unknown",
	"up", "down", "recovering", "suspect", "flapping", "paused", "", "of a later version",
}

func second(n int) time.Time { return time.Unix(1_559_091_600+int64(n), 0).UTC() }

func drawFlips(t *rapid.T) []monitor.Flip {
	var flips []monitor.Flip
	for range rapid.IntRange(0, 12).Draw(t, "flips") {
		// Few different times, so that many coincide.
		at := rapid.IntRange(-6, 66).Draw(t, "at") * 10
		flips = append(flips, monitor.Flip{
			At: second(at), Decided: second(at + rapid.IntRange(0, 3).Draw(t, "decided")*7),
			From: rapid.SampledFrom(someStates).Draw(t, "from"), To: rapid.SampledFrom(someStates).Draw(t, "to"),
		})
	}
	return flips
}

// drawHistory is flips with a single meaning: no two at one time.
func drawHistory(t *rapid.T) []monitor.Flip {
	flips := drawFlips(t)
	slices.SortFunc(flips, func(a, b monitor.Flip) int { return a.At.Compare(b.At) })
	flips = slices.CompactFunc(flips, func(a, b monitor.Flip) bool { return a.At.Equal(b.At) })
	return rapid.Permutation(flips).Draw(t, "order")
}

func drawExclusions(t *rapid.T) []uptime.Exclusion {
	var exclusions []uptime.Exclusion
	for range rapid.IntRange(0, 4).Draw(t, "exclusions") {
		from := rapid.IntRange(-60, 660).Draw(t, "exclusion")
		exclusions = append(exclusions, uptime.Exclusion{From: second(from), To: second(from + rapid.IntRange(-10, 200).Draw(t, "for"))})
	}
	return exclusions
}

func drawWindow(t *rapid.T) uptime.Window {
	from := rapid.IntRange(0, horizon).Draw(t, "window from")
	return uptime.Window{From: second(from), To: second(rapid.IntRange(from, horizon).Draw(t, "window to"))}
}

// twin asks of each second what the state was, by looking at all flips.
func twin(flips []monitor.Flip, initial string, w uptime.Window, exclusions []uptime.Exclusion) (adjusted, raw uptime.Seconds) {
	for s := w.From; s.Before(w.To); s = s.Add(time.Second) {
		state := initial
		var last time.Time
		for _, f := range flips {
			if f.To != "suspect" && !f.At.After(s) && f.At.After(last) {
				state, last = f.To, f.At
			}
		}
		excluded := false
		for _, e := range exclusions {
			if !s.Before(e.From) && s.Before(e.To) {
				excluded = true
			}
		}
		count := func(sum *uptime.Seconds, excluded bool) {
			switch state {
			case "unknown", "suspect", "paused", "", "of a later version":
				sum.Unknown += time.Second
				return
			}
			if excluded {
				sum.Maintenance += time.Second
				return
			}
			switch state {
			case "operational", "up":
				sum.Up += time.Second
			case "at_risk":
				sum.AtRisk += time.Second
			case "degraded":
				sum.Degraded += time.Second
			case "maintenance":
				sum.Maintenance += time.Second
			default:
				sum.Down += time.Second
			}
		}
		count(&adjusted, excluded)
		count(&raw, false)
	}
	return adjusted, raw
}

func TestTallyEqualsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flips, exclusions, w := drawHistory(t), drawExclusions(t), drawWindow(t)
		initial := rapid.SampledFrom(someStates).Draw(t, "initial")
		adjusted, raw := twin(flips, initial, w, exclusions)
		line := uptime.NewTimeline(flips, initial, exclusions)
		if diff := cmp.Diff(adjusted, line.Tally(w)); diff != "" {
			t.Fatalf("Tally (-twin +got):\n%s", diff)
		}
		if diff := cmp.Diff(raw, line.Raw(w)); diff != "" {
			t.Fatalf("Raw (-twin +got):\n%s", diff)
		}
	})
}

func TestPartsAddUpToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := uptime.NewTimeline(drawFlips(t), rapid.SampledFrom(someStates).Draw(t, "initial"), drawExclusions(t))
		whole := drawWindow(t)
		var sum, raw uptime.Seconds
		var down time.Duration
		for from := whole.From; from.Before(whole.To); {
			part := uptime.Window{From: from, To: from.Add(time.Duration(rapid.Int64Range(1, 300e9).Draw(t, "part")))}.Until(whole.To)
			sum, raw = sum.Add(line.Tally(part)), raw.Add(line.Raw(part))
			for _, o := range line.Outages(part) {
				down += o.Duration()
			}
			from = part.To
		}
		if diff := cmp.Diff(line.Tally(whole), sum); diff != "" {
			t.Fatalf("Tally (-whole +parts):\n%s", diff)
		}
		if diff := cmp.Diff(line.Raw(whole), raw); diff != "" {
			t.Fatalf("Raw (-whole +parts):\n%s", diff)
		}
		if sum.Total() != whole.Duration() || down != sum.Down {
			t.Fatalf("total %v of %v, outages %v of %v", sum.Total(), whole.Duration(), down, sum.Down)
		}
	})
}

func TestOrderAndRepeatsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flips, exclusions, w := drawFlips(t), drawExclusions(t), drawWindow(t)
		want := uptime.Tally(flips, "up", w, exclusions)
		shuffled := rapid.Permutation(slices.Concat(flips, flips)).Draw(t, "flips shuffled")
		again := rapid.Permutation(slices.Concat(exclusions, exclusions)).Draw(t, "exclusions shuffled")
		if diff := cmp.Diff(want, uptime.Tally(shuffled, "up", w, again)); diff != "" {
			t.Fatalf("Tally (-in order +shuffled and twice):\n%s", diff)
		}
	})
}

// TestExclusionsNeverInventUptime: they take from what counts, and leave what
// is unknown.
func TestExclusionsNeverInventUptime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := uptime.NewTimeline(drawFlips(t), "", drawExclusions(t))
		w := drawWindow(t)
		raw, adjusted := line.Raw(w), line.Tally(w)
		if adjusted.Up > raw.Up || adjusted.Down > raw.Down || adjusted.Unknown != raw.Unknown || adjusted.Coverage() != raw.Coverage() {
			t.Fatalf("raw %+v, adjusted %+v", raw, adjusted)
		}
	})
}

func BenchmarkTally90DaysOf1000Flips(b *testing.B) {
	start := second(0)
	var flips []monitor.Flip
	for i := range 1000 {
		at := start.Add(time.Duration(i) * 90 * 24 * time.Hour / 1000)
		flips = append(flips, monitor.Flip{At: at, Decided: at.Add(time.Second), To: someStates[i%5]})
	}
	w := uptime.Window{From: start, To: start.Add(90 * 24 * time.Hour)}
	b.Run("build and tally", func(b *testing.B) {
		for b.Loop() {
			uptime.Tally(flips, "operational", w, nil)
		}
	})
	b.Run("tally", func(b *testing.B) {
		line := uptime.NewTimeline(flips, "operational", nil)
		for b.Loop() {
			line.Tally(w)
		}
	})
	b.Run("90 days", func(b *testing.B) {
		line := uptime.NewTimeline(flips, "operational", nil)
		for b.Loop() {
			line.Days(w.To, 90, time.UTC)
		}
	})
}
