package local

import (
	"context"
	"time"

	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

const (
	feedBatch   = 100
	feedRetry   = time.Second // after a stage failed
	cleanAtOnce = 5000        // expired rows removed in one go
)

// probe runs one batch of checks.
func (s *System) probe(ctx context.Context, b schedule.Batch) {
	if err := s.stages.Probe(ctx, b); err != nil && ctx.Err() == nil {
		s.stages.Log.Error("batch failed", "batch", b.Key(), "shard", b.Shard, "error", err)
	}
}

// follow hands what the feed brings to Detect and Notify, in order, and trims
// it only when they have dealt with it: after a crash it comes again.
func (s *System) follow(ctx context.Context) {
	for ctx.Err() == nil {
		changes, err := s.db.Changes(ctx, 0, feedBatch)
		if err == nil && len(changes) > 0 {
			if err = s.handle(ctx, changes); err == nil {
				err = s.db.Trim(ctx, changes[len(changes)-1].Seq)
			}
		}
		if err != nil && ctx.Err() == nil {
			s.stages.Log.Error("change feed stopped; trying again", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(feedRetry):
			}
		}
	}
}

func (s *System) handle(ctx context.Context, changes []table.Change) error {
	var batches []store.Batch
	notify := false
	for _, c := range changes {
		switch c.Row.Kind {
		case store.KindBatch:
			b, err := store.DecodeBatch(c.Row)
			if err != nil {
				// It will not get better by being read again.
				s.stages.Log.Error("batch set aside", "pk", c.Row.PK, "sk", c.Row.SK, "error", err)
				continue
			}
			batches = append(batches, b)
		case store.KindNotification:
			notify = true
		}
	}
	if len(batches) > 0 {
		if err := s.stages.Detect(ctx, batches); err != nil {
			return err
		}
	}
	if notify {
		if _, err := s.stages.Notify(ctx); err != nil {
			return err
		}
	}
	return nil
}

// clean removes rows whose time has come; reads do not see them anyway.
func (s *System) clean(ctx context.Context) error {
	_, err := s.db.Sweep(ctx, cleanAtOnce)
	return err
}
