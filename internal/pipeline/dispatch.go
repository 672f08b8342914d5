package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/schedule"
)

// Dispatch queues the checks of this location that are scheduled from a time
// inclusive to a time exclusive. Running it twice for one window queues the
// same batches twice, and the second result of each is ignored. It returns how
// many batches it queued.
func (p *Pipeline) Dispatch(ctx context.Context, from, to time.Time) (int, error) {
	plan, err := p.planned(ctx)
	if err != nil {
		return 0, err
	}
	if err := p.setAside(ctx); err != nil {
		p.Log.Error("not set aside", "error", err) // checks come first
	}
	batches := plan.Due(from, to)
	if len(batches) == 0 {
		return 0, nil
	}
	if err := p.Queue.Send(ctx, batches); err != nil {
		return 0, fmt.Errorf("queue %d batches: %w", len(batches), err)
	}
	return len(batches), nil
}

// planned returns the plan of the configuration in force.
func (p *Pipeline) planned(ctx context.Context) (*schedule.Plan, error) {
	cfg, err := p.Config(ctx, 0)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plan == nil || p.config != cfg {
		p.plan = schedule.NewPlan(cfg, p.Location)
	}
	return p.plan, nil
}
