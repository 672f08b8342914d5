// Package memory is the table in memory: fast, gone with the process, and the
// same for the same calls. The simulator and `sonde replay` stand on it.
//
// It guarantees what package table asks for, and keeps no change feed: who owns
// the table sees all that is written.
package memory

import (
	"bytes"
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/table"
)

// Table is an empty table when New returns it. Expired rows stay in memory until
// they are replaced.
type Table struct {
	now func() time.Time

	mu         sync.RWMutex
	partitions map[string]*partition
}

// partition is the rows of one partition key.
type partition struct {
	order []string // sort keys, ascending
	rows  map[string]table.Row
}

var _ table.Table = (*Table)(nil)

// New returns an empty table that asks a clock when rows expire.
func New(now func() time.Time) *Table {
	return &Table{now: now, partitions: map[string]*partition{}}
}

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, key table.Key) (table.Row, error) {
	if err := table.CheckKey(key); err != nil {
		return table.Row{}, err
	}
	if err := ctx.Err(); err != nil {
		return table.Row{}, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	row := t.find(key)
	if row == nil || row.IsExpired(t.now()) {
		return table.Row{}, table.ErrNotFound
	}
	return copied(*row), nil
}

// BatchGet implements table.Table. All rows are of one moment.
func (t *Table) BatchGet(ctx context.Context, keys []table.Key) ([]table.Row, error) {
	if err := table.CheckKeys(keys); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	var rows []table.Row
	now := t.now()
	for _, key := range keys {
		if row := t.find(key); row != nil && !row.IsExpired(now) {
			rows = append(rows, copied(*row))
		}
	}
	return rows, nil
}

// Query implements table.Table. All rows of a page are of one moment.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
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
	t.mu.RLock()
	defer t.mu.RUnlock()
	p, has := t.partitions[q.PK]
	if !has {
		return table.Page{}, nil
	}
	return p.page(q, after, t.now()), nil
}

// page reads the rows of a query after a sort key, up to its limit or to the size
// of a page.
func (p *partition) page(q table.Query, after string, now time.Time) table.Page {
	keys := p.between(q, after)
	var page table.Page
	size := 0
	for i := range keys {
		sk := keys[i]
		if q.Descending {
			sk = keys[len(keys)-1-i]
		}
		row := p.rows[sk]
		if row.IsExpired(now) {
			continue
		}
		page.Rows = append(page.Rows, copied(row))
		size += len(row.PK) + len(row.SK) + len(row.Doc) + len(row.Data)
		if i+1 < len(keys) && (len(page.Rows) == q.Limit || size >= table.MaxPage) {
			page.Cursor = q.CursorAfter(sk)
			return page
		}
	}
	return page
}

// between returns the sort keys of a query's range that its cursor leaves.
func (p *partition) between(q table.Query, after string) []string {
	from, to := sort.SearchStrings(p.order, q.From), len(p.order)
	if q.To != "" {
		to = sort.SearchStrings(p.order, q.To)
	}
	if after != "" {
		at, found := slices.BinarySearch(p.order, after)
		switch {
		case q.Descending:
			to = min(to, at)
		case found:
			from = max(from, at+1)
		default:
			from = max(from, at)
		}
	}
	return p.order[min(from, to):to]
}

// Write implements table.Table.
func (t *Table) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.CheckOps(ops); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for i := range ops {
		if !ops[i].If.Holds(t.find(ops[i].Row.Key), now) {
			return table.ErrConflict
		}
	}
	for i := range ops {
		switch ops[i].Verb {
		case table.Put:
			t.put(copied(ops[i].Row))
		case table.Delete:
			t.remove(ops[i].Row.Key)
		}
	}
	return nil
}

func (t *Table) find(key table.Key) *table.Row {
	p, has := t.partitions[key.PK]
	if !has {
		return nil
	}
	row, has := p.rows[key.SK]
	if !has {
		return nil
	}
	return &row
}

func (t *Table) put(row table.Row) {
	p, has := t.partitions[row.PK]
	if !has {
		p = &partition{rows: map[string]table.Row{}}
		t.partitions[row.PK] = p
	}
	if _, has := p.rows[row.SK]; !has {
		at, _ := slices.BinarySearch(p.order, row.SK)
		p.order = slices.Insert(p.order, at, row.SK)
	}
	p.rows[row.SK] = row
}

func (t *Table) remove(key table.Key) {
	p, has := t.partitions[key.PK]
	if !has {
		return
	}
	if at, found := slices.BinarySearch(p.order, key.SK); found {
		p.order = slices.Delete(p.order, at, at+1)
		delete(p.rows, key.SK)
	}
}

// copied shares no bytes with the row: neither side sees what the other does to
// its own.
func copied(r table.Row) table.Row {
	if len(r.Doc) == 0 {
		r.Doc = []byte("{}")
	} else {
		r.Doc = bytes.Clone(r.Doc)
	}
	r.Data = bytes.Clone(r.Data)
	if len(r.Data) == 0 {
		r.Data = nil
	}
	return r
}
