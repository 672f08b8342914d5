package uptime_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/uptime"
)

var app = monitor.Monitor{ID: "app", Every: time.Minute}

// result is one of app's, scheduled so many minutes after noon.
func result(minute int, location monitor.Location, outcome monitor.Outcome, total time.Duration) monitor.Result {
	return monitor.Result{
		Monitor: "app", Location: location, Scheduled: minutes(minute), Started: minutes(minute).Add(time.Second),
		Outcome: outcome, Timing: monitor.Timing{Total: total},
	}
}

func TestFromResults(t *testing.T) {
	const (
		up, slow, down, notRun = monitor.OutcomeUp, monitor.OutcomeDegraded, monitor.OutcomeDown, monitor.OutcomeNotRun
		ms                     = time.Millisecond
	)
	hour := between(0, 60)
	recheck := result(5, "us-west-2", down, 9*ms)
	recheck.Attempt = 1
	repeat := result(5, "us-west-2", down, 30*ms)
	repeat.Started = repeat.Started.Add(time.Second)
	other := result(7, "us-west-2", up, ms)
	other.Monitor = "app-dns"
	every := func(minutes ...int) (all []monitor.Result) {
		for _, m := range minutes {
			all = append(all, result(m, "us-west-2", up, ms))
		}
		return all
	}
	tests := []struct {
		name    string
		results []monitor.Result
		want    uptime.Rollup
	}{
		{"nothing", nil, uptime.Rollup{}},
		{"every outcome", []monitor.Result{
			result(5, "us-west-2", up, 20*ms), result(6, "us-west-2", slow, 900*ms), result(7, "us-west-2", down, 10*time.Second), result(8, "us-west-2", notRun, 0),
		}, uptime.Rollup{Up: 1, Degraded: 1, Down: 1, NotRun: 1, Observed: 3 * time.Minute, Latency: sketchOf(20*ms, 900*ms)}},
		{"an outcome of a later version is no verdict", []monitor.Result{result(5, "us-west-2", "splendid", ms)}, uptime.Rollup{NotRun: 1}},
		{"locations share the time", []monitor.Result{result(5, "us-west-2", up, 20*ms), result(5, "eu-west-1", up, 80*ms)},
			uptime.Rollup{Up: 2, Observed: time.Minute, Latency: sketchOf(20*ms, 80*ms)}},
		{"a repeat counts once, the first one", []monitor.Result{repeat, result(5, "us-west-2", up, 20*ms), repeat},
			uptime.Rollup{Up: 1, Observed: time.Minute, Latency: sketchOf(20 * ms)}},
		{"a re-check is a result of its own", []monitor.Result{result(5, "us-west-2", down, 8*ms), recheck},
			uptime.Rollup{Down: 2, Observed: time.Minute}},
		{"other monitors are left out", []monitor.Result{other}, uptime.Rollup{}},
		{"the window's ends", every(-1, 0, 59, 60), uptime.Rollup{Up: 2, Observed: 2 * time.Minute, Latency: sketchOf(ms, ms)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Monitor, tt.want.Window = "app", hour
			if diff := cmp.Diff(tt.want, uptime.FromResults(app, hour, tt.results)); diff != "" {
				t.Errorf("FromResults (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("the check before the window covers its beginning", func(t *testing.T) {
		quarterly := monitor.Monitor{ID: "app", Every: 15 * time.Minute}
		got := uptime.FromResults(quarterly, hour, every(-10, 5, 20, 50))
		if got.Checks() != 3 || got.Observed != 45*time.Minute || got.Coverage() != 0.75 {
			t.Errorf("checks %d, observed %v, coverage %v; want 3, 45m, 0.75", got.Checks(), got.Observed, got.Coverage())
		}
	})
}

func drawResults(t *rapid.T) []monitor.Result {
	var results []monitor.Result
	for range rapid.IntRange(0, 30).Draw(t, "results") {
		r := result(rapid.IntRange(-5, 130).Draw(t, "minute"),
			rapid.SampledFrom([]monitor.Location{"us-west-2", "eu-west-1"}).Draw(t, "location"),
			rapid.SampledFrom([]monitor.Outcome{monitor.OutcomeUp, monitor.OutcomeDegraded, monitor.OutcomeDown, monitor.OutcomeNotRun}).Draw(t, "outcome"),
			time.Duration(rapid.IntRange(0, 3e6).Draw(t, "µs"))*time.Microsecond)
		r.Attempt = rapid.IntRange(0, 1).Draw(t, "attempt")
		r.Started = r.Scheduled.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "started")) * time.Second)
		results = append(results, r)
	}
	return results
}

func TestFromResultsIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		results := drawResults(t)
		want := uptime.FromResults(app, between(0, 120), results)
		shuffled := rapid.Permutation(slices.Concat(results, results)).Draw(t, "shuffled")
		if diff := cmp.Diff(want, uptime.FromResults(app, between(0, 120), shuffled)); diff != "" {
			t.Fatalf("FromResults (-once +shuffled and twice):\n%s", diff)
		}
	})
}

func TestHoursMergeIntoTheDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		results := drawResults(t)
		want := uptime.FromResults(app, between(0, 120), results)
		hours := []uptime.Rollup{
			uptime.FromResults(app, between(0, 60), results), uptime.FromResults(app, between(60, 90), results),
			uptime.FromResults(app, between(90, 120), results), {},
		}
		var got uptime.Rollup
		for _, h := range rapid.Permutation(hours).Draw(t, "hours") {
			got.Merge(h)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("Merge (-whole +merged):\n%s", diff)
		}
	})
}

func TestMergeOfTwoMonitorsIsNobodys(t *testing.T) {
	r := uptime.Rollup{Monitor: "app", Window: between(0, 60), Up: 1}
	r.Merge(uptime.Rollup{Monitor: "app-dns", Window: between(0, 60), Up: 2})
	if diff := cmp.Diff(uptime.Rollup{Window: between(0, 60), Up: 3}, r); diff != "" {
		t.Errorf("Merge (-want +got):\n%s", diff)
	}
}

func TestRollupSurvivesStorage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := uptime.FromResults(app, between(0, 120), drawResults(t))
		data, err := r.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var back, parsed uptime.Rollup
		if err := back.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &parsed); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, back); diff != "" {
			t.Fatalf("binary (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff(r, parsed); diff != "" {
			t.Fatalf("JSON (-before +after):\n%s", diff)
		}
		clone := r.Clone()
		clone.Add(result(1, "us-west-2", monitor.OutcomeUp, time.Second))
		if diff := cmp.Diff(back, r); diff != "" {
			t.Fatalf("adding to a clone has changed the rollup:\n%s", diff)
		}
	})
}

func TestRollupJSON(t *testing.T) {
	r := uptime.FromResults(app, between(0, 60), []monitor.Result{result(5, "us-west-2", monitor.OutcomeUp, 5*time.Microsecond)})
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"monitor":"app","from":"2019-05-28T12:00:00Z","to":"2019-05-28T13:00:00Z","up":1,"degraded":0,"down":0,"not_run":0,` +
		`"observed":60000000000,"latency":"AQUABQE"}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestRollupRefuses(t *testing.T) {
	t.Run("to be stored", func(t *testing.T) {
		for want, r := range map[string]uptime.Rollup{
			"not in whole seconds": {Window: uptime.Window{From: minutes(0), To: minutes(60).Add(1)}},
			"is out of range":      {Window: uptime.Window{From: minutes(0), To: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}},
			"is negative":          {Window: between(60, 0)},
			"-1 is negative":       {Window: between(0, 60), Down: -1},
			"longer than 255":      {Monitor: monitor.ID(strings.Repeat("a", 256)), Window: between(0, 60)},
		} {
			if _, err := r.MarshalBinary(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want one that says %q", err, want)
			}
		}
	})
	t.Run("to be read", func(t *testing.T) {
		data, err := uptime.FromResults(app, between(0, 60), []monitor.Result{result(1, "local", monitor.OutcomeUp, time.Second)}).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string][]byte{
			"empty": nil, "another form": {9}, "cut in its id": data[:3], "cut in its counts": data[:10], "cut in its sketch": data[:len(data)-1],
			"before the year 0": {1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0},
			"too long":          append(slices.Clone(data), 0),
		} {
			r := uptime.Rollup{Up: 7}
			if err := r.UnmarshalBinary(bad); !errors.Is(err, uptime.ErrMalformed) {
				t.Errorf("%s: error = %v, want %v", name, err, uptime.ErrMalformed)
			}
			if diff := cmp.Diff(uptime.Rollup{Up: 7}, r); diff != "" {
				t.Errorf("%s: the rollup was changed:\n%s", name, diff)
			}
		}
	})
}

func TestCoverageOfNoTime(t *testing.T) {
	if got := (uptime.Rollup{}).Coverage(); got != 0 {
		t.Errorf("Coverage = %v, want 0", got)
	}
	if r := (uptime.Rollup{Up: 2, Down: 1, NotRun: 4}); r.Ran() != 3 || r.Checks() != 7 {
		t.Errorf("ran %d of %d, want 3 of 7", r.Ran(), r.Checks())
	}
}

// FuzzRollup: whatever is read is written as it was read, and has JSON.
func FuzzRollup(f *testing.F) {
	for _, r := range []uptime.Rollup{
		{Window: between(0, 60)},
		uptime.FromResults(app, between(0, 60), []monitor.Result{result(1, "local", monitor.OutcomeUp, time.Second)}),
	} {
		data, err := r.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r uptime.Rollup
		if r.UnmarshalBinary(data) != nil {
			return
		}
		again, err := r.MarshalBinary()
		if err != nil || !slices.Equal(again, data) {
			t.Fatalf("read %x, written %x, %v", data, again, err)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkFromResultsOfAnHour(b *testing.B) {
	var results []monitor.Result
	for minute := range 60 {
		for _, location := range []monitor.Location{"us-west-2", "us-east-1", "eu-west-1"} {
			results = append(results, result(minute, location, monitor.OutcomeUp, 100*time.Millisecond))
		}
	}
	for b.Loop() {
		uptime.FromResults(app, between(0, 60), results)
	}
}
