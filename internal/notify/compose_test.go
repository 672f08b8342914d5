package notify_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

var update = flag.Bool("update", false, "write the golden files anew; read their diff")

var t0 = time.Date(2019, 5, 29, 1, 0, 7, 0, time.UTC)

func notification(event incident.Event, public bool) incident.Notification {
	n := incident.Notification{
		ID: "n-" + string(event), Incident: "k3j2h1g5f4d6", Tier: "oncall", Event: event, Receipt: string(event), At: t0.Add(time.Minute),
		Title: "Load balancers: outage", Phase: incident.Investigating, Impact: monitor.ImpactCritical, Worst: monitor.ImpactCritical,
		Opened: t0.Add(-20 * time.Minute), Since: t0,
		Services: []incident.Affected{
			{ID: "balancers", Name: "Load balancers", Cause: true, Status: monitor.MajorOutage, Total: 2},
			{ID: "app", Name: "Web application", Status: monitor.PartialOutage, Alive: 1, Total: 2},
		},
		Text:   "Load balancers: down, none of 2 parts works.",
		Detail: "lb-primary: refused: connect to 203.0.113.10:443: connection refused\nlb-secondary: timeout: timeout in connect to 203.0.113.11:443",
		Site:   "Intervals", Zone: "America/Los_Angeles", URL: "https://status.example.com/incidents/k3j2h1g5f4d6",
	}
	switch event {
	case incident.EventResolved:
		n.Resolved, n.Impact, n.Phase = t0.Add(6*time.Hour+50*time.Minute), monitor.ImpactNone, incident.Done
		n.Text = "Restored after 6h 50m."
		n.Services[0].Restored, n.Services[1].Restored = n.Resolved, n.Resolved
	case incident.EventUpdated:
		n.Text = "Load balancers: still working, but redundancy is lost: 1 of 2 left."
		n.Services[0].Status, n.Services[0].Alive = monitor.AtRisk, 1
		n.Title, n.Impact = "Load balancers: at risk, 1 of 2 left", monitor.ImpactMinor
	}
	if public {
		n.Tier, n.Public, n.Detail = "customers", true, ""
	}
	return n
}

func digest() []incident.Notification {
	other := notification(incident.EventOpened, false)
	other.ID, other.Incident, other.Title, other.Impact = "n-2", "z9y8x7w6v5u4", "Reports: degraded", monitor.ImpactMinor
	other.Worst, other.Text, other.Detail = monitor.ImpactMinor, "Reports: working, but not as well as it should.", "reports: expect: total_ms < 500 (total_ms was 702.5)"
	other.Opened, other.URL = t0, "https://status.example.com/incidents/z9y8x7w6v5u4"
	other.Services = []incident.Affected{{ID: "reports", Name: "Reports", Cause: true, Status: monitor.DegradedPerf, Alive: 1, Total: 1}}
	return []incident.Notification{other, notification(incident.EventOpened, false)}
}

// TestGolden: every message, as it is read. What a change of them looks like is
// seen in the diff of testdata.
func TestGolden(t *testing.T) {
	cases := map[string][]incident.Notification{"digest": digest()}
	for _, event := range []incident.Event{incident.EventOpened, incident.EventEscalated, incident.EventUpdated, incident.EventReminder, incident.EventResolved} {
		cases[string(event)] = []incident.Notification{notification(event, false)}
		cases[string(event)+"-public"] = []incident.Notification{notification(event, true)}
	}
	for name, ns := range cases {
		t.Run(name, func(t *testing.T) {
			m := notify.Compose(ns)
			check(t, m)
			var machine any
			if err := json.Unmarshal([]byte(m.Machine), &machine); err != nil {
				t.Fatalf("machine body: %v", err)
			}
			delete(machine.(map[string]any), "sonde")
			pretty, _ := json.MarshalIndent(machine, "", "  ")
			got := "Subject: " + m.Subject + "\n\n" + m.Email + "\nSMS: " + m.SMS + "\n\n" + string(pretty) + "\n"
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
		})
	}
}

