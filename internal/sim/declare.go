package sim

import (
	"errors"
	"slices"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

var errNoneByHand = errors.New("nobody has opened an incident")

// declares is an act that opens an incident which no monitor sees.
func (a Act) declares(w *world, cfg *monitor.Config, board store.Board) (incident.Effects, error) {
	return incident.Declare(cfg, board.Open, incident.Declaration{
		By: a.By, Title: "payments", Text: a.Text, Services: []monitor.ServiceID{a.Service}, Impact: a.Impact,
	}, w.now)
}

// resolves is an act that ends the oldest incident that a person has opened, by what is
// measured of its services.
func (a Act) resolves(w *world, cfg *monitor.Config, board store.Board, s *store.Store) (incident.Effects, error) {
	at := slices.IndexFunc(board.Open, func(inc incident.Incident) bool { return inc.Manual })
	if at < 0 {
		return incident.Effects{}, errNoneByHand
	}
	measured := map[monitor.ServiceID]monitor.Status{}
	for _, affected := range board.Open[at].Services {
		state, err := s.State(w.ctx, affected.ID)
		if err != nil {
			return incident.Effects{}, err
		}
		measured[affected.ID] = state.Status
	}
	return incident.Resolve(cfg, board.Open[at], measured, incident.Note{By: a.By, Text: a.Text}, w.now)
}
