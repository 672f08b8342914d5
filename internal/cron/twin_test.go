package cron_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the system's zones

	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/cron"
)

// changing are zones whose clocks change in odd ways, each with a day next to such
// a change.
var changing = []struct{ zone, day string }{
	{"America/Santiago", "2026-09-06"},     // midnight is left out
	{"America/Santiago", "2026-04-05"},     // the hour before midnight is there twice
	{"America/Havana", "2026-03-08"},       // midnight is left out
	{"America/Havana", "2026-11-01"},       // the first hour is there twice
	{"America/Asuncion", "2023-10-01"},     // midnight is left out
	{"Atlantic/Azores", "2026-03-29"},      // midnight is left out
	{"Atlantic/Azores", "2026-10-25"},      // the first hour is there twice
	{"America/Scoresbysund", "2024-03-31"}, // changes its zone besides
	{"America/Scoresbysund", "2026-03-29"}, // the last hour is left out
	{"America/Nuuk", "2026-03-28"},
	{"America/Nuuk", "2026-10-24"},
	{"America/Sao_Paulo", "2018-11-04"},
	{"America/St_Johns", "2010-03-14"}, // at one minute past midnight
	{"America/St_Johns", "2010-11-07"}, // back to the day before: midnight is there twice
	{"Africa/Cairo", "2026-04-24"},
	{"Asia/Beirut", "2026-03-29"},
	{"Asia/Amman", "2021-03-26"},
	{"Asia/Gaza", "2026-03-28"},
	{"Africa/Casablanca", "2026-02-15"},
	{"Australia/Lord_Howe", "2026-10-04"}, // by half an hour
	{"Australia/Lord_Howe", "2026-04-05"},
	{"Antarctica/Troll", "2026-03-29"}, // by two hours
	{"America/Caracas", "2016-05-01"},
	{"Asia/Pyongyang", "2018-05-05"},
	{"Pacific/Apia", "2011-12-30"},      // a day is left out
	{"Pacific/Kwajalein", "1993-08-21"}, // another
	{"Europe/Berlin", "2026-03-29"},
	{"Europe/Berlin", "2026-10-25"},
	{"America/Los_Angeles", "2026-03-08"},
	{"America/Los_Angeles", "2026-11-01"},
	{"Europe/London", "2026-03-29"},
	{"UTC", "2026-03-29"},
	{"Asia/Kathmandu", "2026-03-29"},
}

// tick is a time, and what is read then.
type tick struct {
	at      time.Time
	reading time.Time // as if it were UTC
	again   bool      // it was shown before
	left    bool      // it is left out, and so comes later
}

// clock goes through a span by the minute: what is shown when, and when what is
// left out comes, as much later as the clock is put forward.
func clock(in *time.Location, from, to time.Time) (all []tick) {
	shown := map[int64]bool{}
	var before time.Time
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		local := at.In(in)
		reading := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), 0, 0, time.UTC)
		if forward := reading.Sub(before) - time.Minute; !before.IsZero() && forward > 0 {
			for left := before.Add(time.Minute); left.Before(reading); left = left.Add(time.Minute) {
				all = append(all, tick{at: at.Add(left.Add(forward).Sub(reading)), reading: left, left: true})
			}
		}
		all = append(all, tick{at: at, reading: reading, again: shown[reading.Unix()]})
		shown[reading.Unix()] = true
		before = reading
	}
	return all
}

// times are when a schedule comes round by its definition: at each reading that it
// is on, the first time that it is shown, or later if it is left out; if it is of
// every hour, whenever it is on.
func times(clock []tick, from, to time.Time, everyHour bool, is func(reading time.Time) bool) (out []time.Time) {
	for _, c := range clock {
		if counts := everyHour && !c.left || !everyHour && !c.again; counts && c.at.After(from) && c.at.Before(to) && is(c.reading) {
			out = append(out, c.at)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

const day = 24 * time.Hour

// TestClocksTwin: Next and Prev, one after the other, are what the definition
// gives, next to every kind of change.
func TestClocksTwin(t *testing.T) {
	clocks := map[string][]tick{}
	type failer interface {
		Helper()
		Errorf(string, ...any)
	}
	check := func(t failer, name, on string, minutes, hours []int, days string, is func(time.Time) bool) {
		t.Helper()
		in, _ := time.LoadLocation(name)
		middle, _ := time.Parse(time.DateOnly, on)
		from, to := middle.Add(-2*day), middle.Add(3*day)
		if clocks[name+on] == nil {
			clocks[name+on] = clock(in, from.Add(-2*day), to.Add(2*day))
		}
		spec := list(minutes) + " " + list(hours) + " " + days
		s, err := cron.Parse(spec, in)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			return
		}
		want := times(clocks[name+on], from, to, len(hours) == 0, func(r time.Time) bool {
			return slices.Contains(minutes, r.Minute()) && (len(hours) == 0 || slices.Contains(hours, r.Hour())) && is(r)
		})
		var next, prev []time.Time
		for at, has := s.Next(from); has && at.Before(to); at, has = s.Next(at) {
			next = append(next, at)
		}
		for at, has := s.Prev(to); has && at.After(from); at, has = s.Prev(at) {
			prev = append(prev, at)
		}
		slices.Reverse(prev)
		for way, got := range map[string][]time.Time{"next": next, "prev": prev} {
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || !got[i].Equal(want[i]) {
					t.Errorf("%s %s: %s: %d times, want %d; at %d: %s", name, spec, way, len(got), len(want), i, around(got, want, i, in))
					break
				}
			}
		}
	}
	always := func(time.Time) bool { return true }
	for _, z := range changing {
		for h := range 24 {
			check(t, z.zone, z.day, []int{0, 30}, []int{h}, "* * *", always)
		}
		check(t, z.zone, z.day, []int{15}, []int{0, 1, 2, 3, 22, 23}, "* * *", always)
		check(t, z.zone, z.day, []int{0}, nil, "* * *", always)
	}
	rapid.Check(t, func(t *rapid.T) {
		z := rapid.SampledFrom(changing).Draw(t, "zone")
		middle, _ := time.Parse(time.DateOnly, z.day)
		minutes := rapid.SliceOfNDistinct(rapid.IntRange(0, 59), 1, 4, rapid.ID).Draw(t, "minutes")
		hours := rapid.SliceOfNDistinct(rapid.IntRange(0, 23), 0, 5, rapid.ID).Draw(t, "hours")
		days, is := "* * *", always
		switch rapid.IntRange(0, 2).Draw(t, "days") {
		case 0:
			d := middle.AddDate(0, 0, rapid.IntRange(-2, 2).Draw(t, "day"))
			days, is = fmt.Sprintf("%d %d *", d.Day(), int(d.Month())), func(r time.Time) bool { return r.Day() == d.Day() && r.Month() == d.Month() }
		case 1:
			w := time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday"))
			days, is = fmt.Sprintf("* * %d", int(w)), func(r time.Time) bool { return r.Weekday() == w }
		}
		check(t, z.zone, z.day, minutes, hours, days, is)
	})
}

// list writes numbers as a field; none: all.
func list(numbers []int) string {
	if len(numbers) == 0 {
		return "*"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ","), "[]")
}

