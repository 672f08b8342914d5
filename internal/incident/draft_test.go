package incident_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

var updateDraft = flag.Bool("update-draft", false, "write the golden file of the draft")

// TestDraft: the night of 28 May 2019, as its follow-up would begin.
func TestDraft(t *testing.T) {
	cfg := &monitor.Config{Site: monitor.Site{Name: "Intervals", TimeZone: "America/Los_Angeles"}, Tiers: []monitor.Tier{
		{ID: "oncall", Name: "On-call"}, {ID: "administrators", Name: "Administrators"}, {ID: "customers", Name: "Customers", Public: true}, {ID: "board", Name: "Board"},
	}}
	at := func(hours, minutes int) time.Time {
		return time.Date(2019, 5, 28, 18, 0, 0, 0, cfg.Zone()).Add(time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute)
	}
	inc := incident.Incident{
		ID: "k3j2h1g5f4d6", Title: "Load balancers: outage", State: incident.Resolved, Phase: incident.Done, Worst: monitor.ImpactCritical,
		Opened: at(0, -20), Since: at(0, 0), Resolved: at(6, 50), Detail: "lb-primary: refused: connect to 203.0.113.10:443: connection refused\nlb-secondary: timeout: \x1b[31m<script>|*\a",
		Services: []incident.Affected{
			{ID: "balancers", Name: "Load balancers", Cause: true, Since: at(0, -20), Restored: at(6, 50)},
			{ID: "app", Name: "Web application", Since: at(0, 1), Restored: at(6, 51)},
		},
		Declined: map[monitor.TierID]incident.Declined{"board": {By: "anna", Reason: "asleep"}},
	}
	updates := []incident.Update{
		{At: at(0, -20), Text: "Load balancers: still working, but redundancy is lost: 1 of 2 left."},
		{At: at(0, 0), Text: "Load balancers: down, none of 2 parts works."},
		{At: at(0, 2), Detail: "Acknowledged.", By: "arn:aws:sts::123456789012:assumed-role/Admin/anna"},
		{At: at(0, 40), Text: "Our host's emergency maintenance broke both balancers | new ones are ordered.", By: "anna"},
		{At: at(6, 50), Text: "Restored after 6h 50m."},
	}
	sent := []incident.Sent{
		{Tier: "oncall", Event: "opened", At: at(0, -20)},
		{Tier: "oncall", Event: "escalated-critical", At: at(0, 0)},
		{Tier: "administrators", Event: "opened", At: at(0, 5)},
		{Tier: "customers", Event: "opened", At: at(0, 20)},
		{Tier: "administrators", Event: "updated-1", At: at(0, 41), Failed: "InternalError"},
		{Tier: "oncall", Event: "resolved", At: at(6, 50)},
		{Tier: "administrators", Event: "resolved", At: at(6, 50)},
		{Tier: "customers", Event: "resolved", At: at(6, 51)},
	}
	got := incident.Draft(cfg, inc, updates, sent, at(7, 0))
	path := filepath.Join("testdata", "draft.md")
	if *updateDraft {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
