package table_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/table"
)

// What is refused stands in the contract, tabletest; here is what only the
// helpers themselves show.

func TestSize(t *testing.T) {
	const overhead = 68 + 1 + 1 + 1 // attribute names and numbers; p, s, k
	for _, c := range []struct {
		doc  string
		want int
	}{
		{``, 0},
		{`{}`, 0},
		{`{"ab":"cde"}`, 2 + 3},
		{`{"a":true,"b":false,"c":null}`, 3 * 2},
		{`{"a":""}`, 1},
		{`{"a":0}`, 1 + 2},
		{`{"a":1}`, 1 + 3},
		{`{"a":-12.50}`, 1 + 4},
		{`{"a":100000}`, 1 + 3},
		{`{"a":[]}`, 1 + 3},
		{`{"a":[1,"x"]}`, 1 + 3 + (1 + 3) + (1 + 1)},
		{`{"a":{"bc":"d"}}`, 1 + 3 + (1 + 2 + 1)},
		{"{ \"a\" : [ ] , \"b\" :\n{ } }", 1 + 3 + 1 + 3},
		{`{"é":"é"}`, 2 + 2},
		{`{"\"":"\\"}`, 1 + 2}, // a value's escapes count as they stand
	} {
		row := table.Row{Key: table.Key{PK: "p", SK: "s"}, Kind: "k", Doc: []byte(c.doc)}
		if got, err := table.Size(row); err != nil || got-overhead != c.want {
			t.Errorf("Size of %s: %d, %v, want %d", c.doc, got-overhead, err, c.want)
		}
	}
	if _, err := table.Size(table.Row{}); !errors.Is(err, table.ErrInvalid) {
		t.Errorf("Size of nothing: %v, want ErrInvalid", err)
	}
}

func TestErrorsShowLongKeysShort(t *testing.T) {
	err := table.CheckKey(table.Key{PK: strings.Repeat("p", table.MaxPK+1), SK: "s"})
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("message of %d bytes: %v", len(err.Error()), err)
	}
}

// FuzzDoc: no document makes the checks panic, and one that passes is JSON.
func FuzzDoc(f *testing.F) {
	for _, doc := range []string{
		``, `{}`, `[]`, `null`, `{"a":1}`, `{"a":{"b":[1,2.5e-3,"\u00e9",true,null]}}`, `{"p\u006b":1}`, `{"":1}`, ` { } `, `{"a":1e126}`,
		`{"a":-0.0e-0}`, `{"a":"\"}"}`, `{"a":[[[[[]]]]]}`, "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		size, err := table.Size(table.Row{Key: table.Key{PK: "p", SK: "s"}, Kind: "k", Doc: doc})
		if err != nil && !errors.Is(err, table.ErrInvalid) && !errors.Is(err, table.ErrTooLarge) {
			t.Errorf("%q: %v", doc, err)
		}
		if err == nil && (size < 71 || len(doc) > 0 && !slices.Contains([]byte("{ \t\r\n"), doc[0])) {
			t.Errorf("%q passes with %d bytes", doc, size)
		}
	})
}

func TestCursor(t *testing.T) {
	q := table.Query{PK: "p<&>\x00é", From: "b", To: "d", Descending: true}
	q.Cursor = q.CursorAfter("c\x00😀")
	if after, err := q.After(); after != "c\x00😀" || err != nil {
		t.Errorf("After: %q, %v", after, err)
	}
	if err := table.CheckQuery(q); err != nil {
		t.Errorf("CheckQuery: %v", err)
	}
	q.Cursor = ""
	if after, err := q.After(); after != "" || err != nil {
		t.Errorf("After without a cursor: %q, %v", after, err)
	}
}

// pages is a table that ends each page after one row.
type pages struct {
	table.Table
	rows []string
}

func (p pages) Query(_ context.Context, q table.Query) (table.Page, error) {
	i := 0
	if q.Cursor != "" {
		i = slices.Index(p.rows, q.Cursor) + 1
	}
	page := table.Page{Rows: []table.Row{{Key: table.Key{SK: p.rows[i]}}}}
	if i+1 < len(p.rows) {
		page.Cursor = p.rows[i]
	}
	return page, nil
}

func TestAll(t *testing.T) {
	p := pages{rows: []string{"a", "b", "c", "d"}}
	for limit := range 6 {
		rows, err := table.All(t.Context(), p, table.Query{Limit: limit})
		var got []string
		for _, r := range rows {
			got = append(got, r.SK)
		}
		want := p.rows
		if limit > 0 {
			want = want[:min(limit, len(want))]
		}
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("limit %d: %v (-want +got)\n%s", limit, err, d)
		}
	}
}

func ExampleQuery_CursorAfter() {
	q := table.Query{PK: "OUTBOX"}
	q.Cursor = q.CursorAfter("2019-05-28")
	after, err := q.After()
	fmt.Println(after, err)
	// Output: 2019-05-28 <nil>
}
