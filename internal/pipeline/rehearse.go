package pipeline

import (
	"context"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// rehearseLate is how long after its time a rehearsal still begins: one that was
// missed for longer is left out.
const rehearseLate = time.Hour

// rehearse begins the rehearsal that the configuration plans, if it is due and has
// not begun.
func (p *Pipeline) rehearse(ctx context.Context, cfg *monitor.Config) error {
	if cfg.Rehearse == nil {
		return nil
	}
	due := cfg.Rehearse.Last(p.Now().Add(1))
	if due.IsZero() || p.Now().Sub(due) > rehearseLate {
		return nil
	}
	return p.retry(ctx, func() error {
		last, version, err := p.Store.Rehearsal(ctx)
		if err != nil || !last.Scheduled.Before(due) {
			return err
		}
		return p.Rehearse(ctx, cfg, store.Rehearsal{At: p.Now(), Scheduled: due}, cfg.Rehearse.Tiers, last, version)
	})
}

// Rehearse begins a rehearsal of some tiers, or, without names, of all that are
// not the public, on condition that the last one is still the one read. The
// error is incident.ErrNoTier for a tier that there is not.
func (p *Pipeline) Rehearse(ctx context.Context, cfg *monitor.Config, r store.Rehearsal, tiers []monitor.TierID, last store.Rehearsal, version int64) error {
	id, notifications, err := incident.Rehearse(cfg, tiers, r.By, r.At)
	if err != nil {
		return err
	}
	r.ID = id
	ops, err := store.RehearsalOps(r, last, notifications, version)
	if err != nil {
		return err
	}
	if err := p.Store.Commit(ctx, ops...); err != nil {
		return err
	}
	p.Log.Info("rehearsal", "rehearsal", r.ID, "by", r.By, "tiers", len(notifications))
	return nil
}
