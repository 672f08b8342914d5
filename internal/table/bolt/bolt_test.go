package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
	"github.com/sondehq/sonde/internal/table/tabletest"
)

func open(t testing.TB, path string, now func() time.Time, opts ...bolt.Option) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(path, now, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestContract(t *testing.T) {
	tabletest.Run(t, func(t *testing.T, now func() time.Time) table.Table {
		return open(t, filepath.Join(t.TempDir(), "table.db"), now, bolt.NoSync())
	})
}

func TestFeedContract(t *testing.T) {
	tabletest.RunFeed(t, func(t *testing.T, dir string, now func() time.Time) tabletest.FeedTable {
		return open(t, filepath.Join(dir, "table.db"), now, bolt.NoSync())
	})
}

func TestOpenRefuses(t *testing.T) {
	now := tabletest.NewClock().Now
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		says    string
	}{
		{"a folder that is not there", func(t *testing.T, path string) { os.Remove(filepath.Dir(path)) }, "no such file"},
		{"a folder", func(t *testing.T, path string) { os.Mkdir(path, 0o700) }, "is a directory"},
		{"text", func(t *testing.T, path string) { os.WriteFile(path, []byte(strings.Repeat("hello ", 5000)), 0o600) }, "invalid database"},
		{"a short file", func(t *testing.T, path string) { os.WriteFile(path, []byte("hello"), 0o600) }, "open table"},
		{"a file cut off", func(t *testing.T, path string) {
			db := open(t, path, now)
			write(t, db, put("p", "s", 1))
			db.Close()
			os.Truncate(path, 4096)
		}, "open table"},
		{"another program's file", func(t *testing.T, path string) {
			update(t, path, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err })
		}, `not a table of Sonde: it has a bucket "theirs"`},
		{"a newer format", func(t *testing.T, path string) {
			open(t, path, now).Close()
			update(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte{2}) })
		}, "file has format [2], this program reads format 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "table.db")
			c.prepare(t, path)
			db, err := bolt.Open(path, now)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Open: %v, want %q", err, c.says)
			}
			if db != nil {
				db.Close()
			}
		})
	}
}

func update(t *testing.T, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	b, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Update(change), b.Close()); err != nil {
		t.Fatal(err)
	}
}

func put(pk, sk string, version int64) table.Op {
	return table.Op{Row: table.Row{Key: table.Key{PK: pk, SK: sk}, Kind: "test", Version: version}}
}

func write(t *testing.T, db *bolt.DB, ops ...table.Op) {
	t.Helper()
	if err := db.Write(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
}

func TestOpenLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	first := open(t, path, time.Now)
	if _, err := bolt.Open(path, time.Now); !errors.Is(err, bolt.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("Open of an open file: %v, want ErrLocked with the path", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, time.Now)
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	now := tabletest.NewClock().Now
	db := open(t, path, now)
	write(t, db, put("p", "s", 3))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Get(t.Context(), table.Key{PK: "p", SK: "s"}); err == nil {
		t.Error("Get of a closed table returns no error")
	}
	if row, err := open(t, path, now).Get(t.Context(), table.Key{PK: "p", SK: "s"}); err != nil || row.Version != 3 {
		t.Errorf("after reopening: version %d, %v", row.Version, err)
	}
}

func TestFeedKinds(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "table.db"), time.Now, bolt.Feed("batch", "notification"))
	for i, kind := range []string{"state", "batch", "", "notification", "flip"} {
		op := put("p", fmt.Sprint(i), 1)
		if op.Row.Kind = kind; kind != "" {
			write(t, db, op)
		}
	}
	changes, err := db.Changes(t.Context(), 0, 10)
	var kinds []string
	for _, c := range changes {
		kinds = append(kinds, c.Row.Kind)
	}
	if d := cmp.Diff([]string{"batch", "notification"}, kinds); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
}

