package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

const (
	// overlap is how far Sweep reads back behind what it has read: a batch is
	// written some time after the time it was scheduled for.
	overlap = 2 * time.Minute
	// lookBack is how far a first Sweep reads.
	lookBack = 15 * time.Minute
)

// Sweep does all that time alone causes: votes that end undecided, locations
// and monitors gone silent, planned maintenance, incidents that waited for another service, tiers
// that are due, reminders, notifications still undelivered; and it renews the
// snapshot, so that the page never shows old news as new.
func (p *Pipeline) Sweep(ctx context.Context) error {
	cfg, err := p.Config(ctx, 0)
	if err != nil {
		return err
	}
	r, err := p.read(ctx, cfg)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	var failed []error
	doubted, _, err := p.Store.Doubted(ctx)
	if err != nil {
		failed = append(failed, fmt.Errorf("read doubted locations: %w", err)) // the rest goes on
	}
	before, from, last, desk := &r, heard{}, checks{}, p.newDesk()
	said := &reports{at: p.Now(), of: map[monitor.Location]report{}}
	if r.maintenance, err = p.maintain(ctx, cfg, r.states); err != nil {
		failed, before = append(failed, err), nil
	}
	for shard := range cfg.Shards() {
		changed, err := p.sweepShard(ctx, cfg, desk, shard, r.states, from, said, last, slices.Sorted(maps.Keys(doubted.Aside)))
		if err != nil {
			failed = append(failed, fmt.Errorf("sweep shard %d: %w", shard, err))
		}
		if changed || err != nil {
			before = nil // the snapshot is to show it
		}
	}
	if doubted, err = p.silence(ctx, cfg, desk, said, doubted); err != nil {
		failed = append(failed, fmt.Errorf("silent locations: %w", err))
	}
	if doubted, err = p.doubt(ctx, cfg, desk, r.states, doubted); err != nil {
		failed = append(failed, fmt.Errorf("doubt locations: %w", err))
	}
	if err := p.sweepIncidents(ctx, cfg, desk, r.states); err != nil {
		failed = append(failed, fmt.Errorf("sweep incidents: %w", err))
	}
	if err := p.rehearse(ctx, cfg); err != nil {
		failed = append(failed, fmt.Errorf("rehearse: %w", err))
	}
	if p.Publisher != nil {
		if _, err := p.notify(ctx, p.Gap/sweepGap); err != nil {
			failed = append(failed, fmt.Errorf("sweep outbox: %w", err))
		}
	}
	seen := func(s *store.Snapshot) {
		s.Locations = mark(locationViews(cfg, s.Locations, from), doubted.Aside)
		last.show(s)
	}
	if err := p.renew(ctx, before, seen); err != nil {
		failed = append(failed, fmt.Errorf("renew snapshot: %w", err))
	}
	return errors.Join(append(failed, p.setAside(ctx))...)
}

// sweepShard lets time pass for the services of a shard, and reports whether that
// changed one.
func (p *Pipeline) sweepShard(ctx context.Context, cfg *monitor.Config, desk *desk, shard int, states map[monitor.ServiceID]store.State, from heard, said *reports, last checks, aside []monitor.Location) (changed bool, err error) {
	seen, err := p.hear(ctx, cfg, shard, last)
	if err != nil {
		said.partial = true
		return false, err
	}
	from.hear(seen)
	said.hear(cfg, shard, seen)
	for _, svc := range cfg.Services {
		if svc.Shard != shard {
			continue
		}
		tick := func(cfg *monitor.Config, svc monitor.Service, state detect.Service) (detect.Service, detect.Effects) {
			return detect.Tick(cfg, svc, state, seen.Since, schedule.Silence, p.Now(), aside...)
		}
		turned, err := p.advance(ctx, cfg, desk, svc, states[svc.ID], tick)
		if err != nil {
			return changed, fmt.Errorf("tick %s: %w", svc.ID, err)
		}
		changed = changed || turned
	}
	return changed, nil
}

// hear brings up to date when each monitor of a shard was last heard of, and
// what its last check said.
func (p *Pipeline) hear(ctx context.Context, cfg *monitor.Config, shard int, last checks) (store.Seen, error) {
	now := p.Now()
	seen, version, err := p.Store.Seen(ctx, shard)
	if err != nil {
		return seen, err
	}
	from := seen.Until.Add(-overlap)
	if version == 0 {
		from = now.Add(-lookBack)
	}
	batches, err := p.Store.Batches(ctx, shard, from, now.Add(overlap))
	if err != nil {
		return seen, err
	}
	last.hear(batches)
	until := seen.Until
	for _, b := range batches {
		seen.Hear(b)
	}
	if news := seen.Adopt(cfg, shard, now); !news && !seen.Until.After(until) {
		return seen, nil
	}
	err = p.Store.PutSeen(ctx, shard, seen, version)
	if errors.Is(err, table.ErrConflict) {
		return seen, nil // another sweep has done it
	}
	return seen, err
}

