package notify_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the system's zones

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

var update = flag.Bool("update", false, "write the golden files anew; read their diff")

var (
	t0     = time.Date(2019, 5, 29, 1, 0, 7, 0, time.UTC)
	events = []incident.Event{incident.EventOpened, incident.EventEscalated, incident.EventReminder, incident.EventUpdated, incident.EventResolved}
)

// notification is one of the outage of DESIGN.md, which the loss of a first
// balancer preceded.
func notification(event incident.Event, public bool) incident.Notification {
	n := incident.Notification{
		ID: "m2x7" + string(event), Incident: "k3j2h1g5f4d6", Tier: "oncall", Event: event, Receipt: string(event), At: t0.Add(time.Minute),
		Title: "Load balancers: outage", Phase: incident.Investigating, Impact: monitor.ImpactCritical, Worst: monitor.ImpactCritical,
		Opened: t0.Add(-20 * time.Minute), Since: t0,
		Services: []incident.Affected{
			{ID: "balancers", Name: "Load balancers", Cause: true, Status: monitor.MajorOutage, Total: 2},
			{ID: "app", Name: "Web application", Status: monitor.PartialOutage, Alive: 1, Total: 2},
			{ID: "api", Name: "API", Status: monitor.MajorOutage, Total: 1},
		},
		Text:   "Load balancers: down, none of 2 parts works.",
		Detail: "lb-primary: refused: connect to 203.0.113.10:443: connection refused\nlb-secondary: timeout: no answer within 10s from 203.0.113.11:443, connected after 35ms, TLS done after 71ms",
		Site:   "Intervals", Zone: "America/Los_Angeles", URL: "https://status.example.com/incidents/k3j2h1g5f4d6",
	}
	switch event {
	case incident.EventReminder:
		n.Receipt, n.At = "reminder-2", t0.Add(time.Hour)
	case incident.EventResolved:
		n.Resolved, n.Impact, n.Phase = t0.Add(6*time.Hour+50*time.Minute), monitor.ImpactNone, incident.Done
		n.At, n.Text = n.Resolved.Add(40*time.Second), "Restored after 6h 50m."
		for i := range n.Services {
			n.Services[i].Restored = n.Resolved
		}
	case incident.EventUpdated:
		n.At, n.Phase, n.Text = t0.Add(6*time.Hour), incident.Monitoring, "Load balancers: still working, but redundancy is lost: 1 of 2 left."
		n.Services[0].Status, n.Services[0].Alive = monitor.AtRisk, 1
		n.Services[1].Restored, n.Services[2].Restored = n.At, n.At
		n.Title, n.Impact = "Load balancers: at risk, 1 of 2 left", monitor.ImpactMinor
	}
	if public {
		n.Tier, n.Public, n.Detail = "customers", true, ""
	}
	return n
}

// planned is a notification of planned maintenance.
func planned(event incident.Event) incident.Notification {
	n := incident.Notification{
		ID: "p7q2" + string(event), Incident: "mq4b7x2k5c3a", Tier: "customers", Event: event, Receipt: string(event), At: t0.Add(20 * time.Second),
		Title: "Move to the new balancers", Text: "Some requests may fail for a minute. There is nothing you have to do.",
		Opened: t0, Since: t0, Until: t0.Add(10 * time.Hour), Services: []incident.Affected{{ID: "app", Name: "Web application", Status: monitor.InMaintenance}, {ID: "api", Name: "API", Status: monitor.InMaintenance}},
		Site: "Intervals", Zone: "America/Los_Angeles", URL: "https://status.example.com", Public: true,
	}
	if event == incident.EventMaintained {
		n.Resolved = t0.Add(9*time.Hour + 12*time.Minute)
		n.At = n.Resolved.Add(20 * time.Second)
		n.Services[1].Muted = t0.Add(12 * time.Hour)
	}
	return n
}

// remaining is the end of an outage for those who see only what depended on it,
// which has a trouble of its own left (the replay of certificate-expiry).
func remaining() incident.Notification {
	n := notification(incident.EventResolved, true)
	n.Title, n.Services = "Web application: outage", []incident.Affected{{ID: "app", Name: "Web application", Status: monitor.DegradedPerf, Alive: 1, Total: 1}}
	return n
}

