package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// Detect takes batches of results, in any order and number, and brings the
// state of their services forward: states, flips, incidents and notifications
// in one transaction a service, then re-checks are asked for. Results that
// change nothing write nothing.
func (p *Pipeline) Detect(ctx context.Context, batches []store.Batch) error {
	cfg, err := p.Config(ctx, 0)
	if err != nil {
		return err
	}
	results := map[monitor.ServiceID][]monitor.Result{}
	for _, b := range batches {
		for _, r := range b.Results {
			if m, ok := cfg.Monitor(r.Monitor); ok {
				results[m.Service] = append(results[m.Service], r)
			}
		}
	}
	services := causesFirst(cfg, results)
	states, err := p.Store.States(ctx, ids(services))
	if err != nil {
		return err
	}
	services = brokenLast(services, states)
	if err := p.trusted(ctx, cfg, states, results); err != nil {
		return err
	}
	turned, failed, desk := false, []error(nil), p.newDesk()
	for _, svc := range services {
		step := func(cfg *monitor.Config, svc monitor.Service, state detect.Service) (detect.Service, detect.Effects) {
			return detect.Step(cfg, svc, state, results[svc.ID], p.Now())
		}
		changed, err := p.advance(ctx, cfg, desk, svc, states[svc.ID], step)
		if err != nil {
			failed = append(failed, fmt.Errorf("detect %s: %w", svc.ID, err)) // the others go on
		}
		turned = turned || changed
	}
	if turned {
		failed = append(failed, p.Snapshot(ctx))
	}
	return errors.Join(append(failed, p.setAside(ctx))...)
}

// causesFirst returns the services of the results, those that others depend on
// before these: so that a cause has its incident before its effects look for
// one.
func causesFirst(cfg *monitor.Config, results map[monitor.ServiceID][]monitor.Result) []monitor.Service {
	var services []monitor.Service
	depth := map[monitor.ServiceID]int{}
	for _, svc := range cfg.Services {
		if _, has := results[svc.ID]; has {
			services = append(services, svc)
			if len(svc.DependsOn) > 0 {
				depth[svc.ID] = len(cfg.Dependencies(svc.ID))
			}
		}
	}
	slices.SortStableFunc(services, func(a, b monitor.Service) int { return depth[a.ID] - depth[b.ID] })
	return services
}

// brokenLast puts those services last that are broken by now, and of these the
// effects before their causes: if all are mended in one batch, an incident knows
// of the effects before it ends with its cause.
func brokenLast(services []monitor.Service, states map[monitor.ServiceID]store.State) []monitor.Service {
	var fine, broken []monitor.Service
	for _, svc := range services {
		if states[svc.ID].Status.Impact() == monitor.ImpactNone {
			fine = append(fine, svc)
		} else {
			broken = append(broken, svc)
		}
	}
	slices.Reverse(broken)
	return append(fine, broken...)
}

func ids(services []monitor.Service) []monitor.ServiceID {
	out := make([]monitor.ServiceID, len(services))
	for i, svc := range services {
		out[i] = svc.ID
	}
	return out
}

// advance brings one service forward by a step, and reports whether the public
// page changes by it. The state passed in is used first, and read again after a
// conflict.
func (p *Pipeline) advance(ctx context.Context, cfg *monitor.Config, desk *desk, svc monitor.Service, state store.State,
	step func(*monitor.Config, monitor.Service, detect.Service) (detect.Service, detect.Effects)) (turned bool, err error) {

	var next detect.Service
	var fx detect.Effects
	var told incident.Effects
	first := true
	err = p.retry(ctx, func() error {
		if !first {
			if state, err = p.Store.State(ctx, svc.ID); err != nil {
				return err
			}
		}
		first = false
		var known bool
		if cfg, svc, known, err = p.newest(ctx, cfg, svc, state.Service); err != nil || !known {
			fx = detect.Effects{}
			return err
		}
		if next, fx = step(cfg, svc, state.Service); !fx.Changed {
			return nil
		}
		told, err = p.commit(ctx, cfg, desk, svc, state, next, fx)
		return err
	})
	if err != nil || !fx.Changed {
		return false, err
	}
	p.logFlips(fx)
	p.emit(Metric{Votes, Count, float64(len(fx.Evidence))})
	p.logIncidents(told)
	if err := p.recheck(ctx, cfg, svc, fx.Rechecks); err != nil {
		// The state is stored; regular checks go on with the vote.
		p.Log.Error("re-checks not queued", "service", svc.ID, "error", err)
	}
	return true, p.reconsiderBelow(ctx, cfg, desk, svc)
}

