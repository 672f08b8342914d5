package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/memory"
)

// counting counts the writes of a table.
type counting struct {
	table.Table
	writes int
}

// Write implements table.Table.
func (c *counting) Write(ctx context.Context, ops ...table.Op) error {
	c.writes++
	return c.Table.Write(ctx, ops...)
}

// steady is fifty monitors of one service that are all known to be up, and their
// next batch.
func steady(tb testing.TB) (*counting, *pipeline.Pipeline, []store.Batch) {
	tb.Helper()
	cfg := sites(monitor.ShardMonitors)
	svc := monitor.Service{ID: "all", Name: "All", Needs: 1}
	for i := range cfg.Monitors {
		cfg.Monitors[i].Service = svc.ID
		svc.Monitors = append(svc.Monitors, cfg.Monitors[i].ID)
	}
	cfg.Services = []monitor.Service{svc}
	w := &world{now: start, down: map[monitor.ID]bool{}}
	clock := func() time.Time { return w.now }
	rows := &counting{Table: memory.New(clock)}
	s := store.New(rows, clock)
	stages := pipeline.New(pipeline.Deps{Store: s, Now: clock, Location: monitor.Local, Queue: w, Engine: w, Publisher: w, Fresh: time.Minute, ConfigAge: time.Hour})
	ctx := context.Background()
	if _, err := s.PutConfig(ctx, cfg, 0, "test"); err != nil {
		tb.Fatal(err)
	}
	var batches []store.Batch
	for range 2 {
		w.now = w.now.Add(time.Minute)
		if err := stages.Probe(ctx, schedule.Batch{Location: monitor.Local, Scheduled: w.now, Monitors: svc.Monitors}); err != nil {
			tb.Fatal(err)
		}
		var err error
		if batches, err = s.Batches(ctx, 0, w.now, w.now.Add(time.Second)); err != nil || len(batches) != 1 {
			tb.Fatal(fmt.Errorf("%d batches: %w", len(batches), err))
		}
		if err := stages.Detect(ctx, batches); err != nil {
			tb.Fatal(err)
		}
	}
	return rows, stages, batches
}

// TestNoNews: a batch in which all is as it was writes nothing.
func TestNoNews(t *testing.T) {
	rows, stages, batches := steady(t)
	before := rows.writes
	if err := stages.Detect(context.Background(), batches); err != nil {
		t.Fatal(err)
	}
	if n := rows.writes - before; n != 0 {
		t.Errorf("%d writes", n)
	}
	allocations := testing.AllocsPerRun(20, func() {
		if err := stages.Detect(context.Background(), batches); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%.0f allocations for a batch of %d", allocations, monitor.ShardMonitors)
	if allocations > mostAllocations {
		t.Errorf("%.0f allocations, want at most %d", allocations, mostAllocations)
	}
}

// mostAllocations is what Detect may allocate for fifty healthy results: nearly all of it
// is the state, which is read anew. It was 703 when this was written.
const mostAllocations = 800

// BenchmarkDetect is a batch of fifty healthy results, the state read anew from a
// table in memory; what deciding alone takes is in package detect.
func BenchmarkDetect(b *testing.B) {
	_, stages, batches := steady(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := stages.Detect(context.Background(), batches); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/monitor.ShardMonitors, "ns/result")
	allocations := testing.AllocsPerRun(10, func() { _ = stages.Detect(context.Background(), batches) })
	b.ReportMetric(allocations/monitor.ShardMonitors, "allocs/result")
}
