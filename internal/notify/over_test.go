package notify_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

// TestWhatRemains: the end of an incident does not say of a service that it works
// if it was not seen working.
func TestWhatRemains(t *testing.T) {
	const end, after = " at 00:50 PDT", " after 6h 50m"
	for _, c := range []struct {
		name                  string
		change                func(*incident.Notification, *incident.Affected)
		subject, verdict, sms string
	}{
		{"degraded", func(*incident.Notification, *incident.Affected) {}, "outage over" + end + ", still degraded",
			"Web application: the outage is over, but it is still degraded. It lasted 6h 50m.", "outage over" + end + ", still degraded."},
		{"at risk", func(_ *incident.Notification, s *incident.Affected) { s.Status = monitor.AtRisk }, "outage over" + end + ", still at risk",
			"Web application: the outage is over, but it is still at risk. It lasted 6h 50m.", "outage over" + end + ", still at risk."},
		{"not known", func(_ *incident.Notification, s *incident.Affected) { s.Unknown = true }, "outage over" + end + ", not known whether it works",
			"Web application: the outage is over, but it is not known whether it works. It lasted 6h 50m.", "outage over" + end + ", not known whether it works."},
		{"a person's words", func(n *incident.Notification, _ *incident.Affected) { n.Text = "We sent all orders again." }, "outage over" + end + ", still degraded",
			"Web application: the outage is over, but it is still degraded. We sent all orders again.", "outage over" + end + ", still degraded."},
		{"it was slow", func(n *incident.Notification, _ *incident.Affected) { n.Worst = monitor.ImpactMinor }, "incident over" + end + ", still degraded",
			"Web application: the incident is over, but it is still degraded. It lasted 6h 50m.", "incident over" + end + ", still degraded."},
		{"works", func(n *incident.Notification, s *incident.Affected) { s.Restored = n.Resolved }, "restored" + end + after,
			"Web application: working again. Restored after 6h 50m.", "restored" + end + after + "."},
		{"not watched any more", func(n *incident.Notification, s *incident.Affected) {
			s.Restored, s.Gone, s.Status, n.Text = n.Resolved, true, monitor.NotKnown, "No longer watched, after 6h 50m: whether it works is not known."
		}, "no longer watched since 00:50 PDT, after 6h 50m", "Web application: no longer watched, after 6h 50m: whether it works is not known.", "no longer watched since 00:50 PDT, after 6h 50m."},
		{"not watched, and closed by hand", func(n *incident.Notification, s *incident.Affected) {
			s.Restored, s.Gone, s.Status, n.Text = n.Resolved, true, monitor.NotKnown, "We sold it."
		}, "no longer watched since 00:50 PDT, after 6h 50m", "Web application: no longer watched. We sold it.", "no longer watched since 00:50 PDT, after 6h 50m."},
		{"not looked at since", func(_ *incident.Notification, s *incident.Affected) { s.Status = monitor.MajorOutage }, "cause mended" + end + ", should work again",
			"Web application: should work again. Its cause was mended after 6h 50m.", "cause mended" + end + ", should work again."},
		{"down when looked at since", func(_ *incident.Notification, s *incident.Affected) { s.Status, s.Still = monitor.MajorOutage, true }, "cause mended" + end + ", still down",
			"Web application: still down. Its cause was mended after 6h 50m.", "cause mended" + end + ", still down."},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := remaining()
			n.URL = ""
			c.change(&n, &n.Services[0])
			m := notify.Compose([]incident.Notification{n})
			check(t, m)
			verdict, _, _ := strings.Cut(m.Email, "\n\n")
			want := []string{"OK: Web application - " + c.subject + " - k3j2h1g5f4d6", c.verdict, "OK: Web application " + c.sms + " Incident k3j2h1g5f4d6."}
			if diff := cmp.Diff(want, []string{m.Subject, strings.ReplaceAll(verdict, "\n", " "), m.SMS}); diff != "" {
				t.Errorf("subject, verdict and SMS differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWrittenTitle: what a person has called an incident is its name to the end.
func TestWrittenTitle(t *testing.T) {
	long := "Web application: " + strings.Repeat("orders are delayed, ", 3)
	for _, c := range []struct {
		title, text           string
		subject, verdict, sms string
	}{
		{"Web application: orders are delayed", "All of them were sent.", "OK: Web application: orders are delayed - over at 00:50 PDT after 6h 50m - k3j2h1g5f4d6",
			"Over: Web application: orders are delayed. All of them were sent.", "OK: Web application: orders are delayed - over at 00:50 PDT after 6h 50m. Incident k3j2h1g5f4d6."},
		{"Payment provider is down.", "Restored after 6h 50m.", "OK: Payment provider is down. - over at 00:50 PDT after 6h 50m - k3j2h1g5f4d6",
			"Over: Payment provider is down. Restored after 6h 50m.", "OK: Payment provider is down. - over at 00:50 PDT after 6h 50m. Incident k3j2h1g5f4d6."},
		{long, "Done.", "OK: Web application: orders are delayed, orders... - over at 00:50 PDT after 6h 50m - k3j2h1g5f4d6",
			"Over: Web application: orders are delayed, orders are delayed, orders are delayed,. Done.",
			"OK: Web application: orders are delayed, orders are delayed, orders are delayed, - over at 00:50 PDT after 6h 50m. Incident k3j2h1g5f4d6."},
		{"Web application: at risk, 1 of 2 left", "Restored after 6h 50m.", "OK: Web application - restored at 00:50 PDT after 6h 50m - k3j2h1g5f4d6",
			"Web application: working again. Restored after 6h 50m.", "OK: Web application restored at 00:50 PDT after 6h 50m. Incident k3j2h1g5f4d6."},
		{"Its old name: outage", "Restored after 6h 50m.", "OK: Its old name: outage - restored at 00:50 PDT after 6h 50m - k3j2h1g5f4d6",
			"Its old name: outage: working again. Restored after 6h 50m.", "OK: Its old name: outage restored at 00:50 PDT after 6h 50m. Incident k3j2h1g5f4d6."},
	} {
		t.Run(c.title, func(t *testing.T) {
			n := remaining()
			n.Title, n.Text, n.URL, n.Services[0].Restored = c.title, c.text, "", n.Resolved
			m := notify.Compose([]incident.Notification{n})
			check(t, m)
			verdict, _, _ := strings.Cut(m.Email, "\n\n")
			if diff := cmp.Diff([]string{c.subject, c.verdict, c.sms}, []string{m.Subject, strings.ReplaceAll(verdict, "\n", " "), m.SMS}); diff != "" {
				t.Errorf("subject, verdict and SMS differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSubjectKeepsTheID: nothing is so long that the incident's id is cut.
func TestSubjectKeepsTheID(t *testing.T) {
	n := notification(incident.EventAsked, false)
	n.Title, n.About, n.Impact = "Load balancers: "+strings.Repeat("x", 40), monitor.TierID(strings.Repeat("customers", 20)), monitor.ImpactMinor
	n.At = n.At.AddDate(0, 1, 0)
	m := notify.Compose([]incident.Notification{n})
	check(t, m)
	if want := ", began 28 May 18:00 PDT, tell customerscustomer...? - k3j2h1g5f4d6"; !strings.HasSuffix(m.Subject, want) || !strings.HasPrefix(m.Subject, "UPDATE: Load balancers") {
		t.Errorf("subject %q", m.Subject)
	}
}
