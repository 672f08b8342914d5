package store

import (
	"context"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/uptime"
)

// Span is the length of what a rollup row sums up.
type Span string

// The spans, as they stand in sort keys. An hour is UTC's; a day and a month
// are the site's.
const (
	Hour  Span = "HOUR"
	Day   Span = "DAY"
	Month Span = "MONTH"
)

// keepHours is for how long rows of an hour are kept; days and months are kept
// for good.
const keepHours = 100 * 24 * time.Hour

type rollupRow struct {
	uptime.Window
	Monitors []uptime.Rollup `json:"monitors"`
}

// RollupOp writes the rollups of a service's monitors over one window, in place
// of those written before: each run computes them anew.
func RollupOp(id monitor.ServiceID, span Span, w uptime.Window, rollups []uptime.Rollup) (table.Op, error) {
	op, err := always(put(table.Key{PK: servicePK(id), SK: string(span) + "#" + stamp(w.From)}, "rollup", 0, rollupRow{w, rollups}))
	if span == Hour {
		return expiring(w.To.Add(keepHours), op, err)
	}
	return op, err
}

// Rollups reads the rollups of a service whose windows begin within a window,
// oldest first.
func (s *Store) Rollups(ctx context.Context, id monitor.ServiceID, span Span, w uptime.Window) ([]uptime.Rollup, error) {
	rows, err := table.All(ctx, s.table, table.Query{
		PK: servicePK(id), From: string(span) + "#" + stamp(w.From), To: string(span) + "#" + stamp(w.To),
	})
	if err != nil {
		return nil, fmt.Errorf("query rollups of %s: %w", id, err)
	}
	var all []uptime.Rollup
	for _, r := range readAll(s, rows, as[rollupRow]) {
		all = append(all, r.Monitors...)
	}
	return all, nil
}
