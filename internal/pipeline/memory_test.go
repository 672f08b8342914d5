package pipeline_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

var (
	memoryHours    = flag.Int("memory-hours", 2, "simulated hours of the memory test")
	memoryMonitors = flag.Int("memory-monitors", 200, "its monitors")
)

// TestMemoryDoesNotGrow: hours of healthy checks leave nothing behind in memory.
// `make soak` runs it with 2,000 monitors for ten hours.
func TestMemoryDoesNotGrow(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute where races are looked for")
	}
	cfg := &monitor.Config{Site: monitor.Site{Name: "Soak", TimeZone: "UTC"}, Locations: []monitor.Location{monitor.Local}}
	for i := range *memoryMonitors {
		service := i / 10
		if i%10 == 0 {
			cfg.Services = append(cfg.Services, monitor.Service{ID: monitor.ServiceID(fmt.Sprintf("s%04d", service)), Name: "S", Needs: 1, Shard: service / 5})
		}
		id := monitor.ID(fmt.Sprintf("m%05d", i))
		cfg.Monitors = append(cfg.Monitors, monitor.Monitor{
			ID: id, Service: cfg.Services[service].ID, Every: time.Minute, Timeout: time.Second, Confirm: 2, Recover: 2, Recheck: time.Second,
			Locations: cfg.Locations, TCP: &monitor.TCP{Address: "203.0.113.1:1"},
		})
		cfg.Services[service].Monitors = append(cfg.Services[service].Monitors, id)
	}
	w := newWorld(t, cfg)
	live := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var first, last uint64
	for hour := range *memoryHours {
		w.hour()
		last = live()
		if hour == 0 {
			first = last
		}
		t.Logf("after hour %d: %d KiB live", hour+1, last>>10)
	}
	if last > first+first/4+4<<20 {
		t.Errorf("live memory grew from %d to %d KiB", first>>10, last>>10)
	}
}

// hour runs the stages minute by minute, as EventBridge Scheduler does.
func (w *world) hour() {
	w.t.Helper()
	ctx := context.Background()
	for range 60 {
		if _, err := w.stages.Dispatch(ctx, w.now, w.now.Add(time.Minute)); err != nil {
			w.t.Fatal(err)
		}
		for len(w.queue) > 0 {
			b := w.queue[0]
			w.queue = w.queue[1:]
			w.now = b.Scheduled
			if err := w.stages.Probe(ctx, b); err != nil {
				w.t.Fatal(err)
			}
		}
		w.queue = nil
		w.now = w.now.Truncate(time.Minute).Add(time.Minute)
		w.follow()
		if err := w.stages.Sweep(ctx); err != nil {
			w.t.Fatal(err)
		}
		if w.now.Minute()%5 == 0 {
			if err := w.stages.Rollup(ctx); err != nil {
				w.t.Fatal(err)
			}
		}
		if _, err := w.db.Sweep(ctx, 10_000); err != nil {
			w.t.Fatal(err)
		}
	}
}
