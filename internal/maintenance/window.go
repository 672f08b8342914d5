package maintenance

import (
	"fmt"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/cron"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/zone"
)

// Limits of plans.
const (
	MinDuration = time.Minute
	MaxDuration = 31 * 24 * time.Hour
	MaxTitle    = 200
	MaxText     = 2000
	MaxExcept   = 200  // days on which a plan does not come round
	maxWindows  = 1000 // that Windows returns
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
	return First(p, from, to, maxWindows)
}

// First are the first n of Windows, for whoever needs no more: it costs as much as
// they do.
func First(p monitor.Plan, from, to time.Time, n int) ([]Window, error) {
	all, err := planned(p, from, to, n)
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

func planned(p monitor.Plan, from, to time.Time, most int) ([]Window, error) {
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
	for len(out) < most {
		at, has := next()
		if !has || !at.Before(to) {
			break
		}
		if w := (Window{at, at.Add(p.Duration)}); w.To.After(from) && !p.Excepts(at) {
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
	for _, day := range p.Except {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return mistake("except", "expected a day such as 2026-12-25, found %q", day)
		}
	}
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
	case len(p.Except) > MaxExcept:
		return mistake("except", "%d days are more than %d", len(p.Except), MaxExcept)
	case len(p.Except) > 0 && rules == 0:
		return mistake("except", "what is planned for once has no other days: move it, or take it out")
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
	windows, err := planned(p, from, from.AddDate(9, 0, 0), looked)
	switch {
	case err != nil:
		return mistake(field, "%s", strings.TrimPrefix(err.Error(), field+": "))
	case len(windows) == 0:
		return mistake(field, "it never comes round")
	}
	for i, w := range windows[1:] {
		if !w.From.After(windows[i].To) {
			return mistake("duration", "a window of %s is not over before the next begins, %s after it: make it shorter, or the rule rarer",
				incident.Span(p.Duration), incident.Span(w.From.Sub(windows[i].From)))
		}
	}
	return nil
}

// Next are the next windows of a plan, at most n: the one that is going on, and
// those within the coming nine years.
func Next(p monitor.Plan, now time.Time, n int) ([]Window, error) {
	return First(p, now, now.AddDate(9, 0, 0), n)
}
