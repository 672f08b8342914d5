// Package cron reads the five fields of cron and says when they come round, in a
// time zone. Heartbeats and maintenance use it. It is pure: it knows no clock.
//
// The fields are minute, hour, day of the month, month and day of the week, each
// *, a value, a range a-b, a step a-b/n or */n, or a list of these; months and
// days may be named (JAN, MON); 7 is Sunday too. Where both days are
// restricted, either will do (POSIX, crontab). @hourly, @daily (@midnight), @weekly,
// @monthly and @yearly (@annually) stand for what they say.
//
// When clocks change, a time that is left out comes as much later as the clock
// was put forward (02:30 is 03:30), and one that there is twice comes once, the
// first time; but a schedule of every hour comes every hour. That holds where
// clocks change at midnight (Santiago, Cairo), by half an hour (Lord Howe Island)
// or by a day (Samoa), too.
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
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
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
			return 0, fmt.Errorf("the %s has the range %q, which ends before it begins%s", f.name, span, f.across(from, to))
		}
		for v := from; v <= to; v += step {
			set |= 1 << v
		}
	}
	return set, nil
}

// across is how to write a range of days that goes over Sunday, with which weeks
// begin here.
func (f field) across(from, to int) string {
	if f.most != 7 {
		return ""
	}
	return ": write " + strings.Join(slices.Concat(f.names[from%7:], f.names[:to+1]), ",")
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
