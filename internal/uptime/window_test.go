package uptime_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the system's zones

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/uptime"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestParseWindow(t *testing.T) {
	now := at("2019-05-29T07:50:00Z")
	pacific := zone(t, "America/Los_Angeles")
	tests := []struct {
		name string
		want uptime.Window
		err  string
	}{
		{"24h", uptime.Window{From: at("2019-05-28T07:50:00Z"), To: now}, ""},
		{"7d", uptime.Window{From: at("2019-05-22T07:50:00Z"), To: now}, ""},
		{"30d", uptime.Window{From: at("2019-04-29T07:50:00Z"), To: now}, ""},
		{"90d", uptime.Window{From: at("2019-02-28T07:50:00Z"), To: now}, ""},
		{"2019-04", uptime.Window{From: at("2019-04-01T07:00:00Z"), To: at("2019-05-01T07:00:00Z")}, ""},
		{"2019-05", uptime.Window{From: at("2019-05-01T07:00:00Z"), To: now}, ""},
		{"2018-12", uptime.Window{From: at("2018-12-01T08:00:00Z"), To: at("2019-01-01T08:00:00Z")}, ""},
		{"2019-06", uptime.Window{}, `parse window "2019-06": that month has not begun`},
		{"", uptime.Window{}, `parse window "": want 24h, 7d, 30d, 90d, or a month such as 2019-05`},
		{"12h", uptime.Window{}, `parse window "12h": want 24h, 7d, 30d, 90d, or a month such as 2019-05`},
		{"2019-13", uptime.Window{}, `parse window "2019-13": want 24h, 7d, 30d, 90d, or a month such as 2019-05`},
		{"2019-5", uptime.Window{}, `parse window "2019-5": want 24h, 7d, 30d, 90d, or a month such as 2019-05`},
		{"2019-05-28", uptime.Window{}, `parse window "2019-05-28": want 24h, 7d, 30d, 90d, or a month such as 2019-05`},
		{strings.Repeat("é", 999), uptime.Window{}, `parse window "` + strings.Repeat("é", 40) + `…": want 24h, 7d, 30d, 90d, or a month such as 2019-05`},
	}
	for _, tt := range tests {
		t.Run(clip(tt.name), func(t *testing.T) {
			got, err := uptime.ParseWindow(tt.name, now, pacific)
			message := ""
			if err != nil {
				message = err.Error()
			}
			if diff := cmp.Diff(tt.err, message); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("window (-want +got):\n%s", diff)
			}
		})
	}
}

func clip(name string) string { return name[:min(len(name), 12)] }

func TestNamesAreWindows(t *testing.T) {
	now := at("2019-05-29T07:50:00Z")
	for _, name := range uptime.Names() {
		if w, err := uptime.ParseWindow(name, now, time.UTC); err != nil || !w.To.Equal(now) {
			t.Errorf("ParseWindow(%q) = %v, %v", name, w, err)
		}
	}
}

func TestMonth(t *testing.T) {
	tests := []struct {
		name  string
		year  int
		month time.Month
		zone  string
		want  uptime.Window
		hours float64
	}{
		{"31 days", 2019, time.May, "America/Los_Angeles",
			uptime.Window{From: at("2019-05-01T07:00:00Z"), To: at("2019-06-01T07:00:00Z")}, 31 * 24},
		{"clocks go forward", 2019, time.March, "America/Los_Angeles",
			uptime.Window{From: at("2019-03-01T08:00:00Z"), To: at("2019-04-01T07:00:00Z")}, 31*24 - 1},
		{"clocks go back", 2019, time.November, "America/Los_Angeles",
			uptime.Window{From: at("2019-11-01T07:00:00Z"), To: at("2019-12-01T08:00:00Z")}, 30*24 + 1},
		{"leap year", 2020, time.February, "UTC",
			uptime.Window{From: at("2020-02-01T00:00:00Z"), To: at("2020-03-01T00:00:00Z")}, 29 * 24},
		{"over the year", 2019, time.December, "Asia/Kolkata",
			uptime.Window{From: at("2019-11-30T18:30:00Z"), To: at("2019-12-31T18:30:00Z")}, 31 * 24},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := uptime.Month(tt.year, tt.month, zone(t, tt.zone))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Month (-want +got):\n%s", diff)
			}
			if got.Duration().Hours() != tt.hours {
				t.Errorf("hours = %v, want %v", got.Duration().Hours(), tt.hours)
			}
		})
	}
}

