package uptime_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/uptime"
)

// TestAmendEqualsTwin: frozen figures with corrections made and withdrawn after
// that are those of a timeline that had them from the first, of the service and of
// its monitors.
func TestAmendEqualsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flips, exclusions, w := drawHistory(t), drawExclusions(t), drawWindow(t)
		initial := rapid.SampledFrom(someStates).Draw(t, "initial")
		var all []uptime.Correction
		for i := range rapid.IntRange(0, 4).Draw(t, "corrections") {
			from := rapid.IntRange(-60, 660).Draw(t, "from")
			as, _ := uptime.CorrectedAs(rapid.SampledFrom([]string{"up", "down", "maintenance", "unknown"}).Draw(t, "as"))
			all = append(all, uptime.Correction{ID: string(rune('a' + i)), From: second(from), To: second(from + 100), As: as, At: second(1000 + i)})
		}
		figures := func(corrections ...uptime.Correction) uptime.Figures {
			line := uptime.History{Timeline: uptime.NewTimeline(flips, initial, exclusions, corrections...), Exclusions: exclusions, Corrections: corrections}
			f := line.Freeze(line.Figures("web", w), "2019-05", "UTC", second(900))
			m := line.MonitorFigures("web", "m", "M", w)
			f.Monitors = []uptime.Figures{line.Freeze(m, "", "", time.Time{})}
			return f
		}
		known := rapid.IntRange(0, len(all)).Draw(t, "known when it was frozen")
		got := figures(all[:known]...)
		if !got.IsTraced() {
			return // a window without time
		}
		for _, c := range all[known:] {
			before := got.Adjusted
			if got = got.Amend(c); got.Amended[len(got.Amended)-1].Before != before {
				t.Errorf("what it was before is not told: %+v", got.Amended)
			}
		}
		if len(all) > 0 {
			i := rapid.IntRange(0, len(all)-1).Draw(t, "withdrawn")
			got, all = got.Withdraw(all[i]), append(append([]uptime.Correction{}, all[:i]...), all[i+1:]...)
		}
		got.Amended = nil
		if diff := cmp.Diff(figures(all...), got); diff != "" {
			t.Errorf("(-twin +amended):\n%s", diff)
		}
	})
}

// TestMonitor: what a monitor was before its first flip that flip says, though it
// comes long after; without any it is what it settled in.
func TestMonitor(t *testing.T) {
	w := uptime.Window{From: second(0), To: second(100)}
	flip := func(at int, from, to monitor.State) monitor.Flip {
		return monitor.Flip{Monitor: "m", At: second(at), Decided: second(at), From: string(from), To: string(to)}
	}
	correction := uptime.Correction{From: second(10), To: second(20), As: monitor.MajorOutage}
	for name, tt := range map[string]struct {
		flips       []monitor.Flip
		since       time.Time
		corrections []uptime.Correction
		want        uptime.Seconds
	}{
		"nothing is known":      {want: uptime.Seconds{Unknown: 100 * time.Second}},
		"stable for longer":     {since: second(-1000), want: uptime.Seconds{Up: 100 * time.Second}},
		"settled in it":         {since: second(40), want: uptime.Seconds{Up: 60 * time.Second, Unknown: 40 * time.Second}},
		"flipped in it":         {flips: []monitor.Flip{flip(60, "up", "down")}, since: second(60), want: uptime.Seconds{Up: 60 * time.Second, Down: 40 * time.Second}},
		"flipped after it":      {flips: []monitor.Flip{flip(500, "down", "up")}, since: second(500), want: uptime.Seconds{Down: 100 * time.Second}},
		"corrected":             {since: second(-1000), corrections: []uptime.Correction{correction}, want: uptime.Seconds{Up: 90 * time.Second, Down: 10 * time.Second}},
		"another monitor's not": {flips: []monitor.Flip{{Monitor: "other", At: second(5), To: "down"}}, since: second(-5), want: uptime.Seconds{Up: 100 * time.Second}},
	} {
		line := uptime.History{Flips: tt.flips, Corrections: tt.corrections}.Monitor("m", monitor.Up, tt.since)
		if diff := cmp.Diff(tt.want, line.Tally(w)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, tt := range []struct {
		share float64
		want  string
	}{{0, "0.000000"}, {1, "1.000000"}, {0.9999999, "0.999999"}, {0.99999949999, "0.999999"}, {0.9991, "0.999100"}, {-1, "0.000000"}, {2, "1.000000"}, {1e-9, "0.000000"}} {
		if got := uptime.Decimal(tt.share, 6); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.share, got, tt.want)
		}
	}
}

// TestDue: after a pause the months that were missed, a year of them at most; the
// first time only the last one.
func TestDue(t *testing.T) {
	now := time.Date(2019, 6, 2, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		done, first string
		n           int
	}{{"", "2019-05", 1}, {"2019-05", "", 0}, {"2019-06", "", 0}, {"2019-04", "2019-05", 1}, {"2018-12", "2019-01", 5}, {"2015-01", "2018-06", 12}} {
		got := uptime.Due(tt.done, now, time.UTC)
		if len(got) != tt.n || tt.n > 0 && uptime.MonthName(got[0].From, time.UTC) != tt.first {
			t.Errorf("after %q: %v, want %d from %s on", tt.done, got, tt.n, tt.first)
		}
	}
}
