package pipeline

import (
	"context"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/store"
)

// desk is the open incidents as one run of a stage knows them. They are read
// once, and kept up with what the run writes itself: in a storm, reading all of
// them for each of their services would take the square of the time. What somebody
// else writes meanwhile makes the next write that builds on it conflict; then they
// are read again.
type desk struct {
	store *store.Store
	board store.Board
	known bool
}

func (p *Pipeline) newDesk() *desk { return &desk{store: p.Store} }

// read returns the open incidents.
func (d *desk) read(ctx context.Context) (store.Board, error) {
	if d.known {
		return d.board, nil
	}
	board, err := d.store.Board(ctx)
	if err != nil {
		return store.Board{}, err
	}
	d.board, d.known = board, true
	return board, nil
}

// wrote takes note of what a write that ended so has changed. One that failed may
// have been done nevertheless.
func (d *desk) wrote(fx incident.Effects, err error) error {
	switch {
	case err != nil:
		d.known = false
	case d.known && len(fx.Incidents) > 0:
		d.board = d.board.With(fx)
	}
	return err
}
