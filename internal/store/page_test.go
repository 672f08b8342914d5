package store_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// counting counts what is read and the largest row that is written.
type counting struct {
	table.Table
	reads, writes, largest int
}

func (c *counting) Get(ctx context.Context, key table.Key) (table.Row, error) {
	c.reads++
	return c.Table.Get(ctx, key)
}

func (c *counting) Query(ctx context.Context, q table.Query) (table.Page, error) {
	c.reads++
	return c.Table.Query(ctx, q)
}

func (c *counting) BatchGet(ctx context.Context, keys []table.Key) ([]table.Row, error) {
	c.reads++
	return c.Table.BatchGet(ctx, keys)
}

func (c *counting) Write(ctx context.Context, ops ...table.Op) error {
	for _, op := range ops {
		c.writes++
		c.largest = max(c.largest, len(op.Row.Data))
	}
	return c.Table.Write(ctx, ops...)
}

func newTable(t testing.TB) table.Table {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), func() time.Time { return t0 })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func zipped(t *testing.T, entity any) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := json.NewEncoder(z).Encode(entity); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// site is a snapshot of so many services with so many monitors each, with
// figures as uneven as real ones.
func site(services, monitors int) store.Snapshot {
	r := rand.New(rand.NewPCG(1, 2))
	now := time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.UTC)
	ago := func() time.Time { return now.Add(-time.Duration(r.IntN(1e7)) * time.Second) }
	s := store.Snapshot{Generated: now, Fresh: 3 * time.Minute, Measured: now, Incidents: []store.IncidentView{}}
	for i := range services {
		v := store.ServiceView{
			ID: monitor.ServiceID(fmt.Sprintf("service-%04d", i)), Name: fmt.Sprintf("Service %d", i), Group: fmt.Sprintf("Group %d", i/20),
			Status: monitor.Operational, Since: ago(), Added: ago(), Alive: monitors, Total: monitors,
			Latency: &store.LatencyView{P50: float64(r.IntN(1e6)) / 1e3, P95: float64(r.IntN(1e6)) / 1e3, P99: float64(r.IntN(1e6)) / 1e3, N: 60},
		}
		for j := range monitors {
			v.Monitors = append(v.Monitors, store.MonitorView{
				ID: monitor.ID(fmt.Sprintf("m-%04d-%d", i, j)), Name: fmt.Sprintf("Monitor %d of %d", j, i), Type: monitor.KindHTTP, State: monitor.Up, Since: ago(),
			})
		}
		for _, w := range []string{"24h", "7d", "30d", "90d"} {
			v.Uptime = append(v.Uptime, store.WindowView{Window: w, From: now.Add(-time.Hour), To: now, Known: true, Uptime: 1 - r.Float64()/100, Coverage: 1 - r.Float64()/100, DownS: int64(r.IntN(1000))})
		}
		for d := range 90 {
			day := store.DayView{Date: now.AddDate(0, 0, d-89).Format(time.DateOnly), Known: true, Uptime: 1, Coverage: 1, Worst: monitor.Operational}
			if r.IntN(10) == 0 {
				day.DownS, day.Uptime, day.Worst = int64(r.IntN(3000)), 1-r.Float64()/20, monitor.MajorOutage
			}
			v.Days = append(v.Days, day)
		}
		for h := range 24 {
			v.Series = append(v.Series, store.LatencyPoint{At: now.Truncate(time.Hour).Add(time.Duration(h-23) * time.Hour), P50: float64(r.IntN(1e6)) / 1e3, P95: float64(r.IntN(1e6)) / 1e3, P99: float64(r.IntN(1e6)) / 1e3, N: 60})
		}
		s.Services = append(s.Services, v)
	}
	return s
}

// TestSnapshotSize: whatever the number of monitors, no item nears DynamoDB's
// limit, the summary is one read, the figures of one service or of all are one
// more at most, and all comes back.
func TestSnapshotSize(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute where races are looked for")
	}
	for _, test := range []struct{ services, monitors, reads int }{
		{0, 0, 1},
		{20, 2, 1},
		{100, 10, 1}, // 1,000 monitors
		{1000, 1, 2},
		{500, 10, 2}, // 5,000 monitors
		{5000, 1, 2},
	} {
		t.Run(fmt.Sprintf("%dx%d", test.services, test.monitors), func(t *testing.T) {
			ctx := context.Background()
			c := &counting{Table: newTable(t)}
			s := store.New(c, func() time.Time { return t0 })
			want := site(test.services, test.monitors)
			if err := s.PutSnapshot(ctx, want, 0); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d writes, the largest of %d bytes", c.writes, c.largest)
			if c.largest > 360<<10 {
				t.Errorf("an item of %d bytes", c.largest)
			}
			head, version, err := s.Snapshot(ctx)
			if err != nil || version != 1 || c.reads != 1 || len(head.Services) != test.services {
				t.Fatalf("version %d, %d reads, %d services, %v; want one read", version, c.reads, len(head.Services), err)
			}
			if n := len(head.Services); n > 0 {
				one, err := s.Details(ctx, head, head.Services[n/2].ID)
				if err != nil || c.reads != test.reads {
					t.Fatalf("figures of one service: %d reads, %v, want %d", c.reads, err, test.reads)
				}
				same(t, want.Services[n/2], one.Services[n/2])
			}
			c.reads = 1
			all, err := s.Details(ctx, head)
			if err != nil || c.reads != test.reads {
				t.Fatalf("figures of all: %d reads, %v, want %d", c.reads, err, test.reads)
			}
			for i := range all.Services {
				same(t, want.Services[i], all.Services[i])
			}
		})
	}
}