// newest is the configuration and the service to go on with from a state: those in
// hand, unless the state was written under a newer version than these. A stage may
// hold a configuration for a while that another one has seen replaced, and would undo
// what that brought. It reports false if the newer one does not hold the service.
func (p *Pipeline) newest(ctx context.Context, cfg *monitor.Config, svc monitor.Service, state detect.Service) (*monitor.Config, monitor.Service, bool, error) {
	if state.Config <= cfg.Version {
		return cfg, svc, true, nil
	}
	newer, err := p.Config(ctx, state.Config)
	if err != nil {
		return cfg, svc, false, err
	}
	own, known := newer.Service(svc.ID)
	return newer, own, known, nil
}

// commit writes a service's new state and all that follows from it, and returns
// what it means for incidents.
func (p *Pipeline) commit(ctx context.Context, cfg *monitor.Config, desk *desk, svc monitor.Service, was store.State, next detect.Service, fx detect.Effects) (told incident.Effects, err error) {
	op, err := store.StateOp(next, was.Version)
	if err != nil {
		return told, err
	}
	ops := []table.Op{op}
	for _, f := range fx.Flips {
		op, err := store.FlipOp(f)
		if err != nil {
			return told, err
		}
		ops = append(ops, op)
	}
	for _, r := range fx.Evidence {
		op, err := store.EvidenceOp(svc.ID, r)
		if err != nil {
			return told, err
		}
		ops = append(ops, op)
	}
	notices, err := p.notices(ctx, cfg, svc, next, fx.Expiring)
	if err != nil {
		return told, err
	}
	for _, n := range notices {
		op, err := store.NotificationOp(n)
		if err != nil {
			return told, err
		}
		ops = append(ops, op)
	}
	if hasNews(cfg, was.Service, next, p.Now()) {
		var more []table.Op
		if more, told, err = p.incidents(ctx, cfg, desk, svc, next); err != nil {
			return told, err
		}
		ops = append(ops, more...)
	}
	return told, desk.wrote(told, p.Store.Commit(ctx, ops...))
}

// notices are the messages about ends, each of them once: a monitor that has moved to
// another service, or a state that was lost, does not repeat what was told.
func (p *Pipeline) notices(ctx context.Context, cfg *monitor.Config, svc monitor.Service, next detect.Service, ends []detect.Expiring) ([]incident.Notification, error) {
	var all []incident.Notification
	for _, e := range ends {
		m, known := cfg.Monitor(e.Monitor)
		if !known {
			m.ID = e.Monitor
		}
		ending := incident.Ending{Monitor: m, At: e.At, Days: e.Days, Renewed: e.Renewed, Was: e.Was, Muted: next.InMaintenance(p.Now())}
		all = append(all, incident.Notices(cfg, svc, ending, p.Now())...)
	}
	return p.Store.Untold(ctx, all)
}

// incidents decides what a service's condition means for incidents.
func (p *Pipeline) incidents(ctx context.Context, cfg *monitor.Config, desk *desk, svc monitor.Service, state detect.Service) ([]table.Op, incident.Effects, error) {
	board, err := desk.read(ctx)
	if err != nil {
		return nil, incident.Effects{}, err
	}
	change := changeOf(cfg, state, p.Now())
	if change.Status.Impact() == monitor.ImpactNone && len(board.Open) == 0 {
		return nil, incident.Effects{}, nil
	}
	world, err := p.world(ctx, cfg, svc, board)
	if err != nil {
		return nil, incident.Effects{}, err
	}
	world.Services[svc.ID] = viewOf(cfg, state, p.Now())
	fx := incident.Step(cfg, world, change, p.Now())
	for again := true; again; {
		if again, err = p.past(ctx, board, &world, fx); err != nil {
			return nil, incident.Effects{}, err
		}
		if again {
			fx = incident.Step(cfg, world, change, p.Now())
		}
	}
	ops, err := store.IncidentOps(board, fx)
	return ops, fx, err
}

// past looks up new incidents, and reports whether one that is over has the name of
// one of them; the world then knows.
func (p *Pipeline) past(ctx context.Context, board store.Board, w *incident.World, fx incident.Effects) (found bool, err error) {
	for _, inc := range fx.Incidents {
		if _, known := board.Versions[inc.ID]; known {
			continue
		}
		was, version, err := p.Store.Incident(ctx, inc.ID)
		if err != nil {
			return false, err
		}
		if version > 0 && was.State == incident.Resolved {
			if w.Past == nil {
				w.Past = map[string]time.Time{}
			}
			w.Past[inc.ID], found = was.Resolved, true
		}
	}
	return found, nil
}

