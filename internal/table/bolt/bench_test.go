package bolt_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// batchRow is like a probe run of 50 monitors: a small document, packed data,
// 3 KB together.
func batchRow(n int) table.Op {
	at := time.Date(2019, 5, 28, 18, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
	return table.Op{If: table.Absent, Row: table.Row{
		Key:     table.Key{PK: "BATCH#001", SK: at.Format(time.RFC3339) + "#us-west-2#0"},
		Kind:    "batch",
		Version: 1,
		Expires: at.Add(10 * 365 * 24 * time.Hour),
		Doc:     fmt.Appendf(nil, `{"shard":1,"location":"us-west-2","scheduled":%q,"attempt":0,"checks":50}`, at.Format(time.RFC3339)),
		Data:    make([]byte, 2900),
	}}
}

func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name string
		opts []bolt.Option
	}{
		{"sync", nil},
		{"nosync", []bolt.Option{bolt.NoSync()}},
		{"nosync-nofeed", []bolt.Option{bolt.NoSync(), bolt.Feed()}},
	} {
		b.Run(c.name, func(b *testing.B) {
			db := open(b, filepath.Join(b.TempDir(), "table.db"), time.Now, c.opts...)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if err := db.Write(b.Context(), batchRow(n)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkQuery(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "table.db"), func() time.Time { return time.Unix(1, 0) }, bolt.NoSync())
	for n := range 5000 {
		if err := db.Write(b.Context(), batchRow(n)); err != nil {
			b.Fatal(err)
		}
	}
	q := table.Query{PK: "BATCH#001", From: "2019-05-29", Limit: 50}
	b.ReportAllocs()
	for b.Loop() {
		page, err := db.Query(b.Context(), q)
		if err != nil || len(page.Rows) != 50 {
			b.Fatal(len(page.Rows), err)
		}
	}
}
