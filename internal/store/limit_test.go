package store_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// TestAllow: so many in a window, of one subject and one kind, and again in the
// next; what is left says nothing of the subject, and ends.
func TestAllow(t *testing.T) {
	ctx, now := context.Background(), t0
	clock := func() time.Time { return now }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := store.New(db, clock)
	allow := func(what, subject string) bool {
		t.Helper()
		ok, err := s.Allow(ctx, what, subject, 3, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for i := range 5 {
		if got := allow("visitor", "203.0.113.9"); got != (i < 3) {
			t.Errorf("use %d: %t", i, got)
		}
	}
	if !allow("visitor", "203.0.113.10") || !allow("address", "203.0.113.9") {
		t.Error("one subject's uses count for another")
	}
	rows, err := table.All(ctx, db, table.Query{PK: "LIMIT"})
	if err != nil || len(rows) != 4 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		if strings.Contains(row.SK+string(row.Doc), "203.0.113") || row.Expires.IsZero() {
			t.Errorf("row %s %s, until %s", row.SK, row.Doc, row.Expires)
		}
	}
	now = now.Add(time.Hour)
	if !allow("visitor", "203.0.113.9") {
		t.Error("the next window has begun, and does not allow")
	}
	now = now.Add(72 * time.Hour)
	if rows, err := table.All(ctx, db, table.Query{PK: "LIMIT"}); err != nil || len(rows) != 0 {
		t.Errorf("%d rows are left, %v", len(rows), err)
	}
}

// TestAllowTogether: many at once never get more than the limit.
func TestAllowTogether(t *testing.T) {
	s := open(t)
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			ok, err := s.Allow(context.Background(), "site", "", 10, time.Hour)
			if err != nil {
				t.Error(err)
			}
			if ok {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if n := allowed.Load(); n < 1 || n > 10 {
		t.Errorf("%d of 30 were allowed, want at most 10", n)
	}
}
