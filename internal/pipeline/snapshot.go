package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

const (
	pageDays      = 90 * 24 * time.Hour // resolved incidents stay on the page for so long
	pageIncidents = 50
)

// Snapshot renews the summary that the public API serves: states and incidents
// as they are now, figures as Rollup left them. Detect does it after a flip,
// Sweep every minute. Whoever writes at the same time has read the same table:
// after a conflict it is read again.
func (p *Pipeline) Snapshot(ctx context.Context) error { return p.renew(ctx, nil, nil) }

// reading is what a snapshot is made from: the one before it, and the states of
// all services, read after it. Whoever changes a state then writes the snapshot:
// if the one before still stands, the states do.
type reading struct {
	old     store.Snapshot
	version int64
	states  map[monitor.ServiceID]store.State

	maintenance *store.Maintenance // nil: not read yet
}

func (p *Pipeline) read(ctx context.Context, cfg *monitor.Config) (r reading, err error) {
	if r.old, r.version, err = p.Store.Snapshot(ctx); err != nil {
		return r, err
	}
	r.states, err = p.Store.States(ctx, ids(cfg.Services))
	return r, err
}

// renew builds and writes the snapshot, from what was read before, if it was, and
// after a conflict from what it reads itself. figures, where given, puts in
// what is known better by now.
func (p *Pipeline) renew(ctx context.Context, before *reading, figures func(*store.Snapshot)) error {
	cfg, err := p.Config(ctx, 0)
	if err != nil {
		return err
	}
	return p.retry(ctx, func() error {
		r := before
		before = nil
		if r == nil {
			fresh, err := p.read(ctx, cfg)
			if err != nil {
				return err
			}
			r = &fresh
		}
		next := store.Snapshot{
			Generated: p.Now(), Fresh: p.Fresh, Site: cfg.Site, Config: cfg.Version,
			Measured: r.old.Measured, Parts: r.old.Parts,
			Services: serviceViews(cfg, *r, p.Now()), Locations: locationViews(cfg, r.old.Locations, nil),
			Subscribe: publicTier(cfg),
		}
		board, err := p.Store.Board(ctx)
		if err != nil {
			return err
		}
		asDeclared(next.Services, board)
		if next.Incidents, err = p.incidentViews(ctx, board, r.old); err != nil {
			return err
		}
		if next.Maintenance, err = p.maintenanceViews(ctx, cfg, r.maintenance); err != nil {
			return err
		}
		if figures != nil {
			figures(&next)
		}
		if err := p.keepPast(ctx, r.old.Incidents, next.Incidents); err != nil {
			return err
		}
		return p.Store.PutSnapshot(ctx, next, r.version)
	})
}

// keepPast keeps incidents that leave the snapshot with this one. It may do so
// twice; it never loses one, since it comes before the snapshot without it.
func (p *Pipeline) keepPast(ctx context.Context, was, is []store.IncidentView) error {
	var ops []table.Op
	for _, v := range was {
		if v.State != incident.Resolved || slices.ContainsFunc(is, func(o store.IncidentView) bool { return o.ID == v.ID }) {
			continue
		}
		op, err := store.PastOp(v)
		if err != nil {
			return err
		}
		ops = append(ops, op)
	}
	if len(ops) == 0 {
		return nil
	}
	return p.Store.Commit(ctx, ops...)
}

func serviceViews(cfg *monitor.Config, r reading, now time.Time) []store.ServiceView {
	public := publicServices(cfg)
	views := make([]store.ServiceView, len(public))
	at := make(map[monitor.ServiceID]int, len(r.old.Services))
	for i, v := range r.old.Services {
		at[v.ID] = i
	}
	aside := map[monitor.Location]bool{}
	for _, l := range r.old.Locations {
		aside[l.ID] = !l.Aside.IsZero()
	}
	for i, svc := range public {
		views[i] = serviceView(cfg, svc, r.states[svc.ID], aside, now)
		views[i].Added = now
		if old, has := at[svc.ID]; has {
			was := r.old.Services[old]
			views[i].Part = was.Part
			views[i].Uptime, views[i].Days, views[i].Latency, views[i].Series = was.Uptime, was.Days, was.Latency, was.Series
			views[i].Months, views[i].Corrected = was.Months, was.Corrected
			if !was.Added.IsZero() {
				views[i].Added = was.Added
			}
			carry(&views[i], was, now)
		}
	}
	return views
}

// publicTier is the first public tier: what visitors may subscribe to.
func publicTier(cfg *monitor.Config) monitor.TierID {
	for _, t := range cfg.Tiers {
		if t.Public {
			return t.ID
		}
	}
	return ""
}

func publicServices(cfg *monitor.Config) []monitor.Service {
	return slices.DeleteFunc(slices.Clone(cfg.Services), func(s monitor.Service) bool { return s.Internal })
}

