package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// TestNoteEnded: whoever makes a window longer that a person has ended is told that
// it does not begin again; others are told nothing.
func TestNoteEnded(t *testing.T) {
	ctx, at := context.Background(), now()
	db, err := bolt.Open(t.TempDir()+"/table", now, bolt.NoSync())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	s := store.New(db, now)
	plan := monitor.Plan{ID: "move", Title: "Move", Starts: at.Add(-2 * time.Hour), Ends: at.Add(time.Hour), TimeZone: "UTC"}
	m, err := s.Maintenance(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	ops, err := m.RunOps(maintenance.Run{ID: "r", Plan: "move", Planned: plan.Starts, From: plan.Starts, To: at.Add(-time.Hour), Ended: at.Add(-90 * time.Minute), EndedBy: "anna"}, nil)
	if err == nil {
		err = s.Commit(ctx, ops...)
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg := &monitor.Config{Site: monitor.Site{TimeZone: "UTC"}, Maintenance: []monitor.Plan{plan}}
	for _, tt := range []struct{ changed, want string }{
		{"maintenance move", "maintenance move was ended "}, {"maintenance other", ""}, {"service web", ""},
	} {
		var out bytes.Buffer
		if err := noteEnded(ctx, &out, s, cfg, config.Difference{Changed: []string{tt.changed}}); err != nil {
			t.Fatal(err)
		}
		if tt.want == "" && out.Len() > 0 || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: %q, want %q", tt.changed, out.String(), tt.want)
		}
	}
}
