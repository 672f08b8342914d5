package store

import (
	"context"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

// Shot is a picture of a browser journey, kept as long as its result is.
type Shot struct {
	Monitor   monitor.ID       `json:"monitor"`
	Location  monitor.Location `json:"location"`
	Scheduled time.Time        `json:"scheduled"`
	Attempt   int              `json:"attempt"`
	Outcome   monitor.Outcome  `json:"outcome"`
	JPEG      []byte           `json:"-"` // in the row's data
}

func shotPK(id monitor.ID) string { return "SHOT#" + string(id) }

// ShotOp keeps the picture of a result, unless it is there: a repeat.
func ShotOp(r monitor.Result) (table.Op, error) {
	s := Shot{Monitor: r.Monitor, Location: r.Location, Scheduled: r.Scheduled, Attempt: r.Attempt, Outcome: r.Outcome}
	op, err := always(put(table.Key{PK: shotPK(r.Monitor), SK: fmt.Sprintf("%s#%s#%d", stamp(r.Scheduled), r.Location, r.Attempt)}, "shot", 0, s))
	op.Row.Data = r.Screenshot
	return expiring(r.Scheduled.Add(keepBatches), op, err)
}

// Shots reads a monitor's pictures from a time inclusive to a time exclusive,
// oldest first, at most limit.
func (s *Store) Shots(ctx context.Context, id monitor.ID, from, to time.Time, limit int) ([]Shot, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: shotPK(id), From: stamp(from), To: stamp(to), Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("query pictures of %s: %w", id, err)
	}
	return readAll(s, rows, func(row table.Row) (Shot, error) {
		shot, err := as[Shot](row)
		shot.JPEG = row.Data
		return shot, err
	}), nil
}
