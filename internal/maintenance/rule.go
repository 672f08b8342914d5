package maintenance

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"github.com/sondehq/sonde/internal/cron"
	"github.com/sondehq/sonde/internal/monitor"
)

// Limits of an RRULE, beside those of RFC 5545.
const (
	maxRule     = 500    // bytes
	maxInterval = 1000   // of INTERVAL
	maxCount    = 10_000 // of COUNT: each time is counted, from the first on
	maxTimes    = 24     // times of a day
)

// rule goes through an RRULE. It is computed on the wall clock, as if the zone
// were UTC, so that no change of the clocks moves what comes after it; then each
// reading is found in the zone.
func rule(p monitor.Plan, after, to time.Time) (func() (time.Time, bool), error) {
	option, err := parseRule(p.RRule, p.Zone())
	if err != nil {
		return nil, fmt.Errorf("rrule: %w", err)
	}
	option.Dtstart = onClock(p.Starts, p.Zone())
	advance(option, onClock(after, p.Zone()))
	last := onClock(to, p.Zone()).Add(24 * time.Hour) // readings move by up to a day
	if option.Until.IsZero() || option.Until.After(last) {
		option.Until = last
	}
	if option.Until.Before(option.Dtstart) {
		return func() (time.Time, bool) { return time.Time{}, false }, nil
	}
	// A rule that never comes round is followed to the year 9999, whatever its end
	// is: it is computed close to that.
	years := max((9998-last.Year())/calendar*calendar, 0)
	option.Dtstart, option.Until = option.Dtstart.AddDate(years, 0, 0), option.Until.AddDate(years, 0, 0)
	r, err := rrule.NewRRule(*option)
	if err != nil {
		return nil, fmt.Errorf("rrule: %w", err)
	}
	next := r.Iterator()
	var before time.Time
	return func() (time.Time, bool) {
		for {
			reading, has := next()
			if !has {
				return time.Time{}, false
			}
			at := cron.Instant(reading.AddDate(-years, 0, 0), p.Zone())
			if at.After(after) && at.After(before) {
				before = at
				return at, true
			}
		}
	}, nil
}

// calendar is after how many years days are the same again, days of the week too.
const calendar = 400

// advance lets a rule begin in a later interval, some before a reading, so that
// one of long ago is not followed from its first time on. What the first time
// decides besides stays: which intervals count, and on which days it is.
func advance(o *rrule.ROption, to time.Time) {
	if o.Count > 0 || !to.After(o.Dtstart) {
		return // a count is from the first time on
	}
	step := max(o.Interval, 1)
	y, m, d := o.Dtstart.Date()
	days := int(to.Sub(o.Dtstart)/(24*time.Hour)) - 2 // readings move by up to a day
	months := (to.Year()-y)*12 + int(to.Month()-m) - 1
	free := len(o.Byweekno)+len(o.Byyearday)+len(o.Bymonthday)+len(o.Byweekday) == 0
	// intervals are those that can be left out, less two: the first may be cut.
	intervals := func(passed int) int { return max(passed/step-2, 0) * step }
	on := func(y int, m time.Month, d int) {
		h, n, s := o.Dtstart.Clock()
		o.Dtstart = time.Date(y, m, d, h, n, s, 0, time.UTC)
	}
	switch o.Freq {
	case rrule.DAILY:
		on(y, m, d+intervals(days))
	case rrule.WEEKLY:
		on(y, m, d+7*intervals(days/7))
	case rrule.MONTHLY:
		if free {
			o.Bymonthday = []int{d}
		}
		if left := intervals(months); left > 0 {
			on(y, m+time.Month(left), 1)
		}
	case rrule.YEARLY:
		if free {
			o.Bymonthday = []int{d}
			if len(o.Bymonth) == 0 {
				o.Bymonth = []int{int(m)}
			}
		}
		if left := intervals(months / 12); left > 0 {
			on(y+left, time.January, 1)
		}
	}
}

// onClock is what a zone's clocks show, as if it were UTC.
func onClock(t time.Time, zone *time.Location) time.Time {
	local := t.In(zone)
	return time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
}

