package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/uptime"
)

// freeze writes down the figures of the months that are finished, once. What
// flips are found or changed after that does not change them; only a person's
// correction does, and says so.
func (p *Pipeline) freeze(ctx context.Context, cfg *monitor.Config, now time.Time) error {
	done, err := p.Store.FrozenUpTo(ctx)
	if err != nil {
		return err
	}
	for _, month := range uptime.Due(done, now, cfg.Zone()) {
		if err := p.freezeMonth(ctx, cfg, month); err != nil {
			return err
		}
		op, err := store.FrozenOp(monthName(month, cfg.Zone()))
		if err != nil {
			return err
		}
		if err := p.Store.Commit(ctx, op); err != nil {
			return err
		}
	}
	return nil
}

// monthName is the name of a month; its first hours may be another's where clocks
// change at midnight.
func monthName(w uptime.Window, zone *time.Location) string {
	return uptime.MonthName(w.From.Add(12*time.Hour), zone)
}

// freezeMonth freezes what was observed in a month, be it in the configuration
// still or not.
func (p *Pipeline) freezeMonth(ctx context.Context, cfg *monitor.Config, w uptime.Window) error {
	services, err := p.Store.ServicesIn(ctx, cfg, w)
	if err != nil {
		return err
	}
	ids := make([]monitor.ServiceID, len(services))
	for i, svc := range services {
		ids[i] = svc.ID
	}
	turns, err := p.Store.Adjusting(ctx, ids...)
	if err != nil {
		return err
	}
	adjustments, err := p.Store.Adjustments(ctx, w.From, w.To)
	if err != nil {
		return err
	}
	for _, svc := range services {
		err := p.freezeService(ctx, cfg, svc, w, turns[svc.ID], adjustments)
		if errors.Is(err, table.ErrConflict) { // somebody corrects it: look again
			err = p.retry(ctx, func() error {
				turns, err := p.Store.Adjusting(ctx, svc.ID)
				if err != nil {
					return err
				}
				fresh, err := p.Store.Adjustments(ctx, w.From, w.To)
				if err != nil {
					return err
				}
				return p.freezeService(ctx, cfg, svc, w, turns[svc.ID], fresh)
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// freezeService freezes a service's month, if it is not frozen, unless somebody has
// corrected the service since it was read whose turn that is.
func (p *Pipeline) freezeService(ctx context.Context, cfg *monitor.Config, svc store.Known, w uptime.Window, turn store.Adjusting, a store.Adjustments) error {
	name := monthName(w, cfg.Zone())
	if _, version, err := p.Store.Figures(ctx, svc.ID, name); err != nil || version > 0 {
		return err
	}
	f, err := p.Store.Freeze(ctx, svc, name, w, cfg.Zone().String(), a)
	if err != nil {
		return err
	}
	if f.Adjusted.Observed() == 0 {
		return nil // there was no such service yet
	}
	op, err := store.FiguresOp(f, 0)
	if err != nil {
		return err
	}
	mine, err := turn.Op()
	if err != nil {
		return err
	}
	return p.Store.Commit(ctx, op, mine)
}
