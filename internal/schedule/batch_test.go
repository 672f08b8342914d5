package schedule_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
)

var evening = time.Date(2019, 5, 29, 1, 0, 7, 0, time.UTC) // 18:00:07 in Los Angeles

func TestBatchKey(t *testing.T) {
	recheck := func(ids ...monitor.ID) schedule.Batch {
		return schedule.Batch{Shard: 1, Location: "eu-west-1", Scheduled: evening, Attempt: 1, Monitors: ids}
	}
	tests := []struct {
		name string
		b    schedule.Batch
		want string
	}{
		{"scheduled", schedule.Batch{Location: "us-west-2", Scheduled: evening, Monitors: []monitor.ID{"app"}},
			"2019-05-29T01:00:07.000Z#us-west-2#0"},
		{"in another zone", schedule.Batch{Location: "us-west-2", Scheduled: evening.In(time.FixedZone("PDT", -7*3600))},
			"2019-05-29T01:00:07.000Z#us-west-2#0"},
		{"milliseconds", schedule.Batch{Location: "local", Scheduled: evening.Add(45*time.Millisecond + 999*time.Microsecond)},
			"2019-05-29T01:00:07.045Z#local#0"},
		{"re-check", recheck("app", "lb-primary"), "2019-05-29T01:00:07.000Z#eu-west-1#1#29463bf800e5096a"},
		{"re-check, other order", recheck("lb-primary", "app", "app"), "2019-05-29T01:00:07.000Z#eu-west-1#1#29463bf800e5096a"},
		{"re-check of one", recheck("app"), "2019-05-29T01:00:07.000Z#eu-west-1#1#b1e59186e054d337"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.b.Key()); diff != "" {
				t.Errorf("Key (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBatchKeyTellsReChecksApart(t *testing.T) {
	sets := [][]monitor.ID{{"a", "b"}, {"ab"}, {"a"}, {"b"}, {"a", "b", "c"}, {"b", "c"}, {}}
	seen := map[string][]monitor.ID{}
	for _, ids := range sets {
		key := schedule.Batch{Location: "local", Scheduled: evening, Attempt: 2, Monitors: ids}.Key()
		if other, twice := seen[key]; twice {
			t.Errorf("%v and %v share the key %s", other, ids, key)
		}
		seen[key] = ids
	}
}

func TestBatchKeySortsByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) schedule.Batch {
			return schedule.Batch{
				Location:  rapid.SampledFrom([]monitor.Location{"us-west-2", "eu-west-1", "local"}).Draw(t, label+" location"),
				Scheduled: time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, label+" time")),
				Attempt:   rapid.IntRange(0, 30).Draw(t, label+" attempt"),
			}
		}
		a, b := draw("a"), draw("b")
		if a.Scheduled.Before(b.Scheduled) && a.Key() >= b.Key() {
			t.Fatalf("%s sorts after %s", a.Key(), b.Key())
		}
	})
}

func TestBatchTravelsAsJSON(t *testing.T) {
	b := schedule.Batch{
		Shard: 3, Location: "us-west-2", Scheduled: evening, Attempt: 2, Monitors: []monitor.ID{"app", "app-dns"}, Config: 7,
	}
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"shard":3,"location":"us-west-2","scheduled":"2019-05-29T01:00:07Z","attempt":2,"monitors":["app","app-dns"],"config":7}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	var back schedule.Batch
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b, back); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
	if b.Key() != back.Key() {
		t.Errorf("key changed in the queue: %s, %s", b.Key(), back.Key())
	}
}

func TestLate(t *testing.T) {
	tests := []struct {
		name  string
		after time.Duration
		want  bool
	}{
		{"early", -time.Second, false},
		{"in time", 0, false},
		{"by its interval", time.Minute, false},
		{"by more", time.Minute + time.Nanosecond, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, m := schedule.Batch{Scheduled: evening}, monitor.Monitor{Every: time.Minute}
			if got := schedule.Late(b, m, evening.Add(tt.after)); got != tt.want {
				t.Errorf("Late = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSilence(t *testing.T) {
	tests := []struct {
		name           string
		every, timeout time.Duration
		want           time.Duration
	}{
		{"shortest interval", 5 * time.Second, 2 * time.Second, 12 * time.Second},
		{"below a minute", 59 * time.Second, 10 * time.Second, 128 * time.Second},
		{"a minute: the scheduler's slack", time.Minute, 10 * time.Second, 190 * time.Second},
		{"an hour", time.Hour, 30 * time.Second, 2*time.Hour + 90*time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := schedule.Silence(monitor.Monitor{Every: tt.every, Timeout: tt.timeout}); got != tt.want {
				t.Errorf("Silence = %v, want %v", got, tt.want)
			}
		})
	}
}
