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

// frozenAtOnce is how many months a run freezes at most, after a long pause.
const frozenAtOnce = 12

// freeze writes down the figures of the months that are finished, once. What
// flips are found or changed after that does not change them; only a person's
// correction does, and says so.
func (p *Pipeline) freeze(ctx context.Context, cfg *monitor.Config, now time.Time) error {
	last, name := uptime.Finished(now, cfg.Zone())
	done, err := p.Store.Frozen(ctx)
	if err != nil || done >= name {
		return err
	}
	months := []uptime.Window{last}
	for len(months) < frozenAtOnce && done != "" {
		local := months[0].From.In(cfg.Zone())
		before := uptime.Month(local.Year(), local.Month()-1, cfg.Zone())
		if monthName(before, cfg.Zone()) <= done {
			break
		}
		months = append([]uptime.Window{before}, months...)
	}
	for _, month := range months {
		if err := p.freezeMonth(ctx, cfg, month, now); err != nil {
			return err
		}
	}
	op, err := store.FrozenOp(name)
	if err != nil {
		return err
	}
	return p.Store.Commit(ctx, op)
}

// monthName is the name of a month; its first hours may be another's where clocks
// change at midnight.
func monthName(w uptime.Window, zone *time.Location) string {
	return uptime.MonthName(w.From.Add(12*time.Hour), zone)
}

func (p *Pipeline) freezeMonth(ctx context.Context, cfg *monitor.Config, w uptime.Window, now time.Time) error {
	adjustments, err := p.Store.Adjustments(ctx, w.From, w.To)
	if err != nil {
		return err
	}
	for _, svc := range cfg.Services {
		line, err := p.Store.History(ctx, svc.ID, w.From, w.To, adjustments)
		if err != nil {
			return err
		}
		f := line.Figures(svc.ID, w)
		if f.Adjusted.Observed() == 0 {
			continue // there was no such service yet
		}
		f.Month, f.Frozen = monthName(w, cfg.Zone()), now
		op, err := store.FiguresOp(f, 0)
		if err != nil {
			return err
		}
		if err := p.Store.Commit(ctx, op); err != nil && !errors.Is(err, table.ErrConflict) {
			return err // a conflict: they are frozen already
		}
	}
	return nil
}
