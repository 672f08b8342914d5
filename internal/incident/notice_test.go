package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

var (
	noticeNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	watched   = monitor.Monitor{ID: "cert", TLS: &monitor.TLS{Address: "example.org:443"}}
	named     = monitor.Monitor{ID: "name", Domain: &monitor.Domain{Name: "example.com"}}
	longName  = monitor.Monitor{ID: "name", Domain: &monitor.Domain{Name: "a-rather-long-name.example.com"}}
)

func notice(t *testing.T, e incident.Ending) incident.Notification {
	t.Helper()
	cfg := &monitor.Config{Tiers: []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}}}
	told := incident.Notices(cfg, monitor.Service{ID: "web", Name: "Web"}, e, noticeNow)
	if len(told) != 1 {
		t.Fatalf("got %+v, want one message", told)
	}
	return told[0]
}

// TestNoticeSaysWhatIsLeft: title and text count from when it is told, which may be
// long after the day on which it was due; and never "1 days".
func TestNoticeSaysWhatIsLeft(t *testing.T) {
	for _, tt := range []struct {
		left time.Duration
		due  int
		want string
	}{
		{30 * 24 * time.Hour, 30, "expires in 30 days"},
		{7*24*time.Hour - time.Minute, 7, "expires in 7 days"},
		{6*24*time.Hour + time.Hour, 7, "expires in 6 days"},
		{4 * 24 * time.Hour, 7, "expires in 4 days"},
		{37 * time.Hour, 3, "expires in 2 days"},
		{30 * time.Hour, 3, "expires in 1 day"},
		{24*time.Hour + time.Second, 3, "expires in 1 day"},
		{24 * time.Hour, 1, "expires within a day"},
		{10 * time.Hour, 14, "expires within a day"}, // of a monitor that has expiry: [14]
		{time.Second, 1, "expires within a day"},
		{0, 0, "has expired"},
		{-time.Hour, 1, "has expired"},
	} {
		n := notice(t, incident.Ending{Monitor: watched, At: noticeNow.Add(tt.left), Days: tt.due})
		if want := "Web: certificate " + tt.want; n.Title != want {
			t.Errorf("%s left: %q, want %q", tt.left, n.Title, want)
		}
		if said := strings.Replace(tt.want, "has expired", "expired", 1); !strings.HasPrefix(strings.Replace(n.Text, ", on ", " on ", 1), "The certificate of example.org:443 "+said+" on ") {
			t.Errorf("%s left: %q, want that it %s", tt.left, n.Text, tt.want)
		}
		if got, want := n.Impact, map[bool]monitor.Impact{true: monitor.ImpactMajor, false: monitor.ImpactMinor}[tt.due <= 3]; got != want {
			t.Errorf("%s left: impact %s, want %s", tt.left, got, want)
		}
	}
}

// TestNoticeWords: what ends is called what people call it, in as much room as a
// subject has.
func TestNoticeWords(t *testing.T) {
	at, was := noticeNow.Add(80*24*time.Hour), noticeNow.Add(7*24*time.Hour)
	for _, tt := range []struct {
		e           incident.Ending
		title, text string
	}{
		{incident.Ending{Monitor: named, At: was, Days: 7}, "Web: domain example.com expires in 7 days",
			"The registration of the domain example.com expires in 7 days, on Sun 8 Mar 2026, 12:00 UTC (monitor name). Nothing is broken yet: renew it before then."},
		{incident.Ending{Monitor: longName, At: was, Days: 7}, "Web: domain expires in 7 days",
			"The registration of the domain a-rather-long-name.example.com expires in 7 days, on Sun 8 Mar 2026, 12:00 UTC (monitor name). Nothing is broken yet: renew it before then."},
		{incident.Ending{Monitor: watched, At: at, Renewed: true, Was: was}, "Web: certificate renewed",
			"The certificate of example.org:443 was renewed and now expires on Wed 20 May 2026, 12:00 UTC (monitor cert)."},
		{incident.Ending{Monitor: watched, Renewed: true, Was: was}, "Web: certificate no longer in use",
			"The certificate of example.org:443 is no longer in use: the one that would have expired on Sun 8 Mar 2026, 12:00 UTC is not seen any more (monitor cert)."},
		{incident.Ending{Monitor: monitor.Monitor{ID: "cert"}, Renewed: true, Was: was}, "Web: monitor removed",
			"The monitor cert was removed: what would have expired on Sun 8 Mar 2026, 12:00 UTC is no longer watched."},
		{incident.Ending{Monitor: named, At: noticeNow.Add(-time.Hour)}, "Web: domain example.com has expired",
			"The registration of the domain example.com expired on Sun 1 Mar 2026, 11:00 UTC (monitor name). Renew it now."},
	} {
		n := notice(t, tt.e)
		if n.Title != tt.title || n.Text != tt.text {
			t.Errorf("got  %q\n     %q\nwant %q\n     %q", n.Title, n.Text, tt.title, tt.text)
		}
	}
}

// TestNoticeIDs: an end is one alarm, from its first warning to its renewal; each
// thing that is told of it is one message, whenever it is told.
func TestNoticeIDs(t *testing.T) {
	end := noticeNow.Add(6 * 24 * time.Hour)
	seven := notice(t, incident.Ending{Monitor: watched, At: end, Days: 7})
	for name, other := range map[string]incident.Notification{
		"3 days":           notice(t, incident.Ending{Monitor: watched, At: end, Days: 3}),
		"renewed after 7":  notice(t, incident.Ending{Monitor: watched, At: end.AddDate(0, 2, 0), Was: end, Renewed: true, Days: 7}),
		"renewed after 14": notice(t, incident.Ending{Monitor: watched, At: end.AddDate(0, 2, 0), Was: end, Renewed: true, Days: 14}),
	} {
		if other.Incident != seven.Incident || other.ID == seven.ID || other.Receipt == seven.Receipt {
			t.Errorf("%s: incident %s, message %s, receipt %s; 7 days: %s, %s, %s", name, other.Incident, other.ID, other.Receipt, seven.Incident, seven.ID, seven.Receipt)
		}
	}
}

// TestNoticeOfRenewalReaches: who hears of what is urgent only was told when it was, and
// hears its end; who did not hear of it hears nothing.
func TestNoticeOfRenewalReaches(t *testing.T) {
	cfg := &monitor.Config{Tiers: []monitor.Tier{{ID: "pager", Impact: monitor.ImpactMajor, Machine: true}}}
	for days, want := range map[int]int{30: 0, 7: 0, 3: 1, 1: 1, 0: 1} {
		warned := incident.Notices(cfg, monitor.Service{ID: "web", Name: "Web"}, incident.Ending{Monitor: watched, At: noticeNow.Add(time.Hour), Days: days}, noticeNow)
		renewed := incident.Notices(cfg, monitor.Service{ID: "web", Name: "Web"}, incident.Ending{Monitor: watched, Was: noticeNow.Add(time.Hour), At: noticeNow.AddDate(0, 3, 0), Days: days, Renewed: true}, noticeNow)
		if len(warned) != want || len(renewed) != want {
			t.Errorf("%d days: told %d times, renewed %d times, want %d each", days, len(warned), len(renewed), want)
		}
	}
}