func serviceView(cfg *monitor.Config, svc monitor.Service, state store.State, aside map[monitor.Location]bool, now time.Time) store.ServiceView {
	status, since := state.Shown(now)
	view := store.ServiceView{
		ID: svc.ID, Name: svc.Name, Description: svc.Description, Group: svc.Group,
		Status: status, Since: since, Alive: state.Alive, Total: state.Total,
		Shard: svc.Shard, Browser: svc.Browser,
	}
	for _, above := range svc.DependsOn {
		if d, ok := cfg.Service(above); ok && !d.Internal {
			view.DependsOn = append(view.DependsOn, above)
		}
	}
	if view.Status == "" {
		view.Status = monitor.NotKnown
	}
	for _, m := range cfg.Members(svc) {
		if cfg.IsRetired(m.ID) {
			continue // where something was before is for operators
		}
		d, has := state.Details[m.ID]
		line := store.MonitorView{ID: m.ID, Name: m.Name, Type: m.Kind(), State: monitor.Unknown, Shadow: m.Shadow}
		if has {
			line.State, line.Since = d.Shown(), d.Since
		}
		for location, dissent := range d.Dissent {
			if aside[location] {
				continue // it says something of the location
			}
			if line.Only == nil {
				line.Only = map[monitor.Location]monitor.Outcome{}
			}
			line.Only[location] = dissent.Outcome
		}
		view.Monitors = append(view.Monitors, line)
	}
	return view
}

// asDeclared shows services as people say that they are, where that is worse than what
// is measured: the page is not to say that all is well below an incident that says
// otherwise. Uptime knows nothing of it.
func asDeclared(views []store.ServiceView, board store.Board) {
	for _, inc := range board.Open {
		for _, a := range inc.Services {
			at := slices.IndexFunc(views, func(v store.ServiceView) bool { return v.ID == a.ID })
			if at < 0 || !a.Restored.IsZero() || a.Declared.Impact().Rank() <= views[at].Status.Impact().Rank() {
				continue
			}
			views[at].Status, views[at].Since = a.Declared, a.Since
		}
	}
}

// incidentViews reads the open and the recent incidents. One that has not
// changed since the last snapshot is taken from it.
func (p *Pipeline) incidentViews(ctx context.Context, board store.Board, old store.Snapshot) ([]store.IncidentView, error) {
	now := p.Now()
	list, err := p.Store.Incidents(ctx, now.Add(-pageDays), now.Add(time.Second), pageIncidents)
	if err != nil {
		return nil, err
	}
	known := map[string]store.IncidentView{}
	for _, v := range old.Incidents {
		known[v.ID] = v
	}
	var views []store.IncidentView
	for _, inc := range slices.Backward(board.Open) {
		if view, public, err := p.incidentView(ctx, inc, board.Versions[inc.ID], known); err != nil {
			return nil, err
		} else if public {
			views = append(views, view)
		}
	}
	for _, l := range list {
		if l.State != incident.Resolved {
			continue // it is on the board
		}
		if v, has := known[l.ID]; has && v.State == l.State && v.Updated.Equal(l.Updated) {
			views = append(views, v)
			continue
		}
		inc, version, err := p.Store.Incident(ctx, l.ID)
		if err != nil {
			return nil, err
		}
		if view, public, err := p.incidentView(ctx, inc, version, nil); err != nil {
			return nil, err
		} else if public {
			views = append(views, view)
		}
	}
	return views, nil
}

// incidentView is an incident without what the public may not see. It reports
// false if there is nothing left.
func (p *Pipeline) incidentView(ctx context.Context, inc incident.Incident, version int64, known map[string]store.IncidentView) (store.IncidentView, bool, error) {
	if !inc.IsPublic() {
		return store.IncidentView{}, false, nil
	}
	if v, has := known[inc.ID]; has && v.Version == version {
		return v, true, nil
	}
	updates, err := p.Store.Updates(ctx, inc.ID)
	if err != nil {
		return store.IncidentView{}, false, err
	}
	seen := inc.Public()
	since, restored := inc.PubliclyLasted()
	view := store.IncidentView{
		ID: inc.ID, Version: version, Title: inc.PublicTitle(), State: inc.State, Phase: inc.Phase, Impact: seen.Impact, Worst: seen.Worst,
		Opened: seen.Opened, Since: since, Restored: restored, Resolved: inc.Resolved, Updated: inc.Updated, Next: inc.Next, Updates: []store.UpdateView{}, DNSUntil: inc.Drain,
	}
	for _, a := range inc.Services {
		if !a.Internal {
			view.Services = append(view.Services, a.ID)
		}
	}
	view.Updates = publicUpdates(inc, updates)
	return view, true, nil
}

// publicUpdates is what the public reads of an incident, the newest first. What says
// the same as what stands before it is left out: of an internal cause, and of what
// that breaks, they see one outage.
func publicUpdates(inc incident.Incident, updates []incident.Update) []store.UpdateView {
	out := []store.UpdateView{}
	for _, u := range updates {
		text := u.ForPublic()
		if u.By == "" && u.Public == "" {
			text = inc.PublicText(text)
		}
		if last := len(out) - 1; text == "" || last >= 0 && u.By == "" && out[last].Text == text && out[last].Phase == u.Phase {
			continue
		}
		out = append(out, store.UpdateView{At: u.At, Phase: u.Phase, Text: text})
	}
	slices.Reverse(out)
	return out
}
