// Package tabletest is the contract of package table, as tests that every
// engine passes:
//
//	func TestContract(t *testing.T) {
//		tabletest.Run(t, func(t *testing.T, now func() time.Time) table.Table { … })
//	}
//
// Run is for all engines, RunFeed for those that have a change feed of their
// own. A new behaviour of the port enters here first.
//
// What it leaves out: what becomes of an engine that is killed, and how it
// copes with a network; that is tested where the engine is.
package tabletest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/table"
)

// Open returns an empty table that asks a clock when rows expire. It ends with
// the test. It may be called several times in one test.
type Open func(t *testing.T, now func() time.Time) table.Table

// Run tests one engine. The subtests run one after the other.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *fixture)
	}{
		{"Get", testGet},
		{"Row", testRow},
		{"Document", testDocument},
		{"KeyOrder", testKeyOrder},
		{"Range", testRange},
		{"Partition", testPartition},
		{"Pages", testPages},
		{"PageWrites", testPageWrites},
		{"LongPages", testLongPages},
		{"Cursor", testCursor},
		{"BatchGet", testBatchGet},
		{"Verbs", testVerbs},
		{"Conditions", testConditions},
		{"Atomic", testAtomic},
		{"Expiry", testExpiry},
		{"ExpiryConditions", testExpiryConditions},
		{"ExpiryPages", testExpiryPages},
		{"Sizes", testSizes},
		{"Refusals", testRefusals},
		{"Context", testContext},
		{"Concurrent", testConcurrent},
		{"Twin", testTwin},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := NewClock()
			c.test(t, &fixture{clock: clock, table: open(t, clock.Now)})
		})
	}
}

// A Clock stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock at a fixed time: the outage that Sonde is made for.
func NewClock() *Clock { return &Clock{now: time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)} }

// Now is the clock's time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type fixture struct {
	clock *Clock
	table table.Table
}

func (f *fixture) write(t *testing.T, ops ...table.Op) {
	t.Helper()
	if err := f.table.Write(t.Context(), ops...); err != nil {
		t.Fatalf("write %d operations: %v", len(ops), err)
	}
}

// fill puts rows with these sort keys into partition p, whose version is their
// place.
func (f *fixture) fill(t *testing.T, sks ...string) {
	t.Helper()
	for len(sks) > 0 {
		n := min(len(sks), table.MaxOps)
		ops := make([]table.Op, n)
		for i, sk := range sks[:n] {
			ops[i] = put(row("p", sk, int64(i+1)))
		}
		f.write(t, ops...)
		sks = sks[n:]
	}
}

func (f *fixture) query(t *testing.T, q table.Query) table.Page {
	t.Helper()
	page, err := f.table.Query(t.Context(), q)
	if err != nil {
		t.Fatalf("query %+v: %v", q, err)
	}
	return page
}

// keys reads all sort keys of a query.
func (f *fixture) keys(t *testing.T, q table.Query) []string {
	t.Helper()
	rows, err := table.All(t.Context(), f.table, q)
	if err != nil {
		t.Fatalf("query %+v: %v", q, err)
	}
	return sortKeys(rows)
}

func sortKeys(rows []table.Row) []string {
	sks := make([]string, len(rows))
	for i, r := range rows {
		sks[i] = r.SK
	}
	return sks
}

func key(pk, sk string) table.Key { return table.Key{PK: pk, SK: sk} }

func row(pk, sk string, version int64) table.Row {
	return table.Row{Key: key(pk, sk), Kind: "test", Version: version, Doc: fmt.Appendf(nil, `{"n":%d}`, version)}
}

func put(r table.Row) table.Op { return table.Op{Verb: table.Put, Row: r} }

// diff compares rows as the contract does: documents as JSON, data that is
// empty or nil as the same.
func diff(want, got any) string {
	return cmp.Diff(want, got, cmp.Transformer("row", func(r table.Row) map[string]any {
		return map[string]any{
			"key": r.Key, "kind": r.Kind, "version": r.Version, "expires": r.Expires.UTC(),
			"doc": meaning(r.Doc), "data": string(r.Data),
		}
	}))
}

// meaning is a document in one form: its members in order, its numbers as
// float64 has them. (As text: cmp takes exponential time on nested values.)
func meaning(doc []byte) string {
	var v any
	if len(doc) == 0 {
		doc = []byte("{}")
	}
	if err := json.Unmarshal(doc, &v); err != nil {
		return fmt.Sprintf("%s: %v", doc, err)
	}
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Sprintf("%s: %v", doc, err)
	}
	return string(text)
}
