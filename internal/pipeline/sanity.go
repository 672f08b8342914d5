package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
)

// doubt sets locations aside that find most of what they check down while others
// do not, and takes them back when they have shown that they do not any more, or
// when nothing is checked from there. Each is an incident of its own, for
// operators only: one message when it begins, one when it ends; see silence for
// what says nothing. It returns which locations are set aside.
func (p *Pipeline) doubt(ctx context.Context, cfg *monitor.Config, desk *desk, states map[monitor.ServiceID]store.State, doubted store.Doubted) (store.Doubted, error) {
	services := make([]detect.Service, 0, len(states))
	for _, s := range states {
		services = append(services, s.Service)
	}
	found := detect.Sanity(cfg, services)
	for location := range doubted.Aside {
		if _, known := found[location]; !known {
			found[location] = detect.Alone{} // nothing is checked from there any more
		}
	}
	turned := false
	for _, location := range slices.Sorted(maps.Keys(found)) {
		alone, is := found[location], !doubted.Aside[location].IsZero()
		if !is && !alone.IsDoubtful() {
			continue
		}
		s, err := p.standing(ctx, cfg, states, location)
		if err != nil {
			return doubted, err
		}
		if s.alone = alone; !s.turns(is) {
			continue
		}
		if err := p.doubtOne(ctx, cfg, desk, location, s); err != nil {
			return doubted, err
		}
		turned = true
	}
	if !turned {
		return doubted, nil
	}
	doubted, _, err := p.Store.Doubted(ctx)
	return doubted, err
}

// standing is what is known of a location: what it says alone, what it was last
// heard to find good, and whether it is heard at all.
type standing struct {
	alone  detect.Alone
	proof  detect.Alone // Down counts what its last word was not good of, or is too old
	silent bool
	idle   bool // nothing is checked from there
}

// turns reports whether a location is to be set aside, or, if it is, to be taken
// back. That nothing it says stands against the others proves nothing, since
// what it finds wrong is left out meanwhile: it has to be heard to find three of
// four good.
func (s standing) turns(is bool) bool {
	if !is {
		return s.alone.IsDoubtful() && !s.silent
	}
	return s.idle || s.proof.Down < s.proof.Of && s.proof.IsSane() && !s.alone.IsDoubtful()
}

// standing looks up what a location said last of each monitor that it can be
// judged by. It reads batches, which is done only of a location that is set
// aside, or about to be.
func (p *Pipeline) standing(ctx context.Context, cfg *monitor.Config, states map[monitor.ServiceID]store.State, location monitor.Location) (s standing, err error) {
	var newest time.Time
	patience := time.Duration(0)
	for shard := range cfg.Shards() {
		seen, _, err := p.Store.Seen(ctx, shard)
		if err != nil {
			return s, err
		}
		last := map[time.Time][]monitor.ID{}
		for _, svc := range cfg.Services {
			if svc.Shard != shard {
				continue
			}
			for _, m := range cfg.Members(svc) {
				if m.Paused || m.Kind() == monitor.KindHeartbeat || !slices.Contains(m.Locations, location) {
					continue
				}
				if silence := schedule.Silence(m); patience == 0 || silence < patience {
					patience = silence
				}
				if at := seen.At(m.ID, location); at.After(newest) {
					newest = at
				}
			}
			for _, m := range detect.Witnesses(cfg, states[svc.ID].Service, location) {
				s.proof.Of++
				s.proof.Down++
				if at := seen.At(m.ID, location); p.Now().Sub(at) <= schedule.Silence(m) {
					last[at] = append(last[at], m.ID)
				}
			}
		}
		good, err := p.foundGood(ctx, shard, location, last)
		if err != nil {
			return s, err
		}
		s.proof.Down -= good
	}
	s.idle = patience == 0
	s.silent = s.idle || p.Now().Sub(newest) > patience
	return s, nil
}

// foundGood counts the monitors that a location did not find down at the given times,
// which are those of its last results of each: what is slow from everywhere is so from
// there, too.
func (p *Pipeline) foundGood(ctx context.Context, shard int, location monitor.Location, last map[time.Time][]monitor.ID) (good int, err error) {
	for _, at := range slices.SortedFunc(maps.Keys(last), time.Time.Compare) {
		batches, err := p.Store.Batches(ctx, shard, at, at.Add(time.Millisecond))
		if err != nil {
			return good, err
		}
		outcomes, attempts := map[monitor.ID]monitor.Outcome{}, map[monitor.ID]int{}
		for _, b := range batches {
			for _, r := range b.Results {
				if b.Location == location && r.Outcome != monitor.OutcomeNotRun && r.Attempt >= attempts[r.Monitor] {
					outcomes[r.Monitor], attempts[r.Monitor] = r.Outcome, r.Attempt
				}
			}
		}
		for _, id := range last[at] {
			if o := outcomes[id]; o == monitor.OutcomeUp || o == monitor.OutcomeDegraded {
				good++
			}
		}
	}
	return good, nil
}

func (p *Pipeline) doubtOne(ctx context.Context, cfg *monitor.Config, desk *desk, location monitor.Location, s standing) error {
	return p.retry(ctx, func() error {
		doubted, version, err := p.Store.Doubted(ctx)
		if err != nil {
			return err
		}
		_, is := doubted.Aside[location]
		if !s.turns(is) || doubted.IsTold(location) {
			return nil
		}
		a := s.alone
		if is && s.idle {
			a = detect.Alone{} // by this the incident knows that nothing is checked from there
		}
		state := detect.Service{Service: monitor.Prober(location), Since: p.Now(), Decided: p.Now(), Total: a.Of, Alive: a.Of - a.Down}
		if is {
			delete(doubted.Aside, location)
			state.Status = monitor.Operational
		} else {
			doubted.Aside[location] = p.Now()
			state.Status = monitor.DegradedPerf
		}
		svc := monitor.Service{ID: state.Service, Internal: true}
		ops, told, err := p.incidents(ctx, cfg, desk, svc, state)
		if err != nil {
			return err
		}
		op, err := store.DoubtedOp(doubted, version)
		if err != nil {
			return err
		}
		if err := desk.wrote(told, p.Store.Commit(ctx, append(ops, op)...)); err != nil {
			return err
		}
		p.Log.Warn("location", "location", location, "set_aside", !is, "alone", s.alone.Down, "of", s.alone.Of, "silent", s.silent)
		p.logIncidents(told)
		return nil
	})
}

// trusted leaves out of results what locations that are set aside find wrong.
// That is asked of the table only where something is.
func (p *Pipeline) trusted(ctx context.Context, cfg *monitor.Config, states map[monitor.ServiceID]store.State, results map[monitor.ServiceID][]monitor.Result) error {
	if len(cfg.Locations) < 2 || !failing(results) {
		return nil
	}
	doubted, _, err := p.Store.Doubted(ctx)
	if err != nil {
		return fmt.Errorf("read doubted locations: %w", err)
	}
	locations := slices.Collect(maps.Keys(doubted.Aside))
	for id, rs := range results {
		results[id] = detect.WithoutDoubtful(states[id].Service, rs, locations)
	}
	return nil
}

func failing(results map[monitor.ServiceID][]monitor.Result) bool {
	for _, rs := range results {
		if slices.ContainsFunc(rs, func(r monitor.Result) bool { return r.Outcome != monitor.OutcomeUp }) {
			return true
		}
	}
	return false
}

// mark shows on locations which are set aside, and since when.
func mark(views []store.LocationView, aside map[monitor.Location]time.Time) []store.LocationView {
	for i := range views {
		views[i].Aside = aside[views[i].ID]
	}
	return views
}