// part is one of the parts of an RRULE. What RFC 5545 forbids is an error here:
// the library would leave it out, and a rule that says less means more maintenance.
type part struct {
	name  string
	least int // of its numbers; below 0: -1 counts from the end, and there is no 0
	most  int
	of    []string // the frequencies that it goes with; none: all
}

var (
	days  = []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
	parts = []part{
		{name: "FREQ"}, {name: "UNTIL"}, {name: "WKST"}, {name: "BYDAY"},
		{name: "INTERVAL", least: 1, most: maxInterval},
		{name: "COUNT", least: 1, most: maxCount},
		{name: "BYMONTH", least: 1, most: 12},
		{name: "BYMONTHDAY", least: -31, most: 31, of: []string{"YEARLY", "MONTHLY", "DAILY"}},
		{name: "BYYEARDAY", least: -366, most: 366, of: []string{"YEARLY"}},
		{name: "BYWEEKNO", least: -53, most: 53, of: []string{"YEARLY"}},
		{name: "BYHOUR", least: 0, most: 23},
		{name: "BYMINUTE", least: 0, most: 59},
		{name: "BYSETPOS", least: -366, most: 366},
	}
	// elsewhere is why a part is none.
	elsewhere = map[string]string{
		"BYSECOND": "the second is that of `starts`",
		"BYEASTER": "it is not in RFC 5545",
		"DTSTART":  "the first time is `starts`",
		"EXDATE":   "what is left out is `except`",
	}
)

// parseRule reads an RRULE; letters of either case are the same. The error names
// the part that is wrong.
func parseRule(text string, zone *time.Location) (*rrule.ROption, error) {
	text = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "RRULE:")
	if len(text) > maxRule {
		return nil, fmt.Errorf("it is longer than %d characters", maxRule)
	}
	if strings.ContainsAny(text, "\r\n") || strings.HasPrefix(text, "DTSTART") {
		return nil, errors.New("expected one rule without DTSTART, such as FREQ=MONTHLY;BYDAY=1SU: the first time is `starts`, what is left out `except`")
	}
	has, err := readParts(text)
	if err != nil {
		return nil, err
	}
	option, err := rrule.StrToROption(text)
	if err != nil {
		return nil, fmt.Errorf("expected a rule of RFC 5545 such as FREQ=MONTHLY;BYDAY=1SU: %w", err)
	}
	if max(len(option.Byhour), 1)*max(len(option.Byminute), 1) > maxTimes {
		return nil, fmt.Errorf("BYHOUR and BYMINUTE make more than %d times a day", maxTimes)
	}
	eitherDay(option)
	switch until := has["UNTIL"]; {
	case strings.HasSuffix(until, "Z"):
		option.Until = onClock(option.Until, zone) // RFC 5545 has it in UTC; without Z it is a reading
	case until != "" && !strings.Contains(until, "T"):
		option.Until = option.Until.Add(24*time.Hour - time.Second) // a day is meant with all that is in it
	}
	return option, nil
}

// eitherDay writes days without a number as the first, the second and so on where
// there are others with one: the library takes BYDAY=SA,1SU as days that are both.
func eitherDay(o *rrule.ROption) {
	numbered := func(d rrule.Weekday) bool { return d.N() != 0 }
	if !slices.ContainsFunc(o.Byweekday, numbered) {
		return
	}
	most := 53
	if o.Freq == rrule.MONTHLY || len(o.Bymonth) > 0 {
		most = 5
	}
	var all []rrule.Weekday
	for _, d := range o.Byweekday {
		if numbered(d) {
			all = append(all, d)
			continue
		}
		for n := range most {
			all = append(all, d.Nth(n+1))
		}
	}
	o.Byweekday = all
}

