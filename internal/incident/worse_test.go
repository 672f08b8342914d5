package incident_test

import (
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestStoredBefore: what was stored before it was kept how far an incident had fallen
// means what it meant: a tier has heard of the worst, and an acknowledgement without
// an impact holds.
func TestStoredBefore(t *testing.T) {
	cfg := heldConfig()
	inc := opened(t, cfg)
	told := inc.Told["oncall"]
	told.Stands = ""
	inc.Told["oncall"] = told
	inc.Acked, inc.By = began.Add(time.Minute), "anna"
	step := func(status monitor.Status, after time.Duration) []incident.Notification {
		now := began.Add(after)
		fx := incident.Step(cfg, incident.World{Open: []incident.Incident{inc}}, incident.Change{Service: "web", Status: status, At: now, Alive: 1, Total: 2}, now)
		inc = fx.Incidents[0]
		return fx.Notifications
	}
	if got := step(monitor.PartialOutage, 2*time.Minute); len(got) != 1 || got[0].Receipt != "updated-1" {
		t.Errorf("less: %v", receipts(got))
	}
	if got := step(monitor.MajorOutage, 3*time.Minute); len(got) != 1 || got[0].Receipt != "escalated-critical-2" {
		t.Errorf("as bad again: %v", receipts(got))
	}
	if _, err := incident.Acknowledge(cfg, inc, "otto", began.Add(4*time.Minute)); err == nil || inc.AckedAt != "" {
		t.Errorf("acknowledged again, at %q", inc.AckedAt)
	}
}
