package tabletest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/table"
)

// testRefusals: what is invalid is refused with ErrInvalid, says why, and does
// nothing.
func testRefusals(t *testing.T, f *fixture) {
	for _, c := range refusals(f.clock.Now()) {
		t.Run("write/"+c.name, func(t *testing.T) {
			refused(t, f.table.Write(t.Context(), c.ops...), c.says)
			for _, op := range c.ops {
				if table.CheckKey(op.Row.Key) != nil {
					continue
				}
				if _, err := f.table.Get(t.Context(), op.Row.Key); !errors.Is(err, table.ErrNotFound) {
					t.Errorf("Get %q after the refusal: %v", op.Row.SK, err)
				}
			}
		})
	}
	for _, c := range badKeys {
		t.Run("get/"+c.name, func(t *testing.T) {
			_, err := f.table.Get(t.Context(), c.key)
			refused(t, err, c.says)
			_, err = f.table.BatchGet(t.Context(), []table.Key{key("p", "s"), c.key})
			refused(t, err, c.says)
		})
	}
	for _, c := range []struct {
		name string
		q    table.Query
		says string
	}{
		{"no partition", table.Query{}, "partition key is empty"},
		{"malformed partition", table.Query{PK: "\xff"}, "not valid UTF-8"},
		{"long partition", table.Query{PK: strings.Repeat("p", table.MaxPK+1)}, "2049 bytes"},
		{"malformed lower bound", table.Query{PK: "p", From: "\xff"}, "lower bound"},
		{"malformed upper bound", table.Query{PK: "p", To: "a\xc0"}, "upper bound"},
		{"long bound", table.Query{PK: "p", From: strings.Repeat("s", table.MaxSK+1)}, "1025 bytes"},
		{"negative limit", table.Query{PK: "p", Limit: -1}, "negative"},
	} {
		t.Run("query/"+c.name, func(t *testing.T) {
			_, err := f.table.Query(t.Context(), c.q)
			refused(t, err, c.says)
		})
	}
}

func refused(t *testing.T, err error, says string) {
	t.Helper()
	if !errors.Is(err, table.ErrInvalid) || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v, want ErrInvalid that says %q", err, says)
	}
}

var badKeys = []struct {
	name string
	key  table.Key
	says string
}{
	{"empty partition key", key("", "s"), "partition key is empty"},
	{"empty sort key", key("p", ""), "sort key is empty"},
	{"malformed partition key", key("p\xff", "s"), "not valid UTF-8"},
	{"malformed sort key", key("p", "\xed\xa0\x80"), "not valid UTF-8"}, // a surrogate
	{"long partition key", key(strings.Repeat("p", table.MaxPK+1), "s"), "2049 bytes, at most 2048"},
	{"long sort key", key("p", strings.Repeat("s", table.MaxSK+1)), "1025 bytes, at most 1024"},
}

type refusal struct {
	name string
	ops  []table.Op
	says string
}

func refusals(now time.Time) []refusal {
	good := put(row("p", "good", 1)) // stands before the bad one and must not be written
	with := func(change func(*table.Row)) []table.Op {
		r := row("p", "s", 1)
		change(&r)
		return []table.Op{good, put(r)}
	}
	doc := func(name, doc, says string) refusal {
		return refusal{"document " + name, with(func(r *table.Row) { r.Doc = []byte(doc) }), says}
	}
	over := make([]table.Op, table.MaxOps+1)
	for i := range over {
		over[i] = put(row("p", fmt.Sprint(i), 1))
	}
	cases := []refusal{
		{"no operation", nil, "0 operations"},
		{"too many operations", over, "101 operations"},
		{"two on one key", []table.Op{good, put(row("p", "s", 1)), put(row("p", "s", 2))}, "two operations"},
		{"check and put on one key", []table.Op{{Verb: table.Check, Row: row("p", "s", 0), If: table.Absent}, put(row("p", "s", 1))}, "two operations"},
		{"check without condition", []table.Op{good, {Verb: table.Check, Row: row("p", "s", 0)}}, "no condition"},
		{"unknown verb", []table.Op{good, {Verb: 7, Row: row("p", "s", 0)}}, "verb 7"},
		{"empty kind", with(func(r *table.Row) { r.Kind = "" }), "kind is empty"},
		{"malformed kind", with(func(r *table.Row) { r.Kind = "\xff" }), "kind is not valid UTF-8"},
		{"expiry with a fraction", with(func(r *table.Row) { r.Expires = now.Add(time.Millisecond) }), "whole seconds"},
		{"expiry before 1970", with(func(r *table.Row) { r.Expires = time.Unix(-1, 0) }), "whole seconds after 1970"},
		doc("malformed", `{"a":`, "not valid JSON"),
		doc("two", `{}{}`, "not valid JSON"),
		doc("malformed UTF-8", "{\"a\":\"\xff\"}", "not valid UTF-8"),
		doc("null", `null`, "not a JSON object"),
		doc("list", `[1]`, "not a JSON object"),
		doc("text", `"a"`, "not a JSON object"),
		doc("white space", ` `, "not valid JSON"),
		doc("with a nameless member", `{"":1}`, "without a name"),
		doc("with a nested nameless member", `{"a":[{"":1}]}`, "without a name"),
		doc("with a disguised reserved name", `{"p\u006b":1}`, `"pk"`),
		doc("with a number of 39 digits", `{"a":123456789012345678901234567890123456789}`, "39 significant digits"),
		doc("with a huge number", `{"a":1e126}`, "1e126"),
		doc("with a tiny number", `{"a":[1e-131]}`, "1e-131"),
		doc("with an absurd number", `{"a":1e99999999999999999999}`, "exponent"),
		doc("nested too deep", `{"a":`+strings.Repeat("[", 32)+strings.Repeat("]", 32)+`}`, "levels deep"),
		doc("of maps nested too deep", strings.Repeat(`{"a":`, 33)+"1"+strings.Repeat("}", 33), "levels deep"),
	}
	for _, name := range []string{"pk", "sk", "kind", "version", "expires", "data"} {
		cases = append(cases, doc("with "+name, fmt.Sprintf(`{"a":1,%q:2}`, name), fmt.Sprintf("%q", name)))
	}
	for _, bad := range badKeys {
		r := row("p", "s", 1)
		r.Key = bad.key
		cases = append(cases, refusal{bad.name, []table.Op{good, put(r)}, bad.says},
			refusal{bad.name + " to delete", []table.Op{good, {Verb: table.Delete, Row: r}}, bad.says})
	}
	return cases
}