func around(got, want []time.Time, i int, in *time.Location) string {
	text := func(all []time.Time) string {
		if i >= len(all) {
			return "none"
		}
		return all[i].In(in).Format("2006-01-02 15:04 -0700")
	}
	return "got " + text(got) + ", want " + text(want)
}

// TestNoDayIsLost: a schedule of every day is on every day, in each of these zones, for
// twelve years.
func TestNoDayIsLost(t *testing.T) {
	names := map[string]bool{}
	for _, z := range changing {
		names[z.zone] = true
	}
	for name := range names {
		in := zone(t, name)
		s, err := cron.Parse("0 12 * * *", in)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2016, 1, 1, 0, 0, 0, 0, in)
		for want := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC); want.Year() < 2028; want = want.AddDate(0, 0, 1) {
			next, _ := s.Next(at)
			if got := next.In(in).Format("2006-01-02 15:04"); got != want.Format("2006-01-02")+" 12:00" {
				t.Errorf("%s: after %s comes %s", name, at.In(in), got)
				break
			}
			if back, _ := s.Prev(next.Add(time.Hour)); !back.Equal(next) {
				t.Errorf("%s: before %s is %s", name, next.Add(time.Hour).In(in), back.In(in))
				break
			}
			at = next
		}
	}
}

// TestInstant: what a clock reads to the second, and by whichever change.
func TestInstant(t *testing.T) {
	for _, c := range []struct{ zone, reading, want string }{
		{"America/Los_Angeles", "2026-05-28T18:00:30Z", "2026-05-29T01:00:30Z"},
		{"America/Los_Angeles", "2026-03-08T02:30:15Z", "2026-03-08T10:30:15Z"},
		{"America/Los_Angeles", "2026-11-01T01:30:15Z", "2026-11-01T08:30:15Z"},
		{"America/Santiago", "2026-09-06T00:00:00Z", "2026-09-06T04:00:00Z"},
		{"America/Santiago", "2026-09-06T00:59:59Z", "2026-09-06T04:59:59Z"},
		{"America/Santiago", "2026-04-04T23:30:00Z", "2026-04-05T02:30:00Z"},
		{"Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T22:00:00Z"}, // a day later: noon of the 31st
		{"Pacific/Apia", "2011-12-31T01:00:00Z", "2011-12-30T11:00:00Z"},
	} {
		reading, err := time.Parse(time.RFC3339, c.reading)
		if err != nil {
			t.Fatal(err)
		}
		if got := cron.Instant(reading, zone(t, c.zone)).Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s: got %s, want %s", c.reading, c.zone, got, c.want)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	in, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, spec, after string }{
		{"daily", "30 2 * * *", "2026-06-01T12:00:00Z"},
		{"every minute", "* * * * *", "2026-06-01T12:00:00Z"},
		{"all but one hour", "* 0-22 * * *", "2026-06-01T12:00:00Z"},
		{"leap day", "* 0-22 29 2 *", "2096-03-01T12:00:00Z"},
		{"friday the thirteenth, or", "0 0 13 * FRI", "2026-06-01T12:00:00Z"},
		{"change of clocks", "* 0-22 * * *", "2026-03-08T09:00:00Z"},
	} {
		s, err := cron.Parse(c.spec, in)
		if err != nil {
			b.Fatal(err)
		}
		after, _ := time.Parse(time.RFC3339, c.after)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				s.Next(after)
			}
		})
	}
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			if _, err := cron.Parse("30 2 * * *", in); err != nil {
				b.Fatal(err)
			}
		}
	})
}
