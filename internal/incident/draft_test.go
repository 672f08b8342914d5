package incident_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
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
		{At: at(0, -20), Text: "Load balancers: still working, but redundancy is lost: 1 of 2 left.", Detail: "lb-primary: refused"},
		{At: at(0, 0), Text: "Load balancers: down, none of 2 parts works."},
		{At: at(0, 2), Detail: "Acknowledged.", By: "arn:aws:sts::123456789012:assumed-role/Admin/anna"},
		{At: at(0, 40), Text: "Our host's emergency maintenance broke both balancers | ~~new~~ ones are \u202eordered.", By: "anna"},
		{At: at(6, 50), Text: "Restored; cached DNS may fail until 01:50 PDT. To forget it sooner: Windows: ipconfig /flushdns."},
	}
	alarm, update := "ALARM: Load balancers: outage since 18:00 PDT - "+inc.ID, "UPDATE: Load balancers: outage since 18:00 PDT - "+inc.ID
	sent := []incident.Sent{
		{Tier: "administrators", Event: "opened", Subject: alarm, At: at(0, 5)},
		{Tier: "administrators", Event: "resolved", At: at(6, 50)},
		{Tier: "administrators", Event: "updated-1", Subject: update, At: at(0, 41), Failed: "InternalError"},
		{Tier: "customers", Event: "opened", Subject: alarm, At: at(0, 20)},
		{Tier: "customers", Event: "updated-1", Subject: update, At: at(0, 41)},
		{Tier: "customers", Event: "resolved", At: at(6, 50).Add(time.Second), Pending: true, Failed: "throttled"},
		{Tier: "former", Event: "nag", At: at(0, 30)},
		{Tier: "oncall", Event: "opened", At: at(0, -20)},
		{Tier: "oncall", Event: "asked-customers-critical", At: at(0, 5)},
		{Tier: "oncall", Event: "escalated-critical", Subject: alarm, At: at(0, 0)},
		{Tier: "oncall", Event: "late-1559095200", At: at(1, 1)},
		{Tier: "oncall", Event: "reminder-2", At: at(2, 0)},
		{Tier: "oncall", Event: "resolved", At: at(6, 50)},
		{Tier: "oncall", Event: "updated-3", Subject: update, At: at(0, 41).Add(2 * time.Second)},
	}
	courses := map[monitor.ServiceID]incident.Course{
		"balancers": {Down: 6*time.Hour + 50*time.Minute, AtRisk: 20 * time.Minute, MeasuredDown: 6*time.Hour + 50*time.Minute},
		"app":       {Down: 6 * time.Hour, Maintenance: 50 * time.Minute, Unknown: 20 * time.Minute, MeasuredDown: 6*time.Hour + 50*time.Minute},
	}
	evidence := []incident.Evidence{{Service: "balancers", Result: monitor.Result{Monitor: "lb-primary", Location: "us-west-2", Scheduled: at(0, -20), Address: "203.0.113.10:443",
		Failure: &monitor.Failure{Kind: monitor.FailRefused, Detail: "connect: connection refused"}}}}
	got := incident.Draft(cfg, incident.Story{Incident: inc, Updates: updates, Sent: sent, Courses: courses, Evidence: evidence}, at(7, 0))
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

