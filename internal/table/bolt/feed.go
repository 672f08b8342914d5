package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"go.etcd.io/bbolt"

	"github.com/sondehq/sonde/internal/table"
)

// publish appends a change to the feed: the length of the row's key in two
// bytes, the key, and the value.
func (w writer) publish(key, value []byte) error {
	seq, err := w.feed.NextSequence() // kept in the file: a trim does not turn it back
	if err != nil {
		return err
	}
	change := make([]byte, 0, 2+len(key)+len(value))
	change = binary.BigEndian.AppendUint16(change, uint16(len(key)))
	change = append(change, key...)
	change = append(change, value...)
	return w.feed.Put(seqKey(seq), change)
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func decodeChange(key, value []byte) (table.Change, error) {
	if len(key) != 8 || len(value) < 2 {
		return table.Change{}, errDamaged
	}
	n := 2 + int(binary.BigEndian.Uint16(value))
	if len(value) < n {
		return table.Change{}, errDamaged
	}
	rowKey, err := splitKey(value[2:n])
	if err != nil {
		return table.Change{}, err
	}
	row, err := decodeRow(rowKey, value[n:])
	return table.Change{Seq: binary.BigEndian.Uint64(key), Row: row}, err
}

// Changes implements table.Feed. A row is as it was put, though it may have
// been changed, deleted or expired since.
func (d *DB) Changes(ctx context.Context, after uint64, limit int) ([]table.Change, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("%w: limit of changes %d", table.ErrInvalid, limit)
	}
	for {
		// Before the read: what comes after it wakes us.
		d.mu.Lock()
		changed := d.changed
		d.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		changes, err := d.readChanges(after, limit)
		if err != nil {
			return nil, fmt.Errorf("read changes: %w", err)
		}
		if len(changes) > 0 {
			return changes, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

func (d *DB) readChanges(after uint64, limit int) ([]table.Change, error) {
	if after == math.MaxUint64 {
		return nil, nil
	}
	var changes []table.Change
	err := d.bolt.View(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(feedBucket).Cursor()
		for key, value := cursor.Seek(seqKey(after + 1)); key != nil && len(changes) < limit; key, value = cursor.Next() {
			change, err := decodeChange(key, value)
			if err != nil {
				return err
			}
			changes = append(changes, change)
		}
		return nil
	})
	return changes, err
}

// Trim implements table.Feed.
func (d *DB) Trim(ctx context.Context, seq uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := d.bolt.Update(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(feedBucket).Cursor()
		for {
			key, _ := cursor.First() // anew each time: a delete moves the cursor
			if key == nil || binary.BigEndian.Uint64(key) > seq {
				return nil
			}
			if err := cursor.Delete(); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return fmt.Errorf("trim changes up to %d: %w", seq, err)
	}
	return nil
}

// wake lets those that wait for a change look again.
func (d *DB) wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
}
