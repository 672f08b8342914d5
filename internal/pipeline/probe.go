package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// Probe runs the checks of a batch and writes their results as one item. A
// batch that was already written is no error: it is the same batch, come twice.
// Checks that are late by more than their interval are dropped and counted.
func (p *Pipeline) Probe(ctx context.Context, b schedule.Batch) error {
	cfg, err := p.Config(ctx, b.Config)
	if err != nil {
		return err
	}
	if err := p.setAside(ctx); err != nil {
		p.Log.Error("not set aside", "error", err) // checks come first
	}
	checks, late := p.checks(cfg, b)
	if late > 0 {
		p.Log.Warn("checks dropped: too late", "batch", b.Key(), "shard", b.Shard, "late", late)
	}
	if len(checks) == 0 && late == 0 {
		return nil
	}
	out := store.Batch{
		Shard: b.Shard, Location: b.Location, Scheduled: b.Scheduled, Attempt: b.Attempt,
		Checks: len(checks), Late: late,
	}
	out.Results = p.Engine.Run(ctx, checks)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("batch %s of shard %d was cut short: %w", b.Key(), b.Shard, err) // it says nothing of its targets
	}
	out.Finished = p.Now()
	p.keepShots(ctx, out.Results)
	failed := p.logFailures(out.Results)
	err = p.putBatch(ctx, b, out)
	if errors.Is(err, table.ErrTooLarge) {
		err = p.putBatch(ctx, b, withoutEvidence(out))
	}
	if errors.Is(err, table.ErrConflict) {
		p.Log.Debug("batch came twice", "batch", b.Key(), "shard", b.Shard)
		return nil
	}
	if err != nil {
		return fmt.Errorf("put batch %s of shard %d: %w", b.Key(), b.Shard, err)
	}
	// Only now: an alarm on this metric is to fire when results are not written.
	p.emit(Metric{ChecksRun, Count, float64(len(checks) - failed)}, Metric{ChecksLate, Count, float64(late)}, Metric{ChecksFailedToRun, Count, float64(failed)})
	return nil
}

// keepShots puts the pictures of journeys where they have room, and takes them out
// of the results. One that cannot be kept is not worth a result.
func (p *Pipeline) keepShots(ctx context.Context, results []monitor.Result) {
	for i := range results {
		if len(results[i].Screenshot) == 0 {
			continue
		}
		op, err := store.ShotOp(results[i])
		if err == nil {
			err = p.Store.Commit(ctx, op)
		}
		if err != nil {
			p.Log.Warn("picture not kept", "monitor", results[i].Monitor, "check", results[i].ID(), "error", err)
		}
		results[i].Screenshot = nil
	}
}

func (p *Pipeline) putBatch(ctx context.Context, b schedule.Batch, out store.Batch) error {
	op, err := store.BatchOp(b, out)
	if err != nil {
		return err
	}
	return p.Store.Commit(ctx, op)
}

// withoutEvidence is a batch with its verdicts only: what fits an item whatever
// the targets said.
func withoutEvidence(b store.Batch) store.Batch {
	b.Results = slices.Clone(b.Results)
	for i := range b.Results {
		b.Results[i].Body, b.Results[i].Expectations, b.Results[i].Answers, b.Results[i].Cutover = "", nil, nil, nil
	}
	return b
}

func (p *Pipeline) checks(cfg *monitor.Config, b schedule.Batch) (checks []monitor.Check, late int) {
	now := p.Now()
	for _, id := range b.Monitors {
		m, ok := cfg.Monitor(id)
		if !ok || m.Paused {
			continue
		}
		if schedule.Late(b, m, now) {
			late++
			continue
		}
		checks = append(checks, monitor.Check{Monitor: m, Location: b.Location, Scheduled: b.Scheduled, Attempt: b.Attempt})
	}
	return checks, late
}

// logFailures logs all checks that did not find their target up, and returns how
// many failed to run.
func (p *Pipeline) logFailures(results []monitor.Result) (notRun int) {
	for _, r := range results {
		if r.Failure == nil {
			continue
		}
		level := slog.LevelInfo
		if r.Outcome == monitor.OutcomeNotRun {
			level = slog.LevelError
			notRun++
		}
		p.Log.Log(context.Background(), level, "check", "check", r.ID(), "monitor", r.Monitor, "location", r.Location, "outcome", r.Outcome,
			"failure", r.Failure.Kind, "warn", r.Failure.Warn, "detail", r.Failure.Detail, "attempt", r.Attempt, "total_ms", monitor.MS(r.Timing.Total))
	}
	return notRun
}
