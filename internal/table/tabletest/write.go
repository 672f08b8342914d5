package tabletest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/sondehq/sonde/internal/table"
)

func testVerbs(t *testing.T, f *fixture) {
	f.write(t, put(table.Row{Key: key("p", "a"), Kind: "old", Version: 1, Doc: []byte(`{"x":1,"y":2}`), Data: []byte("old"), Expires: f.clock.Now().Add(time.Hour)}))
	replaced := table.Row{Key: key("p", "a"), Kind: "new", Version: 2, Doc: []byte(`{"z":3}`)}
	f.write(t, put(replaced))
	got, err := f.table.Get(t.Context(), replaced.Key)
	if d := diff(replaced, got); d != "" || err != nil {
		t.Errorf("a put replaces the whole row: %v (-want +got)\n%s", err, d)
	}
	remove := table.Op{Verb: table.Delete, Row: table.Row{Key: replaced.Key}}
	f.write(t, remove)
	if _, err := f.table.Get(t.Context(), replaced.Key); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("Get after a delete: %v", err)
	}
	f.write(t, remove) // is not there any more
	f.write(t, put(row("p", "b", 1)), remove, table.Op{Verb: table.Check, Row: table.Row{Key: key("p", "c")}, If: table.Absent})
	if d := cmp.Diff([]string{"b"}, f.keys(t, table.Query{PK: "p"})); d != "" {
		t.Errorf("after put, delete and check together (-want +got)\n%s", d)
	}
}

// testConditions judges every condition under every verb on a row that is
// there at version 5, and on one that is not; alone, and beside another
// operation, for which engines go different ways.
func testConditions(t *testing.T, f *fixture) {
	const stored = 5
	for _, c := range []struct {
		name          string
		is            table.Condition
		there, absent bool // whether it holds
	}{
		{"always", table.Condition{}, true, true},
		{"absent", table.Absent, false, true},
		{"version is", table.VersionIs(stored), true, false},
		{"version is older", table.VersionIs(stored - 1), false, false},
		{"version is newer", table.VersionIs(stored + 1), false, false},
		{"version is zero", table.VersionIs(0), false, false},
		{"unchanged", table.Unchanged(stored), true, false},
		{"unchanged from absent", table.Unchanged(0), false, true},
	} {
		for verb, verbName := range map[table.Verb]string{table.Put: "put", table.Delete: "delete", table.Check: "check"} {
			if verb == table.Check && c.is.IsAlways() {
				continue
			}
			for _, beside := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/beside=%t", c.name, verbName, beside), func(t *testing.T) {
					f.judge(t, verb, c.is, beside, true, c.there)
					f.judge(t, verb, c.is, beside, false, c.absent)
				})
			}
		}
	}
}

func (f *fixture) judge(t *testing.T, verb table.Verb, is table.Condition, beside, there, holds bool) {
	t.Helper()
	before := table.Op{Verb: table.Delete, Row: row("p", "s", 5)}
	if there {
		before.Verb = table.Put
	}
	f.write(t, before, table.Op{Verb: table.Delete, Row: row("p", "beside", 1)})
	ops := []table.Op{{Verb: verb, Row: row("p", "s", 6), If: is}}
	if beside {
		ops = append(ops, put(row("p", "beside", 1)))
	}
	err := f.table.Write(t.Context(), ops...)
	if holds && err != nil || !holds && !errors.Is(err, table.ErrConflict) {
		t.Errorf("row there %t: error %v, want success %t", there, err, holds)
	}
	var want []string
	if beside && holds {
		want = append(want, "beside 1")
	}
	switch {
	case holds && verb == table.Put:
		want = append(want, "s 6")
	case there && (!holds || verb == table.Check):
		want = append(want, "s 5")
	}
	var got []string
	for _, r := range f.query(t, table.Query{PK: "p"}).Rows {
		got = append(got, fmt.Sprint(r.SK, " ", r.Version))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("row there %t (-want +got)\n%s", there, d)
	}
}

// testAtomic: of a hundred operations one whose condition fails keeps all
// others from being done, wherever it stands.
func testAtomic(t *testing.T, f *fixture) {
	f.write(t, put(row("q", "there", 1)), put(row("q", "kept", 1)))
	hundred := func(conflict int) []table.Op {
		ops := make([]table.Op, table.MaxOps)
		for i := range ops {
			ops[i] = table.Op{Verb: table.Put, Row: row("p", fmt.Sprintf("%03d", i), 1), If: table.Absent}
		}
		if conflict >= 0 {
			ops[(conflict+1)%len(ops)] = table.Op{Verb: table.Delete, Row: row("q", "kept", 1)}
			ops[conflict] = table.Op{Verb: table.Check, Row: row("q", "there", 1), If: table.VersionIs(2)}
		}
		return ops
	}
	for _, conflict := range []int{0, 50, table.MaxOps - 1} {
		if err := f.table.Write(t.Context(), hundred(conflict)...); !errors.Is(err, table.ErrConflict) {
			t.Errorf("conflict at %d: %v, want ErrConflict", conflict, err)
		}
		if got := f.keys(t, table.Query{PK: "p"}); len(got) != 0 {
			t.Errorf("conflict at %d: %d rows were written", conflict, len(got))
		}
		if d := cmp.Diff([]string{"kept", "there"}, f.keys(t, table.Query{PK: "q"})); d != "" {
			t.Errorf("conflict at %d: (-want +got)\n%s", conflict, d)
		}
	}
	f.write(t, hundred(-1)...)
	if got := f.keys(t, table.Query{PK: "p"}); len(got) != table.MaxOps {
		t.Errorf("%d rows, want %d", len(got), table.MaxOps)
	}
	if err := f.table.Write(t.Context(), hundred(-1)...); !errors.Is(err, table.ErrConflict) {
		t.Errorf("again: %v, want ErrConflict", err)
	}
}

