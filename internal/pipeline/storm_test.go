package pipeline_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/memory"
)

var stormMonitors = flag.Int("storm-monitors", 1000, "how many monitors fail at once in TestStorm")

// storm is the stages over a table in memory, with a carrier that counts.
type storm struct {
	world
	told map[monitor.TierID][]notify.Message
}

// Publish implements notify.Publisher.
func (s *storm) Publish(_ context.Context, m notify.Message) (string, error) {
	s.told[m.Tier] = append(s.told[m.Tier], m)
	return "carrier-" + m.ID, nil
}

func newStorm(t *testing.T, cfg *monitor.Config) *storm {
	t.Helper()
	s := &storm{world: world{t: t, now: start, down: map[monitor.ID]bool{}}, told: map[monitor.TierID][]notify.Message{}}
	clock := func() time.Time { return s.now }
	s.store = store.New(memory.New(clock), clock)
	if _, err := s.store.PutConfig(context.Background(), cfg, 0, "test"); err != nil {
		t.Fatal(err)
	}
	s.stages = pipeline.New(pipeline.Deps{
		Store: s.store, Now: clock, Location: monitor.Local, Queue: s, Engine: s, Publisher: s,
		Fresh: time.Minute, ConfigAge: time.Hour, Pause: func(context.Context, time.Duration) {},
	})
	return s
}

// TestStorm: everything fails at once. Each tier gets one digest within one run
// of Notify, or of Sweep where it waits for its time, and one when all is over;
// each notification has its receipt.
func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute where races are looked for")
	}
	cfg := sites(*stormMonitors)
	s, ctx := newStorm(t, cfg), context.Background()
	for _, m := range cfg.Monitors {
		s.down[m.ID] = true
	}
	s.round(cfg)
	delivered, err := s.stages.Notify(ctx)
	if err != nil || delivered != len(cfg.Monitors) {
		t.Fatalf("%d delivered: %v", delivered, err)
	}
	s.now = s.now.Add(time.Minute)
	if err := s.stages.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	for _, tier := range cfg.Tiers {
		if got := s.told[tier.ID]; len(got) != 1 || len(got[0].Notifications) != len(cfg.Monitors) {
			t.Fatalf("%s got %d messages", tier.ID, len(got))
		}
		if m := s.told[tier.ID][0]; len(m.Email) > 64<<10 || len(m.Subject) > notify.MaxSubject || len(m.SMS) > notify.MaxSMS {
			t.Errorf("%s got an e-mail of %d bytes, a subject of %d", tier.ID, len(m.Email), len(m.Subject))
		}
	}
	clear(s.down)
	s.now = s.now.Add(time.Minute)
	s.round(cfg)
	if _, err := s.stages.Notify(ctx); err != nil {
		t.Fatal(err)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	if most := uint64(64<<20 + 100<<10*len(cfg.Monitors)); memory.Sys > most {
		t.Errorf("it took %d MB, want at most %d", memory.Sys>>20, most>>20)
	}
	for _, tier := range cfg.Tiers {
		if got := s.told[tier.ID]; len(got) != 2 || got[1].Attributes["event"] != string(incident.EventResolved) {
			t.Errorf("%s got %d messages", tier.ID, len(got))
		}
	}
	if pending, err := s.store.Outbox(ctx, 1); err != nil || len(pending) > 0 {
		t.Errorf("%d left in the outbox: %v", len(pending), err)
	}
}

// round checks everything once, and lets Detect have the results.
func (s *storm) round(cfg *monitor.Config) {
	s.t.Helper()
	ctx := context.Background()
	var batches []store.Batch
	for shard := range cfg.Shards() {
		b := schedule.Batch{Shard: shard, Location: monitor.Local, Scheduled: s.now, Config: cfg.Version}
		for _, svc := range cfg.Services {
			if svc.Shard == shard {
				b.Monitors = append(b.Monitors, svc.Monitors...)
			}
		}
		if err := s.stages.Probe(ctx, b); err != nil {
			s.t.Fatal(err)
		}
		got, err := s.store.Batches(ctx, shard, s.now, s.now.Add(time.Second))
		if err != nil {
			s.t.Fatal(err)
		}
		batches = append(batches, got...)
	}
	for some := range slices.Chunk(batches, streamed) {
		if err := s.stages.Detect(ctx, some); err != nil {
			s.t.Fatal(err)
		}
	}
}

