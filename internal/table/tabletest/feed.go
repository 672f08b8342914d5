package tabletest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/sondehq/sonde/internal/table"
)

// FeedTable is an engine that keeps a change feed of its own.
type FeedTable interface {
	table.Table
	table.Feed
	io.Closer
}

// OpenFeed opens the table in a folder, and creates it if it is not there.
// Every row that is put enters its feed.
type OpenFeed func(t *testing.T, dir string, now func() time.Time) FeedTable

// RunFeed tests the change feed of one engine.
func RunFeed(t *testing.T, open OpenFeed) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *feedFixture)
	}{
		{"Order", testFeedOrder},
		{"OnlyPuts", testFeedOnlyPuts},
		{"Image", testFeedImage},
		{"Limit", testFeedLimit},
		{"Wait", testFeedWait},
		{"ContextEnds", testFeedContextEnds},
		{"Trim", testFeedTrim},
		{"Reopen", testFeedReopen},
		{"Close", testFeedClose},
		{"Concurrent", testFeedConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &feedFixture{clock: NewClock(), dir: t.TempDir(), open: open}
			f.table = open(t, f.dir, f.clock.Now)
			t.Cleanup(func() { f.table.Close() }) // a second time where the test has closed it
			c.test(t, f)
		})
	}
}

type feedFixture struct {
	clock *Clock
	dir   string
	open  OpenFeed
	table FeedTable
}

func (f *feedFixture) reopen(t *testing.T) {
	t.Helper()
	if err := f.table.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	f.table = f.open(t, f.dir, f.clock.Now)
}