// readParts checks each part by itself, and together.
func readParts(text string) (map[string]string, error) {
	has := map[string]string{}
	for pair := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(pair, "=")
		at := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		switch why := elsewhere[name]; {
		case why != "":
			return nil, fmt.Errorf("%s is not possible: %s", name, why)
		case at < 0:
			return nil, fmt.Errorf("expected a rule of RFC 5545 such as FREQ=MONTHLY;BYDAY=1SU, found %q in it", pair)
		case has[name] != "":
			return nil, fmt.Errorf("%s is there twice", name)
		case value == "":
			return nil, fmt.Errorf("%s has no value", name)
		}
		has[name] = value
	}
	freq := has["FREQ"]
	switch {
	case freq == "":
		return nil, errors.New("FREQ is missing: YEARLY, MONTHLY, WEEKLY or DAILY")
	case !slices.Contains([]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY"}, freq):
		return nil, fmt.Errorf("FREQ must be YEARLY, MONTHLY, WEEKLY or DAILY, found %s; for several times a day use BYHOUR", freq)
	case has["COUNT"] != "" && has["UNTIL"] != "":
		return nil, errors.New("COUNT and UNTIL are both given: one is possible")
	case has["BYSETPOS"] != "" && !strings.Contains(strings.ReplaceAll(text, "BYSETPOS", ""), "BY"):
		return nil, errors.New("BYSETPOS needs another part that begins with BY: it chooses among the times of that")
	}
	for _, p := range parts {
		value, is := has[p.name]
		if !is {
			continue
		}
		if err := p.check(value, freq, has["BYWEEKNO"] != ""); err != nil {
			return nil, err
		}
	}
	return has, nil
}

func (p part) check(value, freq string, byWeek bool) error {
	if len(p.of) > 0 && !slices.Contains(p.of, freq) {
		return fmt.Errorf("%s does not go with FREQ=%s (RFC 5545, 3.3.10): with %s", p.name, freq, strings.Join(p.of, ", "))
	}
	switch p.name {
	case "FREQ":
	case "UNTIL":
		if _, err := time.Parse("20060102T150405", strings.TrimSuffix(value, "Z")); err == nil {
			return nil
		}
		if _, err := time.Parse("20060102", value); err != nil {
			return fmt.Errorf("UNTIL=%s: expected a day such as 20271231, or a time such as 20271231T230000Z", value)
		}
	case "WKST":
		if !slices.Contains(days, value) {
			return fmt.Errorf("WKST=%s: expected the day that weeks begin with, one of %s", value, strings.Join(days, ", "))
		}
	case "BYDAY":
		for day := range strings.SplitSeq(value, ",") {
			if err := checkDay(day, freq, byWeek); err != nil {
				return err
			}
		}
	default:
		return p.checkNumbers(value)
	}
	return nil
}

// checkDay: MO, or the second or the last but one of a month or year, 2MO, -2MO.
func checkDay(day, freq string, byWeek bool) error {
	if len(day) < 2 || !slices.Contains(days, day[len(day)-2:]) {
		return fmt.Errorf("BYDAY: %q is none: expected %s, or with a number, such as 1SU or -1FR", day, strings.Join(days, ", "))
	}
	number := day[:len(day)-2]
	if number == "" {
		return nil
	}
	if freq != "MONTHLY" && freq != "YEARLY" || byWeek {
		with := "FREQ=" + freq
		if byWeek {
			with = "BYWEEKNO"
		}
		return fmt.Errorf("BYDAY=%s: a number does not go with %s (RFC 5545, 3.3.10): the n-th day is of a month or a year", day, with)
	}
	most := 53
	if freq == "MONTHLY" {
		most = 5
	}
	if n, err := integer(number); err != nil || n == 0 || n < -most || n > most {
		return fmt.Errorf("BYDAY=%s: expected a number from 1 to %d, or -1 to -%d from the end", day, most, most)
	}
	return nil
}

func (p part) checkNumbers(value string) error {
	single := p.name == "INTERVAL" || p.name == "COUNT"
	for text := range strings.SplitSeq(value, ",") {
		n, err := integer(text)
		switch {
		case err == nil && n >= p.least && n <= p.most && (p.least >= 0 || n != 0) && (!single || text == value):
		case p.least < 0:
			return fmt.Errorf("%s=%s: expected a number from 1 to %d, or -1 to %d from the end", p.name, text, p.most, p.least)
		default:
			return fmt.Errorf("%s=%s: expected a number from %d to %d", p.name, value, p.least, p.most)
		}
	}
	return nil
}

// integer is a number without anything that RFC 5545 does not have, such as _.
func integer(text string) (int, error) {
	if digits := strings.TrimLeft(text, "+-"); len(text)-len(digits) > 1 || strings.Trim(digits, "0123456789") != "" {
		return 0, errors.New("no number")
	}
	return strconv.Atoi(text)
}
