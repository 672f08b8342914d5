package tabletest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/table"
)

// twin does what an engine should, in the simplest way: a map that is copied
// for each write.
type twin struct {
	rows map[table.Key]table.Row
	now  func() time.Time
}

func (w *twin) write(ops []table.Op) error {
	next := make(map[table.Key]table.Row, len(w.rows))
	for k, r := range w.rows {
		next[k] = r
	}
	for _, op := range ops {
		var stored *table.Row
		if r, ok := w.rows[op.Row.Key]; ok {
			stored = &r
		}
		if !op.If.Holds(stored, w.now()) {
			return table.ErrConflict
		}
		switch op.Verb {
		case table.Put:
			next[op.Row.Key] = op.Row
		case table.Delete:
			delete(next, op.Row.Key)
		}
	}
	w.rows = next
	return nil
}

func (w *twin) query(q table.Query) []table.Row {
	var rows []table.Row
	for k, r := range w.rows {
		if k.PK == q.PK && k.SK >= q.From && (q.To == "" || k.SK < q.To) && !r.IsExpired(w.now()) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b table.Row) int { return strings.Compare(a.SK, b.SK) })
	if q.Descending {
		slices.Reverse(rows)
	}
	return rows
}

func (w *twin) get(k table.Key) []table.Row {
	if r, ok := w.rows[k]; ok && !r.IsExpired(w.now()) {
		return []table.Row{r}
	}
	return nil
}

// testTwin does random things to an engine and to its twin, and compares.
func testTwin(t *testing.T, f *fixture) {
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++ // each round in partitions of its own, so that one table is enough
		g := &generator{rt, []string{fmt.Sprintf("%d", round), fmt.Sprintf("%d#", round)}}
		w := &twin{map[table.Key]table.Row{}, f.clock.Now}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"write", "write", "query", "batch", "wait"}).Draw(rt, "step") {
			case "write":
				ops := g.ops(f.clock.Now())
				got, want := f.table.Write(t.Context(), ops...), w.write(ops)
				if !errors.Is(got, want) {
					rt.Fatalf("Write: %v, want %v", got, want)
				}
			case "query":
				f.compareQuery(t, rt, w, g.query())
			case "batch":
				f.compareBatch(t, rt, w, g.keys())
			case "wait":
				f.clock.Advance(time.Duration(rapid.IntRange(1, 4000).Draw(rt, "ms")) * time.Millisecond)
			}
		}
		for _, pk := range g.pks {
			f.compareQuery(t, rt, w, table.Query{PK: pk})
		}
	})
}

func (f *fixture) compareQuery(t *testing.T, rt *rapid.T, w *twin, q table.Query) {
	want := w.query(q)
	var got []table.Row
	for {
		page, err := f.table.Query(t.Context(), q)
		if err != nil {
			rt.Fatalf("Query %+v: %v", q, err)
		}
		if q.Limit > 0 && len(page.Rows) > q.Limit {
			rt.Fatalf("Query %+v: %d rows", q, len(page.Rows))
		}
		got = append(got, page.Rows...)
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if d := diff(want, got); d != "" {
		rt.Fatalf("Query %+v (-want +got)\n%s", q, d)
	}
}

func (f *fixture) compareBatch(t *testing.T, rt *rapid.T, w *twin, keys []table.Key) {
	var want []table.Row
	for _, k := range keys {
		want = append(want, w.get(k)...)
	}
	got, err := f.table.BatchGet(t.Context(), keys)
	if len(got) == 0 {
		got = nil
	}
	if d := diff(want, got); d != "" || err != nil {
		rt.Fatalf("BatchGet %v: %v (-want +got)\n%s", keys, err, d)
	}
}

// generator draws from few keys and versions, so that they meet.
type generator struct {
	rt  *rapid.T
	pks []string
}

func (g *generator) sk(name string) string {
	return rapid.SampledFrom([]string{"a", "a\x00", "aa", "b", "é", "\uffff", "😀"}).Draw(g.rt, name)
}

func (g *generator) keys() []table.Key {
	var keys []table.Key
	for range rapid.IntRange(1, 5).Draw(g.rt, "keys") {
		k := key(rapid.SampledFrom(g.pks).Draw(g.rt, "pk"), g.sk("sk"))
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

func (g *generator) ops(now time.Time) []table.Op {
	var ops []table.Op
	for _, k := range g.keys() {
		op := table.Op{
			Verb: rapid.SampledFrom([]table.Verb{table.Put, table.Put, table.Delete, table.Check}).Draw(g.rt, "verb"),
			Row:  row(k.PK, k.SK, int64(rapid.IntRange(0, 3).Draw(g.rt, "version"))),
		}
		if in := rapid.IntRange(-1, 5).Draw(g.rt, "expires in"); in > 0 {
			op.Row.Expires = now.Truncate(time.Second).Add(time.Duration(in) * time.Second)
		}
		op.Row.Data = rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(g.rt, "data")
		op.If = rapid.SampledFrom([]table.Condition{{}, {}, table.Absent, table.VersionIs(1), table.VersionIs(2), table.Unchanged(3)}).Draw(g.rt, "if")
		if op.Verb == table.Check && op.If.IsAlways() {
			op.If = table.Absent
		}
		ops = append(ops, op)
	}
	return ops
}

func (g *generator) query() table.Query {
	q := table.Query{
		PK:         rapid.SampledFrom(g.pks).Draw(g.rt, "pk"),
		Descending: rapid.Bool().Draw(g.rt, "descending"),
		Limit:      rapid.IntRange(0, 4).Draw(g.rt, "limit"),
	}
	if rapid.Bool().Draw(g.rt, "has from") {
		q.From = g.sk("from")
	}
	if rapid.Bool().Draw(g.rt, "has to") {
		q.To = g.sk("to")
	}
	return q
}