func (f *feedFixture) write(t *testing.T, ops ...table.Op) {
	t.Helper()
	if err := f.table.Write(t.Context(), ops...); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// bounded makes of a change that never comes a failure and not a hang.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// changes reads what is there, which must be something; it does not wait.
func (f *feedFixture) changes(t *testing.T, after uint64, limit int) []table.Change {
	t.Helper()
	ctx := bounded(t)
	changes, err := f.table.Changes(ctx, after, limit)
	if err != nil {
		t.Fatalf("changes after %d: %v", after, err)
	}
	for i, c := range changes {
		if c.Seq <= after || i > 0 && c.Seq <= changes[i-1].Seq {
			t.Fatalf("change %d has sequence %d, does not grow", i, c.Seq)
		}
	}
	return changes
}

// none checks that no change is there: the next one to come is the first.
func (f *feedFixture) none(t *testing.T, after uint64) {
	t.Helper()
	f.write(t, put(row("none", "probe", 1)))
	changes := f.changes(t, after, 100)
	if d := cmp.Diff([]string{"none probe 1"}, names(changes)); d != "" {
		t.Errorf("changes after %d, with one probe (-want +got)\n%s", after, d)
	}
	if err := f.table.Trim(t.Context(), changes[len(changes)-1].Seq); err != nil {
		t.Errorf("trim: %v", err)
	}
}

func names(changes []table.Change) []string {
	var all []string
	for _, c := range changes {
		all = append(all, fmt.Sprintf("%s %s %d", c.Row.PK, c.Row.SK, c.Row.Version))
	}
	return all
}

func testFeedOrder(t *testing.T, f *feedFixture) {
	f.write(t, put(row("z", "s", 1)))
	f.write(t, put(row("a", "s", 1)), put(row("m", "s", 1)))
	f.write(t, put(row("z", "s", 2)))
	got := names(f.changes(t, 0, 100))
	if d := cmp.Diff([]string{"z s 1", "a s 1", "m s 1", "z s 2"}, got); d != "" {
		t.Errorf("changes in the order of the writes (-want +got)\n%s", d)
	}
}

func testFeedOnlyPuts(t *testing.T, f *feedFixture) {
	f.write(t, put(row("p", "s", 1)))
	f.write(t, table.Op{Verb: table.Check, Row: row("p", "s", 0), If: table.VersionIs(1)})
	f.write(t, table.Op{Verb: table.Delete, Row: row("p", "s", 0)})
	err := f.table.Write(t.Context(), put(row("p", "other", 1)), table.Op{Row: row("p", "s", 2), If: table.VersionIs(1)})
	if !errors.Is(err, table.ErrConflict) {
		t.Fatalf("write: %v, want ErrConflict", err)
	}
	f.write(t, put(row("p", "s", 3)))
	if d := cmp.Diff([]string{"p s 1", "p s 3"}, names(f.changes(t, 0, 100))); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// testFeedImage: a change is the row as it was put, whatever became of it.
func testFeedImage(t *testing.T, f *feedFixture) {
	want := table.Row{Key: key("p", "s"), Kind: "batch", Version: 1, Doc: []byte(`{"a":[1,"é"]}`), Data: []byte("\x00\xff"), Expires: f.clock.Now().Add(time.Second)}
	f.write(t, put(want))
	f.write(t, table.Op{Verb: table.Delete, Row: want})
	f.clock.Advance(time.Hour)
	got := f.changes(t, 0, 1)
	if d := diff(want, got[0].Row); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func testFeedLimit(t *testing.T, f *feedFixture) {
	var want []string
	for i := range 7 {
		f.write(t, put(row("p", "s", int64(i))))
		want = append(want, fmt.Sprintf("p s %d", i))
	}
	for limit := 1; limit <= 8; limit++ {
		var got []string
		for after := uint64(0); len(got) < len(want); {
			changes := f.changes(t, after, limit)
			if len(changes) > limit {
				t.Fatalf("%d changes, limit %d", len(changes), limit)
			}
			got = append(got, names(changes)...)
			after = changes[len(changes)-1].Seq
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("limit %d (-want +got)\n%s", limit, d)
		}
	}
	if _, err := f.table.Changes(t.Context(), 0, 0); !errors.Is(err, table.ErrInvalid) {
		t.Errorf("limit 0: %v, want ErrInvalid", err)
	}
}

// testFeedWait: whoever asks before the change comes, gets it.
func testFeedWait(t *testing.T, f *feedFixture) {
	var after uint64
	for i := range 20 {
		var group errgroup.Group
		var got []table.Change
		ctx := bounded(t)
		group.Go(func() (err error) {
			got, err = f.table.Changes(ctx, after, 10)
			return err
		})
		f.write(t, put(row("p", "s", int64(i))))
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{fmt.Sprintf("p s %d", i)}, names(got)); d != "" {
			t.Fatalf("(-want +got)\n%s", d)
		}
		after = got[0].Seq
	}
}

func testFeedContextEnds(t *testing.T, f *feedFixture) {
	ctx, cancel := context.WithCancel(t.Context())
	var group errgroup.Group
	group.Go(func() error {
		_, err := f.table.Changes(ctx, 0, 1)
		return err
	})
	cancel()
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	f.write(t, put(row("p", "s", 1)))
	if _, err := f.table.Changes(ctx, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("with changes there: error %v, want context.Canceled", err)
	}
}

func testFeedTrim(t *testing.T, f *feedFixture) {
	for i := range 5 {
		f.write(t, put(row("p", "s", int64(i))))
	}
	all := f.changes(t, 0, 100)
	for _, trim := range []uint64{0, all[1].Seq, all[0].Seq} { // back again is nothing
		if err := f.table.Trim(t.Context(), trim); err != nil {
			t.Fatalf("trim: %v", err)
		}
	}
	if d := cmp.Diff(names(all[2:]), names(f.changes(t, 0, 100))); d != "" {
		t.Errorf("after the trim (-want +got)\n%s", d)
	}
	if err := f.table.Trim(t.Context(), all[4].Seq); err != nil {
		t.Fatalf("trim: %v", err)
	}
	f.none(t, 0)
	f.none(t, all[4].Seq)
}

// testFeedReopen: what was not trimmed comes again, what was does not, and the
// sequence goes on even when nothing is left.
func testFeedReopen(t *testing.T, f *feedFixture) {
	f.write(t, put(row("p", "s", 1)), put(row("p", "t", 1)), put(row("p", "u", 1)))
	before := f.changes(t, 0, 100)
	f.reopen(t)
	if d := cmp.Diff(before, f.changes(t, 0, 100)); d != "" {
		t.Errorf("after reopening (-want +got)\n%s", d)
	}
	if err := f.table.Trim(t.Context(), before[0].Seq); err != nil {
		t.Fatalf("trim: %v", err)
	}
	f.reopen(t)
	if d := cmp.Diff(before[1:], f.changes(t, 0, 100)); d != "" {
		t.Errorf("after a trim and reopening (-want +got)\n%s", d)
	}
	last := before[2].Seq
	if err := f.table.Trim(t.Context(), last); err != nil {
		t.Fatalf("trim: %v", err)
	}
	f.reopen(t)
	f.write(t, put(row("p", "s", 2)))
	if d := cmp.Diff([]string{"p s 2"}, names(f.changes(t, last, 100))); d != "" {
		t.Errorf("the sequence does not go on (-want +got)\n%s", d)
	}
}

func testFeedClose(t *testing.T, f *feedFixture) {
	var group errgroup.Group
	ctx := bounded(t)
	group.Go(func() error {
		_, err := f.table.Changes(ctx, 0, 1)
		return err
	})
	if err := f.table.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := group.Wait(); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Changes of a closed table: %v, want an error at once", err)
	}
}

// testFeedConcurrent: a reader that trims as it goes sees each change once,
// while several writers put.
func testFeedConcurrent(t *testing.T, f *feedFixture) {
	const writers, each = 4, 25
	group, ctx := errgroup.WithContext(bounded(t))
	for w := range writers {
		group.Go(func() error {
			for n := range each {
				if err := f.table.Write(ctx, put(row("p", fmt.Sprintf("%d-%d", w, n), 1))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	seen := map[string]int{}
	group.Go(func() error {
		for after := uint64(0); len(seen) < writers*each; {
			changes, err := f.table.Changes(ctx, after, 7)
			if err != nil {
				return err
			}
			for _, c := range changes {
				seen[c.Row.SK]++
			}
			after = changes[len(changes)-1].Seq
			if err := f.table.Trim(ctx, after); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for sk, n := range seen {
		if n != 1 {
			t.Errorf("change %s was seen %d times", sk, n)
		}
	}
}
