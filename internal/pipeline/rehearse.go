package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
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
		return p.Rehearse(ctx, cfg, store.Rehearsal{At: p.Now(), Scheduled: due, Counted: p.count(ctx, cfg)}, cfg.Rehearse.Tiers, last, version)
	})
}

// count asks who is subscribed to the public tiers that a rehearsal leaves out, where
// the carrier knows: they are not to be disturbed for it. That nobody is, is no alarm:
// who wants to hear is for the public to say.
func (p *Pipeline) count(ctx context.Context, cfg *monitor.Config) []store.Counted {
	counter, counts := p.Publisher.(notify.Counter)
	if !counts {
		return nil
	}
	out := []store.Counted{}
	for _, tier := range cfg.Tiers {
		if !tier.Public || slices.Contains(cfg.Rehearse.Tiers, tier.ID) {
			continue
		}
		n, err := counter.Subscribed(ctx, tier.ID)
		if err != nil {
			p.Log.Warn("not known who is subscribed", "tier", tier.ID, "error", err)
			continue
		}
		out = append(out, store.Counted{Tier: tier.ID, At: p.Now(), N: n})
	}
	return out
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
