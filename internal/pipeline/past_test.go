package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestPastIncidents: an incident that leaves the page is kept as it showed it.
func TestPastIncidents(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, oneMonitor())
	w.run(time.Minute)
	w.down["web"] = true
	w.run(5 * time.Minute)
	w.down["web"] = false
	w.run(5 * time.Minute)
	page, _, err := w.store.Snapshot(ctx)
	if err != nil || len(page.Incidents) != 1 || page.Incidents[0].State != incident.Resolved {
		t.Fatalf("page: %+v, %v", page.Incidents, err)
	}
	was := page.Incidents[0]
	if _, has, err := w.store.PastIncident(ctx, was.ID); has || err != nil {
		t.Errorf("it is past while the page shows it: %v", err)
	}
	w.now = w.now.AddDate(0, 0, 91)
	for range 2 {
		if err := w.stages.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	page, _, err = w.store.Snapshot(ctx)
	if err != nil || slices.ContainsFunc(page.Incidents, func(v store.IncidentView) bool { return v.ID == was.ID }) {
		t.Fatalf("page: %+v, %v", page.Incidents, err)
	}
	got, has, err := w.store.PastIncident(ctx, was.ID)
	if err != nil || !has || got.Title != was.Title || len(got.Updates) != len(was.Updates) || !got.Resolved.Equal(was.Resolved) {
		t.Errorf("kept: %+v, %t, %v; want %+v", got, has, err, was)
	}
	for _, id := range []string{"nonesuchhere", "", "a/b", "SNAPSHOT#0"} {
		if _, has, err := w.store.PastIncident(ctx, id); has || err != nil {
			t.Errorf("%q: %t, %v", id, has, err)
		}
	}
}

func oneMonitor() *monitor.Config {
	return &monitor.Config{
		Site: monitor.Site{Name: "Test", TimeZone: "UTC"}, Locations: []monitor.Location{monitor.Local},
		Monitors: []monitor.Monitor{{
			ID: "web", Name: "Web", Service: "web", Every: 30 * time.Second, Timeout: 5 * time.Second, Confirm: 1, Recover: 1,
			Locations: []monitor.Location{monitor.Local}, TCP: &monitor.TCP{Address: "192.0.2.1:443"},
		}},
		Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web"}, Needs: 1}},
		Tiers:    []monitor.Tier{{ID: "oncall", Name: "On-call", Impact: monitor.ImpactMinor}},
	}
}
