package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

const maintenancePK = "MAINTENANCE"

// keepRuns is for how long it is known that there was maintenance: as long as
// flips are, which it excludes. A plan is kept for so long after it was cancelled
// or is over.
const keepRuns = keepFlips

// runsBack is how far back a run may have begun that Step is to see.
const runsBack = maintenance.MaxDuration + maintenance.LookBack

// Maintenance is the plans that people made, and the runs, as they were read.
type Maintenance struct {
	Plans []monitor.Plan    // by id
	Runs  []maintenance.Run // oldest first

	plans map[monitor.PlanID]int64 // versions
	runs  map[string]int64
}

// All is the plans of a configuration and those of people. An id that both have
// is the configuration's.
func (m *Maintenance) All(cfg *monitor.Config) []monitor.Plan {
	all := slices.Clone(cfg.Maintenance)
	for _, p := range m.Plans {
		if !slices.ContainsFunc(cfg.Maintenance, func(c monitor.Plan) bool { return c.ID == p.ID }) {
			all = append(all, p)
		}
	}
	return all
}

// Maintenance reads what people planned, and the runs that began within 33 days
// before a time.
func (s *Store) Maintenance(ctx context.Context, now time.Time) (Maintenance, error) {
	m := Maintenance{plans: map[monitor.PlanID]int64{}, runs: map[string]int64{}}
	rows, err := table.All(ctx, s.table, table.Query{PK: maintenancePK, From: "BEGAN#" + stamp(now.Add(-runsBack)), To: "PLAN$"})
	if err != nil {
		return m, fmt.Errorf("query maintenance: %w", err)
	}
	var runs, plans []table.Row
	for _, row := range rows {
		if row.Kind == "plan" {
			plans = append(plans, row)
		} else {
			runs = append(runs, row)
		}
	}
	for _, v := range readAll(s, runs, versioned[maintenance.Run]) {
		m.Runs = append(m.Runs, v.entity)
		m.runs[v.entity.ID] = v.version
	}
	for _, v := range readAll(s, plans, versioned[monitor.Plan]) {
		m.Plans = append(m.Plans, v.entity)
		m.plans[v.entity.ID] = v.version
	}
	return m, nil
}

// entityAt is an entity with the version that its row was read at.
type entityAt[T any] struct {
	entity  T
	version int64
}

func versioned[T any](row table.Row) (entityAt[T], error) {
	entity, err := as[T](row)
	return entityAt[T]{entity, row.Version}, err
}

// Runs reads the maintenance that shares time with a span, oldest first.
func (s *Store) Runs(ctx context.Context, from, to time.Time) ([]maintenance.Run, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: maintenancePK, From: "BEGAN#" + stamp(from.Add(-runsBack)), To: "BEGAN#" + stamp(to)})
	if err != nil {
		return nil, fmt.Errorf("query maintenance: %w", err)
	}
	return slices.DeleteFunc(readAll(s, rows, as[maintenance.Run]), func(r maintenance.Run) bool { return !r.End().After(from) }), nil
}

// RunOps writes a run, on condition that it is as it was read, and what is told
// of it.
func (m *Maintenance) RunOps(r maintenance.Run, told []incident.Notification) ([]table.Op, error) {
	var b ops
	op, err := put(runKey(r), "run", m.runs[r.ID], r)
	b.add(expiring(r.To.Add(keepRuns), op, err))
	for _, n := range told {
		b.add(NotificationOp(n))
	}
	return b.all, b.err
}

// runKey stands under when it began, which never changes.
func runKey(r maintenance.Run) table.Key {
	return table.Key{PK: maintenancePK, SK: "BEGAN#" + stamp(r.From) + "#" + r.ID}
}

// PlanOp writes a plan of people, on condition that it is as it was read, and not
// there if it was not.
func (m *Maintenance) PlanOp(p monitor.Plan) (table.Op, error) {
	op, err := put(table.Key{PK: maintenancePK, SK: "PLAN#" + string(p.ID)}, "plan", m.plans[p.ID], p)
	switch {
	case !p.Cancelled.IsZero():
		return expiring(p.Cancelled.Add(keepRuns), op, err)
	case !p.Recurs():
		return expiring(p.Ends.Add(keepRuns), op, err)
	}
	return op, err
}

// stampPlans says since when the plans of a configuration are what they are: of
// those that were in the one before, since then.
func stampPlans(before []monitor.Plan, after []monitor.Plan, by string, now time.Time) []monitor.Plan {
	out := slices.Clone(after)
	for i := range out {
		out[i].Since, out[i].Created, out[i].By = now, now, by
		for _, was := range before {
			if was.ID == out[i].ID {
				out[i].Created, out[i].By = was.Created, was.By
				if was.Same(out[i]) {
					out[i].Since = was.Since
				}
			}
		}
	}
	return out
}
