// Package cron reads the five fields of cron and says when they come round, in a
// time zone. Heartbeats and maintenance use it. It is pure: it knows no clock.
//
// The fields are minute, hour, day of the month, month and day of the week, each
// *, a value, a range a-b, a step a-b/n or */n, or a list of these; months and
// days may be named (JAN, MON); 7 is Sunday too. Where both days are
// restricted, either will do (POSIX, crontab). @hourly, @daily, @weekly, @monthly
// and @yearly stand for what they say.
//
// When clocks change, a time that is left out comes as much later as the clock
// was put forward (02:30 is 03:30), and one that there is twice comes once, the
// first time; but a schedule of every hour comes every hour.
package cron

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedule is when something comes round. The zero value never does.
type Schedule struct {
	minute, hour, day, month, weekday uint64 // bit n: the value n
	eitherDay                         bool   // both days are restricted: one of them is enough
	zone                              *time.Location
}

// field is the name and the bounds of one of the five.
type field struct {
	name        string
	least, most int
	names       []string // of the values from least on
}

var fields = []field{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{"day of the week", 0, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

var shorthands = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
}

// maxSpec is the longest text that is read, in bytes.
const maxSpec = 500

// Parse reads a schedule; a nil zone is UTC. The error says which field is wrong,
// and a schedule that never comes round (30 February) is one.
func Parse(spec string, zone *time.Location) (Schedule, error) {
	if full, has := shorthands[strings.ToLower(strings.TrimSpace(spec))]; has {
		spec = full
	}
	parts := strings.Fields(spec)
	if len(parts) != len(fields) || len(spec) > maxSpec {
		return Schedule{}, fmt.Errorf("expected five fields (minute, hour, day of the month, month, day of the week) such as \"30 2 * * *\", found %d", len(parts))
	}
	var sets [5]uint64
	for i, f := range fields {
		set, err := f.parse(parts[i])
		if err != nil {
			return Schedule{}, err
		}
		sets[i] = set
	}
	if sets[4]&(1<<7) != 0 {
		sets[4] |= 1
	}
	if zone == nil {
		zone = time.UTC
	}
	s := Schedule{sets[0], sets[1], sets[2], sets[3], sets[4], !strings.HasPrefix(parts[2], "*") && !strings.HasPrefix(parts[4], "*"), zone}
	if _, has := s.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, zone)); !has {
		return Schedule{}, errors.New("there is no such day: it never comes round")
	}
	return s, nil
}

func (f field) parse(text string) (set uint64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > f.most {
				return 0, fmt.Errorf("the %s has the step %q: expected a number from 1 to %d", f.name, stepText, f.most)
			}
		}
		from, to := f.least, f.most
		if span != "*" {
			first, second, ranged := strings.Cut(span, "-")
			if from, err = f.value(first); err != nil {
				return 0, err
			}
			switch {
			case ranged:
				if to, err = f.value(second); err != nil {
					return 0, err
				}
			case !stepped:
				to = from
			}
		} else if f.most == 7 {
			to = 6
		}
		if from > to {
			return 0, fmt.Errorf("the %s has the range %q, which ends before it begins", f.name, span)
		}
		for v := from; v <= to; v += step {
			set |= 1 << v
		}
	}
	return set, nil
}

func (f field) value(text string) (int, error) {
	if at := slices.Index(f.names, strings.ToUpper(text)); at >= 0 {
		return at + f.least, nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < f.least || v > f.most {
		return 0, fmt.Errorf("the %s is %q: expected %d to %d, *, a range such as %d-%d, a step such as */5, or a list", f.name, text, f.least, f.most, f.least, f.least+1)
	}
	return v, nil
}

// horizon is how many days ahead are looked at: 29 February may be eight years
// away.
const horizon = 366*8 + 2

// Next is the first time after a time; false if it never comes round.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	day := midnight(after.In(s.in()))
	for range horizon {
		for _, t := range s.on(day) {
			if t.After(after) {
				return t.UTC(), true
			}
		}
		day = midnight(day.AddDate(0, 0, 1).Add(12 * time.Hour))
	}
	return time.Time{}, false
}

// Prev is the last time before a time; false if it never came round.
func (s Schedule) Prev(before time.Time) (time.Time, bool) {
	day := midnight(before.In(s.in()))
	for range horizon {
		for _, t := range slices.Backward(s.on(day)) {
			if t.Before(before) {
				return t.UTC(), true
			}
		}
		day = midnight(day.Add(-12 * time.Hour))
	}
	return time.Time{}, false
}

func (s Schedule) in() *time.Location {
	if s.zone == nil {
		return time.UTC
	}
	return s.zone
}

// midnight is the first instant of a day, or close to it where clocks change at
// midnight.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

// everyHour is all hours of a day.
const everyHour = 1<<24 - 1

// on is the times of one day, ascending, each once.
func (s Schedule) on(day time.Time) []time.Time {
	y, m, d := day.Date()
	inMonth, inWeek := s.day&(1<<d) != 0, s.weekday&(1<<int(day.Weekday())) != 0
	if s.month&(1<<int(m)) == 0 || s.eitherDay && !inMonth && !inWeek || !s.eitherDay && (!inMonth || !inWeek) {
		return nil
	}
	var out []time.Time
	if s.hour == everyHour {
		// By the minute, so that an hour that there is twice counts twice.
		for t := day; t.Day() == d; t = t.Add(time.Minute) {
			if s.minute&(1<<t.Minute()) != 0 {
				out = append(out, t)
			}
		}
		return out
	}
	for h := range 24 {
		for n := range 60 {
			if s.hour&(1<<h) != 0 && s.minute&(1<<n) != 0 {
				out = append(out, wall(y, m, d, h, n, day.Location()))
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// Instant is when a zone's clocks show what wall reads, whatever zone wall is in,
// to the minute: a time that is left out comes later, one that there is twice is
// the first, as in a schedule.
func Instant(wallClock time.Time, zone *time.Location) time.Time {
	y, m, d := wallClock.Date()
	return wall(y, m, d, wallClock.Hour(), wallClock.Minute(), zone).UTC()
}

// wall is the instant of a time of day. One that is left out comes later by as
// much as the clock was put forward; of one that there is twice it is the first.
// time.Date promises neither.
func wall(y int, m time.Month, d, h, n int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, h, n, 0, 0, zone)
	_, before := t.Add(-4 * time.Hour).Zone()
	early := time.Date(y, m, d, h, n, 0, 0, time.UTC).Add(-time.Duration(before) * time.Second).In(zone)
	if early.Hour() == h && early.Minute() == n {
		return early // as the clock stood before a change, if there was one
	}
	if t.Hour() == h && t.Minute() == n {
		return t
	}
	return early
}
