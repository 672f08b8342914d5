package monitor_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the system's zones

	"github.com/sondehq/sonde/internal/monitor"
)

// TestQuietHours: when quiet hours end, on the nights when clocks change too.
func TestQuietHours(t *testing.T) {
	const la = "America/Los_Angeles"
	for _, tt := range []struct {
		name, zone string
		from, to   int // minutes
		at, want   string
	}{
		{"over night", la, 22 * 60, 7 * 60, "2026-06-01T10:00:00Z", "2026-06-01T14:00:00Z"},
		{"not yet", la, 22 * 60, 7 * 60, "2026-06-02T04:59:59Z", ""},
		{"the end is out", la, 22 * 60, 7 * 60, "2026-06-01T14:00:00Z", ""},
		{"spring, across", la, 22 * 60, 7 * 60, "2024-03-10T09:30:00Z", "2024-03-10T14:00:00Z"},
		{"spring, the end is left out", la, 22 * 60, 2*60 + 30, "2024-03-10T09:59:00Z", "2024-03-10T10:30:00Z"},
		{"spring, and comes later", la, 22 * 60, 2*60 + 30, "2024-03-10T10:10:00Z", "2024-03-10T10:30:00Z"},
		{"autumn, the end is there twice", la, 22 * 60, 60 + 30, "2024-11-03T08:10:00Z", "2024-11-03T08:30:00Z"},
		{"autumn, between both", la, 22 * 60, 60 + 30, "2024-11-03T08:40:00Z", ""},
		{"autumn, they do not begin again", la, 22 * 60, 60 + 30, "2024-11-03T09:10:00Z", ""},
		{"autumn, the beginning is there twice", la, 60, 6 * 60, "2024-11-03T08:40:00Z", "2024-11-03T14:00:00Z"},
		{"midnight is left out", "America/Santiago", 0, 6 * 60, "2026-09-06T04:00:00Z", "2026-09-06T09:00:00Z"},
		{"to midnight, left out", "America/Santiago", 20 * 60, 0, "2026-09-06T03:30:00Z", "2026-09-06T04:00:00Z"},
		{"all day but a minute that is left out", la, 3*60 + 15, 2*60 + 30, "2024-03-10T09:00:00Z", "2024-03-11T09:30:00Z"},
		{"no such zone", "Mars/Olympus", 0, 1439, "2026-06-01T10:00:00Z", ""},
	} {
		q := &monitor.Quiet{From: tt.from, To: tt.to, TimeZone: tt.zone}
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		until, quiet := q.Until(at)
		got := ""
		if quiet {
			got = until.Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	var none *monitor.Quiet
	if _, quiet := none.Until(time.Unix(0, 0)); quiet {
		t.Error("who has no quiet hours has some")
	}
}

// TestQuietTwin goes through days around changes of clocks by the minute: it is
// quiet from when the clock first shows from until it first shows to, either as
// much later as the clock is put forward if it is left out; and no end is past, or
// quiet itself.
func TestQuietTwin(t *testing.T) {
	for _, c := range []struct{ zone, day string }{
		{"America/Los_Angeles", "2026-03-08"}, {"America/Los_Angeles", "2026-11-01"}, {"Europe/Berlin", "2026-03-29"}, {"Europe/Berlin", "2026-10-25"},
		{"America/Santiago", "2026-09-06"}, {"America/Santiago", "2026-04-05"}, {"America/Havana", "2026-03-08"}, {"America/Havana", "2026-11-01"},
		{"Atlantic/Azores", "2026-03-29"}, {"America/Nuuk", "2026-03-28"}, {"Africa/Cairo", "2026-04-24"}, {"Australia/Lord_Howe", "2026-10-04"},
		{"Australia/Lord_Howe", "2026-04-05"}, {"Asia/Tokyo", "2026-04-05"},
	} {
		in, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		noon, err := time.Parse(time.DateOnly+" 15", c.day+" 12")
		if err != nil {
			t.Fatal(err)
		}
		begin, end := noon.Add(-72*time.Hour), noon.Add(60*time.Hour)
		comes := readings(in, begin, end)
		for _, hours := range [][2]int{{22 * 60, 7 * 60}, {22 * 60, 90}, {0, 6 * 60}, {23*60 + 30, 30}, {90, 150}, {22 * 60, 150}, {20 * 60, 0}, {2 * 60, 90}} {
			q := &monitor.Quiet{From: hours[0], To: hours[1], TimeZone: c.zone}
			quiet := false
			for at := begin; at.Before(end); at = at.Add(time.Minute) {
				for _, minute := range comes[at.Unix()] {
					quiet = minute == q.From || quiet && minute != q.To
				}
				if at.Before(begin.Add(24*time.Hour)) || at.Minute()%5 != 0 && at.Minute()%5 != 4 {
					continue // they may have begun before; nothing happens in between
				}
				until, got := q.Until(at)
				_, again := q.Until(until)
				if got != quiet || got && (!until.After(at) || again) {
					t.Errorf("%s, %v: at %s: quiet: %t, want %t; until %s, then quiet: %t", c.zone, hours, at.In(in), got, quiet, until.In(in), again)
					break
				}
			}
		}
	}
}

// readings are the minutes of a day that come at each time: what the clock shows
// then for the first time, and what it left out, in the order of the clock.
func readings(in *time.Location, from, to time.Time) map[int64][]int {
	comes := map[int64][]int{}
	shown := map[time.Time]bool{}
	var before time.Time
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		local := at.In(in)
		reading := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), 0, 0, time.UTC)
		if forward := reading.Sub(before) - time.Minute; !before.IsZero() && forward > 0 {
			for left := before.Add(time.Minute); left.Before(reading); left = left.Add(time.Minute) {
				late := at.Add(left.Add(forward).Sub(reading)).Unix()
				comes[late] = append(comes[late], left.Hour()*60+left.Minute())
			}
		}
		if !shown[reading] {
			comes[at.Unix()] = append(comes[at.Unix()], local.Hour()*60+local.Minute())
		}
		shown[reading], before = true, reading
	}
	return comes
}
