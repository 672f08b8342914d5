package tabletest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/table"
)

func testGet(t *testing.T, f *fixture) {
	want := row("p", "s", 7)
	f.write(t, put(want), put(row("p", "other", 1)), put(row("q", "s", 2)))
	got, err := f.table.Get(t.Context(), want.Key)
	if d := diff(want, got); d != "" || err != nil {
		t.Errorf("Get: %v (-want +got)\n%s", err, d)
	}
	for _, k := range []table.Key{key("p", "nobody"), key("nobody", "s"), key("p", "S"), key("ps", "s"), key("p", "s\x00")} {
		if _, err := f.table.Get(t.Context(), k); !errors.Is(err, table.ErrNotFound) {
			t.Errorf("Get(%q): %v, want ErrNotFound", k, err)
		}
	}
}

func testRow(t *testing.T, f *fixture) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, c := range []struct {
		name string
		row  table.Row
	}{
		{"all fields", table.Row{Key: key("p", "1"), Kind: "batch", Version: 3, Expires: f.clock.Now().Add(time.Hour), Doc: []byte(`{"a":1}`), Data: every}},
		{"nothing but a kind", table.Row{Key: key("p", "2"), Kind: "k"}},
		{"negative version", table.Row{Key: key("p", "3"), Kind: "k", Version: -1 << 63}},
		{"greatest version", table.Row{Key: key("p", "4"), Kind: "k", Version: 1<<63 - 1}},
		{"empty data", table.Row{Key: key("p", "5"), Kind: "k", Data: []byte{}}},
		{"unicode kind", table.Row{Key: key("p", "6"), Kind: "übung\x00🛰"}},
		{"longest keys", table.Row{Key: key(strings.Repeat("é", table.MaxPK/2), strings.Repeat("s", table.MaxSK)), Kind: "k"}},
		{"expiry in another zone", table.Row{Key: key("p", "7"), Kind: "k", Expires: f.clock.Now().Add(time.Hour).In(time.FixedZone("", -7*3600))}},
		{"far expiry", table.Row{Key: key("p", "8"), Kind: "k", Expires: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.write(t, put(c.row))
			got, err := f.table.Get(t.Context(), c.row.Key)
			if d := diff(c.row, got); d != "" || err != nil {
				t.Errorf("Get: %v (-want +got)\n%s", err, d)
			}
			if len(got.Doc) == 0 {
				t.Error("document is read back empty, want JSON")
			}
			page := f.query(t, table.Query{PK: c.row.PK, From: c.row.SK, Limit: 1})
			if d := diff([]table.Row{c.row}, page.Rows); d != "" {
				t.Errorf("Query (-want +got)\n%s", d)
			}
		})
	}
}

