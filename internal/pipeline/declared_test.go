package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestDeclared: the page does not say that all is well below an incident in which a
// person says otherwise; uptime, which is measured, knows nothing of it.
func TestDeclared(t *testing.T) {
	ctx := context.Background()
	w, result := fleet(t, 1, monitor.Tier{ID: "oncall", Impact: monitor.ImpactMinor})
	result(0, 0, up)
	commit := func(fx incident.Effects, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		ops, err := store.IncidentOps(w.board(), fx)
		if err == nil {
			err = w.store.Commit(ctx, ops...)
		}
		if err == nil {
			err = w.stages.Snapshot(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	shows := func(want monitor.Status) {
		t.Helper()
		page, _, err := w.store.Snapshot(ctx)
		if err != nil || len(page.Services) != 1 || page.Services[0].Status != want {
			t.Fatalf("the page shows %+v, must be %s: %v", page.Services, want, err)
		}
	}
	cfg, err := w.store.Config(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.now = start.Add(time.Minute)
	commit(incident.Declare(cfg, nil, incident.Declaration{
		By: "anna", Title: "payments are late", Text: "Our bank is on it.", Services: []monitor.ServiceID{cfg.Services[0].ID}, Impact: monitor.ImpactMajor,
	}, w.now))
	shows(monitor.PartialOutage)
	result(0, 2*time.Minute, down)
	shows(monitor.MajorOutage)
	result(0, 3*time.Minute, up)
	shows(monitor.PartialOutage)
	w.now = start.Add(4 * time.Minute)
	commit(incident.Resolve(cfg, w.board().Open[0], nil, incident.Note{By: "anna"}, w.now))
	shows(monitor.Operational)
}