// other is a notification of an incident of its own.
func other(i int, event incident.Event) incident.Notification {
	n := notification(event, false)
	name := fmt.Sprintf("Shop %d", i)
	n.ID, n.Incident, n.Title = fmt.Sprintf("other%d", i), fmt.Sprintf("shop%08d", i), name+": degraded"
	n.Impact, n.Worst, n.Opened, n.Since = monitor.ImpactMinor, monitor.ImpactMinor, t0, t0
	n.Text, n.Detail = name+": working, but not as well as it should.", "shop: expect: total_ms < 500 (total_ms was 702.5)"
	n.URL = "https://status.example.com/incidents/" + n.Incident
	n.Services = []incident.Affected{{ID: monitor.ServiceID(fmt.Sprintf("shop-%d", i)), Name: name, Cause: true, Status: monitor.DegradedPerf, Alive: 1, Total: 1}}
	if event == incident.EventResolved {
		n.Impact, n.Text, n.Services[0].Restored = monitor.ImpactNone, "Restored after 6h 50m.", n.Resolved
	}
	return n
}

func others(n int, event incident.Event) (all []incident.Notification) {
	for i := range n {
		all = append(all, other(i, event))
	}
	return all
}

// atRisk is how the outage of DESIGN.md began.
func atRisk() incident.Notification {
	n := notification(incident.EventOpened, false)
	n.ID, n.At = "m2x7risk", n.Opened.Add(30*time.Second)
	n.Title, n.Text = "Load balancers: at risk, 1 of 2 left", "Load balancers: still working, but redundancy is lost: 1 of 2 left."
	n.Impact, n.Worst, n.Since = monitor.ImpactMinor, monitor.ImpactMinor, n.Opened
	n.Services = []incident.Affected{{ID: "balancers", Name: "Load balancers", Cause: true, Status: monitor.AtRisk, Alive: 1, Total: 2}}
	n.Detail = "lb-primary: refused: connect to 203.0.113.10:443: connection refused"
	return n
}

// public are notifications as the public gets them.
func public(ns []incident.Notification) []incident.Notification {
	for i := range ns {
		ns[i].Tier, ns[i].Public, ns[i].Detail = "customers", true, ""
	}
	return ns
}

func cases() map[string][]incident.Notification {
	all := map[string][]incident.Notification{
		"at-risk":         {atRisk()},
		"digest":          append(others(2, incident.EventOpened), notification(incident.EventOpened, false)),
		"digest-resolved": append(others(1, incident.EventResolved), notification(incident.EventResolved, false)),
		"digest-storm":    append(others(44, incident.EventOpened), notification(incident.EventOpened, false)),
		"opened-late":     {atRisk(), notification(incident.EventEscalated, false)},
	}
	for name, ns := range told() {
		all[name] = ns
	}
	pending := notification(incident.EventResolved, true)
	for i := range pending.Services {
		if !pending.Services[i].Cause {
			pending.Services[i].Restored = time.Time{}
		}
	}
	all["resolved-pending"] = []incident.Notification{pending}
	all["resolved-remaining"] = []incident.Notification{remaining()}
	all["maintenance"] = []incident.Notification{planned(incident.EventMaintenance)}
	all["maintenance-over"] = []incident.Notification{planned(incident.EventMaintained)}
	onDuty, later := planned(incident.EventMaintenance), planned(incident.EventMaintenance)
	onDuty.Tier, onDuty.Public = "oncall", false
	later.ID, later.Incident, later.Title, later.Text, later.Until = "p7q3", "n2b4c6d8f3g5", "New disks", "", t0.Add(2*time.Hour)
	all["maintenance-oncall"] = []incident.Notification{onDuty}
	all["maintenance-windows"] = []incident.Notification{planned(incident.EventMaintenance), later}
	all["digest-public"] = public(append(others(2, incident.EventOpened), notification(incident.EventOpened, false)))
	all["digest-mixed"] = []incident.Notification{other(1, incident.EventUpdated), notification(incident.EventReminder, false), told()["asked"][0], notice("urgent", "a")}
	all["digest-notices"] = []incident.Notification{notice("expiring", "a"), notice("expiring", "b"), notice("urgent", "c")}
	all["digest-renewed"] = []incident.Notification{notice("renewed", "a"), notice("renewed", "b")}
	again := notification(incident.EventEscalated, false)
	again.Receipt = "escalated-critical-2"
	all["escalated-again"] = []incident.Notification{again}
	for _, event := range events {
		all[string(event)] = []incident.Notification{notification(event, false)}
		all[string(event)+"-public"] = []incident.Notification{notification(event, true)}
	}
	return all
}

