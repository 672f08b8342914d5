package cron

import (
	"math/bits"
	"slices"
	"time"
)

// horizon is how many days ahead are looked at: 29 February may be eight years
// away.
const horizon = 366*8 + 2

// margin is how far from a day clocks may change and matter to its times: one
// that is left out comes up to a day later, where a zone leaves out a day.
const margin = 25 * time.Hour

// Next is the first time after a time; false if it never comes round. It looks at
// the days that the schedule is on alone, and costs a microsecond, or a
// millisecond next to a change of clocks.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	// A day earlier, since one of its times may come late, and a day later than the
	// first that is found where clocks change: its times may be earlier.
	d := dateOf(after.In(s.in())).add(-1)
	last := d.add(horizon)
	var best time.Time
	for d = s.onOrAfter(d, last); d.before(last); d = s.onOrAfter(d.add(1), last) {
		t, found, plain := s.first(d, after)
		if found && (best.IsZero() || t.Before(best)) {
			best = t
		}
		if plain && !best.IsZero() {
			break
		}
		if !best.IsZero() {
			last = earliest(last, dateOf(best.In(s.in())).add(2))
		}
	}
	return best.UTC(), !best.IsZero()
}

// Prev is the last time before a time; false if it never came round.
func (s Schedule) Prev(before time.Time) (time.Time, bool) {
	d := dateOf(before.In(s.in())).add(1)
	first := d.add(-horizon)
	var best time.Time
	for d = s.onOrBefore(d, first); first.before(d); d = s.onOrBefore(d.add(-1), first) {
		t, found, plain := s.last(d, before)
		if found && (best.IsZero() || t.After(best)) {
			best = t
		}
		if plain && !best.IsZero() {
			break
		}
		if !best.IsZero() {
			first = latest(first, dateOf(best.In(s.in())).add(-3))
		}
	}
	return best.UTC(), !best.IsZero()
}

func (s Schedule) in() *time.Location {
	if s.zone == nil {
		return time.UTC
	}
	return s.zone
}

// date is a day of the calendar, in no zone: midnight UTC of it. In a zone a day
// may lack its midnight, have it twice, or be left out.
type date struct{ t time.Time }

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

func (d date) add(days int) date      { return date{d.t.AddDate(0, 0, days)} }
func (d date) before(other date) bool { return d.t.Before(other.t) }

func earliest(a, b date) date {
	if b.before(a) {
		return b
	}
	return a
}

func latest(a, b date) date {
	if a.before(b) {
		return b
	}
	return a
}

// onOrAfter is the first day from d on that the schedule is on, or end.
func (s Schedule) onOrAfter(d, end date) date {
	for d.before(end) && !s.isOn(d) {
		if y, m, _ := d.t.Date(); s.month&(1<<int(m)) == 0 {
			d = date{time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)}
			continue
		}
		d = d.add(1)
	}
	return earliest(d, end)
}

// onOrBefore is the last day up to d that the schedule is on, or end.
func (s Schedule) onOrBefore(d, end date) date {
	for end.before(d) && !s.isOn(d) {
		if y, m, _ := d.t.Date(); s.month&(1<<int(m)) == 0 {
			d = date{time.Date(y, m, 0, 0, 0, 0, 0, time.UTC)}
			continue
		}
		d = d.add(-1)
	}
	return latest(d, end)
}

// isOn reports whether the schedule has times on a day.
func (s Schedule) isOn(d date) bool {
	_, m, day := d.t.Date()
	inMonth, inWeek := s.day&(1<<day) != 0, s.weekday&(1<<int(d.t.Weekday())) != 0
	if s.month&(1<<int(m)) == 0 {
		return false
	}
	return inMonth && inWeek || s.eitherDay && (inMonth || inWeek)
}

// first is the first time of a day after a time, and whether the day is plain: no
// clocks change in it or close by.
func (s Schedule) first(d date, after time.Time) (t time.Time, found, plain bool) {
	offset, plain := s.plain(d)
	if !plain {
		all := s.on(d)
		at, _ := slices.BinarySearchFunc(all, after, func(t, after time.Time) int {
			if t.After(after) {
				return 1
			}
			return -1
		})
		if at == len(all) {
			return t, false, false
		}
		return all[at], true, false
	}
	midnight := d.t.Add(-offset)
	minute := 0 // of the day: the first that is after
	if since := after.Sub(midnight); since >= 0 {
		minute = int(since/time.Minute) + 1
	}
	if minute, found = s.minuteFrom(minute); !found {
		return t, false, true
	}
	return midnight.Add(time.Duration(minute) * time.Minute), true, true
}

