package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
)

// wordy is an engine whose every check fails, with much to say.
type wordy struct{ said int }

func (e wordy) Run(_ context.Context, checks []monitor.Check) []monitor.Result {
	out := make([]monitor.Result, len(checks))
	for i, c := range checks {
		out[i] = monitor.Result{
			Monitor: c.Monitor.ID, Location: c.Location, Scheduled: c.Scheduled, Outcome: monitor.OutcomeDown,
			Failure: &monitor.Failure{Kind: monitor.FailExpect, Detail: "status == 200 (status was 500)"}, Body: strings.Repeat("x", e.said),
		}
	}
	return out
}

// TestOversizedBatch: results that are too large for one item are kept without
// what the targets said, and count.
func TestOversizedBatch(t *testing.T) {
	cfg := &monitor.Config{Site: monitor.Site{TimeZone: "UTC"}, Locations: []monitor.Location{monitor.Local}}
	svc := monitor.Service{ID: "all"}
	b := schedule.Batch{Location: monitor.Local, Scheduled: start}
	for i := range 50 {
		m := monitor.Monitor{ID: monitor.ID(fmt.Sprintf("m%02d", i)), Service: "all", Every: 60e9, Timeout: 10e9, Locations: cfg.Locations, TCP: &monitor.TCP{Address: "x:1"}}
		cfg.Monitors, svc.Monitors, b.Monitors = append(cfg.Monitors, m), append(svc.Monitors, m.ID), append(b.Monitors, m.ID)
	}
	cfg.Services = []monitor.Service{svc}
	w := newWorld(t, cfg)
	deps := w.stages.Deps
	deps.Engine = wordy{said: 20 << 10}
	if err := pipeline.New(deps).Probe(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	batches, err := w.store.Batches(context.Background(), 0, start, start.Add(time.Second))
	if err != nil || len(batches) != 1 || len(batches[0].Results) != 50 {
		t.Fatalf("%d batches, %v", len(batches), err)
	}
	for _, r := range batches[0].Results {
		if r.Outcome != monitor.OutcomeDown || r.Failure == nil || r.Body != "" {
			t.Errorf("%s: %s, %v, %d bytes of body", r.Monitor, r.Outcome, r.Failure, len(r.Body))
		}
	}
}