func testSizes(t *testing.T, f *fixture) {
	data := func(sk string, n int) table.Op {
		return put(table.Row{Key: key("p", sk), Kind: "k", Data: []byte(strings.Repeat("d", n))})
	}
	doc := func(sk string, n int) table.Op {
		return put(table.Row{Key: key("p", sk), Kind: "k", Doc: []byte(`{"a":"` + strings.Repeat("x", n) + `"}`)})
	}
	numbers := func(n int) table.Op { // a list costs more in DynamoDB than its text is long
		return put(table.Row{Key: key("p", "numbers"), Kind: "k", Doc: []byte(`{"a":[1` + strings.Repeat(",1", n-1) + `]}`)})
	}
	mixed := func(n int) table.Op { // 19 bytes each
		return put(table.Row{Key: key("p", "mixed"), Kind: "k", Doc: []byte(`{"a":[0` + strings.Repeat(`,{"a":true,"b":null,"c":[],"d":"é"}`, n) + `]}`)})
	}
	many := func(n, size int) (ops []table.Op) {
		for i := range n {
			ops = append(ops, data(fmt.Sprint("many", i), size))
		}
		return ops
	}
	const near = table.MaxRow - 128
	for _, c := range []struct {
		name string
		ops  []table.Op
		want error
	}{
		{"data just below", []table.Op{data("data", near)}, nil},
		{"document just below", []table.Op{doc("doc", near)}, nil},
		{"numbers below", []table.Op{numbers(100_000)}, nil},
		{"mixed values just below", []table.Op{mixed(near / 19)}, nil},
		{"write just below", many(10, near), nil},
		{"data over", []table.Op{data("data", table.MaxRow+1)}, table.ErrTooLarge},
		{"document over", []table.Op{doc("doc", table.MaxRow)}, table.ErrTooLarge},
		{"numbers over", []table.Op{numbers(table.MaxRow / 2)}, table.ErrTooLarge},
		{"mixed values over", []table.Op{mixed(table.MaxRow / 19)}, table.ErrTooLarge},
		{"one of two over", []table.Op{data("small", 1), data("large", table.MaxRow+1)}, table.ErrTooLarge},
		{"write over", many(12, 380<<10), table.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.write(t, table.Op{Verb: table.Delete, Row: row("p", "small", 1)})
			err := f.table.Write(t.Context(), c.ops...)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if _, err := f.table.Get(t.Context(), key("p", "small")); !errors.Is(err, table.ErrNotFound) {
				t.Errorf("a refused write wrote: %v", err)
			}
			for _, op := range c.ops {
				if c.want != nil {
					break
				}
				got, err := f.table.Get(t.Context(), op.Row.Key)
				if d := diff(op.Row, got); d != "" || err != nil {
					t.Errorf("%s reads back otherwise: %v", op.Row.SK, err)
				}
			}
		})
	}
}

func testContext(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, get := f.table.Get(ctx, key("p", "s"))
	_, query := f.table.Query(ctx, table.Query{PK: "p"})
	_, batch := f.table.BatchGet(ctx, []table.Key{key("p", "s")})
	write := f.table.Write(ctx, put(row("p", "s", 1)))
	for name, err := range map[string]error{"Get": get, "Query": query, "BatchGet": batch, "Write": write} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	if got := f.keys(t, table.Query{PK: "p"}); len(got) != 0 {
		t.Errorf("a write with an ended context wrote %q", got)
	}
}

// testConcurrent: counters that several writers increment under their version
// miss nothing. Each writer also leaves a mark in the same write.
func testConcurrent(t *testing.T, f *fixture) {
	const writers, each = 8, 10
	group, ctx := errgroup.WithContext(t.Context())
	for w := range writers {
		group.Go(func() error {
			for n := range each {
				if err := increment(ctx, f.table, fmt.Sprintf("%d-%d", w, n)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	got, err := f.table.Get(t.Context(), key("p", "counter"))
	if err != nil || got.Version != writers*each {
		t.Errorf("counter is %d, error %v, want %d", got.Version, err, writers*each)
	}
	if marks := f.keys(t, table.Query{PK: "marks"}); len(marks) != writers*each {
		t.Errorf("%d marks, want %d", len(marks), writers*each)
	}
}

// increment reads and writes until no other writer comes between. Any error
// but ErrInvalid and ErrTooLarge may pass: an engine may be too busy.
func increment(ctx context.Context, tbl table.Table, mark string) error {
	for {
		counter, err := tbl.Get(ctx, key("p", "counter"))
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return err
		}
		err = tbl.Write(ctx,
			table.Op{Row: row("p", "counter", counter.Version+1), If: table.Unchanged(counter.Version)},
			table.Op{Row: row("marks", mark, 1), If: table.Absent})
		if err == nil || ctx.Err() != nil || errors.Is(err, table.ErrInvalid) || errors.Is(err, table.ErrTooLarge) {
			return err
		}
	}
}
