package cron

import "time"

// Instant is when a zone's clocks show what wallClock reads, whatever zone that is
// in: a time that is left out comes as much later as the clock was put forward,
// and one that there is twice is the first, as in a schedule. time.Date promises
// neither.
func Instant(wallClock time.Time, zone *time.Location) time.Time {
	y, m, d := wallClock.Date()
	h, n, s := wallClock.Clock()
	reading := time.Date(y, m, d, h, n, s, wallClock.Nanosecond(), time.UTC)
	t := time.Date(y, m, d, h, n, s, wallClock.Nanosecond(), zone)
	from, to := t.ZoneBounds()
	// The clock stood as it did before the last change, as it does, or as it will
	// after the next: the first of the times that show the reading.
	candidates := [3]time.Time{t, t, t}
	if !from.IsZero() {
		candidates[0] = at(reading, from.Add(-1), zone)
	}
	if !to.IsZero() {
		candidates[2] = at(reading, to, zone)
	}
	var first time.Time
	for _, c := range candidates {
		if offset(c) == reading.Sub(c) && (first.IsZero() || c.Before(first)) {
			first = c
		}
	}
	if !first.IsZero() {
		return first.UTC()
	}
	// None does: it is left out. As the clock stood before the change.
	if reading.Sub(t) < offset(t) {
		return t.UTC() // t is after the change already
	}
	return reading.Add(-offset(t)).UTC()
}

// at is when a clock would show a reading that stood as it does at a time.
func at(reading, as time.Time, zone *time.Location) time.Time {
	return reading.Add(-offset(as.In(zone))).In(zone)
}

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
