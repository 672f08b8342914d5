package sim

import (
	"errors"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// personTries is how often a person tries again when Sonde was faster.
const personTries = 5

var errNoIncident = errors.New("no incident is open")

// act does what a person does: read, decide, write; again after a conflict.
func (w *world) act(a Act) {
	var err error
	for range personTries {
		if err = w.actOnce(a); !errors.Is(err, table.ErrConflict) {
			break
		}
	}
	if err != nil {
		w.lines.add("%s: %s: %v", a.By, a.Do, err)
		return
	}
	w.lines.add("%s: %s %s", a.By, a.Do, a.Tier)
}

func (w *world) actOnce(a Act) (err error) {
	defer func() {
		if died := recover(); died != nil {
			if _, planned := died.(crash); !planned {
				panic(died)
			}
			err = errCrash
		}
	}()
	w.inside++
	defer func() { w.inside-- }()
	s := store.New(&port{world: w, stage: Person}, w.clock)
	cfg, err := s.Config(w.ctx)
	if err != nil {
		return err
	}
	board, err := s.Board(w.ctx)
	if err != nil {
		return err
	}
	var fx incident.Effects
	switch {
	case a.Do == Declare:
		fx, err = a.declares(w, cfg, board)
	case a.Do == Resolve:
		fx, err = a.resolves(w, cfg, board, s)
	case len(board.Open) == 0:
		return errNoIncident
	default:
		fx, err = a.on(w, cfg, board.Open[0])
	}
	if err != nil {
		return err
	}
	ops, err := store.IncidentOps(board, fx)
	if err != nil {
		return err
	}
	return s.Commit(w.ctx, ops...)
}

// on decides what the act means for an incident.
func (a Act) on(w *world, cfg *monitor.Config, inc incident.Incident) (incident.Effects, error) {
	switch a.Do {
	case Acknowledge:
		return incident.Acknowledge(cfg, inc, a.By, w.now)
	case Publish:
		return incident.Publish(cfg, inc, a.Tier, a.By, w.now)
	case Decline:
		return incident.Decline(cfg, inc, a.Tier, a.By, a.Text, w.now)
	}
	note := incident.Note{By: a.By, Text: a.Text, Phase: a.Phase}
	if a.Next > 0 {
		note.Next = w.now.Add(a.Next)
	}
	return incident.Post(cfg, inc, note, w.now)
}