// streamed is how many batches the stream brings in one call at most (template.yaml).
const streamed = 10

// TestStormSpread: what breaks over a minute, fifty monitors every five seconds, as the
// change feed brings it: Notify is called for each. A tier that hears at once gets four
// messages at once, then one each half minute or minute, of all that came meanwhile; one
// that waits hears by runs of Sweep. Each incident is told once.
func TestStormSpread(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long where races are looked for")
	}
	const rounds = 12
	cfg := sites(rounds * monitor.ShardMonitors)
	s, ctx := newStorm(t, cfg), context.Background()
	var at []time.Duration // of what on-call is told
	for i := range rounds {
		for _, svc := range cfg.Services {
			s.down[svc.Monitors[0]] = svc.Shard == i
		}
		s.shard(cfg, i)
		before := len(s.told["oncall"])
		if _, err := s.stages.Notify(ctx); err != nil {
			t.Fatal(err)
		}
		if len(s.told["oncall"]) > before {
			at = append(at, s.now.Sub(start))
		}
		s.now = s.now.Add(time.Minute / rounds)
	}
	for range 3 {
		if err := s.stages.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(time.Minute)
	}
	want := []time.Duration{0, 5 * time.Second, 10 * time.Second, 15 * time.Second, 45 * time.Second}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Errorf("on-call is told as it breaks at (-want +got):\n%s", diff)
	}
	for tier, messages := range map[monitor.TierID]int{"oncall": 6, "administrators": 2, "customers": 2} {
		told := map[string]int{}
		for _, m := range s.told[tier] {
			for _, id := range m.Notifications {
				told[id]++
			}
		}
		twice := slices.ContainsFunc(slices.Collect(maps.Values(told)), func(n int) bool { return n > 1 })
		if len(s.told[tier]) != messages || len(told) != len(cfg.Services) || twice {
			t.Errorf("%s got %d messages of %d incidents, one twice: %t; want %d of %d", tier, len(s.told[tier]), len(told), twice, messages, len(cfg.Services))
		}
	}
}

// shard checks the monitors of one shard, and lets Detect have the results.
func (s *storm) shard(cfg *monitor.Config, shard int) {
	s.t.Helper()
	ctx, b := context.Background(), schedule.Batch{Shard: shard, Location: monitor.Local, Scheduled: s.now, Config: cfg.Version}
	for _, svc := range cfg.Services {
		if svc.Shard == shard {
			b.Monitors = append(b.Monitors, svc.Monitors...)
		}
	}
	if err := s.stages.Probe(ctx, b); err != nil {
		s.t.Fatal(err)
	}
	got, err := s.store.Batches(ctx, shard, s.now, s.now.Add(time.Second))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.stages.Detect(ctx, got); err != nil {
		s.t.Fatal(err)
	}
}

// sites is so many monitors, each a service of its own.
func sites(n int) *monitor.Config {
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Hosting", TimeZone: "UTC"}, Locations: []monitor.Location{monitor.Local},
		Tiers: []monitor.Tier{
			{ID: "oncall", Name: "On-call", Impact: monitor.ImpactMinor},
			{ID: "administrators", Name: "Administrators", After: 30 * time.Second, Impact: monitor.ImpactMajor},
			{ID: "customers", Name: "Customers", After: time.Minute, Impact: monitor.ImpactMajor, Public: true},
		},
	}
	for i := range n {
		id := fmt.Sprintf("site-%05d", i)
		cfg.Monitors = append(cfg.Monitors, monitor.Monitor{
			ID: monitor.ID(id), Name: id, Service: monitor.ServiceID(id), Every: time.Minute, Timeout: 5 * time.Second,
			Confirm: 1, Recover: 1, Recheck: time.Second, Locations: []monitor.Location{monitor.Local}, TCP: &monitor.TCP{Address: "203.0.113.1:443"},
		})
		cfg.Services = append(cfg.Services, monitor.Service{
			ID: monitor.ServiceID(id), Name: "Site " + id, Monitors: []monitor.ID{monitor.ID(id)}, Needs: 1, Shard: i / monitor.ShardMonitors,
		})
	}
	return cfg
}
