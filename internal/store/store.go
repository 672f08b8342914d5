// Package store gives the table its meaning: which entity stands under which
// key, in which form, written on which condition. It is the only package that
// knows keys.
//
//	partition       sort key                       kind           what
//	CONFIG          CURRENT, V#n                   config         compiled monitors.yaml
//	BATCH#shard     scheduled#location#attempt     batch          results of one probe run, 14 days
//	SHARD#shard     SEEN                           seen           when each location was last heard
//	SERVICE#id      STATE                          state          the service and its monitors, versioned
//	SERVICE#id      FLIP#time#monitor              flip           changes of state, 400 days
//	SERVICE#id      EVIDENCE#time#monitor#location evidence       the results that opened votes, as they were
//	SERVICE#id      HOUR#, DAY#, MONTH#            rollup         counts and latency
//	SERVICE#id      FIGURES#2019-05                figures        uptime of a finished month, frozen
//	SERVICE#id      ADJUSTING                      adjusting      that nobody freezes figures while somebody corrects them
//	INCIDENTS       OPEN                           open           the open incidents: one item, versioned
//	INCIDENTS#year  opened#id                      listed         all incidents, by time of opening
//	INCIDENT#id     HEAD                           incident       one incident, versioned
//	INCIDENT#id     UPDATE#time#version-n          update         its time line
//	INCIDENT#id     RECEIPT#tier#event             receipt        what was delivered
//	OUTBOX          due#id                         notification   what is still to be delivered
//	MAINTENANCE     BEGAN#time#id                  run            planned maintenance that began, 400 days
//	MAINTENANCE     PLAN#id                        plan           what people planned, versioned
//	CORRECTIONS     time#service#id                correction     what people say was, in place of what was measured
//	HEARTBEAT#hash  LAST                           heartbeat      the last ping of a token
//	HEARTBEATS      monitor                        token          which hash a monitor listens to
//	ASIDE           pk#sk                          aside          which rows could not be read, and why; 90 days
//	PAGE            FROZEN                         frozen         up to which month figures are frozen
//	PAGE            SNAPSHOT#0, SNAPSHOT#0#n       snapshot       what the public API serves, and its further pieces
//	PAGE            SNAPSHOT#n                     part           days and response times that it has no room for
//	PAGE            INCIDENT#id                    past           an incident that it has no room for any more, as it showed it
//
// Opening and resolving an incident both change the item of open incidents
// under its version: whoever decides about incidents has seen all that are
// open, or has to look again.
//
// Functions named …Op build one operation of a transaction; Commit writes them.
// Reads return rows that are not there as zero values with version 0.
package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/table"
)

// Kinds of rows that stream consumers filter on.
const (
	KindBatch        = "batch"
	KindNotification = "notification"
)

// How long rows are kept.
const (
	keepBatches  = 14 * 24 * time.Hour
	keepFlips    = 400 * 24 * time.Hour
	keepEvidence = 400 * 24 * time.Hour
	keepAsides   = 90 * 24 * time.Hour
)

// Store is the entities over a table.
type Store struct {
	table table.Table
	now   func() time.Time

	decoded decoded // the snapshot read or written last

	mu         sync.Mutex
	unreadable []Aside // since Unreadable was called last
}

// New returns a store over a table.
func New(t table.Table, now func() time.Time) *Store { return &Store{table: t, now: now} }

// Table is what the store stands on.
func (s *Store) Table() table.Table { return s.table }

// stamp writes a time so that its text orders as the time does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// put builds a put of an entity, on condition that it is still as it was read.
func put(key table.Key, kind string, version int64, entity any) (table.Op, error) {
	doc, err := json.Marshal(entity)
	if err != nil {
		return table.Op{}, fmt.Errorf("encode %s: %w", kind, err)
	}
	row := table.Row{Key: key, Kind: kind, Version: version + 1, Doc: doc}
	return table.Op{Verb: table.Put, Row: row, If: table.Unchanged(version)}, nil
}

// always takes the condition off an operation: a row whose key says all about
// it may be written again.
func always(op table.Op, err error) (table.Op, error) {
	op.If = table.Condition{}
	return op, err
}

// expiring gives an operation's row an end.
func expiring(at time.Time, op table.Op, err error) (table.Op, error) {
	op.Row.Expires = at.Truncate(time.Second)
	return op, err
}

// get reads one entity and its version; 0 if it is not there.
func (s *Store) get(ctx context.Context, key table.Key, entity any) (version int64, err error) {
	row, err := s.table.Get(ctx, key)
	if errors.Is(err, table.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("get %s %s: %w", key.PK, key.SK, err)
	}
	return row.Version, decode(row, entity)
}

// decode reads a row's document. An item of a newer form than this program
// knows keeps its meaning in the fields that are known.
func decode(row table.Row, entity any) error {
	if err := json.Unmarshal(row.Doc, entity); err != nil {
		return fmt.Errorf("decode %s %s %s: %w", row.Kind, row.PK, row.SK, err)
	}
	return nil
}

// as is decode for lists.
func as[T any](row table.Row) (T, error) {
	var entity T
	err := decode(row, &entity)
	return entity, err
}

// Commit writes operations in one transaction. Where there are more than one
// transaction takes, what belongs to history (flips, updates, evidence: puts
// without a condition) is written first, and all that is conditional last and
// together: a repeat after a crash between the two writes history again under
// the same keys.
func (s *Store) Commit(ctx context.Context, ops ...table.Op) error {
	if len(ops) <= table.MaxOps {
		return s.table.Write(ctx, ops...)
	}
	var history, core []table.Op
	for _, op := range ops {
		if op.If.IsAlways() {
			history = append(history, op)
		} else {
			core = append(core, op)
		}
	}
	for len(history) > 0 {
		n := min(len(history), table.MaxOps)
		if err := s.table.Write(ctx, history[:n]...); err != nil {
			return err
		}
		history = history[n:]
	}
	return s.table.Write(ctx, core...)
}

// maxInflated bounds what a compressed row may grow to.
const maxInflated = 64 << 20

// gzips are compressors to be used again: each holds some 800 KB.
var gzips = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func deflate(entity any) ([]byte, error) {
	var out bytes.Buffer
	w := gzips.Get().(*gzip.Writer)
	defer gzips.Put(w)
	w.Reset(&out)
	if err := json.NewEncoder(w).Encode(entity); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func inflate(data []byte, entity any) error {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return json.NewDecoder(io.LimitReader(r, maxInflated)).Decode(entity)
}
