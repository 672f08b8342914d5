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
		{"not looked at since", func(_ *incident.Notification, s *incident.Affected) { s.Status = monitor.MajorOutage }, "restored" + end + after,
			"Web application: should work again. Restored after 6h 50m.", "restored" + end + after + "."},
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
