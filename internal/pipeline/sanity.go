package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// doubt sets locations aside that find most of what they check down while others
// do not, and takes them back when they do not any more. Each is an incident of
// its own, for operators only: one message when it begins, one when it ends. It
// returns since when which locations are set aside.
func (p *Pipeline) doubt(ctx context.Context, cfg *monitor.Config, desk *desk, states map[monitor.ServiceID]store.State) (map[monitor.Location]time.Time, error) {
	services := make([]detect.Service, 0, len(states))
	for _, s := range states {
		services = append(services, s.Service)
	}
	found := detect.Sanity(cfg, services)
	aside, err := p.aside(ctx, desk)
	if err != nil {
		return nil, err
	}
	for location := range aside {
		if _, known := found[location]; !known {
			found[location] = detect.Alone{} // nothing is checked from there any more
		}
	}
	turned := false
	for _, location := range slices.Sorted(maps.Keys(found)) {
		a, is := found[location], !aside[location].IsZero()
		if is && !a.IsSane() || !is && !a.IsDoubtful() {
			continue
		}
		if err := p.doubtOne(ctx, cfg, desk, location, a); err != nil {
			return nil, err
		}
		turned = true
	}
	if turned {
		return p.aside(ctx, desk)
	}
	return aside, nil
}

// aside is the locations that are set aside: each has an open incident.
func (p *Pipeline) aside(ctx context.Context, desk *desk) (map[monitor.Location]time.Time, error) {
	board, err := desk.read(ctx)
	if err != nil {
		return nil, err
	}
	out := map[monitor.Location]time.Time{}
	for _, inc := range board.Open {
		for _, a := range inc.Services {
			if location, is := a.ID.Prober(); is && a.Restored.IsZero() {
				out[location] = a.Since
			}
		}
	}
	return out, nil
}

func (p *Pipeline) doubtOne(ctx context.Context, cfg *monitor.Config, desk *desk, location monitor.Location, a detect.Alone) error {
	return p.retry(ctx, func() error {
		aside, version, err := p.Store.Doubted(ctx)
		if err != nil {
			return err
		}
		_, is := aside[location]
		if is && !a.IsSane() || !is && !a.IsDoubtful() {
			return nil
		}
		state := detect.Service{Service: monitor.Prober(location), Since: p.Now(), Decided: p.Now(), Total: a.Of, Alive: a.Of - a.Down}
		if is {
			delete(aside, location)
			state.Status = monitor.Operational
		} else {
			aside[location] = p.Now()
			state.Status = monitor.DegradedPerf
		}
		svc := monitor.Service{ID: state.Service, Internal: true}
		ops, told, err := p.incidents(ctx, cfg, desk, svc, state)
		if err != nil {
			return err
		}
		op, err := store.DoubtedOp(aside, version)
		if err != nil {
			return err
		}
		if err := desk.wrote(told, p.Store.Commit(ctx, append(ops, op)...)); err != nil {
			return err
		}
		p.Log.Warn("location", "location", location, "set_aside", !is, "alone", a.Down, "of", a.Of)
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
	aside, _, err := p.Store.Doubted(ctx)
	if err != nil {
		return fmt.Errorf("read doubted locations: %w", err)
	}
	locations := slices.Collect(maps.Keys(aside))
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