// TestChangesWakes: a reader that waits is woken by what it waits for and by
// nothing else. (The contract cannot know when a reader waits; synctest does.)
func TestChangesWakes(t *testing.T) {
	for _, c := range []struct {
		name string
		wake func(t *testing.T, db *bolt.DB, cancel context.CancelFunc)
		want error // nil: the change
	}{
		{"put", func(t *testing.T, db *bolt.DB, _ context.CancelFunc) { write(t, db, put("p", "s", 1)) }, nil},
		{"context", func(_ *testing.T, _ *bolt.DB, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"close", func(_ *testing.T, db *bolt.DB, _ context.CancelFunc) { db.Close() }, bolterrors.ErrDatabaseNotOpen},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "table.db")
			synctest.Test(t, func(t *testing.T) {
				db := open(t, path, time.Now, bolt.NoSync(), bolt.Feed("test"))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := false
				var changes []table.Change
				var err error
				go func() {
					changes, err = db.Changes(ctx, 0, 1)
					ended = true
				}()
				synctest.Wait()
				other := put("p", "other", 1)
				other.Row.Kind = "other" // does not enter the feed
				write(t, db, other)
				synctest.Wait()
				if ended {
					t.Fatalf("Changes did not wait: %v, %v", changes, err)
				}
				c.wake(t, db, cancel)
				synctest.Wait()
				if !ended || !errors.Is(err, c.want) || c.want == nil && len(changes) != 1 {
					t.Errorf("ended %t with %v, %v, want %v", ended, changes, err, c.want)
				}
			})
		})
	}
}

func TestSweep(t *testing.T) {
	clock := tabletest.NewClock()
	path := filepath.Join(t.TempDir(), "table.db")
	db := open(t, path, clock.Now, bolt.NoSync())
	expires := func(sk string, in time.Duration) table.Op {
		op := put("p", sk, 1)
		op.Row.Expires = clock.Now().Add(in)
		return op
	}
	write(t, db, expires("1", time.Second), expires("2", 2*time.Second), expires("3", 3*time.Second), put("p", "never", 1))
	write(t, db, expires("put off", time.Second), expires("hastened", time.Hour), expires("freed", time.Second), expires("deleted", time.Second))
	write(t, db, expires("put off", time.Hour), expires("hastened", time.Second), put("p", "freed", 2),
		table.Op{Verb: table.Delete, Row: table.Row{Key: table.Key{PK: "p", SK: "deleted"}}})

	for _, step := range []struct {
		after time.Duration
		limit int
		want  int
		left  []string // in the file
	}{
		{0, 10, 0, []string{"1", "2", "3", "freed", "hastened", "never", "put off"}},
		{2 * time.Second, 2, 2, []string{"2", "3", "freed", "never", "put off"}},
		{0, 2, 1, []string{"3", "freed", "never", "put off"}},
		{0, 2, 0, []string{"3", "freed", "never", "put off"}},
		{999 * time.Millisecond, 2, 0, []string{"3", "freed", "never", "put off"}},
		{time.Millisecond, 2, 1, []string{"freed", "never", "put off"}},
		{1000 * time.Hour, 10, 1, []string{"freed", "never"}},
	} {
		clock.Advance(step.after)
		if n, err := db.Sweep(t.Context(), step.limit); n != step.want || err != nil {
			t.Errorf("Sweep(%d) = %d, %v, want %d", step.limit, n, err, step.want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		// With a clock that stands before all expiries everything stored shows.
		past := open(t, path, func() time.Time { return time.Unix(1, 0) })
		rows, err := table.All(t.Context(), past, table.Query{PK: "p"})
		var left []string
		for _, r := range rows {
			left = append(left, r.SK)
		}
		if d := cmp.Diff(step.left, left); d != "" || err != nil {
			t.Errorf("after %v: %v (-want +got)\n%s", step.after, err, d)
		}
		past.Close()
		db = open(t, path, clock.Now, bolt.NoSync())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Sweep(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Sweep with an ended context: %v", err)
	}
}
