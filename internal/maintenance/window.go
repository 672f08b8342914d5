package maintenance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"github.com/sondehq/sonde/internal/cron"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/zone"
)

// Limits of plans.
const (
	MinDuration = time.Minute
	MaxDuration = 31 * 24 * time.Hour
	MaxTitle    = 200
	MaxText     = 2000
	maxRule     = 500  // bytes of an RRULE
	maxWindows  = 1000 // that Windows returns
	maxInterval = 1000 // of an RRULE
	maxTimes    = 24   // times of a day in an RRULE
	looked      = 100  // windows that Check looks at
)

// Window is one time of a plan: From inclusive, To exclusive.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Contains reports whether a time is in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Windows are the windows of a plan that share time with a span, oldest first:
// those that begin before its end and end after its beginning. They are the
// first 1000 at most. A plan that was cancelled has none after that: a window
// that was going on then ends then.
func Windows(p monitor.Plan, from, to time.Time) ([]Window, error) {
	all, err := planned(p, from, to)
	if err != nil || p.Cancelled.IsZero() {
		return all, err
	}
	out := all[:0]
	for _, w := range all {
		if w.From.Before(p.Cancelled) {
			if w.To.After(p.Cancelled) {
				w.To = p.Cancelled
			}
			out = append(out, w)
		}
	}
	return out, nil
}

func planned(p monitor.Plan, from, to time.Time) ([]Window, error) {
	if !to.After(from) {
		return nil, nil
	}
	if !p.Recurs() {
		if p.Starts.Before(to) && p.Ends.After(from) {
			return []Window{{p.Starts.UTC(), p.Ends.UTC()}}, nil
		}
		return nil, nil
	}
	next, err := beginnings(p, from.Add(-p.Duration), to)
	if err != nil {
		return nil, err
	}
	var out []Window
	for len(out) < maxWindows {
		at, has := next()
		if !has || !at.Before(to) {
			break
		}
		if w := (Window{at, at.Add(p.Duration)}); w.To.After(from) {
			out = append(out, w)
		}
	}
	return out, nil
}

// beginnings goes through the beginnings after a time, ascending; an RRULE's up
// to another.
func beginnings(p monitor.Plan, after, to time.Time) (func() (time.Time, bool), error) {
	if p.Cron != "" {
		schedule, err := cron.Parse(p.Cron, p.Zone())
		if err != nil {
			return nil, fmt.Errorf("cron: %w", err)
		}
		if first := p.Starts.Add(-time.Nanosecond); !p.Starts.IsZero() && first.After(after) {
			after = first
		}
		return func() (time.Time, bool) {
			at, has := schedule.Next(after)
			after = at
			return at, has
		}, nil
	}
	return rule(p, after, to)
}

// rule goes through an RRULE. It is computed on the wall clock, as if the zone
// were UTC, so that no change of the clocks moves what comes after it; then each
// reading is found in the zone.
func rule(p monitor.Plan, after, to time.Time) (func() (time.Time, bool), error) {
	option, err := parseRule(p.RRule, p.Zone())
	if err != nil {
		return nil, fmt.Errorf("rrule: %w", err)
	}
	option.Dtstart = onClock(p.Starts, p.Zone())
	// A day more: readings move by less than that. Without an end, a rule that
	// never comes round would be followed to the year 9999.
	if last := onClock(to, p.Zone()).Add(24 * time.Hour); option.Until.IsZero() || option.Until.After(last) {
		option.Until = last
	}
	if option.Until.Before(option.Dtstart) {
		return func() (time.Time, bool) { return time.Time{}, false }, nil
	}
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
			at := cron.Instant(reading, p.Zone())
			if at.After(after) && at.After(before) {
				before = at
				return at, true
			}
		}
	}, nil
}

// onClock is what a zone's clocks show, as if it were UTC.
func onClock(t time.Time, zone *time.Location) time.Time {
	local := t.In(zone)
	return time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
}

func parseRule(text string, zone *time.Location) (*rrule.ROption, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "RRULE:")
	if len(text) > maxRule {
		return nil, fmt.Errorf("it is longer than %d characters", maxRule)
	}
	if strings.ContainsAny(text, "\r\n") || strings.Contains(text, "DTSTART") {
		return nil, errors.New("expected one rule without DTSTART, such as FREQ=MONTHLY;BYDAY=1SU: the first time is `starts`")
	}
	option, err := rrule.StrToROption(text)
	if err != nil {
		return nil, fmt.Errorf("expected a rule of RFC 5545 such as FREQ=MONTHLY;BYDAY=1SU: %w", err)
	}
	switch {
	case option.Freq > rrule.DAILY:
		return nil, errors.New("FREQ must be YEARLY, MONTHLY, WEEKLY or DAILY; for several times a day use BYHOUR")
	case option.Interval < 0 || option.Interval > maxInterval:
		return nil, fmt.Errorf("INTERVAL must be 1 to %d", maxInterval)
	case option.Count < 0:
		return nil, errors.New("COUNT must be at least 1")
	case len(option.Bysecond) > 0:
		return nil, errors.New("BYSECOND is not possible: windows begin with the minute")
	case max(len(option.Byhour), 1)*max(len(option.Byminute), 1) > maxTimes:
		return nil, fmt.Errorf("BYHOUR and BYMINUTE make more than %d times a day", maxTimes)
	}
	if !option.Until.IsZero() && strings.Contains(text, "Z") {
		option.Until = onClock(option.Until, zone) // RFC 5545 has it in UTC; without Z it is a reading
	}
	if isDate(text) {
		option.Until = option.Until.Add(24*time.Hour - time.Second) // a day is meant with all that is in it
	}
	return option, nil
}

