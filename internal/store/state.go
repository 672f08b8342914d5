package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/uptime"
)

// State is a service's state as it was read.
type State struct {
	detect.Service
	Version int64
}

func isAbsent(err error) bool { return errors.Is(err, table.ErrNotFound) }

func servicePK(id monitor.ServiceID) string { return "SERVICE#" + string(id) }

func stateKey(id monitor.ServiceID) table.Key { return table.Key{PK: servicePK(id), SK: "STATE"} }

// State reads one service's state.
func (s *Store) State(ctx context.Context, id monitor.ServiceID) (State, error) {
	states, err := s.States(ctx, []monitor.ServiceID{id})
	return states[id], err
}

// States reads the states of several services, any number. Those never written
// are not in the map. One that cannot be read is as good as new, but for its
// version: results will say anew what the service is.
func (s *Store) States(ctx context.Context, ids []monitor.ServiceID) (map[monitor.ServiceID]State, error) {
	keys := make([]table.Key, len(ids))
	for i, id := range ids {
		keys[i] = stateKey(id)
	}
	rows, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("get states: %w", err)
	}
	states := make(map[monitor.ServiceID]State, len(rows))
	for _, row := range rows {
		state := State{Version: row.Version}
		for _, known := range readAll(s, []table.Row{row}, as[detect.Service]) {
			state.Service = known
		}
		states[monitor.ServiceID(strings.TrimPrefix(row.PK, servicePK("")))] = state
	}
	return states, nil
}

func (s *Store) batchGet(ctx context.Context, keys []table.Key) ([]table.Row, error) {
	var rows []table.Row
	for len(keys) > 0 {
		n := min(len(keys), table.MaxBatch)
		got, err := s.table.BatchGet(ctx, keys[:n])
		if err != nil {
			return nil, err
		}
		rows, keys = append(rows, got...), keys[n:]
	}
	return rows, nil
}

// StateOp writes a state on condition that it is still at the version read.
func StateOp(state detect.Service, version int64) (table.Op, error) {
	return put(stateKey(state.Service), "state", version, state)
}

// StateUnchanged only checks that a state is still as it was read.
func StateUnchanged(state State) table.Op {
	key := stateKey(state.Service.Service)
	return table.Op{Verb: table.Check, Row: table.Row{Key: key}, If: table.Unchanged(state.Version)}
}

// FlipOp records a flip.
func FlipOp(f monitor.Flip) (table.Op, error) {
	name := string(f.Monitor)
	if name == "" {
		name = "@" // the service itself; not a letter that an id may begin with
	}
	op, err := always(put(table.Key{PK: servicePK(f.Service), SK: "FLIP#" + stamp(f.At) + "#" + name}, "flip", 0, f))
	return expiring(f.At.Add(keepFlips), op, err)
}

// Flips returns the flips of a service and its monitors from a time inclusive
// to a time exclusive, oldest first.
func (s *Store) Flips(ctx context.Context, id monitor.ServiceID, from, to time.Time) ([]monitor.Flip, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: servicePK(id), From: "FLIP#" + stamp(from), To: "FLIP#" + stamp(to)})
	if err != nil {
		return nil, fmt.Errorf("query flips of %s: %w", id, err)
	}
	return readAll(s, rows, as[monitor.Flip]), nil
}

// Timeline is a service's history over a span, from its own flips: what all
// figures of uptime are computed from.
func (s *Store) Timeline(ctx context.Context, id monitor.ServiceID, from, to time.Time) (*uptime.Timeline, error) {
	flips, err := s.Flips(ctx, id, from, to)
	if err != nil {
		return nil, err
	}
	initial, err := s.StatusBefore(ctx, id, from)
	if err != nil {
		return nil, err
	}
	return uptime.NewTimeline(uptime.Select(flips, ""), string(initial), nil), nil
}

// Tally is how a service spent the time of a window, by its Timeline.
func (s *Store) Tally(ctx context.Context, id monitor.ServiceID, w uptime.Window) (uptime.Seconds, error) {
	line, err := s.Timeline(ctx, id, w.From, w.To)
	if err != nil {
		return uptime.Seconds{}, err
	}
	return line.Tally(w), nil
}

// flipsRead is how many flips StatusBefore looks back over for the last one of
// the service itself.
const flipsRead = 200

// StatusBefore is the status that a service had just before a time: that of its
// last flip, or, where the flip has expired since, its present one if that is
// older. It is unknown if neither is known, or too many flips of monitors have
// followed.
func (s *Store) StatusBefore(ctx context.Context, id monitor.ServiceID, at time.Time) (monitor.Status, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: servicePK(id), From: "FLIP#", To: "FLIP#" + stamp(at), Descending: true, Limit: flipsRead})
	if err != nil {
		return monitor.NotKnown, fmt.Errorf("query flips of %s: %w", id, err)
	}
	for _, f := range readAll(s, rows, as[monitor.Flip]) {
		if f.Monitor == "" {
			return monitor.Status(f.To), nil
		}
	}
	state, err := s.State(ctx, id)
	if err != nil || state.Version == 0 || !state.Since.Before(at) {
		return monitor.NotKnown, err
	}
	return state.Status, nil
}
