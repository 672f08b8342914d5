package bolt

import (
	"context"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/sondehq/sonde/internal/table"
)

// Write implements table.Table.
func (d *DB) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.CheckOps(ops); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fed := false
	err := d.bolt.Update(func(tx *bbolt.Tx) error {
		w := writer{tx.Bucket(rowsBucket), tx.Bucket(expiryBucket), tx.Bucket(feedBucket)}
		w.feed.FillPercent = 1 // its keys only grow: a page that is full stays as it is
		fed = false
		now := d.now() // here, where no other write can come between
		for i := range ops {
			stored, err := w.stored(ops[i].Row.Key)
			if err != nil {
				return err
			}
			if !ops[i].If.Holds(stored, now) {
				return fmt.Errorf("%s %s: %w", ops[i].Row.PK, ops[i].Row.SK, table.ErrConflict)
			}
		}
		for i := range ops {
			feeds := ops[i].Verb == table.Put && d.feeds(ops[i].Row.Kind)
			if err := w.apply(&ops[i], feeds); err != nil {
				return err
			}
			fed = fed || feeds
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %d rows: %w", len(ops), err)
	}
	if fed {
		d.wake()
	}
	return nil
}

type writer struct{ rows, expiry, feed *bbolt.Bucket }

// stored returns version and expiry of a row, or nil.
func (w writer) stored(key table.Key) (*table.Row, error) {
	value := w.rows.Get(rowKey(key))
	if value == nil {
		return nil, nil
	}
	row, _, err := decodeHead(value)
	return &row, err
}

func (w writer) apply(op *table.Op, feeds bool) error {
	if op.Verb == table.Check {
		return nil
	}
	key := rowKey(op.Row.Key)
	if err := w.forget(key); err != nil {
		return err
	}
	if op.Verb == table.Delete {
		return w.rows.Delete(key)
	}
	value := encodeRow(&op.Row)
	if err := w.rows.Put(key, value); err != nil {
		return err
	}
	if at := expiresUnix(&op.Row); at != 0 {
		if err := w.expiry.Put(expiryKey(at, key), nil); err != nil {
			return err
		}
	}
	if feeds {
		return w.publish(key, value)
	}
	return nil
}

// forget removes the entry that says when a stored row expires.
func (w writer) forget(key []byte) error {
	value := w.rows.Get(key)
	if value == nil {
		return nil
	}
	old, _, err := decodeHead(value)
	if err != nil || old.Expires.IsZero() {
		return err
	}
	return w.expiry.Delete(expiryKey(old.Expires.Unix(), key))
}

// expiryKey is when a row expires, in eight bytes, and its key: so that what
// expires first stands first.
func expiryKey(unix int64, rowKey []byte) []byte {
	key := make([]byte, 0, 8+len(rowKey))
	key = binary.BigEndian.AppendUint64(key, uint64(unix)) // table.CheckOps refuses negative times
	return append(key, rowKey...)
}

// Sweep deletes rows that have expired, the oldest first and at most limit,
// and returns how many it deleted: fewer than limit when none is left.
func (d *DB) Sweep(ctx context.Context, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	deleted := 0
	err := d.bolt.Update(func(tx *bbolt.Tx) error {
		deleted = 0
		rows, cursor := tx.Bucket(rowsBucket), tx.Bucket(expiryBucket).Cursor()
		end := expiryKey(d.now().Unix()+1, nil) // what expires now is gone now
		for deleted < limit {
			key, _ := cursor.First() // anew each time: a delete moves the cursor
			if key == nil || string(key[:8]) >= string(end) {
				return nil
			}
			if err := rows.Delete(key[8:]); err != nil {
				return err
			}
			if err := cursor.Delete(); err != nil {
				return err
			}
			deleted++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("sweep expired rows: %w", err)
	}
	return deleted, nil
}
