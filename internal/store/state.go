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

// flipsRead is how many flips are read at a time to look for one of the service
// itself, among those of its monitors.
const flipsRead = 200

// StatusBefore is the status that a service had just before a time: that of its
// last flip; or, where that has expired since, what the next one says that it was, or
// its present one if that is older. It is unknown if none of these is known.
func (s *Store) StatusBefore(ctx context.Context, id monitor.ServiceID, at time.Time) (monitor.Status, error) {
	last, found, err := s.ownFlip(ctx, id, table.Query{PK: servicePK(id), From: "FLIP#", To: "FLIP#" + stamp(at), Descending: true, Limit: flipsRead})
	if err != nil || found {
		return monitor.Status(last.To), err
	}
	next, found, err := s.ownFlip(ctx, id, table.Query{PK: servicePK(id), From: "FLIP#" + stamp(at), To: "FLIP$", Limit: flipsRead})
	if err != nil || found {
		return monitor.Status(next.From), err
	}
	state, err := s.State(ctx, id)
	if err != nil || state.Version == 0 || !state.Since.Before(at) {
		return monitor.NotKnown, err
	}
	return state.Status, nil
}

// ownFlip finds the first flip of a service itself that a query comes upon.
func (s *Store) ownFlip(ctx context.Context, id monitor.ServiceID, q table.Query) (flip monitor.Flip, found bool, err error) {
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return monitor.Flip{To: string(monitor.NotKnown), From: string(monitor.NotKnown)}, false, fmt.Errorf("query flips of %s: %w", id, err)
		}
		for _, f := range readAll(s, page.Rows, as[monitor.Flip]) {
			if f.Monitor == "" {
				return f, true, nil
			}
		}
		if page.Cursor == "" {
			return monitor.Flip{}, false, nil
		}
		q.Cursor = page.Cursor
	}
}
