package cron_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/cron"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestNextAndPrev(t *testing.T) {
	for _, c := range []struct {
		name, spec, zone, after string
		want                    []string
	}{
		{"daily", "30 2 * * *", "UTC", "2026-11-23T02:30", []string{"2026-11-24T02:30", "2026-11-25T02:30"}},
		{"step", "*/20 9-10 * * *", "UTC", "2026-11-23T09:30", []string{"2026-11-23T09:40", "2026-11-23T10:00", "2026-11-23T10:20"}},
		{"first of the month", "@monthly", "UTC", "2026-11-23T00:00", []string{"2026-12-01T00:00", "2027-01-01T00:00"}},
		{"midnight", "@midnight", "UTC", "2026-11-23T00:00", []string{"2026-11-24T00:00"}},
		{"annually", "@annually", "UTC", "2026-11-23T00:00", []string{"2027-01-01T00:00"}},
		{"leap day", "0 0 29 2 *", "UTC", "2096-03-01T00:00", []string{"2104-02-29T00:00"}},
		{"either day", "0 0 13 * FRI", "UTC", "2026-11-08T00:00", []string{"2026-11-13T00:00", "2026-11-20T00:00", "2026-11-27T00:00", "2026-12-04T00:00", "2026-12-11T00:00", "2026-12-13T00:00"}},
		{"sunday is 7", "0 12 * * 7", "UTC", "2026-11-23T00:00", []string{"2026-11-29T12:00"}},
		{"named", "0 12 * JAN-FEB mon", "UTC", "2026-11-23T00:00", []string{"2027-01-04T12:00"}},
		{"in another zone", "0 9 * * *", "America/Los_Angeles", "2026-11-23T00:00", []string{"2026-11-23T17:00"}},
		{"left out in spring: an hour later", "30 2 * * *", "America/Los_Angeles", "2026-03-07T12:00", []string{"2026-03-08T10:30", "2026-03-09T09:30"}},
		{"twice in autumn: the first", "30 1 * * *", "America/Los_Angeles", "2026-10-31T12:00", []string{"2026-11-01T08:30", "2026-11-02T09:30"}},
		{"every hour in autumn", "30 * * * *", "America/Los_Angeles", "2026-11-01T07:45", []string{"2026-11-01T08:30", "2026-11-01T09:30", "2026-11-01T10:30"}},
		{"half an hour is left out", "15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00", []string{"2026-10-03T15:45", "2026-10-04T15:15"}},
		{"midnight is left out", "0 0 * * *", "Africa/Cairo", "2026-04-23T12:00", []string{"2026-04-23T22:00", "2026-04-24T21:00"}},
		{"two become one", "30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00", []string{"2026-03-29T01:30", "2026-03-30T00:30"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := cron.Parse(c.spec, zone(t, c.zone))
			if err != nil {
				t.Fatal(err)
			}
			at, _ := time.Parse("2006-01-02T15:04", c.after)
			for _, want := range c.want {
				next, ok := s.Next(at)
				if got := next.Format("2006-01-02T15:04"); !ok || got != want {
					t.Fatalf("after %s: got %s, want %s", at, got, want)
				}
				if back, ok := s.Prev(next.Add(time.Second)); !ok || !back.Equal(next) {
					t.Errorf("before %s: got %s", next.Add(time.Second), back)
				}
				at = next
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ spec, want string }{
		{"", "expected five fields"},
		{"* * * *", "found 4"},
		{"60 * * * *", `the minute is "60": expected 0 to 59`},
		{"* 24 * * *", `the hour is "24"`},
		{"* * 0 * *", `the day of the month is "0"`},
		{"* * * FOO *", `the month is "FOO"`},
		{"* * * * 8", `the day of the week is "8"`},
		{"5-1 * * * *", "ends before it begins"},
		{"0 3 * * SAT-SUN", "ends before it begins: write SAT,SUN"},
		{"0 3 * * FRI-MON", "write FRI,SAT,SUN,MON"},
		{"*/0 * * * *", "expected a number from 1 to 59"},
		{"*/x * * * *", "expected a number"},
		{"0 0 30 2 *", "never comes round"},
		{"@reboot", "expected five fields"},
	} {
		if _, err := cron.Parse(c.spec, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.spec, err, c.want)
		}
	}
	var never cron.Schedule
	if _, ok := never.Next(time.Unix(0, 0)); ok {
		t.Error("the zero schedule comes round")
	}
}

// TestTwin: what a minute-by-minute walk finds, away from changes of the clock.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minute, hour, weekday := rapid.IntRange(0, 59).Draw(t, "minute"), rapid.IntRange(0, 22).Draw(t, "hour"), rapid.IntRange(0, 6).Draw(t, "weekday")
		spec := strings.NewReplacer("M", itoa(minute), "H", itoa(hour)+"-"+itoa(hour+1), "W", itoa(weekday)).Replace("M H * * W")
		s, err := cron.Parse(spec, nil)
		if err != nil {
			t.Fatal(err)
		}
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), 0).UTC()
		want := from.Truncate(time.Minute).Add(time.Minute)
		for want.Minute() != minute || want.Hour() != hour && want.Hour() != hour+1 || int(want.Weekday()) != weekday {
			want = want.Add(time.Minute)
		}
		if got, _ := s.Next(from); !got.Equal(want) {
			t.Fatalf("%s after %s: got %s, want %s", spec, from, got, want)
		}
	})
}

func itoa(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }

func FuzzParse(f *testing.F) {
	for _, spec := range []string{"30 2 * * *", "*/5 0-23/2 1,15 JAN-MAR mon", "@daily", "0 0 29 2 *", "0 0 31 2 *"} {
		f.Add(spec, int64(1_700_000_000))
	}
	f.Fuzz(func(t *testing.T, spec string, at int64) {
		s, err := cron.Parse(spec, time.UTC)
		if err != nil {
			return
		}
		from := time.Unix(at%1e10, 0)
		if next, ok := s.Next(from); ok && !next.After(from) {
			t.Errorf("%q: %s is not after %s", spec, next, from)
		}
	})
}
