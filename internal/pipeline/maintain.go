package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// Maintain begins and ends planned maintenance, tells those who want to hear of
// it, and lets every service know of the window that it is in or is in next.
// Sweep does it every minute; the command does it at once after a change.
func (p *Pipeline) Maintain(ctx context.Context) error {
	cfg, err := p.Config(ctx, 0)
	if err != nil {
		return err
	}
	states, err := p.Store.States(ctx, ids(cfg.Services))
	if err != nil {
		return err
	}
	_, err = p.maintain(ctx, cfg, states)
	return err
}

// maintain is Maintain over states that were read; it brings those up to date
// that it changes. It returns the plans and runs that it read, if they still
// stand.
func (p *Pipeline) maintain(ctx context.Context, cfg *monitor.Config, states map[monitor.ServiceID]store.State) (*store.Maintenance, error) {
	var coverage maintenance.Coverage
	var stands *store.Maintenance
	err := p.retry(ctx, func() error {
		m, err := p.Store.Maintenance(ctx, p.Now())
		if err != nil {
			return err
		}
		stands = &m
		fx := maintenance.Step(cfg, m.All(cfg), m.Runs, p.Now())
		for _, run := range fx.Runs {
			stands = nil
			ops, err := m.RunOps(run, fx.Notifications[run.ID])
			if err != nil {
				return err
			}
			if err := p.Store.Commit(ctx, ops...); err != nil {
				return err
			}
			p.Log.Info("maintenance", "plan", run.Plan, "run", run.ID, "title", run.Title, "from", run.From, "to", run.End(), "over", run.IsOver())
		}
		coverage = fx.Coverage
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("maintain: %w", err)
	}
	var failed []error
	for _, svc := range cfg.Services {
		if err := p.cover(ctx, cfg, svc, coverage, states); err != nil {
			failed = append(failed, fmt.Errorf("cover %s: %w", svc.ID, err))
		}
	}
	return stands, errors.Join(failed...)
}

// cover lets one service know of its window.
func (p *Pipeline) cover(ctx context.Context, cfg *monitor.Config, svc monitor.Service, coverage maintenance.Coverage, states map[monitor.ServiceID]store.State) error {
	var window *detect.Window
	if w, has := coverage.Of(svc.ID); has {
		window = &detect.Window{From: w.From, To: w.To}
	}
	if window == nil && states[svc.ID].Window == nil {
		return nil
	}
	first := true
	return p.retry(ctx, func() (err error) {
		state := states[svc.ID]
		if !first {
			if state, err = p.Store.State(ctx, svc.ID); err != nil {
				return err
			}
		}
		first = false
		cfg, svc, known, err := p.newest(ctx, cfg, svc, state.Service)
		if err != nil || !known {
			return err
		}
		next, fx := detect.Plan(cfg, svc, state.Service, window, p.Now())
		if !fx.Changed {
			return nil
		}
		if _, err := p.commit(ctx, cfg, p.newDesk(), svc, state, next, fx); err != nil {
			return err
		}
		states[svc.ID] = store.State{Service: next, Version: state.Version + 1}
		return nil
	})
}

// muteIncidents lets open incidents know that maintenance of a service in them
// has begun, is over, or ends at another time.
func (p *Pipeline) muteIncidents(ctx context.Context, cfg *monitor.Config, board store.Board, states map[monitor.ServiceID]store.State) error {
	for _, inc := range board.Open {
		for _, a := range inc.Services {
			svc, known := cfg.Service(a.ID)
			said := a.Declared != "" && a.Status == a.Declared && a.Muted.IsZero() // maintenance mutes nobody's words
			if !known || said || !a.Restored.IsZero() || a.Muted.Equal(states[a.ID].InMaintenance(p.Now())) {
				continue
			}
			if err := p.bring(ctx, cfg, p.newDesk(), svc, true); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	plannedAhead = 14 * 24 * time.Hour // maintenance stands on the page so long before
	keptAfter    = 14 * 24 * time.Hour // and so long after
	pagePlans    = 20                  // to come, and over
	perPlan      = 3                   // windows of one plan that are to come
)

// maintenanceViews is planned maintenance as the public sees it: what is going
// on and to come, then what is over, the last first.
func (p *Pipeline) maintenanceViews(ctx context.Context, cfg *monitor.Config, m *store.Maintenance) ([]store.MaintenanceView, error) {
	now := p.Now()
	if m == nil {
		fresh, err := p.Store.Maintenance(ctx, now)
		if err != nil {
			return nil, err
		}
		m = &fresh
	}
	var going, coming, over []store.MaintenanceView
	known := map[string]bool{}
	for _, r := range m.Runs {
		known[r.ID] = true
		view, public := runView(cfg, r)
		switch {
		case !public:
		case !r.IsOver():
			going = append(going, view)
		case now.Sub(r.Ended) < keptAfter && r.Ended.After(r.From):
			over = append(over, view)
		}
	}
	for _, plan := range m.All(cfg) {
		windows, err := maintenance.First(plan, now, now.Add(plannedAhead), perPlan)
		if err != nil {
			continue // what this version cannot read has no windows
		}
		for _, w := range windows {
			view, public := planView(cfg, plan, w)
			if public && w.From.After(now) && !known[view.ID] {
				coming = append(coming, view)
			}
		}
	}
	byStart := func(a, b store.MaintenanceView) int {
		return cmp.Or(a.Starts.Compare(b.Starts), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(going, byStart)
	slices.SortFunc(coming, byStart)
	slices.SortFunc(over, func(a, b store.MaintenanceView) int { return cmp.Or(b.Ends.Compare(a.Ends), cmp.Compare(a.ID, b.ID)) })
	return slices.Concat(going, coming[:min(len(coming), pagePlans)], over[:min(len(over), pagePlans)]), nil
}

// runView is a run without what the public may not see; false if nothing is left.
func runView(cfg *monitor.Config, r maintenance.Run) (store.MaintenanceView, bool) {
	v := store.MaintenanceView{
		ID: r.ID, Title: r.Title, Text: r.Text, State: store.MaintenanceInProgress,
		Starts: r.From, Ends: r.End(), Created: r.Created, Updated: r.Updated,
		Services: publicIDs(cfg, func(id monitor.ServiceID) bool { _, in := r.Of(id); return in }),
		Updates: []store.UpdateView{
			{At: r.From, Phase: incident.Phase(store.MaintenanceInProgress), Text: "The maintenance has begun."},
			announced(r.Created, r.Title, r.Text),
		},
	}
	if r.IsOver() {
		v.State = store.MaintenanceCompleted
		last := store.UpdateView{At: r.Ended, Phase: incident.Phase(store.MaintenanceCompleted), Text: "The maintenance is over."}
		v.Updates = append([]store.UpdateView{last}, v.Updates...)
	}
	return v, len(v.Services) > 0
}

// announced is the first entry of its time line. A phase of maintenance is its
// state.
func announced(at time.Time, title, text string) store.UpdateView {
	return store.UpdateView{At: at, Phase: incident.Phase(store.MaintenanceScheduled), Text: cmp.Or(text, title)}
}

func planView(cfg *monitor.Config, plan monitor.Plan, w maintenance.Window) (store.MaintenanceView, bool) {
	v := store.MaintenanceView{
		ID: maintenance.RunID(plan.ID, w.From), Title: plan.Title, Text: plan.Text, State: store.MaintenanceScheduled,
		Starts: w.From, Ends: w.To, Created: plan.Created, Updated: plan.Since, Services: publicIDs(cfg, plan.Covers),
		Updates: []store.UpdateView{announced(plan.Created, plan.Title, plan.Text)},
	}
	return v, len(v.Services) > 0
}

func publicIDs(cfg *monitor.Config, in func(monitor.ServiceID) bool) []monitor.ServiceID {
	var out []monitor.ServiceID
	for _, svc := range publicServices(cfg) {
		if in(svc.ID) {
			out = append(out, svc.ID)
		}
	}
	return out
}
