package notify

import (
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/zone"
)

// clock writes times as the people of a site read them.
type clock struct {
	zone *time.Location
	now  time.Time // of the message
}

// newClock takes the zone of a notification's site. One that the system does
// not know, and that of the system, become UTC.
func newClock(n incident.Notification) clock {
	in, err := zone.Load(n.Zone)
	if err != nil || in == time.Local {
		in = time.UTC
	}
	return clock{in, n.At}
}

// abbreviation is the name of the zone at a time: PDT, or UTC+05 where it has
// none.
func (c clock) abbreviation(t time.Time) string {
	name, _ := t.In(c.zone).Zone()
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		return "UTC" + name
	}
	return name
}

// brief is a time to the minute, with its day if that is not obvious: 18:02 PDT,
// Tue 18:02 PDT, 28 May 18:02 PDT.
func (c clock) brief(t time.Time) string {
	layout := "15:04 "
	switch away := c.now.Sub(t).Abs(); {
	case away > 6*24*time.Hour:
		layout = "2 Jan 15:04 "
	case away > 12*time.Hour:
		layout = "Mon 15:04 "
	}
	return t.In(c.zone).Format(layout) + c.abbreviation(t)
}

// full is a time to the second, in the site's zone and in UTC.
func (c clock) full(t time.Time) string {
	local, utc := t.In(c.zone), t.UTC()
	text := local.Format("Mon 2 Jan 2006, 15:04:05 ") + c.abbreviation(t)
	if _, offset := local.Zone(); offset == 0 {
		return text
	}
	layout := "15:04:05 UTC"
	if local.Day() != utc.Day() {
		layout = "Mon 15:04:05 UTC"
	}
	return text + " (" + utc.Format(layout) + ")"
}
