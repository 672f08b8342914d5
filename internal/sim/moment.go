package sim

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/cron"
	"github.com/sondehq/sonde/internal/maintenance"
)

// moment reads +25m, from the start, or a time of day, the next one after the
// event before.
func (r *reader) moment(s *Scenario, n *yaml.Node, path string, last time.Duration) time.Duration {
	at, ok := time.Duration(0), false
	if text, relative := strings.CutPrefix(n.Value, "+"); relative {
		d, err := time.ParseDuration(text)
		at, ok = d, err == nil && d >= 0
	} else {
		at, ok = s.timeOfDay(n.Value, last)
	}
	switch {
	case n.Kind != yaml.ScalarNode || !ok:
		r.report(n, path, "", "expected a time of day such as 18:05, or +25m from the start, found %q", n.Value)
		return last
	case at < last:
		r.report(n, path, "put the events in the order of their times", "%s is before the event before it", n.Value)
		return last
	case at > s.Length && s.Length > 0:
		end, before := s.Start.Add(s.Length).In(s.Zone), s.Start.Add(last).In(s.Zone)
		r.report(n, path, s.late(n.Value, last),
			"%s is after the end of the scenario at %s; the event before is at %s", n.Value, end.Format("15:04 on 2 Jan"), before.Format("15:04"))
		return last
	}
	return at
}

// late is what may be meant by a time of day that is after the end.
func (s *Scenario) late(text string, last time.Duration) string {
	if again, is := s.secondTime(text, last); is {
		return "the clocks are put back that night, and a time of day is the first of the two: the second " + text + " is +" + again.String()
	}
	return "put the events in the order of their times: one that is earlier in the day than the event before is the next day's"
}

// secondTime is when a time of day comes for the second time, since the clocks are
// put back.
func (s *Scenario) secondTime(text string, last time.Duration) (time.Duration, bool) {
	clock, ok := clockTime(text)
	if !ok {
		return 0, false
	}
	from := s.Start.Add(last).In(s.Zone)
	for _, shift := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
		second := s.reads(from, 0, clock).Add(shift)
		if second.Hour() == clock.Hour() && second.Minute() == clock.Minute() && !second.Before(s.Start.Add(last)) {
			return second.Sub(s.Start), true
		}
	}
	return 0, false
}

func clockTime(text string) (clock time.Time, ok bool) {
	for _, layout := range []string{"15:04", "15:04:05"} {
		if clock, err := time.Parse(layout, text); err == nil {
			return clock, true
		}
	}
	return clock, false
}

// reads is when the clocks of the zone show a time of day, so many days after a day:
// the first of two.
func (s *Scenario) reads(day time.Time, after int, clock time.Time) time.Time {
	y, m, d := day.Date()
	return cron.Instant(time.Date(y, m, d+after, clock.Hour(), clock.Minute(), clock.Second(), 0, time.UTC), s.Zone).In(s.Zone)
}

func (s *Scenario) timeOfDay(text string, last time.Duration) (time.Duration, bool) {
	clock, ok := clockTime(text)
	if !ok {
		return 0, false
	}
	from := s.Start.Add(last).In(s.Zone)
	for day := range 3 {
		at := s.reads(from, day, clock)
		if at.Hour() != clock.Hour() || at.Minute() != clock.Minute() {
			continue // the clocks are put forward over it
		}
		if !at.Before(s.Start.Add(last)) {
			return at.Sub(s.Start), true
		}
	}
	return 0, false
}

// past reads a time of what was: +25m from the start, a time of day, the last one
// before the event, or a date and a time as the command takes it.
func past(into func(*happens) *time.Time) func(*reading) field {
	return func(r *reading) field {
		return func(n *yaml.Node, path string) {
			s, now := r.scenario, r.scenario.Start.Add(r.e.at)
			var v value
			if r.needed(&v)(n, path); v.text == "" {
				return
			}
			if text, relative := strings.CutPrefix(v.text, "+"); relative {
				if d, err := time.ParseDuration(text); err == nil {
					*into(r.e) = s.Start.Add(d)
					return
				}
			}
			if clock, ok := clockTime(v.text); ok {
				local := now.In(s.Zone)
				at := s.reads(local, 0, clock)
				if at.After(now) {
					at = s.reads(local, -1, clock)
				}
				*into(r.e) = at
				return
			}
			at, err := maintenance.ParseTime(v.text, s.Zone)
			if err != nil {
				r.report(n, path, "a time of day such as 18:05, +25m from the start, or 2006-01-02 15:04", "%v", err)
				return
			}
			*into(r.e) = at
		}
	}
}