// TestDays looks at zones whose clocks jump over midnight, back over it, and
// over a whole date.
func TestDays(t *testing.T) {
	tests := []struct {
		name, zone string
		now        string
		want       []string // beginnings, then the end
	}{
		{"forward at 2 h", "America/Los_Angeles", "2019-03-11T12:00:00Z",
			[]string{"2019-03-09T08:00:00Z", "2019-03-10T08:00:00Z", "2019-03-11T07:00:00Z", "2019-03-11T12:00:00Z"}},
		{"back at 2 h", "America/Los_Angeles", "2019-11-04T12:00:00Z",
			[]string{"2019-11-02T07:00:00Z", "2019-11-03T07:00:00Z", "2019-11-04T08:00:00Z", "2019-11-04T12:00:00Z"}},
		{"forward at midnight: the day begins at 1 h", "America/Sao_Paulo", "2018-11-05T12:00:00Z",
			[]string{"2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z", "2018-11-05T12:00:00Z"}},
		{"back at midnight: 23 h comes twice", "America/Sao_Paulo", "2018-02-18T12:00:00Z",
			[]string{"2018-02-16T02:00:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z", "2018-02-18T12:00:00Z"}},
		{"back at 1 h: midnight comes twice", "America/Havana", "2019-11-04T12:00:00Z",
			[]string{"2019-11-02T04:00:00Z", "2019-11-03T04:00:00Z", "2019-11-04T05:00:00Z", "2019-11-04T12:00:00Z"}},
		{"back a minute after midnight: the date has begun before", "America/St_Johns", "2010-11-07T03:00:00Z",
			[]string{"2010-11-05T02:30:00Z", "2010-11-06T02:30:00Z", "2010-11-07T02:30:00Z", "2010-11-07T03:00:00Z"}},
		{"a date that never was", "Pacific/Apia", "2011-12-31T20:00:00Z",
			[]string{"2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z", "2011-12-31T20:00:00Z"}},
		{"half hours", "Asia/Kolkata", "2019-05-29T00:00:00Z",
			[]string{"2019-05-26T18:30:00Z", "2019-05-27T18:30:00Z", "2019-05-28T18:30:00Z", "2019-05-29T00:00:00Z"}},
		{"the instant a day begins", "UTC", "2019-05-29T00:00:00Z",
			[]string{"2019-05-27T00:00:00Z", "2019-05-28T00:00:00Z", "2019-05-29T00:00:00Z", "2019-05-29T00:00:00Z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			days := uptime.Days(at(tt.now), 3, zone(t, tt.zone))
			var got []string
			for _, d := range days {
				got = append(got, d.From.Format(time.RFC3339))
			}
			got = append(got, days[2].To.Format(time.RFC3339))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Days (-want +got):\n%s", diff)
			}
		})
	}
	for _, n := range []int{0, -1} {
		if got := uptime.Days(at("2019-05-29T00:00:00Z"), n, time.UTC); got != nil {
			t.Errorf("Days of %d = %v, want none", n, got)
		}
	}
}

// TestDaysTile: days follow each other without gap, and the last holds now.
func TestDaysTile(t *testing.T) {
	zones := []string{"UTC", "America/Los_Angeles", "America/Sao_Paulo", "America/Havana", "America/St_Johns",
		"Pacific/Apia", "Pacific/Chatham", "Asia/Beirut", "Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll"}
	rapid.Check(t, func(rt *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(rt, "zone"))
		now := time.Unix(rapid.Int64Range(0, 2e9).Draw(rt, "now"), 0).UTC()
		n := rapid.IntRange(1, 120).Draw(rt, "n")
		days := uptime.Days(now, n, z)
		if len(days) != n || !days[n-1].To.Equal(now) || days[n-1].From.After(now) {
			rt.Fatalf("days = %d, the last %v", len(days), days[len(days)-1])
		}
		for i, d := range days {
			if i > 0 && !d.From.Equal(days[i-1].To) {
				rt.Fatalf("gap between %v and %v", days[i-1], d)
			}
			if of := uptime.DayOf(d.From, z); of.From != d.From || i < n-1 && of != d || of.To.Before(d.To) {
				rt.Fatalf("the day of %v is %v, want %v", d.From, of, d)
			}
			if i < n-1 && d.IsEmpty() || d.Duration() > 30*time.Hour {
				rt.Fatalf("day of %v: %v", d.Duration(), d)
			}
		}
		if n > 40 {
			local := days[20].From.In(z)
			month := uptime.Month(local.Year(), local.Month(), z)
			for _, d := range days[:n-1] {
				if both := d.Intersect(month); !both.IsEmpty() && both != d {
					rt.Fatalf("day %v is partly in month %v", d, month)
				}
			}
		}
	})
}

func TestHour(t *testing.T) {
	got := uptime.Hour(at("2019-05-29T07:50:00+05:30"))
	want := uptime.Window{From: at("2019-05-29T02:00:00Z"), To: at("2019-05-29T03:00:00Z")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Hour (-want +got):\n%s", diff)
	}
}

func TestWindow(t *testing.T) {
	w := uptime.Window{From: at("2019-05-29T02:00:00Z"), To: at("2019-05-29T03:00:00Z")}
	empty := uptime.Window{From: w.To, To: w.From}
	switch {
	case !w.Contains(w.From), w.Contains(w.To), w.IsEmpty(), w.Duration() != time.Hour:
		t.Errorf("%v: ends or length are wrong", w)
	case !empty.IsEmpty(), empty.Duration() != 0, empty.Contains(w.From):
		t.Errorf("%v holds time", empty)
	case w.Until(w.From.Add(time.Minute)).Duration() != time.Minute, w.Until(w.To.Add(time.Hour)) != w:
		t.Error("Until is wrong")
	case !w.Intersect(uptime.Window{From: w.To, To: w.To.Add(time.Hour)}).IsEmpty():
		t.Error("windows that touch share time")
	}
}