// check: what SNS, mail readers and phones ask of every message.
func check(t *testing.T, m notify.Message) {
	t.Helper()
	if len(m.Subject) > notify.MaxSubject || m.Subject == "" {
		t.Errorf("subject of %d characters: %q", len(m.Subject), m.Subject)
	}
	for _, r := range m.Subject {
		if r < ' ' || r > '~' {
			t.Errorf("subject holds %q: %q", r, m.Subject)
		}
	}
	if m.SMS != "" {
		if n, ok := notify.GSM7(m.SMS); !ok || n > notify.MaxSMS-13 {
			t.Errorf("SMS of %d septets, GSM-7 %t: %q", n, ok, m.SMS)
		}
	}
	for line := range strings.Lines(m.Email) {
		text := strings.TrimRight(line, "\n")
		if utf8.RuneCountInString(text) > 72 && strings.Contains(strings.TrimSpace(text), " ") {
			t.Errorf("line of %d columns: %q", utf8.RuneCountInString(text), text)
		}
		for _, r := range text {
			if r < ' ' || r == 0x7f || r == '\u202e' {
				t.Errorf("e-mail holds %q: %q", r, text)
			}
		}
	}
	var alarm struct{ AlarmName, NewStateValue string }
	if err := json.Unmarshal([]byte(m.Machine), &alarm); err != nil || alarm.AlarmName == "" {
		t.Errorf("machine body: %v: %s", err, m.Machine)
	}
	if state, _, _ := strings.Cut(m.Subject, ":"); (state == "OK" || state == "ALARM") && state != alarm.NewStateValue {
		t.Errorf("subject says %s, machine body %s", state, alarm.NewStateValue)
	}
}

// TestOpenAndCloseAgree: what opens an alarm is what closes it.
func TestOpenAndCloseAgree(t *testing.T) {
	name := func(event incident.Event) string {
		var alarm struct{ AlarmName string }
		if err := json.Unmarshal([]byte(notify.Compose([]incident.Notification{notification(event, false)}).Machine), &alarm); err != nil {
			t.Fatal(err)
		}
		return alarm.AlarmName
	}
	if name(incident.EventOpened) != name(incident.EventResolved) {
		t.Errorf("opened as %q, closed as %q", name(incident.EventOpened), name(incident.EventResolved))
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	ns := digest()
	a, b := notify.Compose(ns), notify.Compose([]incident.Notification{ns[1], ns[0]})
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the order changes the message:\n%s", diff)
	}
}

func TestGSM7(t *testing.T) {
	for _, test := range []struct {
		text string
		want int
		ok   bool
	}{{"abc", 3, true}, {"", 0, true}, {"a[b]", 6, true}, {"5€", 3, true}, {"ä@ß", 3, true}, {"“quoted”", 0, false}, {"`", 0, false}} {
		if n, ok := notify.GSM7(test.text); n != test.want || ok != test.ok {
			t.Errorf("%q: got %d, %t, want %d, %t", test.text, n, ok, test.want, test.ok)
		}
	}
}

// FuzzCompose: whatever targets and operators write, the message can be sent.
func FuzzCompose(f *testing.F) {
	f.Add("Load balancers: outage", "Ünïcode → “name”", "a\r\nBcc: x@example.com\x1b[31m\u202e", "https://status.example.com/i/1")
	f.Add(strings.Repeat("ä", 300), strings.Repeat("x", 400), strings.Repeat("word ", 200), "")
	f.Fuzz(func(t *testing.T, title, name, detail, url string) {
		for _, event := range []incident.Event{incident.EventOpened, incident.EventResolved, incident.EventReminder} {
			n := notification(event, false)
			n.Title, n.Detail, n.URL, n.Text = title, detail, url, detail
			n.Services[0].Name, n.Site = name, name
			check(t, notify.Compose([]incident.Notification{n}))
		}
	})
}