// world reads what stands around a service: what it depends on, what depends on
// it, and what shares an incident with it.
func (p *Pipeline) world(ctx context.Context, cfg *monitor.Config, svc monitor.Service, board store.Board) (incident.World, error) {
	around := append(ids(cfg.Dependencies(svc.ID)), ids(cfg.Dependents(svc.ID))...)
	for i := range board.Open {
		inc := &board.Open[i]
		if _, in := inc.Affects(svc.ID); in {
			for _, a := range inc.Services {
				around = append(around, a.ID)
			}
		}
	}
	slices.Sort(around)
	states, err := p.Store.States(ctx, slices.Compact(around))
	if err != nil {
		return incident.World{}, err
	}
	w := incident.World{Open: board.Open, Services: map[monitor.ServiceID]incident.View{}}
	for id, state := range states {
		w.Services[id] = viewOf(cfg, state.Service, p.Now())
	}
	return w, nil
}

// recheck queues the re-checks of a step, one batch a location, time and
// attempt.
func (p *Pipeline) recheck(ctx context.Context, cfg *monitor.Config, svc monitor.Service, asked []detect.Recheck) error {
	var batches []schedule.Batch
	for _, r := range asked {
		m, _ := cfg.Monitor(r.Monitor)
		browser := m.Kind() == monitor.KindBrowser
		at := slices.IndexFunc(batches, func(b schedule.Batch) bool {
			return b.Location == r.Location && b.Attempt == r.Attempt && b.Scheduled.Equal(r.At) && !browser && !b.Browser
		})
		if at < 0 {
			batches = append(batches, schedule.Batch{
				Shard: svc.Shard, Location: r.Location, Scheduled: r.At, Attempt: r.Attempt, Config: cfg.Version, Browser: browser,
			})
			at = len(batches) - 1
		}
		batches[at].Monitors = append(batches[at].Monitors, r.Monitor)
	}
	if len(batches) == 0 {
		return nil
	}
	return p.Queue.Send(ctx, batches)
}

// reconsiderBelow brings those services again that depend on one that changed:
// their own change may have waited for it.
func (p *Pipeline) reconsiderBelow(ctx context.Context, cfg *monitor.Config, desk *desk, svc monitor.Service) error {
	below := cfg.Dependents(svc.ID)
	if len(below) == 0 {
		return nil
	}
	states, err := p.Store.States(ctx, ids(below))
	if err != nil {
		return err
	}
	for _, dependent := range below {
		if states[dependent.ID].Status.Impact() == monitor.ImpactNone {
			continue
		}
		if err := p.reconsider(ctx, cfg, desk, dependent); err != nil {
			return err
		}
	}
	return nil
}

// reconsider brings a service's present condition to the incidents again. It
// does nothing if they know of it.
func (p *Pipeline) reconsider(ctx context.Context, cfg *monitor.Config, desk *desk, svc monitor.Service) error {
	return p.bring(ctx, cfg, desk, svc, false)
}

// bring is reconsider, whatever the condition is or only if it is a bad one.
func (p *Pipeline) bring(ctx context.Context, cfg *monitor.Config, desk *desk, svc monitor.Service, whatever bool) error {
	return p.retry(ctx, func() error {
		state, err := p.Store.State(ctx, svc.ID)
		if err != nil {
			return err
		}
		if state.Status.Impact() == monitor.ImpactNone && !whatever {
			return nil
		}
		cfg, svc, known, err := p.newest(ctx, cfg, svc, state.Service)
		if err != nil || !known {
			return err
		}
		ops, told, err := p.incidents(ctx, cfg, desk, svc, state.Service)
		if err != nil || len(ops) == 0 {
			return err
		}
		if err := desk.wrote(told, p.Store.Commit(ctx, append(ops, store.StateUnchanged(state))...)); err != nil {
			return err
		}
		p.logIncidents(told)
		return nil
	})
}

func (p *Pipeline) logFlips(fx detect.Effects) {
	for _, f := range fx.Flips {
		p.Log.Info("flip", "service", f.Service, "monitor", f.Monitor, "from", f.From, "to", f.To,
			"at", f.At, "check", f.Check, "reason", f.Reason, "detail", f.Detail)
	}
}

func (p *Pipeline) logIncidents(fx incident.Effects) {
	checks := map[string]string{}
	for _, inc := range fx.Incidents {
		checks[inc.ID] = inc.Check
	}
	for _, u := range fx.Updates {
		p.Log.Info("incident", "incident", u.Incident, "check", checks[u.Incident], "phase", u.Phase, "impact", u.Impact, "text", u.Text)
	}
}
