package incident_test

import (
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestNoticeSaysWhatIsLeft: the title counts from when it is told, which may be
// long after the day on which it was due.
func TestNoticeSaysWhatIsLeft(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cfg := &monitor.Config{Tiers: []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}}}
	svc := monitor.Service{ID: "web", Name: "Web"}
	watched := monitor.Monitor{ID: "cert", TLS: &monitor.TLS{Address: "example.org:443"}}
	for left, want := range map[time.Duration]string{
		7*24*time.Hour - time.Minute: "Web: certificate ends in 7 days",
		6*24*time.Hour + time.Hour:   "Web: certificate ends in 6 days",
		4 * 24 * time.Hour:           "Web: certificate ends in 4 days",
	} {
		told := incident.Notices(cfg, svc, incident.Ending{Monitor: watched, At: now.Add(left), Days: 7}, now)
		if len(told) != 1 || told[0].Title != want {
			t.Errorf("%s left: got %+v, want one message %q", left, told, want)
		}
	}
}
