package schedule_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
)

var (
	someEvery     = []time.Duration{5, 7, 10, 15, 30, 60, 90, 300}
	someLocations = []monitor.Location{"us-west-2", "us-east-1", "eu-west-1"}
)

func drawConfig(t *rapid.T) *monitor.Config {
	cfg := &monitor.Config{Version: 1, Locations: someLocations}
	services := rapid.IntRange(1, 6).Draw(t, "services")
	for s := range services {
		cfg.Services = append(cfg.Services, monitor.Service{
			ID: monitor.ServiceID(fmt.Sprint("s", s)), Shard: rapid.IntRange(0, 2).Draw(t, "shard"),
		})
	}
	for i := range rapid.IntRange(0, 12).Draw(t, "monitors") {
		cfg.Monitors = append(cfg.Monitors, monitor.Monitor{
			ID:        monitor.ID(fmt.Sprintf("m%02d", i)),
			Service:   cfg.Services[rapid.IntRange(0, services-1).Draw(t, "service")].ID,
			Every:     rapid.SampledFrom(someEvery).Draw(t, "every") * time.Second,
			Locations: someLocations[:rapid.IntRange(1, 3).Draw(t, "locations")],
			Paused:    rapid.IntRange(0, 5).Draw(t, "paused") == 0,
		})
	}
	return cfg
}

// TestSpansNeitherRepeatNorLose: a span asked for in pieces, as a dispatch that
// is called irregularly does, gives the batches of the whole.
func TestSpansNeitherRepeatNorLose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		at := rapid.SampledFrom(someLocations).Draw(t, "at")
		plan := schedule.NewPlan(cfg, at)
		start := time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(t, "start"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		from := start
		var pieces []schedule.Batch
		for range rapid.IntRange(1, 8).Draw(t, "pieces") {
			to := from.Add(time.Duration(rapid.Int64Range(0, 120e9).Draw(t, "length")))
			pieces = append(pieces, plan.Due(from, to)...)
			from = to
		}
		whole := schedule.Due(cfg, at, start, from)
		if diff := cmp.Diff(whole, pieces); diff != "" {
			t.Fatalf("pieces differ from the whole (-whole +pieces):\n%s", diff)
		}
	})
}

// TestOneCheckInEveryInterval, wherever the interval is laid.
func TestOneCheckInEveryInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		at := rapid.SampledFrom(someLocations).Draw(t, "at")
		plan := schedule.NewPlan(cfg, at)
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		for _, m := range cfg.Monitors {
			want := 1
			if m.Paused || !slices.Contains(m.Locations, at) {
				want = 0
			}
			got := 0
			for _, b := range plan.Due(from, from.Add(m.Every)) {
				for _, id := range b.Monitors {
					if id == m.ID {
						got++
					}
				}
			}
			if got != want {
				t.Fatalf("%s has %d checks in its interval of %v, want %d", m.ID, got, m.Every, want)
			}
		}
	})
}

// TestBatchesAreWhole: monitors of one shard that are due in one second share a
// batch, batches come in order, and every monitor is on its own shard.
func TestBatchesAreWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), 0)
		got := schedule.Due(cfg, "us-west-2", from, from.Add(5*time.Minute))
		for i, b := range got {
			if !slices.IsSorted(b.Monitors) || len(slices.Compact(slices.Clone(b.Monitors))) != len(b.Monitors) || len(b.Monitors) == 0 {
				t.Fatalf("monitors are not a sorted set: %v", b.Monitors)
			}
			for _, id := range b.Monitors {
				m, _ := cfg.Monitor(id)
				if svc, _ := cfg.Service(m.Service); svc.Shard != b.Shard {
					t.Fatalf("%s of shard %d is in a batch of shard %d", id, svc.Shard, b.Shard)
				}
			}
			if i == 0 {
				continue
			}
			last := got[i-1]
			if b.Scheduled.Before(last.Scheduled) || b.Scheduled.Equal(last.Scheduled) && b.Shard <= last.Shard {
				t.Fatalf("batches out of order, or two of one shard and second: %v %d, %v %d", last.Scheduled, last.Shard, b.Scheduled, b.Shard)
			}
		}
	})
}

// TestSameTurnWhateverElseIsWatched: a monitor's times depend on its interval,
// shard and location alone, and not on the order or company of the others.
func TestSameTurnWhateverElseIsWatched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		if len(cfg.Monitors) == 0 {
			return
		}
		m := rapid.SampledFrom(cfg.Monitors).Draw(t, "monitor")
		alone := *cfg
		alone.Monitors = []monitor.Monitor{m}
		times := func(c *monitor.Config) (at []time.Time) {
			for _, b := range schedule.Due(c, "us-west-2", evening, evening.Add(10*time.Minute)) {
				if slices.Contains(b.Monitors, m.ID) {
					at = append(at, b.Scheduled)
				}
			}
			return at
		}
		if diff := cmp.Diff(times(&alone), times(cfg)); diff != "" {
			t.Fatalf("times changed with the company (-alone +together):\n%s", diff)
		}
	})
}

// TestSpread: the shards of a location share the seconds of the interval as
// evenly as whole seconds allow, and no stretch of it is empty for long.
func TestSpread(t *testing.T) {
	for _, every := range []time.Duration{5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600} {
		for _, shards := range []int{1, 2, 3, 7, 40, 100} {
			t.Run(fmt.Sprintf("%d shards over %v", shards, every*time.Second), func(t *testing.T) {
				seconds := int(every)
				var at []int
				for _, b := range schedule.Due(fleet(shards, 1, every*time.Second, "us-west-2"), "us-west-2",
					evening, evening.Add(every*time.Second)) {
					at = append(at, int(b.Scheduled.Sub(evening)/time.Second))
				}
				if len(at) != shards {
					t.Fatalf("batches = %d, want %d", len(at), shards)
				}
				busiest := map[int]int{}
				for _, s := range at {
					if busiest[s]++; busiest[s] > (shards+seconds-1)/seconds {
						t.Errorf("second %d has %d batches of %d", s, busiest[s], shards)
					}
				}
				slices.Sort(at)
				gap := at[0] + seconds - at[len(at)-1]
				for i := 1; i < len(at); i++ {
					gap = max(gap, at[i]-at[i-1])
				}
				if gap*shards > 4*seconds && shards <= seconds {
					t.Errorf("nothing is due for %d s of %d", gap, seconds)
				}
			})
		}
	}
}

// TestLocationsAreApart: neighbouring Regions do not check in the same second.
func TestLocationsAreApart(t *testing.T) {
	locations := []monitor.Location{
		"us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "ap-south-1", "sa-east-1",
	}
	cfg := fleet(1, 1, time.Hour, locations...)
	seen := map[time.Time]monitor.Location{}
	for _, at := range locations {
		turn := schedule.Due(cfg, at, evening, evening.Add(time.Hour))[0].Scheduled
		if other, taken := seen[turn]; taken {
			t.Errorf("%s and %s are due in the same second of the hour", other, at)
		}
		seen[turn] = at
	}
}

func BenchmarkNewPlan5000(b *testing.B) {
	cfg := fleet(100, 50, time.Minute, "us-west-2")
	for b.Loop() {
		schedule.NewPlan(cfg, "us-west-2")
	}
}

func BenchmarkDue5000ForAMinute(b *testing.B) {
	plan := schedule.NewPlan(fleet(100, 50, time.Minute, "us-west-2"), "us-west-2")
	for b.Loop() {
		plan.Due(evening, evening.Add(time.Minute))
	}
}
