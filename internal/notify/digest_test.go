package notify_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/notify"
)

// notice is a notice of a certificate or registration of its own.
func notice(kind, id string) incident.Notification {
	n := told()[kind][0]
	n.ID, n.Incident = "notice-"+id, id
	return n
}

// TestDigestCounts: a digest says how many there are of what.
func TestDigestCounts(t *testing.T) {
	opened, resolved, test := other(1, incident.EventOpened), other(2, incident.EventResolved), told()["test"][0]
	for _, c := range []struct {
		name             string
		all              []incident.Notification
		subject, summary string
	}{
		{"open", []incident.Notification{opened, other(2, incident.EventOpened)}, "ALARM: 2 incidents: Shop 1, Shop 2", "2 incidents are open."},
		{"open and over", []incident.Notification{opened, resolved}, "ALARM: 2 incidents: Shop 1, Shop 2", "1 incident is open, 1 is over."},
		{"end soon", []incident.Notification{notice("expiring", "a"), notice("expiring", "b")}, "NOTICE: 2 certificates expire soon: Web application", "2 certificates expire soon."},
		{"of both kinds", []incident.Notification{notice("expiring", "a"), notice("urgent", "b")}, "ALARM: 1 domain, 1 certificate: Web application",
			"1 domain expires soon, 1 certificate expires soon."},
		{"have ended", []incident.Notification{notice("ended", "a"), notice("ended", "b")}, "ALARM: 2 certificates have expired: Web application", "2 certificates have expired."},
		{"renewed", []incident.Notification{notice("renewed", "a"), notice("renewed", "b")}, "OK: 2 certificates were renewed: Web application", "2 certificates were renewed."},
		{"over and renewed", []incident.Notification{resolved, notice("renewed", "a")}, "OK: 1 incident, 1 certificate: Shop 2, Web application",
			"1 incident is over, 1 certificate was renewed."},
		{"an alarm after news", []incident.Notification{other(1, incident.EventUpdated), notice("ended", "a")}, "ALARM: 1 certificate, 1 incident: Web application, Shop 1",
			"1 certificate has expired, 1 incident is open."},
		{"an alarm after a question", []incident.Notification{told()["asked"][0], other(1, incident.EventReminder)}, "ALARM: 2 incidents: Web application, Shop 1", "2 incidents are open."},
		{"rehearsals", []incident.Notification{test, func() incident.Notification { n := test; n.ID, n.Incident = "z", "z"; return n }()},
			"TEST: 2 rehearsals have arrived: Intervals", "2 rehearsals have arrived."},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := notify.Compose(c.all)
			check(t, m)
			first, _, _ := strings.Cut(m.Email, "\n")
			if diff := cmp.Diff([]string{c.subject, c.summary}, []string{m.Subject, first}); diff != "" {
				t.Errorf("subject and summary differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoticeIsNoIncident: nobody finds an incident of the id of a notice.
func TestNoticeIsNoIncident(t *testing.T) {
	if m := notify.Compose([]incident.Notification{notice("expiring", "a"), notice("renewed", "b")}); strings.Contains(m.Email, "Incident") {
		t.Errorf("e-mail:\n%s", m.Email)
	}
}

// TestRenewedIsTheLastWord: who hears of both hears that it is renewed.
func TestRenewedIsTheLastWord(t *testing.T) {
	expiring, renewed := told()["expiring"][0], told()["renewed"][0]
	renewed.At = renewed.At.AddDate(0, 0, 1)
	m := notify.Compose([]incident.Notification{expiring, renewed})
	check(t, m)
	if !strings.HasPrefix(m.Subject, "OK: Web application: certificate renewed") {
		t.Errorf("subject %q", m.Subject)
	}
}

// TestDigestTells: the list names what the commands take, what asks is told in
// full, and the rest is somewhere.
func TestDigestTells(t *testing.T) {
	asked := told()["asked"][0]
	asked.At = t0
	all := append(others(44, incident.EventOpened), asked)
	m := notify.Compose(all)
	check(t, m)
	for _, want := range []string{
		"\n 2. ALARM: Shop 1: degraded since 18:00 PDT - shop00000001\n", "\n45. UPDATE: Web application: partial outage since 18:00 PDT, tell\n    customers? - " + asked.Incident + "\n",
		"\n  sonde incident decline --tier customers --reason \"...\" " + asked.Incident + "\n", "\nThe status page has the details of the other 34:\nhttps://status.example.com/\n",
	} {
		if !strings.Contains(m.Email, want) {
			t.Errorf("e-mail lacks %q:\n%s", want, m.Email)
		}
	}
	for i := range all {
		all[i].URL = ""
	}
	if m = notify.Compose(all); !strings.Contains(m.Email, "\n`sonde incident list` has the others.\n") || strings.Contains(m.Email, "status page") {
		t.Errorf("without a page:\n%s", m.Email)
	}
	for i := range all {
		all[i].Public = true
	}
	if m = notify.Compose(all); strings.Contains(m.Email, "sonde incident list") || strings.Contains(m.Email, "status page") {
		t.Errorf("for the public, without a page:\n%s", m.Email)
	}
}