// TestDraftSays: what a draft says of incidents unlike that of 2019.
func TestDraftSays(t *testing.T) {
	cfg := &monitor.Config{Site: monitor.Site{Name: "Intervals", TimeZone: "America/Los_Angeles"}, Tiers: []monitor.Tier{{ID: "oncall", Name: "On-call"}, {ID: "anna", Name: "Anna's team"}}}
	began := time.Date(2019, 5, 28, 18, 0, 5, 0, cfg.Zone())
	base := incident.Incident{ID: "k3j2h1g5f4d6", Title: "Web: outage", State: incident.Open, Worst: monitor.ImpactMajor, Opened: began, Since: began,
		Services: []incident.Affected{{ID: "web", Name: "Web", Cause: true, Since: began}}}
	over := func(inc incident.Incident, state incident.State, after time.Duration) incident.Incident {
		inc.State, inc.Services = state, []incident.Affected{{ID: "web", Name: "Web", Cause: true, Since: began, Restored: began.Add(after)}}
		if state == incident.Resolved {
			inc.Resolved = began.Add(after)
		}
		return inc
	}
	drained := over(base, incident.Draining, time.Hour)
	drained.Drain = began.Add(2 * time.Hour)
	unwatched := over(base, incident.Resolved, time.Hour)
	unwatched.Services[0].Gone = true
	manual := base
	manual.Manual = true
	later := base
	later.Detail = "web: timeout: at its worst"
	for _, test := range []struct {
		name  string
		story incident.Story
		wants []string
		never string
	}{
		{"not over", incident.Story{Incident: base}, []string{"Intervals has been affected since 28 May 2019, 18:00 PDT, for 3h so far. Impact: major. **This incident is not over.**", "| Web | cause | 28 May 2019, 18:00 PDT | not restored yet | not known |"}, "was affected"},
		{"draining", incident.Story{Incident: drained}, []string{"was affected from 28 May 2019, 18:00 PDT to 28 May 2019, 19:00 PDT: 1h.", "old DNS answers may last until 28 May 2019, 20:00 PDT. **This incident is not over.**"}, "so far"},
		{"within a minute", incident.Story{Incident: over(base, incident.Resolved, 40*time.Second)}, []string{"from 28 May 2019, 18:00:05 PDT to 28 May 2019, 18:00:45 PDT: 40s.", "| 28 May 2019, 18:00:05 PDT | First failing check. |"}, "18:00 PDT"},
		{"by hand", incident.Story{Incident: manual, Updates: []incident.Update{{At: began, Text: "We look into it.", By: "arn:aws:sts::123456789012:assumed-role/ops/maria"}}, Courses: map[monitor.ServiceID]incident.Course{"web": {}}},
			[]string{"Opened by hand, by maria (ops).", "maria (ops): We look into it.", "Web: no monitor saw it down."}, "First failing check"},
		{"by nobody known", incident.Story{Incident: manual}, []string{"| Opened by hand. |"}, "First failing check"},
		{"worse later", incident.Story{Incident: later, Updates: []incident.Update{{At: began, Detail: "web: refused: at first"}}},
			[]string{"What failed first, as Sonde saw it:\n\n- web: refused: at first\n", "What failed, when it was worst:\n\n- web: timeout: at its worst\n"}, ""},
		{"the same", incident.Story{Incident: later, Evidence: []incident.Evidence{{Service: "web", Result: monitor.Result{Monitor: "web", Location: "local", Scheduled: began, Address: "192.0.2.1:443", Failure: &monitor.Failure{Kind: monitor.FailTimeout, Detail: "at its worst"}}}}},
			[]string{"- 28 May 2019, 18:00 PDT, seen from local at 192.0.2.1:443: web: timeout: at its worst\n"}, "when it was worst"},
		{"evidence of later", incident.Story{Incident: later, Updates: []incident.Update{{At: began, Detail: "web: refused: at first"}}, Evidence: []incident.Evidence{{Service: "web", Result: monitor.Result{Monitor: "web", Scheduled: began.Add(time.Hour), Failure: &monitor.Failure{Kind: monitor.FailTimeout, Detail: "later"}}}}},
			[]string{"What failed first, as Sonde saw it:\n\n- web: refused: at first\n"}, "timeout: later"},
		{"kept changing", incident.Story{Incident: over(base, incident.Resolved, time.Hour), Courses: map[monitor.ServiceID]incident.Course{"web": {Down: 35 * time.Minute, Degraded: 5 * time.Minute, MeasuredDown: 35 * time.Minute}}},
			[]string{"18:00 PDT to 28 May 2019, 19:00 PDT: 1h.", "| 35m | 5m | 0s | 0s |", "- Web: worked for 20m in between."}, "as measured"},
		{"not watched any more", incident.Story{Incident: unwatched}, []string{"No longer watched, so that nothing shows whether it works: Web.", "| no longer watched from 28 May 2019, 19:00 PDT |"}, ""},
		{"several at a time", incident.Story{Incident: base, Sent: []incident.Sent{{Tier: "anna", Event: "updated-1", At: began.Add(time.Second)}, {Tier: "oncall", Event: "updated-4", At: began.Add(time.Second)}, {Tier: "anna", Event: "updated-2", At: began.Add(time.Hour)}}},
			[]string{"| Told on-call and Anna's team: an update. |", "| Told Anna's team: an update. |", "| On-call | update 4 | 28 May 2019, 18:00 PDT | 1s | yes |"}, "Told on-call:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := incident.Draft(cfg, test.story, began.Add(3*time.Hour))
			for _, want := range test.wants {
				if !strings.Contains(got, want) {
					t.Errorf("no %q", want)
				}
			}
			if test.never != "" && strings.Contains(got, test.never) {
				t.Errorf("%q is in it", test.never)
			}
			if t.Failed() {
				t.Log(got)
			}
		})
	}
}

// TestPerson: who did something, as people say it.
func TestPerson(t *testing.T) {
	for by, want := range map[string]string{
		"": "somebody", "anna": "anna",
		"arn:aws:sts::123456789012:assumed-role/ops/maria":                                   "maria (ops)",
		"arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/maria": "maria (Admin)",
		"arn:aws:iam::123456789012:user/people/maria":                                        "maria",
		"arn:aws:iam::123456789012:root":                                                     "root of account 123456789012",
		"arn:aws:sts::123456789012:assumed-role/ops":                                         "arn:aws:sts::123456789012:assumed-role/ops",
	} {
		if got := incident.Person(by); got != want {
			t.Errorf("%s: %s, want %s", by, got, want)
		}
	}
}

// TestHeard: receipts in words.
func TestHeard(t *testing.T) {
	cfg := &monitor.Config{Site: monitor.Site{TimeZone: "America/Los_Angeles"}, Tiers: []monitor.Tier{{ID: "customers", Name: "Customers"}, {ID: "tier-1"}}}
	for receipt, want := range map[string]string{
		"opened": "the beginning", "resolved": "the end", "escalated-critical": "that it is critical", "escalated-critical-2": "that it is critical again", "updated-2": "update 2", "reminder-1": "reminder 1",
		"nag": "a reminder that nobody outside was told", "late-1559095200": "a reminder that the update promised for 19:00 PDT is late",
		"asked-customers": "the question whether to tell customers", "asked-customers-1": "the question whether to tell customers",
		"asked-customers-2": "the question whether to tell customers, asked again", "asked-customers-critical": "the question whether to tell customers, now that it is critical",
		"asked-tier-1": "the question whether to tell tier-1", "asked-tier-1-2": "the question whether to tell tier-1, asked again", "asked-gone-team": "the question whether to tell gone-team",
		"of-a-later-version": "of-a-later-version", "late-x": "late-x",
	} {
		if got := incident.Heard(cfg, receipt); got != want {
			t.Errorf("%s: %s, want %s", receipt, got, want)
		}
	}
}
