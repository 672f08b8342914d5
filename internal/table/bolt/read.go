package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sondehq/sonde/internal/table"
)

// Get implements table.Table.
func (d *DB) Get(ctx context.Context, key table.Key) (table.Row, error) {
	if err := table.CheckKey(key); err != nil {
		return table.Row{}, err
	}
	if err := ctx.Err(); err != nil {
		return table.Row{}, err
	}
	var rows []table.Row
	now := d.now()
	err := d.bolt.View(func(tx *bbolt.Tx) (err error) {
		rows, err = appendLive(nil, tx, key, now)
		return err
	})
	if err != nil {
		return table.Row{}, fmt.Errorf("get %s %s: %w", key.PK, key.SK, err)
	}
	if len(rows) == 0 {
		return table.Row{}, table.ErrNotFound
	}
	return rows[0], nil
}

// BatchGet implements table.Table. All rows are of one moment.
func (d *DB) BatchGet(ctx context.Context, keys []table.Key) ([]table.Row, error) {
	if err := table.CheckKeys(keys); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var rows []table.Row
	now := d.now()
	err := d.bolt.View(func(tx *bbolt.Tx) (err error) {
		for _, key := range keys {
			if rows, err = appendLive(rows, tx, key, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("get %d rows: %w", len(keys), err)
	}
	return rows, nil
}

// appendLive appends the row with a key, if there is one that has not expired.
func appendLive(rows []table.Row, tx *bbolt.Tx, key table.Key, now time.Time) ([]table.Row, error) {
	value := tx.Bucket(rowsBucket).Get(rowKey(key))
	if value == nil {
		return rows, nil
	}
	row, err := decodeRow(key, value)
	if err != nil || row.IsExpired(now) {
		return rows, err
	}
	return append(rows, row), nil
}

// Query implements table.Table. All rows of a page are of one moment.
func (d *DB) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.CheckQuery(q); err != nil {
		return table.Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return table.Page{}, err
	}
	after, err := q.After()
	if err != nil {
		return table.Page{}, err
	}
	var page table.Page
	now := d.now()
	err = d.bolt.View(func(tx *bbolt.Tx) (err error) {
		page, err = readPage(newWalk(tx.Bucket(rowsBucket).Cursor(), q, after), q, now)
		return err
	})
	if err != nil {
		return table.Page{}, fmt.Errorf("query %s: %w", q.PK, err)
	}
	return page, nil
}

func readPage(w *walk, q table.Query, now time.Time) (table.Page, error) {
	var page table.Page
	size, skip := 0, 2+len(q.PK)
	for key, value := w.first(); key != nil; key, value = w.next() {
		head, _, err := decodeHead(value)
		if err != nil {
			return table.Page{}, err
		}
		if head.IsExpired(now) {
			continue
		}
		if q.Limit > 0 && len(page.Rows) == q.Limit || size >= table.MaxPage {
			page.Cursor = q.CursorAfter(page.Rows[len(page.Rows)-1].SK)
			return page, nil
		}
		row, err := decodeRow(table.Key{PK: q.PK, SK: string(key[skip:])}, value)
		if err != nil {
			return table.Page{}, err
		}
		page.Rows = append(page.Rows, row)
		size += len(key) + len(value)
	}
	return page, nil
}

// walk goes over the rows of a query.
type walk struct {
	cursor   *bbolt.Cursor
	from, to []byte // row keys, from inclusive, to exclusive
	down     bool
}

func newWalk(cursor *bbolt.Cursor, q table.Query, after string) *walk {
	prefix := partition(q.PK, 0)
	key := func(sk string) []byte { return append(bytes.Clone(prefix), sk...) }
	w := &walk{cursor: cursor, from: key(q.From), down: q.Descending}
	if q.To != "" {
		w.to = key(q.To)
	} else {
		// A valid UTF-8 sort key never begins with this byte.
		w.to = key("\xff")
	}
	switch {
	case after == "":
	case q.Descending:
		w.to = key(after)
	default:
		w.from = key(after + "\x00") // the first key behind it
	}
	return w
}

func (w *walk) first() (key, value []byte) {
	if !w.down {
		return w.within(w.cursor.Seek(w.from))
	}
	if key, _ := w.cursor.Seek(w.to); key == nil {
		return w.within(w.cursor.Last())
	}
	return w.within(w.cursor.Prev())
}

func (w *walk) next() (key, value []byte) {
	if w.down {
		return w.within(w.cursor.Prev())
	}
	return w.within(w.cursor.Next())
}

func (w *walk) within(key, value []byte) ([]byte, []byte) {
	if key == nil || bytes.Compare(key, w.from) < 0 || bytes.Compare(key, w.to) >= 0 {
		return nil, nil
	}
	return key, value
}
