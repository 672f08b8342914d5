package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
)

const (
	// leastPatience is for how long a location may say nothing at least, however often
	// it checks.
	leastPatience = 3 * time.Minute
	// leastWatched is for how long silence must have been watched before it is told: a
	// machine that has slept sweeps before it checks. It is a bit less than a minute, so
	// that the next of the sweeps that come each minute may tell it.
	leastWatched = 50 * time.Second
	// lateNotice is how long after it has begun silence is noticed at the latest where
	// nothing was wrong with Sweep, and nobody had paused anything.
	lateNotice = 2 * time.Minute
)

// reports is what is heard from the locations that check something, as it was when a
// sweep began: whatever it waits for later, silence is not judged by a later time.
type reports struct {
	at      time.Time
	of      map[monitor.Location]report
	partial bool // a shard could not be read: nothing is known of who is silent
}

// report is when a location was heard last, zero if never, and what it checks most
// often: how often, and how long that may bring no result.
type report struct {
	last            time.Time
	round, patience time.Duration
}

// hear takes into account what a shard has heard. What is paused says nothing, and
// heartbeats say nothing of where they arrive.
func (r *reports) hear(cfg *monitor.Config, shard int, seen store.Seen) {
	for _, svc := range cfg.Services {
		if svc.Shard != shard {
			continue
		}
		for _, m := range cfg.Members(svc) {
			if m.Paused || m.Kind() == monitor.KindHeartbeat {
				continue
			}
			patience := max(leastPatience, schedule.Silence(m))
			for _, location := range m.Locations {
				l, known := r.of[location]
				if !known || patience < l.patience {
					l.patience = patience
				}
				if round := m.Every + m.Timeout; !known || round < l.round {
					l.round = round
				}
				if at := seen.At(m.ID, location); at.After(l.last) {
					l.last = at
				}
				r.of[location] = l
			}
		}
	}
}

// isSilent reports whether nothing is heard from a location any more.
func (r *reports) isSilent(location monitor.Location) bool {
	l, checks := r.of[location]
	return checks && !l.last.IsZero() && r.at.Sub(l.last) > l.patience
}

// allSilent reports whether it is told, or was never to be heard, of every location
// but one that nothing is heard from there.
func (r *reports) allSilent(d store.Doubted, but monitor.Location) bool {
	for location, l := range r.of {
		if location != but && !l.last.IsZero() && !d.IsTold(location) {
			return false
		}
	}
	return true
}

// saysAll reports whether it is told of one of the locations that nothing is heard
// from anywhere.
func (r *reports) saysAll(d store.Doubted) bool {
	for location, s := range d.Silent {
		if _, checks := r.of[location]; checks && s.All {
			return true
		}
	}
	return false
}

// turn is what is to be known of a location's silence by now, nil if it is not silent;
// and whether that is other than what is known.
func (r *reports) turn(d store.Doubted, location monitor.Location) (next *store.Silence, turns bool) {
	l, checks := r.of[location]
	s, known := d.Silent[location]
	switch silent := r.isSilent(location); {
	case !known && !silent:
		return nil, false
	case !known:
		watched := max(leastWatched, l.round)
		if r.at.Sub(l.last) > l.patience+lateNotice {
			watched = l.patience // it was not to be heard before, as far as is known
		}
		return &store.Silence{Heard: l.last, Due: r.at.Add(watched)}, true
	case !checks, !silent && l.last.After(s.Heard), !silent && !s.Told:
		return nil, true
	case !s.Told && r.at.Before(s.Due):
		return &s, false
	}
	was := s
	all := r.allSilent(d, location)
	if !s.Told {
		s.Heard, s.Told = l.last, true
	}
	s.All = all && (was.All || !r.saysAll(d))
	return &s, s != was
}

// silence tells those who run Sonde of locations of which nothing is heard, and when
// they are heard again, or check nothing any more. It is an incident of its own for
// each location, or goes on in that by which it was set aside: what says nothing need
// not be. Of one that was never heard nothing is told: it may not be there yet.
func (p *Pipeline) silence(ctx context.Context, cfg *monitor.Config, desk *desk, r *reports, doubted store.Doubted) (store.Doubted, error) {
	if r.partial {
		return doubted, nil
	}
	locations := slices.AppendSeq(slices.Collect(maps.Keys(r.of)), maps.Keys(doubted.Silent))
	slices.Sort(locations)
	for _, location := range slices.Compact(locations) {
		if _, turns := r.turn(doubted, location); !turns {
			continue
		}
		d, err := p.silenceOne(ctx, cfg, desk, r, location)
		if err != nil {
			return doubted, err
		}
		doubted = d
	}
	return doubted, nil
}

func (p *Pipeline) silenceOne(ctx context.Context, cfg *monitor.Config, desk *desk, r *reports, location monitor.Location) (d store.Doubted, err error) {
	err = p.retry(ctx, func() error {
		var version int64
		if d, version, err = p.Store.Doubted(ctx); err != nil {
			return err
		}
		was := d.IsTold(location)
		next, turns := r.turn(d, location)
		if !turns {
			return nil
		}
		state := detect.Service{Service: monitor.Prober(location), Since: p.Now(), Decided: p.Now(), Status: monitor.DegradedPerf}
		switch {
		case next == nil:
			delete(d.Silent, location)
			state.Status = monitor.Operational
			if _, checks := r.of[location]; checks {
				state.Alive, state.Total = 1, 1 // it is heard; of one that checks nothing any more, nothing is
			}
		case next.Told:
			delete(d.Aside, location)
			d.Silent[location] = *next
			if state.Since = next.Heard; next.All {
				state.Status = monitor.PartialOutage
				for _, l := range r.of {
					if l.last.After(state.Since) {
						state.Since = l.last
					}
				}
			}
		default:
			d.Silent[location] = *next
		}
		op, err := store.DoubtedOp(d, version)
		if err != nil {
			return err
		}
		if next == nil && !was || next != nil && !next.Told {
			return p.Store.Commit(ctx, op) // nobody is told yet, or was
		}
		ops, told, err := p.incidents(ctx, cfg, desk, monitor.Service{ID: state.Service, Internal: true}, state)
		if err != nil {
			return err
		}
		if err := desk.wrote(told, p.Store.Commit(ctx, append(ops, op)...)); err != nil {
			return err
		}
		p.Log.Warn("location", "location", location, "silent", next != nil, "heard", r.of[location].last)
		p.logIncidents(told)
		return nil
	})
	return d, err
}
