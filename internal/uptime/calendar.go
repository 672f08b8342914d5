package uptime

import "time"

// Month is a calendar month of a time zone, the future included. Times are in
// UTC.
func Month(year int, month time.Month, zone *time.Location) Window {
	return Window{From: dayStart(year, month, 1, zone), To: dayStart(year, month+1, 1, zone)}
}

// Days are the last n calendar days of a time zone, oldest first; the last is
// the day that now is in, and ends now. A day is as long as the zone's clocks
// made it: 23 or 25 hours when they change. A date that a zone left out (Samoa,
// 30 December 2011) is no day. Times are in UTC.
func Days(now time.Time, n int, zone *time.Location) []Window {
	if n <= 0 {
		return nil
	}
	year, month, day := date(now, zone)
	days := make([]Window, n)
	end := now.UTC()
	for i := n - 1; i >= 0; day-- {
		from := dayStart(year, month, day, zone)
		if from.Equal(dayStart(year, month, day+1, zone)) {
			continue
		}
		days[i] = Window{From: from, To: end}
		end = from
		i--
	}
	return days
}

// DayOf is the calendar day of a time zone that a time is in, to its end.
func DayOf(at time.Time, zone *time.Location) Window {
	year, month, day := date(at, zone)
	return Window{From: dayStart(year, month, day, zone), To: dayStart(year, month, day+1, zone)}
}

// date is the day that a time is in, which may be out of the month's range.
func date(at time.Time, zone *time.Location) (year int, month time.Month, day int) {
	year, month, day = at.In(zone).Date()
	for !dayStart(year, month, day+1, zone).After(at) {
		day++ // the clocks went back over midnight: the date has begun before
	}
	return year, month, day
}

// dayStart is the first instant of a date: midnight, the first of two where
// clocks go back over it, and where they go forward over it the instant when
// they do. (time.Date promises neither.) The day may be out of the month's
// range, as in time.Date.
func dayStart(year int, month time.Month, day int, zone *time.Location) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	before := atOffsetOf(midnight, midnight.Add(-24*time.Hour), zone)
	after := atOffsetOf(midnight, midnight.Add(24*time.Hour), zone)
	first, second := earlier(before, after), later(before, after)
	switch {
	case reads(first, midnight, zone):
		return first.UTC()
	case reads(second, midnight, zone):
		return second.UTC()
	}
	// Neither offset has this midnight: clocks jumped over it, and the reading
	// by the old offset comes after the jump.
	jump, _ := before.In(zone).ZoneBounds()
	return jump.UTC()
}

// atOffsetOf is the instant at which a clock with the zone's offset at another
// instant shows the time that wall shows in UTC.
func atOffsetOf(wall, other time.Time, zone *time.Location) time.Time {
	_, offset := other.In(zone).Zone()
	return wall.Add(-time.Duration(offset) * time.Second)
}

// reads reports whether the zone's clocks show, at t, what wall shows in UTC.
func reads(t, wall time.Time, zone *time.Location) bool {
	_, offset := t.In(zone).Zone()
	return t.Add(time.Duration(offset) * time.Second).Equal(wall)
}
