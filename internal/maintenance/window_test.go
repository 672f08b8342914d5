package maintenance_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the system's zones

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
)

func in(t testing.TB, zone, text string) time.Time {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := maintenance.ParseTime(text, location)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestClocks: windows stand on the wall clock of their zone, on the nights when
// clocks change too. Each is written as its zone shows it, with the offset.
func TestClocks(t *testing.T) {
	const form = "2006-01-02 15:04 -0700"
	for _, tt := range []struct {
		name, zone, cron, rrule, starts string
		lasts                           time.Duration
		from, to                        string
		want                            []string // from, to
	}{
		{"Los Angeles, spring, left out", "America/Los_Angeles", "30 2 * * *", "", "", time.Hour, "2026-03-07 00:00", "2026-03-10 00:00", []string{
			"2026-03-07 02:30 -0800", "2026-03-07 03:30 -0800", "2026-03-08 03:30 -0700", "2026-03-08 04:30 -0700", "2026-03-09 02:30 -0700", "2026-03-09 03:30 -0700"}},
		{"Los Angeles, spring, left out, by rule", "America/Los_Angeles", "", "FREQ=DAILY", "2026-03-01 02:30", time.Hour, "2026-03-07 00:00", "2026-03-10 00:00", []string{
			"2026-03-07 02:30 -0800", "2026-03-07 03:30 -0800", "2026-03-08 03:30 -0700", "2026-03-08 04:30 -0700", "2026-03-09 02:30 -0700", "2026-03-09 03:30 -0700"}},
		{"Los Angeles, spring, across", "America/Los_Angeles", "30 1 * * SUN", "", "", 2 * time.Hour, "2026-03-08 00:00", "2026-03-09 00:00", []string{
			"2026-03-08 01:30 -0800", "2026-03-08 04:30 -0700"}},
		{"Los Angeles, autumn, twice", "America/Los_Angeles", "30 1 * * *", "", "", time.Hour, "2026-10-31 00:00", "2026-11-03 00:00", []string{
			"2026-10-31 01:30 -0700", "2026-10-31 02:30 -0700", "2026-11-01 01:30 -0700", "2026-11-01 01:30 -0800", "2026-11-02 01:30 -0800", "2026-11-02 02:30 -0800"}},
		{"Los Angeles, autumn, twice, by rule", "America/Los_Angeles", "", "FREQ=WEEKLY;BYDAY=SU", "2026-10-25 01:30", time.Hour, "2026-10-31 00:00", "2026-11-03 00:00", []string{
			"2026-11-01 01:30 -0700", "2026-11-01 01:30 -0800"}},
		{"Berlin, spring, left out", "Europe/Berlin", "", "FREQ=MONTHLY;BYDAY=-1SU", "2026-01-25 02:15", 30 * time.Minute, "2026-03-01 00:00", "2026-05-01 00:00", []string{
			"2026-03-29 03:15 +0200", "2026-03-29 03:45 +0200", "2026-04-26 02:15 +0200", "2026-04-26 02:45 +0200"}},
		{"Berlin, autumn, twice", "Europe/Berlin", "15 2 25 10 *", "", "", 2 * time.Hour, "2026-10-01 00:00", "2026-11-01 00:00", []string{
			"2026-10-25 02:15 +0200", "2026-10-25 03:15 +0100"}},
		{"Lord Howe, spring, left out by half an hour", "Australia/Lord_Howe", "15 2 * * SUN", "", "", time.Hour, "2026-10-04 00:00", "2026-10-05 00:00", []string{
			"2026-10-04 02:45 +1100", "2026-10-04 03:45 +1100"}},
		{"Lord Howe, autumn, twice for half an hour", "Australia/Lord_Howe", "", "FREQ=DAILY;COUNT=3", "2026-04-04 01:45", 45 * time.Minute, "2026-04-04 00:00", "2026-04-07 00:00", []string{
			"2026-04-04 01:45 +1100", "2026-04-04 02:30 +1100", "2026-04-05 01:45 +1100", "2026-04-05 02:00 +1030", "2026-04-06 01:45 +1030", "2026-04-06 02:30 +1030"}},
		{"until, in UTC", "America/Los_Angeles", "", "FREQ=DAILY;UNTIL=20260603T060000Z", "2026-06-01 23:00", time.Hour, "2026-06-01 00:00", "2026-07-01 00:00", []string{
			"2026-06-01 23:00 -0700", "2026-06-02 00:00 -0700", "2026-06-02 23:00 -0700", "2026-06-03 00:00 -0700"}},
		{"until, a date", "UTC", "", "FREQ=DAILY;UNTIL=20260602", "2026-06-01 23:00", time.Hour, "2026-06-01 00:00", "2026-07-01 00:00", []string{
			"2026-06-01 23:00 +0000", "2026-06-02 00:00 +0000", "2026-06-02 23:00 +0000", "2026-06-03 00:00 +0000"}},
		{"starts bounds cron", "UTC", "0 3 * * *", "", "2026-06-02 03:00", time.Hour, "2026-06-01 00:00", "2026-06-04 00:00", []string{
			"2026-06-02 03:00 +0000", "2026-06-02 04:00 +0000", "2026-06-03 03:00 +0000", "2026-06-03 04:00 +0000"}},
		{"one that began before the span", "UTC", "0 3 * * *", "", "", 4 * time.Hour, "2026-06-01 05:00", "2026-06-01 06:00", []string{
			"2026-06-01 03:00 +0000", "2026-06-01 07:00 +0000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := monitor.Plan{Title: "T", Cron: tt.cron, RRule: tt.rrule, TimeZone: tt.zone, Duration: tt.lasts}
			if tt.starts != "" {
				p.Starts = in(t, tt.zone, tt.starts)
			}
			if err := maintenance.Check(p); err != nil {
				t.Fatal(err)
			}
			windows, err := maintenance.Windows(p, in(t, tt.zone, tt.from), in(t, tt.zone, tt.to))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range windows {
				if w.To.Sub(w.From) != tt.lasts {
					t.Errorf("%s lasts %s", w.From, w.To.Sub(w.From))
				}
				got = append(got, w.From.In(p.Zone()).Format(form), w.To.In(p.Zone()).Format(form))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("windows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseTime(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"2026-12-01 22:00", "2026-12-02T06:00:00Z"},
		{"2026-12-01T22:00", "2026-12-02T06:00:00Z"},
		{" 2026-12-01T22:00:00Z ", "2026-12-01T22:00:00Z"},
		{"2026-12-01T22:00+01:00", "2026-12-01T21:00:00Z"},
		{"2026-05-28 18:00:30", "2026-05-29T01:00:30Z"},
		{"2026-05-28T18:00:30-07:00", "2026-05-29T01:00:30Z"},
		{"2026-03-08 02:30:15", "2026-03-08T10:30:15Z"},
		{"2026-03-08 02:30", "2026-03-08T10:30:00Z"}, // left out: 03:30 PDT
		{"2026-11-01 01:30", "2026-11-01T08:30:00Z"}, // twice: the first
	} {
		if got := in(t, "America/Los_Angeles", tt.text).Format(time.RFC3339); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.text, got, tt.want)
		}
	}
	for _, text := range []string{"", "tomorrow", "2026-13-01 22:00", "2026-12-01", "22:00"} {
		if _, err := maintenance.ParseTime(text, time.UTC); err == nil || !strings.Contains(err.Error(), "such as 2026-12-01 02:00") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCheck(t *testing.T) {
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	rule := func(rrule string) monitor.Plan {
		return monitor.Plan{Title: "T", RRule: rrule, Starts: at, TimeZone: "UTC", Duration: time.Hour}
	}
	for _, tt := range []struct {
		name, field, says string
		p                 monitor.Plan
	}{
		{"OK", "", "", rule("FREQ=MONTHLY;BYDAY=2TU")},
		{"OK with its name", "", "", rule("RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU")},
		{"no title", "title", "needed", monitor.Plan{Starts: at, Ends: at.Add(time.Hour)}},
		{"too long", "ends", "31 days", monitor.Plan{Title: "T", Starts: at, Ends: at.AddDate(0, 2, 0)}},
		{"too short", "ends", "a minute", monitor.Plan{Title: "T", Starts: at, Ends: at.Add(time.Second)}},
		{"long ago", "starts", "2000", monitor.Plan{Title: "T", Starts: time.Time{}.Add(1), Ends: at}},
		{"every second", "rrule", "FREQ must be", rule("FREQ=SECONDLY")},
		{"never", "rrule", "never comes round", rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")},
		{"over before it begins", "rrule", "never comes round", rule("FREQ=DAILY;UNTIL=20200101T000000Z")},
		{"all times of a day", "rrule", "times a day", rule("FREQ=DAILY;BYHOUR=0,1,2,3,4,5;BYMINUTE=0,10,20,30,40,50")},
		{"seconds", "rrule", "BYSECOND", rule("FREQ=DAILY;BYSECOND=0,1,2")},
		{"far steps", "rrule", "INTERVAL", rule("FREQ=DAILY;INTERVAL=99999999")},
		{"its own beginning", "rrule", "without DTSTART", rule("DTSTART:20260601T000000Z\nRRULE:FREQ=DAILY")},
		{"long text", "rrule", "longer than", rule("FREQ=DAILY;BYMONTHDAY=" + strings.Repeat("1,", 400) + "1")},
		{"no day", "except", "expected a day such as 2026-12-25", monitor.Plan{Title: "T", Cron: "0 3 * * *", TimeZone: "UTC", Duration: time.Hour, Except: []string{"2026-02-30"}}},
		{"a day of one that is for once", "except", "planned for once", monitor.Plan{Title: "T", Starts: at, Ends: at.Add(time.Hour), Except: []string{"2026-06-01"}}},
		{"no gap", "duration", "is not over before the next", monitor.Plan{Title: "T", Cron: "* * * * *", TimeZone: "UTC", Duration: time.Minute}},
		{"bad zone", "time_zone", "IANA", monitor.Plan{Title: "T", Cron: "0 3 * * *", TimeZone: "Mars", Duration: time.Hour}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := maintenance.Check(tt.p)
			var m *maintenance.Mistake
			if errors.As(err, &m); tt.field == "" && err != nil || tt.field != "" && (m == nil || m.Field != tt.field || !strings.Contains(m.Message, tt.says)) {
				t.Errorf("got %v, want %s: …%s…", err, tt.field, tt.says)
			}
		})
	}
}

// TestExcept: a plan does not come round on days that it excepts, which are those
// of its zone; a count counts them.
func TestExcept(t *testing.T) {
	for _, p := range []monitor.Plan{
		{Title: "T", Cron: "0 22 * * *", TimeZone: "America/Los_Angeles", Duration: 4 * time.Hour},
		{Title: "T", RRule: "FREQ=DAILY;COUNT=4", TimeZone: "America/Los_Angeles", Duration: 4 * time.Hour, Starts: in(t, "America/Los_Angeles", "2026-12-23 22:00")},
	} {
		p.Except = []string{"2026-12-25", "2026-12-27"}
		if err := maintenance.Check(p); err != nil {
			t.Fatal(err)
		}
		windows, err := maintenance.First(p, in(t, p.TimeZone, "2026-12-23 12:00"), in(t, p.TimeZone, "2026-12-27 12:00"), 3)
		var got []string
		for _, w := range windows {
			got = append(got, w.From.In(p.Zone()).Format("02 15:04"))
		}
		if diff := cmp.Diff([]string{"23 22:00", "24 22:00", "26 22:00"}, got); diff != "" || err != nil {
			t.Errorf("%s%s: (-want +got), %v:\n%s", p.Cron, p.RRule, err, diff)
		}
	}
}

func TestCancelled(t *testing.T) {
	at := time.Date(2026, 6, 1, 3, 0, 0, 0, time.UTC)
	p := monitor.Plan{Title: "T", Cron: "0 3 * * *", TimeZone: "UTC", Duration: time.Hour, Cancelled: at.Add(20 * time.Minute)}
	got, err := maintenance.Windows(p, at.Add(-30*time.Hour), at.Add(72*time.Hour))
	want := []maintenance.Window{{From: at.Add(-24 * time.Hour), To: at.Add(-23 * time.Hour)}, {From: at, To: at.Add(20 * time.Minute)}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("windows (-want +got), %v:\n%s", err, diff)
	}
}

// FuzzRule: no rule hangs, panics, or makes windows that overlap.
func FuzzRule(f *testing.F) {
	for _, text := range []string{"FREQ=DAILY", "FREQ=MONTHLY;BYDAY=2TU,-1FR;BYSETPOS=-1", "FREQ=YEARLY;BYEASTER=0", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO",
		"FREQ=WEEKLY;INTERVAL=1000;COUNT=2147483647", "FREQ=DAILY;BYMONTHDAY=-31", "FREQ=YEARLY;BYYEARDAY=366,-366", "FREQ=DAILY;UNTIL=99991231T235959Z",
		"FREQ=DAILY;BYHOUR=25", "RRULE:;;=", "FREQ=YEARLY;BYMONTH=13", "FREQ=DAILY;WKST=XX"} {
		f.Add(text, int64(1_780_000_000), "America/Los_Angeles")
	}
	f.Fuzz(func(t *testing.T, text string, unix int64, zone string) {
		p := monitor.Plan{Title: "T", RRule: text, Starts: time.Unix(unix%4_000_000_000, 0), TimeZone: zone, Duration: 10 * time.Minute}
		if maintenance.Check(p) != nil {
			return
		}
		windows, err := maintenance.Windows(p, p.Starts.AddDate(1, 0, 0), p.Starts.AddDate(2, 0, 0))
		if err != nil {
			t.Fatalf("checked, and then: %v", err)
		}
		for i, w := range windows[min(len(windows), 1):] {
			if !w.From.After(windows[i].From) {
				t.Fatalf("not in order: %v", windows)
			}
		}
	})
}

// FuzzParseTime: what is read is a minute or second that the zone's clocks show, or
// one close by that they left out.
func FuzzParseTime(f *testing.F) {
	for _, text := range []string{"2026-03-08 02:30", "2026-11-01T01:30", "2026-12-01T22:00:00Z", "0000-01-01 00:00", "9999-12-31 23:59:59"} {
		f.Add(text, "America/Los_Angeles")
	}
	f.Fuzz(func(t *testing.T, text, zone string) {
		location, err := time.LoadLocation(zone)
		if err != nil {
			return
		}
		at, err := maintenance.ParseTime(text, location)
		if err != nil {
			return
		}
		again, err := maintenance.ParseTime(at.Format(time.RFC3339Nano), location)
		if err == nil && !again.Equal(at) {
			t.Fatalf("%q is %s, and that is %s", text, at, again)
		}
	})
}
