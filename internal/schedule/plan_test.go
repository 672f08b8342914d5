package schedule_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
)

// fleet is a configuration of so many shards with so many monitors each, all
// with one interval.
func fleet(shards, monitors int, every time.Duration, locations ...monitor.Location) *monitor.Config {
	cfg := &monitor.Config{Version: 1, Locations: locations}
	for s := range shards {
		svc := monitor.Service{ID: monitor.ServiceID(fmt.Sprintf("svc-%04d", s)), Shard: s, Needs: 1}
		for i := range monitors {
			m := monitor.Monitor{
				ID: monitor.ID(fmt.Sprintf("m-%04d-%03d", s, i)), Service: svc.ID, Every: every, Locations: locations,
			}
			svc.Monitors = append(svc.Monitors, m.ID)
			cfg.Monitors = append(cfg.Monitors, m)
		}
		cfg.Services = append(cfg.Services, svc)
	}
	return cfg
}

// turns is what a test compares: seconds after the hour, shard, monitors.
type turns struct {
	Second, Shard int
	Monitors      []monitor.ID
}

// TestDue also pins the phases: a change of them moves every check of everybody.
func TestDue(t *testing.T) {
	const west, east = monitor.Location("us-west-2"), monitor.Location("us-east-1")
	both := []monitor.Location{west, east}
	cfg := &monitor.Config{
		Version: 4, Locations: both,
		Services: []monitor.Service{{ID: "app", Shard: 0}, {ID: "balancers", Shard: 1}},
		Monitors: []monitor.Monitor{
			{ID: "app", Service: "app", Every: 30 * time.Second, Locations: both},
			{ID: "app-dns", Service: "app", Every: time.Minute, Locations: both},
			{ID: "app-old", Service: "app", Every: time.Minute, Locations: both, Paused: true},
			{ID: "app-us", Service: "app", Every: time.Minute, Locations: []monitor.Location{east}},
			{ID: "lb-primary", Service: "balancers", Every: time.Minute, Locations: both},
			{ID: "lb-secondary", Service: "balancers", Every: time.Minute, Locations: both},
			{ID: "nightly-backup", Service: "app", Every: time.Minute, Locations: []monitor.Location{west},
				Heartbeat: &monitor.Heartbeat{Every: 24 * time.Hour, Grace: time.Hour}},
		},
	}
	hour := time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)
	tests := []struct {
		name     string
		at       monitor.Location
		from, to time.Time
		want     []turns
	}{
		{"home, one minute", west, hour, hour.Add(time.Minute), []turns{
			{25, 0, []monitor.ID{"app"}},
			{38, 1, []monitor.ID{"lb-primary", "lb-secondary"}},
			{55, 0, []monitor.ID{"app", "app-dns", "nightly-backup"}},
		}},
		{"elsewhere, one minute", east, hour, hour.Add(time.Minute), []turns{
			{0, 0, []monitor.ID{"app", "app-dns", "app-us"}},
			{30, 0, []monitor.ID{"app"}},
			{43, 1, []monitor.ID{"lb-primary", "lb-secondary"}},
		}},
		{"empty span", west, hour, hour, nil},
		{"span backwards", west, hour.Add(time.Hour), hour, nil},
		{"not a location of ours", "eu-north-1", hour, hour.Add(time.Hour), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []turns
			for _, b := range schedule.Due(cfg, tt.at, tt.from, tt.to) {
				if b.Location != tt.at || b.Attempt != 0 || b.Config != 4 || b.Scheduled.Location() != time.UTC {
					t.Errorf("batch is not one of this plan: %+v", b)
				}
				got = append(got, turns{int(b.Scheduled.Sub(hour) / time.Second), b.Shard, b.Monitors})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Due (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDueAtTheEdges: the span is inclusive at its beginning and exclusive at
// its end, and to the nanosecond.
func TestDueAtTheEdges(t *testing.T) {
	plan := schedule.NewPlan(fleet(1, 1, time.Minute, monitor.Local), monitor.Local)
	turn := plan.Due(evening, evening.Add(time.Minute))[0].Scheduled
	tests := []struct {
		name     string
		from, to time.Duration // from the turn
		want     int
	}{
		{"begins with it", 0, time.Nanosecond, 1},
		{"ends with it", -time.Second, 0, 0},
		{"begins just after it", time.Nanosecond, time.Minute, 0},
		{"begins just before it", -time.Nanosecond, time.Nanosecond, 1},
		{"both", 0, time.Minute + time.Nanosecond, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := len(plan.Due(turn.Add(tt.from), turn.Add(tt.to))); got != tt.want {
				t.Errorf("batches = %d, want %d", got, tt.want)
			}
		})
	}
	t.Run("before the epoch", func(t *testing.T) {
		from := time.Unix(-600, 0)
		if got := len(plan.Due(from, from.Add(5*time.Minute))); got != 5 {
			t.Errorf("batches = %d, want 5", got)
		}
	})
}

func TestPlanOfOddConfigurations(t *testing.T) {
	monitorOf := func(every time.Duration) monitor.Monitor {
		return monitor.Monitor{ID: "m", Service: "nobody", Every: every, Locations: []monitor.Location{monitor.Local}}
	}
	tests := []struct {
		name  string
		every time.Duration
		want  int // checks in a minute
	}{
		{"no interval", 0, 60},
		{"negative interval", -time.Minute, 60},
		{"under a second", time.Millisecond, 60},
		{"half seconds are rounded up", 5500 * time.Millisecond, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := &monitor.Config{Monitors: []monitor.Monitor{monitorOf(tt.every)}}
			got := schedule.Due(cfg, monitor.Local, time.Unix(0, 0), time.Unix(60, 0))
			if len(got) != tt.want {
				t.Fatalf("batches = %d, want %d", len(got), tt.want)
			}
			if got[0].Shard != 0 {
				t.Errorf("shard of a monitor without a service = %d, want 0", got[0].Shard)
			}
		})
	}
}

// TestBatchesBelongToTheCaller: changing one must not change the plan.
func TestBatchesBelongToTheCaller(t *testing.T) {
	plan := schedule.NewPlan(fleet(1, 3, time.Minute, monitor.Local), monitor.Local)
	first := plan.Due(evening, evening.Add(time.Minute))
	first[0].Monitors[0] = "changed"
	if got := plan.Due(evening, evening.Add(time.Minute))[0].Monitors[0]; got != "m-0000-000" {
		t.Errorf("the plan was changed through a batch: %s", got)
	}
}