// TestGolden: every message, as it is read. What a change of them looks like is
// seen in the diff of testdata.
func TestGolden(t *testing.T) {
	for name, ns := range cases() {
		t.Run(name, func(t *testing.T) {
			m := notify.Compose(ns)
			check(t, m)
			var machine map[string]any
			if err := json.Unmarshal([]byte(m.Machine), &machine); err != nil {
				t.Fatalf("machine body: %v", err)
			}
			delete(machine, "sonde") // the notifications themselves; TestMachine
			pretty, _ := json.MarshalIndent(machine, "", "  ")
			septets, _ := notify.GSM7(m.SMS)
			golden(t, name, fmt.Sprintf("Subject: %s\n\n%s\nSMS (%d septets): %s\n\nAttributes: %v\n\n%s\n", m.Subject, m.Email, septets, m.SMS, m.Attributes, pretty))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("message differs (-want +got):\n%s", diff)
	}
}

// TestOrderDoesNotMatter: several in any order, and one of them twice, give the
// same message.
func TestOrderDoesNotMatter(t *testing.T) {
	for name, ns := range cases() {
		t.Run(name, func(t *testing.T) {
			backwards := append(slices.Clone(ns), ns[0])
			slices.Reverse(backwards)
			want := notify.Compose(ns)
			if diff := cmp.Diff(want, notify.Compose(backwards)); diff != "" {
				t.Errorf("another order gives another message (-want +got):\n%s", diff)
			}
			if len(want.Notifications) != len(ns) {
				t.Errorf("%d notifications in a message of %d", len(want.Notifications), len(ns))
			}
		})
	}
}

func TestComposeNothing(t *testing.T) {
	if diff := cmp.Diff(notify.Message{}, notify.Compose(nil)); diff != "" {
		t.Errorf("message of nothing (-want +got):\n%s", diff)
	}
}

// TestIdentity: who a message is about, and by which id it is known.
func TestIdentity(t *testing.T) {
	opened, escalated := atRisk(), notification(incident.EventEscalated, false)
	for _, test := range []struct {
		name     string
		all      []incident.Notification
		id       string // empty: one that is derived
		incident string
	}{
		{"one", []incident.Notification{opened}, opened.ID, opened.Incident},
		{"two of one incident", []incident.Notification{opened, escalated}, "", opened.Incident},
		{"two incidents", []incident.Notification{opened, other(1, incident.EventOpened)}, "", ""},
	} {
		m := notify.Compose(test.all)
		if test.id != "" && m.ID != test.id || m.ID == "" || m.Incident != test.incident {
			t.Errorf("%s: got id %q, incident %q", test.name, m.ID, m.Incident)
		}
	}
}

// TestWhoRings: the phone rings for beginnings, escalations and ends, also in
// the midst of other things, and then the event says so.
func TestWhoRings(t *testing.T) {
	reminder, updated := notification(incident.EventReminder, false), notification(incident.EventUpdated, false)
	ends := told()
	for _, test := range []struct {
		name  string
		all   []incident.Notification
		event string
		state string
		sms   string // how it begins
	}{
		{"reminder", []incident.Notification{reminder}, "reminder", "ALARM", ""},
		{"update", []incident.Notification{updated}, "updated", "UPDATE", ""},
		{"a certificate that ends some day", ends["expiring"], "expiring", "NOTICE", ""},
		{"a registration that ends soon", ends["urgent"], "opened", "ALARM", "ALARM: Web application: domain example.com expires in 3 days. https"},
		{"a certificate that has ended", ends["ended"], "opened", "ALARM", "ALARM: Web application: certificate has expired. https"},
		{"a certificate that is renewed", ends["renewed"], "renewed", "OK", ""},
		{"updates", []incident.Notification{updated, other(1, incident.EventUpdated)}, "updated", "UPDATE", ""},
		{"update and opening of another", []incident.Notification{updated, other(1, incident.EventOpened)}, "opened", "ALARM", "DEGRADED: Shop 1 "},
		{"reminder and end of another", []incident.Notification{reminder, other(1, incident.EventResolved)}, "resolved", "ALARM", "OK: Shop 1 "},
		{"opening, not yet told, and update", []incident.Notification{atRisk(), updated}, "opened", "ALARM", "AT RISK: Load balancers"},
		{"opening, not yet told, and end", []incident.Notification{atRisk(), notification(incident.EventResolved, false)}, "resolved", "OK", "OK: Load balancers"},
	} {
		m := notify.Compose(test.all)
		state, _, _ := strings.Cut(m.Subject, ":")
		if m.Attributes["event"] != test.event || state != test.state || !strings.HasPrefix(m.SMS, test.sms) || (m.SMS == "") != (test.sms == "") {
			t.Errorf("%s: got event %s, subject %q, SMS %q", test.name, m.Attributes["event"], m.Subject, m.SMS)
		}
	}
}