func testDocument(t *testing.T, f *fixture) {
	for _, c := range []struct{ name, doc string }{
		{"empty", `{}`},
		{"nested", `{"a":{"b":{"c":[{"d":[[]]}]}}}`},
		{"empty values", `{"s":"","l":[],"m":{},"n":null,"z":0,"f":false}`},
		{"lists of all", `{"l":[null,true,false,"",0,-1,[],{},[null],{"x":null}]}`},
		{"unicode", `{"ключ":"значение","emoji":"🛰️","escaped":"\ud83d\udef0\u0000\n\"\\\/","nul":"\u0000"}`},
		{"names to escape", `{"a.b":1,"#x":2,":y":3,"q\"uote":4,"\u0000":5,"PK":6,"Data":7}`},
		{"nested reserved names", `{"m":{"pk":1,"sk":2,"kind":3,"version":4,"expires":5,"data":6}}`},
		{"integers", `{"a":9007199254740992,"b":-9007199254740992,"c":9007199254740991,"d":1000000000}`},
		{"floats", `{"a":0.1,"b":-2.5,"c":3.141592653589793,"d":1.7976931348623157e+100,"e":2.2250738585072014E-100,"f":1e0,"g":100.00}`},
		{"zeros", `{"a":0,"b":0.0,"c":0e10,"d":0.000}`},
		{"white space", " {\n\t\"a\" : [ 1 , 2 ] ,\r\n \"b\" : { } } "},
		{"long text", `{"a":"` + strings.Repeat("x", 100_000) + `"}`},
		{"deepest", `{"a":` + strings.Repeat("[", 31) + "1" + strings.Repeat("]", 31) + `}`},
		{"most digits", `{"a":12345678901234567890123456789012345678,"b":-0.12345678901234567890123456789012345678}`},
		{"greatest and smallest", `{"a":9.999e125,"b":-9.999e125,"c":1e-130,"d":-1E-130,"e":1E+125}`},
		{"same name as another in another case", `{"a":1,"A":2,"á":3}`},
		{"many members", `{"m0":0` + numbered(`,"m%d":%d`, 1, 500) + `}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := table.Row{Key: key("p", "s"), Kind: "k", Doc: []byte(c.doc)}
			f.write(t, put(r))
			got, err := f.table.Get(t.Context(), r.Key)
			if d := cmp.Diff(meaning(r.Doc), meaning(got.Doc)); d != "" || err != nil {
				t.Errorf("Get: %v (-want +got)\n%s", err, d)
			}
		})
	}
}

func numbered(format string, from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, format, i, i)
	}
	return b.String()
}

// hostile are sort keys whose order engines get wrong that compare text by
// code units, locale, case or number, or that end it at a NUL.
func hostile() []string {
	var keys []string
	for b := range 0x80 {
		keys = append(keys, string(rune(b)))
	}
	return append(keys,
		"\x00\x00", "\x00a", "a\x00", "a\x00b", "aa", "ab", "a b", "a#b", "aB", "Ab", "10", "9", "09",
		"é", "e\u0301", "ß", "ss", "z", "Ω", "\u07ff", "\u0800", "\ufffd", "\uffff", "\U00010000", "😀", "\U0010ffff",
		"2019-05-28T18:00:00.000Z", "2019-05-28T18:00:00.000Z#a", "2019-05-28", "%41", "\\", "\\x00", "'", `"`, "--",
	)
}

func testKeyOrder(t *testing.T, f *fixture) {
	want := hostile()
	slices.Sort(want) // Go compares strings by bytes
	want = slices.Compact(want)
	shuffled := append(slices.Clone(want[len(want)/3:]), want[:len(want)/3]...)
	slices.Reverse(shuffled)
	f.fill(t, shuffled...)
	if d := cmp.Diff(want, f.keys(t, table.Query{PK: "p"})); d != "" {
		t.Errorf("ascending (-want +got)\n%s", d)
	}
	down := slices.Clone(want)
	slices.Reverse(down)
	if d := cmp.Diff(down, f.keys(t, table.Query{PK: "p", Descending: true})); d != "" {
		t.Errorf("descending (-want +got)\n%s", d)
	}
	for _, sk := range want {
		if _, err := f.table.Get(t.Context(), key("p", sk)); err != nil {
			t.Errorf("Get %q: %v", sk, err)
		}
	}
}

func testRange(t *testing.T, f *fixture) {
	f.fill(t, "a", "b", "b\x00", "bb", "c", "d")
	for _, c := range []struct {
		name     string
		from, to string
		limit    int
		want     []string
	}{
		{"open", "", "", 0, []string{"a", "b", "b\x00", "bb", "c", "d"}},
		{"from is inclusive", "b", "", 0, []string{"b", "b\x00", "bb", "c", "d"}},
		{"from need not be there", "bbb", "", 0, []string{"c", "d"}},
		{"to is exclusive", "", "c", 0, []string{"a", "b", "b\x00", "bb"}},
		{"to need not be there", "", "ba", 0, []string{"a", "b", "b\x00"}},
		{"both", "b", "c", 0, []string{"b", "b\x00", "bb"}},
		{"one", "b", "b\x00", 0, []string{"b"}},
		{"from equals to", "b", "b", 0, []string{}},
		{"from after to", "c", "b", 0, []string{}},
		{"above all", "e", "", 0, []string{}},
		{"below all", "", "A", 0, []string{}},
		{"limit", "", "", 2, []string{"a", "b"}},
		{"limit in a range", "b", "d", 3, []string{"b", "b\x00", "bb"}},
		{"limit beyond the end", "bb", "", 9, []string{"bb", "c", "d"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := table.Query{PK: "p", From: c.from, To: c.to, Limit: c.limit}
			if d := cmp.Diff(c.want, f.keys(t, q)); d != "" {
				t.Errorf("ascending (-want +got)\n%s", d)
			}
			all := f.keys(t, table.Query{PK: "p", From: c.from, To: c.to})
			slices.Reverse(all)
			if c.limit > 0 {
				all = all[:min(c.limit, len(all))]
			}
			q.Descending = true
			if d := cmp.Diff(all, f.keys(t, q)); d != "" {
				t.Errorf("descending (-want +got)\n%s", d)
			}
		})
	}
}

// testPartition: no partition's rows show in another's, whatever the keys.
func testPartition(t *testing.T, f *fixture) {
	pks := []string{"p", "pp", "p\x00", "p#", "P", "\x00", "\x00p", "é", "\U0010ffff", strings.Repeat("p", 255), strings.Repeat("p", 256), strings.Repeat("p", 257)}
	for _, pk := range pks {
		f.write(t, put(row(pk, "\x00", 1)), put(row(pk, "p", 2)), put(row(pk, "\U0010ffff", 3)))
	}
	for _, pk := range pks {
		want := []string{"\x00", "p", "\U0010ffff"}
		if d := cmp.Diff(want, f.keys(t, table.Query{PK: pk})); d != "" {
			t.Errorf("partition %.20q (-want +got)\n%s", pk, d)
		}
		slices.Reverse(want)
		if d := cmp.Diff(want, f.keys(t, table.Query{PK: pk, Descending: true})); d != "" {
			t.Errorf("partition %.20q descending (-want +got)\n%s", pk, d)
		}
	}
	if got := f.keys(t, table.Query{PK: "nobody"}); len(got) != 0 {
		t.Errorf("empty partition holds %q", got)
	}
}

func testBatchGet(t *testing.T, f *fixture) {
	f.fill(t, "a", "b", "c")
	f.write(t, put(row("q", "a", 9)))
	got, err := f.table.BatchGet(t.Context(), []table.Key{key("p", "c"), key("p", "nobody"), key("q", "a"), key("nobody", "a"), key("p", "a")})
	if d := diff([]table.Row{row("p", "c", 3), row("q", "a", 9), row("p", "a", 1)}, got); d != "" || err != nil {
		t.Errorf("BatchGet: %v (-want +got)\n%s", err, d)
	}
	if got, err := f.table.BatchGet(t.Context(), nil); len(got) != 0 || err != nil {
		t.Errorf("BatchGet of no keys: %v, %v", got, err)
	}

	keys := make([]table.Key, table.MaxBatch+1)
	for i := range keys {
		keys[i] = key("many", fmt.Sprintf("%03d", i))
	}
	big := make([]byte, 340<<10) // 50 of them are more than the 16 MB of one DynamoDB answer
	for i, k := range keys[:table.MaxBatch] {
		r := table.Row{Key: k, Kind: "k", Version: int64(i)}
		if i%2 == 0 {
			r.Data = big
		}
		f.write(t, put(r))
	}
	rows, err := f.table.BatchGet(t.Context(), keys[:table.MaxBatch])
	if err != nil || len(rows) != table.MaxBatch {
		t.Fatalf("BatchGet of %d keys: %d rows, %v", table.MaxBatch, len(rows), err)
	}
	for i, r := range rows {
		if r.Key != keys[i] || r.Version != int64(i) || len(r.Data) != len(big)*(1-i%2) {
			t.Errorf("row %d is %v, version %d, %d bytes", i, r.Key, r.Version, len(r.Data))
		}
	}
	for name, keys := range map[string][]table.Key{
		"too many":       keys,
		"one key twice":  {key("p", "a"), key("p", "b"), key("p", "a")},
		"empty sort key": {key("p", "a"), key("p", "")},
	} {
		if _, err := f.table.BatchGet(t.Context(), keys); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}
