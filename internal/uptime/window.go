package uptime

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Window is a span of time, From inclusive, To exclusive. One whose To is not
// after its From is empty.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Duration is the length of the window; zero if it is empty.
func (w Window) Duration() time.Duration { return max(w.To.Sub(w.From), 0) }

// IsEmpty reports whether there is no time in the window.
func (w Window) IsEmpty() bool { return !w.To.After(w.From) }

// Contains reports whether t is in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Intersect returns the time that two windows share; it may be empty.
func (w Window) Intersect(other Window) Window {
	return Window{From: later(w.From, other.From), To: earlier(w.To, other.To)}
}

// Until returns the part of the window before now.
func (w Window) Until(now time.Time) Window { return Window{From: w.From, To: earlier(w.To, now)} }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Last is the time up to now, of that length. A day is 24 hours, whatever the
// clocks did: a rolling window is the same in every time zone.
func Last(now time.Time, length time.Duration) Window {
	return Window{From: now.Add(-length), To: now}
}

// Hour is the whole hour, in UTC, that t is in.
func Hour(t time.Time) Window {
	from := t.UTC().Truncate(time.Hour)
	return Window{From: from, To: from.Add(time.Hour)}
}

// rolling are the windows that end now, by name.
var rolling = []struct {
	name   string
	length time.Duration
}{
	{"24h", 24 * time.Hour},
	{"7d", 7 * 24 * time.Hour},
	{"30d", 30 * 24 * time.Hour},
	{"90d", 90 * 24 * time.Hour},
}

// Names lists the names of the windows that end now, shortest first.
func Names() []string {
	names := make([]string, len(rolling))
	for i, r := range rolling {
		names[i] = r.name
	}
	return names
}

const monthForm = "2006-01"

// ParseWindow returns the window of that name: one of Names, or a calendar
// month of a time zone, such as 2019-05. The month that now is in ends now; one
// that has not begun is an error.
func ParseWindow(name string, now time.Time, zone *time.Location) (Window, error) {
	for _, r := range rolling {
		if name == r.name {
			return Last(now, r.length), nil
		}
	}
	first, err := time.Parse(monthForm, name)
	if err != nil {
		return Window{}, fmt.Errorf("parse window %q: want %s, or a month such as 2019-05", clip(name), strings.Join(Names(), ", "))
	}
	month := Month(first.Year(), first.Month(), zone)
	if !month.From.Before(now) {
		return Window{}, fmt.Errorf("parse window %q: that month has not begun", name)
	}
	return month.Until(now), nil
}

// clip keeps a name that somebody typed at a length that fits into an error.
func clip(name string) string {
	if runes := []rune(name); len(runes) > 40 {
		return string(slices.Concat(runes[:40], []rune("…")))
	}
	return name
}