func same(t *testing.T, want, got store.ServiceView) {
	t.Helper()
	got.Part = 0
	a, errA := json.Marshal(want)
	b, errB := json.Marshal(got)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Fatalf("%s: %v, %v (-want +got):\n%s", want.ID, errA, errB, cmp.Diff(want, got))
	}
}

// TestDetailsStay: whoever renews states only does not touch the parts; whoever
// renews figures does not write over parts that the standing snapshot names.
func TestDetailsStay(t *testing.T) {
	ctx := context.Background()
	c := &counting{Table: newTable(t)}
	s := store.New(c, func() time.Time { return t0 })
	if err := s.PutSnapshot(ctx, site(500, 1), 0); err != nil {
		t.Fatal(err)
	}
	first, version, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c.writes = 0
	if err := s.PutSnapshot(ctx, first, version); err != nil || c.writes != 1 {
		t.Fatalf("renewing states made %d writes, %v, want one", c.writes, err)
	}
	next := site(500, 1)
	next.Parts = first.Parts
	next.Services[0].Days[0].DownS = 4711
	if err := s.PutSnapshot(ctx, next, version+1); err != nil {
		t.Fatal(err)
	}
	was, err := s.Details(ctx, first)
	if err != nil || was.Services[0].Days[0].DownS == 4711 || len(was.Services[499].Days) != 90 {
		t.Errorf("a reader of the snapshot before has lost its figures: %v", err)
	}
	now, _, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if now, err = s.Details(ctx, now); err != nil || now.Services[0].Days[0].DownS != 4711 {
		t.Errorf("the new figures are not there: %v", err)
	}
}

// TestTorn: a snapshot of several pieces that are not of one make is not shown.
func TestTorn(t *testing.T) {
	ctx := context.Background()
	tab := newTable(t)
	s := store.New(tab, func() time.Time { return t0 })
	large := site(5000, 1)
	for i := range large.Services {
		large.Services[i].Days, large.Services[i].Series = nil, nil
	}
	if err := s.PutSnapshot(ctx, large, 0); err != nil {
		t.Fatal(err)
	}
	key := table.Key{PK: "PAGE", SK: "SNAPSHOT#0#1"}
	row, err := tab.Get(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	row.Doc = []byte(strings.Replace(string(row.Doc), "2026-11-23", "2026-11-22", 1))
	for _, op := range []table.Op{{Row: row}, {Verb: table.Delete, Row: table.Row{Key: key}}} {
		if err := tab.Write(ctx, op); err != nil {
			t.Fatal(err)
		}
		reader := store.New(tab, func() time.Time { return t0 }) // who wrote it knows what it says
		if _, _, err := reader.Snapshot(ctx); err == nil || !strings.Contains(err.Error(), "different snapshots") {
			t.Errorf("error %v, want one that says so", err)
		}
	}
}

// TestOldSnapshot: an item that an earlier version wrote is read.
func TestOldSnapshot(t *testing.T) {
	ctx := context.Background()
	tab := newTable(t)
	old := site(2, 1)
	doc, err := json.Marshal(map[string]any{"generated": old.Generated, "content": "gzip+json"})
	if err != nil {
		t.Fatal(err)
	}
	row := table.Row{Key: table.Key{PK: "PAGE", SK: "SNAPSHOT#0"}, Kind: "snapshot", Version: 7, Doc: doc, Data: zipped(t, old)}
	if err := tab.Write(ctx, table.Op{Row: row}); err != nil {
		t.Fatal(err)
	}
	got, version, err := store.New(tab, func() time.Time { return t0 }).Snapshot(ctx)
	if err != nil || version != 7 {
		t.Fatalf("version %d, %v", version, err)
	}
	if diff := cmp.Diff(old, got); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
}
