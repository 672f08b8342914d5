package feed

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/store"
)

// CalendarType is the media type of iCalendar.
const CalendarType = "text/calendar; charset=utf-8"

// Calendar writes the planned maintenance as iCalendar.
func Calendar(s Source) []byte {
	var c calendar
	name := text(s.Snapshot.Site.Name) + " maintenance"
	c.line("BEGIN", "VCALENDAR")
	c.line("VERSION", "2.0")
	c.line("PRODID", "-//Sonde//Maintenance//EN")
	c.line("CALSCALE", "GREGORIAN")
	c.line("METHOD", "PUBLISH")
	c.text("NAME", name)
	c.text("X-WR-CALNAME", name)
	c.line("URL", s.Base+"/")
	c.line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H")
	c.line("X-PUBLISHED-TTL", "PT1H")
	// A calendar holds one component at least (RFC 5545, 3.6), and this one may
	// hold no event.
	for _, l := range [][2]string{
		{"BEGIN", "VTIMEZONE"}, {"TZID", "Etc/UTC"}, {"BEGIN", "STANDARD"}, {"DTSTART", "19700101T000000"}, {"TZOFFSETFROM", "+0000"},
		{"TZOFFSETTO", "+0000"}, {"TZNAME", "UTC"}, {"END", "STANDARD"}, {"END", "VTIMEZONE"},
	} {
		c.line(l[0], l[1])
	}
	for _, m := range s.Snapshot.Maintenance {
		s.event(&c, m)
	}
	c.line("END", "VCALENDAR")
	return c.out.Bytes()
}

func (s Source) event(c *calendar, m store.MaintenanceView) {
	changed := latest(m.Updated, m.Created)
	c.line("BEGIN", "VEVENT")
	c.text("UID", m.ID+"@"+s.host())
	c.line("DTSTAMP", utc(changed)) // of a published event: when it was last changed
	c.line("LAST-MODIFIED", utc(changed))
	if !m.Created.IsZero() {
		c.line("CREATED", utc(m.Created))
	}
	c.line("SEQUENCE", strconv.Itoa(sequence(m)))
	c.line("DTSTART", utc(m.Starts))
	if m.Ends.After(m.Starts) {
		c.line("DTEND", utc(m.Ends))
	}
	c.text("SUMMARY", text(m.Title))
	c.text("DESCRIPTION", s.description(m))
	c.line("URL", s.Base+"/")
	c.line("STATUS", "CONFIRMED")
	c.line("CATEGORIES", "MAINTENANCE")
	c.line("TRANSP", "TRANSPARENT") // nobody is busy because of it
	c.line("END", "VEVENT")
}

// sequence grows whenever the event is changed, and only then.
func sequence(m store.MaintenanceView) int {
	if m.Created.IsZero() || m.Updated.Before(m.Created) {
		return 0
	}
	return int(m.Updated.Sub(m.Created) / time.Second)
}

func (s Source) description(m store.MaintenanceView) string {
	var parts []string
	if t := strings.TrimSpace(lines(m.Text)); t != "" {
		parts = append(parts, t)
	}
	for _, u := range m.Updates {
		parts = append(parts, clock(u.At)+": "+strings.TrimSpace(lines(u.Text)))
	}
	var names []string
	for _, id := range m.Services {
		names = append(names, text(s.name(string(id))))
	}
	if len(names) > 0 {
		parts = append(parts, "Services: "+strings.Join(names, ", "))
	}
	return strings.Join(parts, "\n\n")
}

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// calendar writes content lines.
type calendar struct{ out bytes.Buffer }

var escaped = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

// text writes a value of type TEXT.
func (c *calendar) text(name, value string) { c.line(name, escaped.Replace(lines(value))) }

// line writes a line, folded after 75 octets, never within a character.
func (c *calendar) line(name, value string) {
	left := name + ":" + strings.NewReplacer("\r", "", "\n", "").Replace(strings.ToValidUTF8(value, ""))
	for room := 75; len(left) > room; room = 74 { // the space counts
		at := room
		for at > 0 && !utf8.RuneStart(left[at]) {
			at--
		}
		c.out.WriteString(left[:at] + "\r\n ")
		left = left[at:]
	}
	c.out.WriteString(left + "\r\n")
}
