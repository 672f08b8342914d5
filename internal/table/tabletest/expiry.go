package tabletest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/table"
)

func expiring(pk, sk string, version int64, at time.Time) table.Op {
	r := row(pk, sk, version)
	r.Expires = at
	return put(r)
}

func testExpiry(t *testing.T, f *fixture) {
	f.write(t, expiring("p", "a", 1, f.clock.Now().Add(time.Minute)), put(row("p", "b", 2)))
	visible := func(want ...string) {
		t.Helper()
		_, err := f.table.Get(t.Context(), key("p", "a"))
		if gone := len(want) == 1; errors.Is(err, table.ErrNotFound) != gone {
			t.Errorf("Get: %v, want gone %t", err, gone)
		}
		for _, descending := range []bool{false, true} {
			if got := f.keys(t, table.Query{PK: "p", Descending: descending}); len(got) != len(want) {
				t.Errorf("Query, descending %t: %q, want %q", descending, got, want)
			}
		}
		rows, err := f.table.BatchGet(t.Context(), []table.Key{key("p", "a"), key("p", "b")})
		if d := cmp.Diff(want, sortKeys(rows)); d != "" || err != nil {
			t.Errorf("BatchGet: %v (-want +got)\n%s", err, d)
		}
	}
	visible("a", "b")
	f.clock.Advance(time.Minute - time.Nanosecond)
	visible("a", "b")
	f.clock.Advance(time.Nanosecond) // now it is the very moment
	visible("b")
	f.clock.Advance(1000 * time.Hour)
	visible("b")
	f.write(t, expiring("p", "a", 1, f.clock.Now().Add(time.Second)))
	visible("a", "b")
	f.write(t, expiring("p", "a", 1, f.clock.Now().Add(-time.Second))) // dead on arrival
	visible("b")
	f.write(t, put(row("p", "a", 1))) // and now for ever
	f.clock.Advance(1000 * time.Hour)
	visible("a", "b")
}

func testExpiryConditions(t *testing.T, f *fixture) {
	for _, c := range []struct {
		name        string
		is          table.Condition
		live, after bool // whether it holds before and after the row expires
	}{
		{"always", table.Condition{}, true, true},
		{"absent", table.Absent, false, true},
		{"version is", table.VersionIs(5), true, false},
		{"unchanged", table.Unchanged(5), true, false},
		{"unchanged from absent", table.Unchanged(0), false, true},
	} {
		for verb, verbName := range map[table.Verb]string{table.Put: "put", table.Delete: "delete", table.Check: "check"} {
			if verb == table.Check && c.is.IsAlways() {
				continue
			}
			for _, beside := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/beside=%t", c.name, verbName, beside), func(t *testing.T) {
					for phase, holds := range []bool{c.live, c.after} {
						f.write(t, expiring("p", "s", 5, f.clock.Now().Add(time.Second)))
						f.clock.Advance(time.Duration(phase) * time.Second)
						ops := []table.Op{{Verb: verb, Row: row("p", "s", 6), If: c.is}}
						if beside {
							ops = append(ops, put(row("q", "beside", 1)))
						}
						err := f.table.Write(t.Context(), ops...)
						if holds && err != nil || !holds && !errors.Is(err, table.ErrConflict) {
							t.Errorf("error %v, want success %t", err, holds)
						}
					}
				})
			}
		}
	}
}

// testExpiryPages: dead rows before, between and after the live ones neither
// show nor shorten a page.
func testExpiryPages(t *testing.T, f *fixture) {
	const rows = 120
	soon := f.clock.Now().Add(time.Second)
	want := []string{}
	for i := range rows {
		sk := fmt.Sprintf("%03d", i)
		if i%7 == 3 && i > 40 {
			want = append(want, sk)
			f.write(t, put(row("p", sk, 1)))
		} else {
			f.write(t, expiring("p", sk, 1, soon))
		}
	}
	f.clock.Advance(time.Second)
	for _, limit := range []int{1, 2, 3, len(want) - 1, len(want), rows} {
		q := table.Query{PK: "p", Limit: limit}
		if d := cmp.Diff(want, f.pages(t, q)); d != "" {
			t.Errorf("limit %d (-want +got)\n%s", limit, d)
		}
		q.Descending = true
		if got := f.pages(t, q); len(got) != len(want) || got[0] != want[len(want)-1] {
			t.Errorf("limit %d, descending: %q", limit, got)
		}
	}
	if got := f.keys(t, table.Query{PK: "p", To: "040"}); len(got) != 0 {
		t.Errorf("a range of dead rows holds %q", got)
	}
}
