package sample_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/api/sample"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

var now = time.Date(2019, 5, 29, 1, 30, 20, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

func TestBack(t *testing.T) {
	up, down, unknown := monitor.Operational, monitor.MajorOutage, monitor.NotKnown
	outage := []store.TurnView{{At: ago(48 * time.Hour), Status: up}, {At: ago(150 * time.Second), Status: down}}
	for _, test := range []struct {
		name      string
		view      store.ServiceView
		generated time.Time
		newest    time.Duration    // ago
		want      []monitor.Status // of the newest ones
		all       int
	}{
		{"a day and no more", store.ServiceView{Status: down, Since: ago(150 * time.Second), Turns: outage}, now, 20 * time.Second, []monitor.Status{down, down, down, up, up}, 1440},
		{"what it is now, not what it was at the full minute", store.ServiceView{Status: down, Since: ago(5 * time.Second),
			Turns: []store.TurnView{{At: ago(48 * time.Hour), Status: up}, {At: ago(5 * time.Second), Status: down}}}, now, 5 * time.Second, []monitor.Status{down, up, up}, 1441},
		{"since a while", store.ServiceView{Status: up, Since: ago(2 * time.Minute), Turns: []store.TurnView{{At: ago(24 * time.Hour), Status: unknown}, {At: ago(2 * time.Minute), Status: up}}},
			now, 20 * time.Second, []monitor.Status{up, up}, 2},
		{"has just begun", store.ServiceView{Status: up, Since: ago(5 * time.Second)}, now, 5 * time.Second, []monitor.Status{up}, 1},
		{"never known", store.ServiceView{Status: unknown, Turns: []store.TurnView{{At: ago(24 * time.Hour), Status: unknown}}}, now, 20 * time.Second, []monitor.Status{unknown}, 1},
		{"a stale snapshot says nothing of what came after it", store.ServiceView{Status: unknown, Since: ago(150 * time.Second), Turns: outage}, ago(100 * time.Second),
			20 * time.Second, []monitor.Status{unknown, unknown, down, up}, 1440},
		{"of an older version, without turns", store.ServiceView{Status: down, Since: ago(90 * time.Second)}, now, 20 * time.Second, []monitor.Status{down, down}, 2},
		{"a clock that is behind", store.ServiceView{Status: up, Since: now.Add(time.Hour)}, now, 20 * time.Second, []monitor.Status{up}, 1},
	} {
		var got []monitor.Status
		all, last := 0, now.Add(time.Second)
		for one := range sample.Back(test.view, test.generated, now) {
			if !one.At.Before(last) {
				t.Fatalf("%s: %v after %v", test.name, one.At, last)
			}
			if last = one.At; all == 0 && !one.At.Equal(ago(test.newest)) {
				t.Errorf("%s: the newest is of %v, want %v", test.name, one.At, ago(test.newest))
			}
			if all++; len(got) < len(test.want) {
				got = append(got, one.Status)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" || all != test.all {
			t.Errorf("%s: %d samples, want %d (-want +got):\n%s", test.name, all, test.all, diff)
		}
	}
}

func TestLatency(t *testing.T) {
	hour := now.Truncate(time.Hour)
	v := store.ServiceView{
		Latency: &store.LatencyView{P50: 12},
		Series:  []store.LatencyPoint{{At: hour.Add(-5 * time.Hour), P50: 100, N: 60}, {At: hour.Add(-2 * time.Hour), P50: 40, N: 20}},
	}
	for _, test := range []struct {
		back time.Duration
		want time.Duration
	}{{0, 12 * time.Millisecond}, {2 * time.Hour, 40 * time.Millisecond}, {3 * time.Hour, 0}, {5 * time.Hour, 100 * time.Millisecond}, {20 * time.Hour, 0}} {
		if got := sample.Latency(v, ago(test.back), now); got != test.want {
			t.Errorf("%v ago: %v, want %v", test.back, got, test.want)
		}
	}
	if got := sample.Mean(v); got != 85*time.Millisecond {
		t.Errorf("mean %v, want 85ms", got)
	}
	if got := sample.Mean(store.ServiceView{}); got != 0 {
		t.Errorf("mean of nothing: %v", got)
	}
}
