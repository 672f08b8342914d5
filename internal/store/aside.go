package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/table"
)

// Aside is a row or a stream record that could not be read. The row itself stays
// where it is; all that can be read goes on without it.
type Aside struct {
	PK      string    `json:"of_pk"`
	SK      string    `json:"of_sk"`
	What    string    `json:"what"` // its kind, as far as known
	Reason  string    `json:"reason"`
	Noticed time.Time `json:"noticed"`
}

const asidePK = "ASIDE"

func asideKey(key table.Key) table.Key { return table.Key{PK: asidePK, SK: key.PK + "#" + key.SK} }

// SetAside notes a row that could not be read, once, and reports whether it was
// the first time.
func (s *Store) SetAside(ctx context.Context, a Aside) (first bool, err error) {
	a.Noticed = s.now()
	op, err := put(asideKey(table.Key{PK: a.PK, SK: a.SK}), "aside", 0, a)
	if err != nil {
		return false, err
	}
	op, err = expiring(a.Noticed.Add(keepAsides), op, nil)
	if err != nil {
		return false, err
	}
	err = s.table.Write(ctx, op)
	if errors.Is(err, table.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// Asides reads what was set aside, at most limit.
func (s *Store) Asides(ctx context.Context, limit int) ([]Aside, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: asidePK, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("query what was set aside: %w", err)
	}
	return readAll(s, rows, as[Aside]), nil
}

// maxUnreadable is how many unreadable rows are remembered between two calls of
// Unreadable.
const maxUnreadable = 1000

// readAll decodes rows, and passes over those that it cannot: one bad row must
// not hide the others. They are remembered for Unreadable.
func readAll[T any](s *Store, rows []table.Row, decode func(table.Row) (T, error)) []T {
	out := make([]T, 0, len(rows))
	for _, row := range rows {
		entity, err := decode(row)
		if err != nil {
			s.mu.Lock()
			if len(s.unreadable) < maxUnreadable {
				s.unreadable = append(s.unreadable, Aside{PK: row.PK, SK: row.SK, What: row.Kind, Reason: err.Error()})
			}
			s.mu.Unlock()
			continue
		}
		out = append(out, entity)
	}
	return out
}

// Unreadable returns the rows that lists have passed over since it was called
// last.
func (s *Store) Unreadable() []Aside {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.unreadable
	s.unreadable = nil
	return all
}
