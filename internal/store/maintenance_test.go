package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// TestPlansOfConfiguration: a plan counts from when it became what it is, however
// often the configuration is applied.
func TestPlansOfConfiguration(t *testing.T) {
	ctx, now := context.Background(), time.Date(2026, 6, 1, 3, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	db, err := bolt.Open(t.TempDir()+"/table", clock, bolt.NoSync())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	s := store.New(db, clock)
	first := now
	plan := monitor.Plan{ID: "move", Title: "Move", Starts: now.Add(time.Hour), Ends: now.Add(2 * time.Hour), TimeZone: "UTC"}
	for i, tt := range []struct {
		by             string
		change         func()
		since, created time.Time
		who            string
	}{
		{"anna", func() {}, first, first, "anna"},
		{"bob", func() {}, first, first, "anna"},
		{"bob", func() { plan.Ends = plan.Ends.Add(time.Hour) }, first.Add(2 * time.Minute), first, "anna"},
		{"anna", func() { plan.Starts = plan.Starts.In(time.FixedZone("X", 3600)) }, first.Add(2 * time.Minute), first, "anna"},
		{"bob", func() { plan.ID = "other" }, first.Add(4 * time.Minute), first.Add(4 * time.Minute), "bob"},
	} {
		tt.change()
		cfg := &monitor.Config{Site: monitor.Site{Name: "Test", TimeZone: "UTC"}, Maintenance: []monitor.Plan{plan}}
		if _, err := s.PutConfig(ctx, cfg, int64(i), tt.by); err != nil {
			t.Fatal(err)
		}
		stored, err := s.Config(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := stored.Maintenance[0]; !got.Since.Equal(tt.since) || !got.Created.Equal(tt.created) || got.By != tt.who {
			t.Errorf("version %d: since %s, created %s by %s; want %s, %s by %s", i+1, got.Since, got.Created, got.By, tt.since, tt.created, tt.who)
		}
		now = now.Add(time.Minute)
	}
}
