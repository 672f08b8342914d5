package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/uptime"
)

// Percent writes a share (0 to 1), never rounded up: 99.98%, 99,98 %.
func (l *Language) Percent(share float64, decimals int) string {
	n := strings.Replace(uptime.Percent(share, decimals), ".", l.file.Decimal, 1)
	return l.Text("percent", "n", n)
}

// MS writes milliseconds, without decimals from ten on.
func (l *Language) MS(ms float64) string {
	n := strconv.FormatFloat(ms, 'f', 0, 64)
	if ms > 0 && ms < 10 {
		n = strings.Replace(strconv.FormatFloat(ms, 'f', 1, 64), ".", l.file.Decimal, 1)
	}
	return l.Text("ms", "n", n)
}

// Span writes a duration in its two greatest units: 6 h 50 min. Seconds are
// only said of what is shorter than a minute; a negative one is as if zero.
func (l *Language) Span(d time.Duration) string {
	d = max(d.Round(time.Second), 0)
	if d >= time.Minute {
		d = d.Round(time.Minute)
	}
	days, hours, minutes := int(d/(24*time.Hour)), int(d%(24*time.Hour)/time.Hour), int(d%time.Hour/time.Minute)
	switch {
	case days > 0:
		return l.two("days", days, "hours", hours)
	case hours > 0:
		return l.two("hours", hours, "minutes", minutes)
	case minutes > 0:
		return l.Text("minutes", "n", minutes)
	}
	return l.Text("seconds", "n", int(d/time.Second))
}

func (l *Language) two(big string, n int, small string, m int) string {
	if m == 0 {
		return l.Text(big, "n", n)
	}
	return l.Text("spans", "big", l.Text(big, "n", n), "small", l.Text(small, "n", m))
}

// Day writes a date without its weekday; the year only where it is not this one.
func (l *Language) Day(t, now time.Time) string {
	if t.Year() == now.Year() {
		return l.date("day", t)
	}
	return l.date("day_year", t)
}

// Long writes a date with its weekday, without its year.
func (l *Language) Long(t time.Time) string { return l.date("long", t) }

// Month writes a month and its year.
func (l *Language) Month(t time.Time) string { return l.date("month", t) }

// At writes a time of day, with its date where that is not today. Both times
// are to be in the zone that is shown.
func (l *Language) At(t, now time.Time) string {
	clock := t.Format("15:04")
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return clock
	}
	return Fill(l.file.Dates["at"], func(out *strings.Builder, name string) bool {
		if name == "date" {
			out.WriteString(l.Day(t, now))
		} else {
			out.WriteString(clock)
		}
		return true
	})
}

func (l *Language) date(layout string, t time.Time) string {
	pick := func(names []string, i int) string {
		if i < len(names) {
			return names[i]
		}
		return strconv.Itoa(i + 1)
	}
	return Fill(l.file.Dates[layout], func(out *strings.Builder, name string) bool {
		switch name {
		case "weekday":
			out.WriteString(pick(l.file.Weekdays, int(t.Weekday())))
		case "month":
			out.WriteString(pick(l.file.Months, int(t.Month())-1))
		case "mon":
			out.WriteString(pick(l.file.ShortMonths, int(t.Month())-1))
		case "d":
			out.WriteString(strconv.Itoa(t.Day()))
		case "y":
			out.WriteString(strconv.Itoa(t.Year()))
		}
		return true
	})
}

// Offset writes how far a time's zone is from UTC: UTC, UTC−7, UTC+5:30.
func Offset(t time.Time) string {
	_, seconds := t.Zone()
	if seconds == 0 {
		return "UTC"
	}
	sign := "+"
	if seconds < 0 {
		sign, seconds = "−", -seconds
	}
	if minutes := seconds / 60 % 60; minutes != 0 {
		return fmt.Sprintf("UTC%s%d:%02d", sign, seconds/3600, minutes)
	}
	return fmt.Sprintf("UTC%s%d", sign, seconds/3600)
}

// Abbreviation writes a time's zone in letters, such as PDT; of one without any,
// its offset.
func Abbreviation(t time.Time) string {
	if name, _ := t.Zone(); name != "" && name[0] != '+' && name[0] != '-' {
		return name
	}
	return Offset(t)
}