// sweepIncidents tells tiers that have become due, and looks after services
// that are bad and belong to no incident yet.
func (p *Pipeline) sweepIncidents(ctx context.Context, cfg *monitor.Config, desk *desk, states map[monitor.ServiceID]store.State) error {
	board, err := desk.read(ctx)
	if err != nil {
		return err
	}
	// Before tiers hear of anything: whom maintenance keeps from hearing.
	if err := p.muteIncidents(ctx, cfg, board, states); err != nil {
		return err
	}
	// What others keep changing is looked at again a minute later; it must not keep the
	// rest from being looked at now.
	var busy []error
	but := func(err error) error {
		if errors.Is(err, table.ErrConflict) {
			busy = append(busy, err)
			return nil
		}
		return err
	}
	if err := but(p.reopen(ctx, cfg, desk, board, states)); err != nil {
		return err
	}
	for _, inc := range board.Open {
		if err := but(p.tickIncident(ctx, cfg, desk, inc.ID)); err != nil {
			return err
		}
	}
	if err := but(p.release(ctx, cfg, desk, board)); err != nil {
		return err
	}
	for _, svc := range cfg.Services {
		state := states[svc.ID]
		if !state.InMaintenance(p.Now()).IsZero() {
			continue
		}
		if state.Status.Impact() == monitor.ImpactNone || isCause(board, svc.ID) {
			continue
		}
		if err := but(p.reconsider(ctx, cfg, desk, svc)); err != nil {
			return err
		}
	}
	return errors.Join(busy...)
}

// reopen looks again at what only waited for old DNS answers to run out: a resolver
// may keep one for longer than it may, and then that is no end.
func (p *Pipeline) reopen(ctx context.Context, cfg *monitor.Config, desk *desk, board store.Board, states map[monitor.ServiceID]store.State) error {
	for _, inc := range board.Open {
		if inc.State != incident.Draining {
			continue
		}
		for _, a := range inc.Services {
			svc, known := cfg.Service(a.ID)
			if !known || states[a.ID].Status.Impact() == monitor.ImpactNone {
				continue
			}
			if err := p.reconsider(ctx, cfg, desk, svc); err != nil {
				return err
			}
		}
	}
	return nil
}

// release lets go of services that the configuration does not hold any more, or of
// which nothing that it holds counts: no result will ever say that they are fine.
func (p *Pipeline) release(ctx context.Context, cfg *monitor.Config, desk *desk, board store.Board) error {
	for _, inc := range board.Open {
		for _, a := range inc.Services {
			svc, still := cfg.Service(a.ID)
			if _, prober := a.ID.Prober(); still && cfg.Watches(svc) || prober || !a.Restored.IsZero() && !a.Flapping && !a.Unknown {
				continue
			}
			// Its state may be of a newer configuration, which holds it.
			state, err := p.Store.State(ctx, a.ID)
			if err != nil {
				return err
			}
			if state.Config > cfg.Version {
				continue // as the next Sweep sees it
			}
			if still {
				if err := p.bring(ctx, cfg, desk, svc, true); err != nil {
					return err
				}
				continue
			}
			gone := detect.Service{Service: a.ID, Status: monitor.NotKnown, Since: p.Now()}
			err = p.retry(ctx, func() error {
				ops, told, err := p.incidents(ctx, cfg, desk, monitor.Service{ID: a.ID, Name: a.Name, Internal: a.Internal}, gone)
				if err != nil || len(ops) == 0 {
					return err
				}
				if err := desk.wrote(told, p.Store.Commit(ctx, ops...)); err != nil {
					return err
				}
				p.logIncidents(told)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// isCause: an open incident is about the service already. One that is listed as
// affected only is looked at again: it may stand alone by now.
func isCause(board store.Board, id monitor.ServiceID) bool {
	for i := range board.Open {
		if a, in := board.Open[i].Affects(id); in && a.Cause {
			return true
		}
	}
	return false
}

// tickIncident tells the tiers that have become due in one incident.
func (p *Pipeline) tickIncident(ctx context.Context, cfg *monitor.Config, desk *desk, id string) error {
	return p.retry(ctx, func() error {
		board, err := desk.read(ctx)
		if err != nil {
			return err
		}
		at := board.At(id)
		if at < 0 {
			return nil // it is over meanwhile
		}
		fx, due := incident.Tick(cfg, board.Open[at], p.Now())
		if !due {
			return nil
		}
		ops, err := store.IncidentOps(board, fx)
		if err != nil {
			return err
		}
		return desk.wrote(fx, p.Store.Commit(ctx, ops...))
	})
}
