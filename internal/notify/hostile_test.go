package notify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

// named is the outage of a service of another name.
func named(name string, change ...func(*incident.Notification)) incident.Notification {
	n := notification(incident.EventOpened, false)
	n.Title, n.Services = name+": outage", slices.Clone(n.Services)
	n.Services[0].Name, n.Text = name, name+": down."
	for _, f := range change {
		f(&n)
	}
	return n
}

func TestNames(t *testing.T) {
	noLink := func(n *incident.Notification) { n.URL = "" }
	url := func(url string) func(*incident.Notification) { return func(n *incident.Notification) { n.URL = url } }
	title := func(title string) func(*incident.Notification) {
		return func(n *incident.Notification) { n.Title = title }
	}
	const since, sinceSMS = " since 18:00 PDT - k3j2h1g5f4d6", " since 18:00 PDT. Incident k3j2h1g5f4d6."
	const web = "ALARM: Web: outage" + since
	for _, test := range []struct {
		name         string
		n            incident.Notification
		subject, sms string
	}{
		{"plain", named("Web"), web, "DOWN: Web since 18:00 PDT. https://status.example.com/incidents/k3j2h1g5f4d6"},
		{"no link", named("Web", noLink), web, "DOWN: Web" + sinceSMS},
		{"accents", named("Crédit – “Größe” Łódź", noLink), `ALARM: Credit - "Groesse" Lodz: outage` + since, `DOWN: Crédit - "Größe" Lodz` + sinceSMS},
		{"accents apart from their letters", named("Cafe\u0301", noLink), "ALARM: Cafe: outage" + since, "DOWN: Cafe" + sinceSMS},
		{"unknown", named("Web → 🚀", noLink), "ALARM: Web -> ?: outage" + since, "DOWN: Web -> ?" + sinceSMS},
		{"unreadable", named("Балансировщики", noLink), "ALARM: balancers: outage" + since, "DOWN: balancers" + sinceSMS},
		{"backtick", named("`web`", noLink), "ALARM: `web`: outage" + since, "DOWN: 'web'" + sinceSMS},
		{"line break", named("Web\r\nBcc: all@example.com", noLink), "ALARM: Web Bcc: all@example.com: outage" + since, "DOWN: Web Bcc: all@example.com" + sinceSMS},
		{"escape and bidi", named("W\x1b[31me\u202eb\u2066\x00", noLink), "ALARM: W[31meb: outage" + since, "DOWN: W[31meb" + sinceSMS},
		{"fillers", named("\u3164W\u115f\u1160e\uffa0b\u2800", noLink), web, "DOWN: Web" + sinceSMS},
		{"nothing but fillers", named("\u3164\u2800", noLink), "ALARM: balancers: outage" + since, "DOWN: balancers" + sinceSMS},
		{"not UTF-8", named("We\xffb\xf0", noLink), web, "DOWN: Web" + sinceSMS},
		{"long", named(strings.Repeat("Very long name ", 20)), "ALARM: Very long name Very long name Very long name Very...: outage" + since,
			"DOWN: Very long name Very long name Very long name Very long name Very long na... since 18:00 PDT. https://status.example.com/incidents/k3j2h1g5f4d6"},
		{"two septets a character", named(strings.Repeat("[a]", 30), noLink), "ALARM: " + strings.Repeat("[a]", 16) + "[a...: outage" + since,
			"DOWN: " + strings.Repeat("[a]", 19) + "[a..." + sinceSMS},
		{"long link", named("Web", url("https://"+strings.Repeat("status.", 20)+"example.com/incidents/k3j2h1g5f4d6")), web, "DOWN: Web" + sinceSMS},
		{"bad link", named("Web", url("https://x.example/\nBcc: a")), web, "DOWN: Web" + sinceSMS},
		{"a title of a person's own", named("Web", noLink, title("Payment provider is down")), "ALARM: Payment provider is down" + since, "ALARM: Payment provider is down" + sinceSMS},
		{"the longest of two names", named("Web: EU", noLink, func(n *incident.Notification) { n.Services[1].Name = "Web" }), "ALARM: Web: EU: outage" + since, "DOWN: Web: EU" + sinceSMS},
		{"partial outage", named("Web", noLink, title("Web: partial outage")), "ALARM: Web: partial outage" + since, "PARTLY DOWN: Web" + sinceSMS},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := notify.Compose([]incident.Notification{test.n})
			check(t, m)
			if diff := cmp.Diff([]string{test.subject, test.sms}, []string{m.Subject, m.SMS}); diff != "" {
				t.Errorf("subject and SMS differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	for _, test := range []struct {
		name, zone string
		after      time.Duration // from the beginning to the message
		brief      string
		full       string
	}{
		{"the same evening", "America/Los_Angeles", time.Hour, "since 18:00 PDT -", "Tue 28 May 2019, 18:00:07 PDT (Wed 01:00:07 UTC)\n"},
		{"the next evening", "America/Los_Angeles", 24 * time.Hour, "since Tue 18:00 PDT -", "Tue 28 May 2019, 18:00:07 PDT (Wed 01:00:07 UTC)\n"},
		{"weeks later", "America/Los_Angeles", 21 * 24 * time.Hour, "since 28 May 18:00 PDT -", "Tue 28 May 2019, 18:00:07 PDT (Wed 01:00:07 UTC)\n"},
		{"the same day in UTC", "Europe/Berlin", time.Hour, "since 03:00 CEST -", "Wed 29 May 2019, 03:00:07 CEST (01:00:07 UTC)\n"},
		{"a zone without a name", "America/Sao_Paulo", time.Hour, "since 22:00 UTC-03 -", "Tue 28 May 2019, 22:00:07 UTC-03 (Wed 01:00:07 UTC)\n"},
		{"UTC", "UTC", time.Hour, "since 01:00 UTC -", "Wed 29 May 2019, 01:00:07 UTC\n"},
		{"no zone", "", time.Hour, "since 01:00 UTC -", "Wed 29 May 2019, 01:00:07 UTC\n"},
		{"an unknown zone", "Mars/Olympus", time.Hour, "since 01:00 UTC -", "Wed 29 May 2019, 01:00:07 UTC\n"},
		{"the machine's zone", "Local", time.Hour, "since 01:00 UTC -", "Wed 29 May 2019, 01:00:07 UTC\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := notification(incident.EventOpened, false)
			n.Zone, n.At = test.zone, t0.Add(test.after)
			m := notify.Compose([]incident.Notification{n})
			check(t, m)
			if !strings.Contains(m.Subject, test.brief) || !strings.Contains(m.Email, "Since:      "+test.full) {
				t.Errorf("got subject %q and e-mail\n%s", m.Subject, m.Email)
			}
		})
	}
}

// TestDetail: what a target says is cut and cannot command a terminal.
func TestDetail(t *testing.T) {
	n := notification(incident.EventOpened, false)
	n.Detail = "evil\x1b]0;title\x07 \u202etext\r\n\n" + strings.Repeat("x", 5000) + strings.Repeat("\nmore", 50)
	m := notify.Compose([]incident.Notification{n})
	check(t, m)
	for _, want := range []string{"  evil]0;title text\n", "xxx...\n", "  and 32 more\n"} {
		if !strings.Contains(m.Email, want) {
			t.Errorf("e-mail lacks %q:\n%s", want, m.Email)
		}
	}
	if len(m.Email) > 2000 {
		t.Errorf("e-mail of %d bytes", len(m.Email))
	}
}

// TestColumns: wide characters take two columns, so that lines of Japanese end where
// others do; and nobody builds towers on a letter.
func TestColumns(t *testing.T) {
	n := notification(incident.EventUpdated, false)
	n.Text = strings.Repeat("漢", 100) + " e" + strings.Repeat("\u0301", 50) + "."
	m := notify.Compose([]incident.Notification{n})
	check(t, m)
	want := strings.Repeat("漢", 36) + "\n" + strings.Repeat("漢", 36) + "\n" + strings.Repeat("漢", 28) + " e\u0301\u0301\u0301.\n"
	if !strings.HasPrefix(m.Email, want) {
		t.Errorf("e-mail:\n%s", m.Email)
	}
}

func TestGSM7(t *testing.T) {
	for _, test := range []struct {
		text    string
		septets int
		ok      bool
	}{
		{"", 0, true}, {"abc", 3, true}, {"äöüß", 4, true}, {"[€]", 6, true}, {"a`", 0, false}, {"→", 0, false}, {"”", 0, false}, {"ç", 0, false}, {"\xff", 0, false},
	} {
		if septets, ok := notify.GSM7(test.text); septets != test.septets || ok != test.ok {
			t.Errorf("%q: got %d, %t, want %d, %t", test.text, septets, ok, test.septets, test.ok)
		}
	}
	one, two := 0, 0
	for r := range rune(0x3000) {
		switch n, ok := notify.GSM7(string(r)); {
		case ok && n == 1:
			one++
		case ok && n == 2:
			two++
		}
	}
	if one != 127 || two != 10 { // 128 less the escape; ten by the escape (3GPP TS 23.038)
		t.Errorf("%d characters of one septet, %d of two", one, two)
	}
}

// allEvents is every event that there is.
var allEvents = append([]incident.Event{
	incident.EventAsked, incident.EventExpiring, incident.EventRenewed, incident.EventTest, incident.EventMaintenance, incident.EventMaintained,
}, events...)

// wild draws a notification with anything in its texts.
func wild(t *rapid.T) incident.Notification {
	text := rapid.OneOf(rapid.String(), rapid.StringN(0, 3000, -1), rapid.SampledFrom([]string{"", "Web: outage", "A\r\nBcc: b", "\u202e\x1b[2J", "\xff\xfe", "``[[~~", "éèΔ漢字🚀"}))
	at := rapid.Map(rapid.Int64Range(-62135596800, 253402300799), func(s int64) time.Time { return time.Unix(s, 0).UTC() }) // years 1 to 9999
	n := incident.Notification{
		ID: "n" + text.Draw(t, "id"), Incident: rapid.OneOf(text, rapid.SampledFrom([]string{"a", "b"})).Draw(t, "incident"), Tier: monitor.TierID(text.Draw(t, "tier")),
		Event: rapid.SampledFrom(allEvents).Draw(t, "event"), Receipt: rapid.OneOf(text, rapid.SampledFrom([]string{"opened", "reminder-2", "late-1", "nag", "days-30", "days-3"})).Draw(t, "receipt"), At: at.Draw(t, "at"),
		Title: text.Draw(t, "title"), Text: text.Draw(t, "text"), Detail: text.Draw(t, "detail"),
		Impact: monitor.Impact(text.Draw(t, "impact")), Worst: monitor.Impact(text.Draw(t, "worst")),
		Opened: at.Draw(t, "opened"), Since: at.Draw(t, "since"), Resolved: at.Draw(t, "resolved"),
		Site: text.Draw(t, "site"), Zone: rapid.OneOf(text, rapid.SampledFrom([]string{"Asia/Kathmandu", "America/Sao_Paulo"})).Draw(t, "zone"),
		URL: text.Draw(t, "url"), Public: rapid.Bool().Draw(t, "public"),
		Chat: rapid.Bool().Draw(t, "chat"), Machine: rapid.Bool().Draw(t, "machine"), About: monitor.TierID(text.Draw(t, "about")), Until: at.Draw(t, "until"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "advice") {
		n.Do = append(n.Do, incident.Advice{For: text.Draw(t, "for"), Lines: []string{"sonde incident " + text.Draw(t, "line"), rapid.StringN(0, 30, -1).Draw(t, "short")}})
	}
	for range rapid.IntRange(0, 30).Draw(t, "services") {
		n.Services = append(n.Services, incident.Affected{
			ID: monitor.ServiceID(text.Draw(t, "service")), Name: text.Draw(t, "name"), Status: monitor.Status(text.Draw(t, "status")), Cause: rapid.Bool().Draw(t, "cause"),
			Restored: rapid.SampledFrom([]time.Time{{}, t0}).Draw(t, "restored"), Muted: rapid.SampledFrom([]time.Time{{}, t0}).Draw(t, "muted"),
		})
	}
	return n
}

// TestAnything: whatever stands in the notifications, the message is one that
// can be sent, and always the same.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfNDistinct(rapid.Custom(wild), 1, 5, func(n incident.Notification) string { return n.ID }).Draw(t, "notifications")
		m := notify.Compose(all)
		check(t, m)
		slices.Reverse(all)
		if diff := cmp.Diff(m, notify.Compose(all)); diff != "" {
			t.Errorf("another order gives another message (-want +got):\n%s", diff)
		}
	})
}

// FuzzCompose: no name, title or detail makes a message that cannot be sent.
func FuzzCompose(f *testing.F) {
	f.Add("Web", "Web: outage", "down", "refused", "https://status.example.com/incidents/k3j2h1g5f4d6", "UTC")
	f.Add("W\r\nBcc: x", "→", "\u202e", "\x1b[2J\n\n", "javascript:alert(1)", "../../etc/passwd")
	f.Fuzz(func(t *testing.T, name, title, text, detail, url, zone string) {
		for _, event := range allEvents {
			n := notification(event, false)
			n.Chat, n.Do, n.About = true, []incident.Advice{{For: title, Lines: []string{"sonde incident " + detail, text[:min(len(text), 1)]}}}, monitor.TierID(name)
			n.Services, n.Title, n.Text, n.Detail, n.URL, n.Zone = slices.Clone(n.Services), title, text, detail, url, zone
			n.Services[0].Name = name
			check(t, notify.Compose([]incident.Notification{n}))
			o := other(1, event)
			o.Title, o.Site = name+": outage", title
			check(t, notify.Compose([]incident.Notification{n, o}))
		}
	})
}