// last is the last time of a day before a time.
func (s Schedule) last(d date, before time.Time) (t time.Time, found, plain bool) {
	offset, plain := s.plain(d)
	if !plain {
		for _, t := range slices.Backward(s.on(d)) {
			if t.Before(before) {
				return t, true, false
			}
		}
		return t, false, false
	}
	midnight := d.t.Add(-offset)
	since := before.Sub(midnight)
	if since <= 0 {
		return t, false, true
	}
	minute, found := s.minuteTo(min(int((since-1)/time.Minute), 24*60-1))
	return midnight.Add(time.Duration(minute) * time.Minute), found, true
}

// plain is the offset of a day in which no clocks change, nor near it.
func (s Schedule) plain(d date) (offset time.Duration, plain bool) {
	y, m, day := d.t.Date()
	noon := time.Date(y, m, day, 12, 0, 0, 0, s.in())
	_, seconds := noon.Zone()
	offset = time.Duration(seconds) * time.Second
	from, to := noon.ZoneBounds()
	midnight := d.t.Add(-offset)
	return offset, (from.IsZero() || !from.After(midnight.Add(-margin))) && (to.IsZero() || !to.Before(midnight.Add(24*time.Hour+margin)))
}

// minuteFrom is the first minute of a day, from one on, whose hour and minute are
// in the schedule.
func (s Schedule) minuteFrom(from int) (int, bool) {
	if from >= 24*60 {
		return 0, false
	}
	h, n := from/60, from%60
	if left := s.minute >> n << n; s.hour&(1<<h) != 0 && left != 0 {
		return h*60 + bits.TrailingZeros64(left), true
	}
	hours := s.hour >> (h + 1) << (h + 1)
	if hours == 0 || s.minute == 0 {
		return 0, false
	}
	return bits.TrailingZeros64(hours)*60 + bits.TrailingZeros64(s.minute), true
}

// minuteTo is the last minute of a day, up to one, whose hour and minute are in
// the schedule.
func (s Schedule) minuteTo(to int) (int, bool) {
	h, n := to/60, to%60
	if left := s.minute & (1<<(n+1) - 1); s.hour&(1<<h) != 0 && left != 0 {
		return h*60 + bits.Len64(left) - 1, true
	}
	hours := s.hour & (1<<h - 1)
	if hours == 0 || s.minute == 0 {
		return 0, false
	}
	return (bits.Len64(hours)-1)*60 + bits.Len64(s.minute) - 1, true
}

// everyHour is all hours of a day.
const everyHour = 1<<24 - 1

// on is the times of one day, ascending, each once, however clocks change.
func (s Schedule) on(d date) []time.Time {
	var out []time.Time
	if s.hour == everyHour {
		return s.eachHour(d)
	}
	for h := range 24 {
		for n := range 60 {
			if s.hour&(1<<h) != 0 && s.minute&(1<<n) != 0 {
				out = append(out, Instant(d.t.Add(time.Duration(h*60+n)*time.Minute), s.in()))
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// eachHour is the times of a day while the clock shows it, so that an hour that
// there is twice counts twice, and one that is left out does not.
func (s Schedule) eachHour(d date) []time.Time {
	var out []time.Time
	t := d.t.Add(-margin).In(s.in())
	for last := d.t.Add(24*time.Hour + margin); t.Before(last); {
		// As long as clocks do not change.
		_, end := t.ZoneBounds()
		if end.IsZero() || end.After(last) {
			end = last
		}
		midnight := d.t.Add(-offset(t))
		for n := range 24 * 60 {
			if at := midnight.Add(time.Duration(n) * time.Minute); s.minute&(1<<(n%60)) != 0 && !at.Before(t) && at.Before(end) {
				out = append(out, at)
			}
		}
		t = end.In(s.in())
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}