// isDate reports whether a rule says UNTIL as a date, without a time of day.
func isDate(rule string) bool {
	_, until, has := strings.Cut(rule, "UNTIL=")
	until, _, _ = strings.Cut(until, ";")
	return has && !strings.Contains(until, "T")
}

// Mistake is what is wrong with a plan, and in which field, as monitors.yaml
// calls it.
type Mistake struct {
	Field   string
	Message string
}

func (m *Mistake) Error() string { return m.Field + ": " + m.Message }

func mistake(field, format string, args ...any) error {
	return &Mistake{field, fmt.Sprintf(format, args...)}
}

// earliest is before any plan begins: a rule is followed from its first time.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Check says what is wrong with a plan, as a *Mistake; nil if nothing is. It does
// not know which services there are.
func Check(p monitor.Plan) error {
	rules := 0
	for _, set := range []bool{p.Cron != "", p.RRule != ""} {
		if set {
			rules++
		}
	}
	switch {
	case strings.TrimSpace(p.Title) == "":
		return mistake("title", "a title is needed: it is what the public reads")
	case len([]rune(p.Title)) > MaxTitle:
		return mistake("title", "it is longer than %d characters", MaxTitle)
	case len([]rune(p.Text)) > MaxText:
		return mistake("text", "it is longer than %d characters", MaxText)
	case rules > 1:
		return mistake("rrule", "cron and rrule are both given: one is possible")
	case rules == 0:
		return checkOnce(p)
	}
	return checkRule(p)
}

func checkOnce(p monitor.Plan) error {
	switch {
	case p.Starts.IsZero():
		return mistake("starts", "when it is must be given: starts and ends (or duration), or cron or rrule with duration")
	case p.Ends.IsZero():
		return mistake("ends", "an end is needed: ends or duration")
	case p.Starts.Before(earliest):
		return mistake("starts", "it is before the year 2000")
	case !p.Ends.After(p.Starts):
		return mistake("ends", "it is not after the beginning")
	case p.Ends.Sub(p.Starts) < MinDuration:
		return mistake("ends", "a window lasts at least a minute")
	case p.Ends.Sub(p.Starts) > MaxDuration:
		return mistake("ends", "a window lasts at most 31 days: plan it again if it takes longer")
	}
	return nil
}

func checkRule(p monitor.Plan) error {
	field := "cron"
	if p.RRule != "" {
		field = "rrule"
	}
	if _, err := zone.Load(p.TimeZone); err != nil || p.TimeZone == "" {
		return mistake("time_zone", "expected an IANA time zone such as Europe/Berlin, found %q", p.TimeZone)
	}
	switch {
	case p.Duration == 0:
		return mistake("duration", "what comes round needs a duration such as 2h")
	case p.Duration < MinDuration:
		return mistake("duration", "a window lasts at least a minute")
	case p.Duration > MaxDuration:
		return mistake("duration", "a window lasts at most 31 days (744h)")
	case !p.Ends.IsZero():
		return mistake("ends", "what comes round has a duration and no end; an rrule ends with UNTIL or COUNT")
	case p.RRule != "" && p.Starts.IsZero():
		return mistake("starts", "an rrule needs its first time in starts")
	case !p.Starts.IsZero() && p.Starts.Before(earliest):
		return mistake("starts", "it is before the year 2000")
	}
	from := p.Starts
	if from.IsZero() {
		from = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	windows, err := planned(p, from, from.AddDate(9, 0, 0))
	switch {
	case err != nil:
		return mistake(field, "%s", strings.TrimPrefix(err.Error(), field+": "))
	case len(windows) == 0:
		return mistake(field, "it never comes round")
	}
	windows = windows[:min(len(windows), looked)]
	for i, w := range windows[1:] {
		if !w.From.After(windows[i].To) {
			return mistake("duration", "the window of %s is not over before the next begins, %s: make it shorter, or the rule rarer",
				windows[i].From.In(p.Zone()).Format("2006-01-02 15:04 MST"), w.From.In(p.Zone()).Format("2006-01-02 15:04 MST"))
		}
	}
	return nil
}

// Next are the next windows of a plan, at most n: the one that is going on, and
// those within the coming nine years.
func Next(p monitor.Plan, now time.Time, n int) ([]Window, error) {
	var out []Window
	for _, years := range []int{0, 1, 9} {
		until := now.AddDate(years, 0, 0)
		if years == 0 {
			until = now.AddDate(0, 1, 0)
		}
		all, err := Windows(p, now, until)
		if err != nil {
			return nil, err
		}
		if out = all; len(out) >= n {
			break
		}
	}
	return slices.Clone(out[:min(len(out), n)]), nil
}
