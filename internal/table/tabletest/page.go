package tabletest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/table"
)

// pages follows the cursors of a query and returns all sort keys. Each page
// but the last holds as many rows as the limit says.
func (f *fixture) pages(t *testing.T, q table.Query) []string {
	t.Helper()
	got := []string{}
	for n := 0; ; n++ {
		page := f.query(t, q)
		got = append(got, sortKeys(page.Rows)...)
		if page.Cursor == "" {
			return got
		}
		if len(page.Rows) != q.Limit {
			t.Fatalf("page %d of %+v has %d rows and a cursor", n, q, len(page.Rows))
		}
		if n > 1000 {
			t.Fatalf("query %+v never ends", q)
		}
		q.Cursor = page.Cursor
	}
}

func testPages(t *testing.T, f *fixture) {
	f.fill(t, "a", "b", "c", "d", "e", "f", "g")
	for _, c := range []struct {
		name     string
		from, to string
		want     []string
	}{
		{"whole partition", "", "", []string{"a", "b", "c", "d", "e", "f", "g"}},
		{"from", "c", "", []string{"c", "d", "e", "f", "g"}},
		{"to", "", "e", []string{"a", "b", "c", "d"}},
		{"range", "b", "f", []string{"b", "c", "d", "e"}},
		{"range between rows", "bb", "ff", []string{"c", "d", "e", "f"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for limit := 1; limit <= 8; limit++ {
				q := table.Query{PK: "p", From: c.from, To: c.to, Limit: limit}
				if d := cmp.Diff(c.want, f.pages(t, q)); d != "" {
					t.Errorf("limit %d (-want +got)\n%s", limit, d)
				}
				q.Descending = true
				down := slices.Clone(c.want)
				slices.Reverse(down)
				if d := cmp.Diff(down, f.pages(t, q)); d != "" {
					t.Errorf("limit %d, descending (-want +got)\n%s", limit, d)
				}
			}
		})
	}
}

// testPageWrites: a cursor goes on after its row, whatever has been written
// since.
func testPageWrites(t *testing.T, f *fixture) {
	for _, descending := range []bool{false, true} {
		t.Run(fmt.Sprintf("descending=%t", descending), func(t *testing.T) {
			pk := fmt.Sprintf("p%t", descending)
			order := []string{"b", "d", "f", "h"} // in the order of the query
			behind, ahead := "a", "e"             // to be written after the first page
			if descending {
				slices.Reverse(order)
				behind, ahead = "i", "e"
			}
			for _, sk := range order {
				f.write(t, put(row(pk, sk, 1)))
			}
			q := table.Query{PK: pk, Limit: 2, Descending: descending}
			first := f.query(t, q)
			if d := cmp.Diff(order[:2], sortKeys(first.Rows)); d != "" || first.Cursor == "" {
				t.Fatalf("first page, cursor %q (-want +got)\n%s", first.Cursor, d)
			}
			f.write(t, put(row(pk, behind, 1)), put(row(pk, ahead, 1)),
				table.Op{Verb: table.Delete, Row: table.Row{Key: key(pk, order[1])}}) // the cursor's own row
			q.Cursor, q.Limit = first.Cursor, 3
			want := []string{ahead, order[2], order[3]}
			if d := cmp.Diff(want, sortKeys(f.query(t, q).Rows)); d != "" {
				t.Errorf("second page (-want +got)\n%s", d)
			}
		})
	}
}

// testLongPages: a partition of several times the size that an engine reads
// at once comes whole, and a query without a limit too.
func testLongPages(t *testing.T, f *fixture) {
	const rows, size = 14, 200 << 10
	var want []string
	for i := range rows {
		sk := fmt.Sprintf("%03d", i)
		want = append(want, sk)
		f.write(t, put(table.Row{Key: key("p", sk), Kind: "k", Data: make([]byte, size)}))
	}
	for _, limit := range []int{0, 1, 9, rows, rows + 1} {
		q := table.Query{PK: "p", Limit: limit}
		head := want
		if limit > 0 {
			head = want[:min(limit, rows)]
		}
		if d := cmp.Diff(head, f.keys(t, q)); d != "" {
			t.Errorf("limit %d (-want +got)\n%s", limit, d)
		}
	}
	page := f.query(t, table.Query{PK: "p"})
	if n := len(page.Rows); n == 0 || n > table.MaxPage/size+1 || page.Cursor == "" {
		t.Errorf("a page without limit holds %d rows of %d bytes, cursor %q", n, size, page.Cursor)
	}
}

func testCursor(t *testing.T, f *fixture) {
	f.fill(t, "a", "b", "c", "d")
	good := f.query(t, table.Query{PK: "p", Limit: 2}).Cursor
	for _, c := range []struct {
		name string
		q    table.Query
	}{
		{"of another partition", table.Query{PK: "q", Cursor: good}},
		{"of the other direction", table.Query{PK: "p", Cursor: good, Descending: true}},
		{"below the range", table.Query{PK: "p", From: "c", Cursor: good}},
		{"above the range", table.Query{PK: "p", To: "b", Cursor: good}},
		{"not one at all", table.Query{PK: "p", Cursor: "hello"}},
		{"not JSON", table.Query{PK: "p", Cursor: "aGVsbG8"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if page, err := f.table.Query(t.Context(), c.q); !errors.Is(err, table.ErrInvalid) {
				t.Errorf("page %v, error %v, want ErrInvalid", page, err)
			}
		})
	}
}
