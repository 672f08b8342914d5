package monitor

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/zone"
)

// PlanID names planned maintenance, in the same form as a monitor's ID.
type PlanID string

// Plan is planned maintenance: once, or again and again. Package maintenance
// says when. The title and the text are for the public.
type Plan struct {
	ID       PlanID      `json:"id"`
	Title    string      `json:"title"`
	Text     string      `json:"text,omitempty"`
	Services []ServiceID `json:"services,omitempty"` // none: all, whatever they are at the time

	// Once: Starts, and Ends after it. Again and again: Cron or RRule, with
	// Duration; Starts is then the first time in an RRULE (its DTSTART), and
	// before which a cron expression does not come round.
	Starts   time.Time     `json:"starts,omitzero"`
	Ends     time.Time     `json:"ends,omitzero"`
	Cron     string        `json:"cron,omitempty"`  // five fields
	RRule    string        `json:"rrule,omitempty"` // RFC 5545
	TimeZone string        `json:"time_zone"`       // IANA name; of Cron and RRule
	Duration time.Duration `json:"duration,omitempty"`
	Except   []string      `json:"except,omitempty"` // days such as 2026-12-25, in TimeZone, on which it does not begin

	// Since is when it became what it is: what was planned in hindsight is no
	// maintenance.
	Since   time.Time `json:"since,omitzero"`
	Created time.Time `json:"created,omitzero"`
	By      string    `json:"by,omitempty"` // who planned it

	// Cancelled is when people ended it for good; zero: they have not.
	Cancelled   time.Time `json:"cancelled,omitzero"`
	CancelledBy string    `json:"cancelled_by,omitempty"`
}

// Recurs reports whether it is planned again and again.
func (p Plan) Recurs() bool { return p.Cron != "" || p.RRule != "" }

// Covers reports whether a service is one of its services.
func (p Plan) Covers(id ServiceID) bool {
	return len(p.Services) == 0 || slices.Contains(p.Services, id)
}

// Excepts reports whether a beginning is on one of the days on which it does not
// come round.
func (p Plan) Excepts(at time.Time) bool {
	return len(p.Except) > 0 && slices.Contains(p.Except, at.In(p.Zone()).Format(time.DateOnly))
}

// Zone is its time zone; UTC where it is unknown to this system.
func (p Plan) Zone() *time.Location {
	in, err := zone.Load(p.TimeZone)
	if err != nil {
		return time.UTC
	}
	return in
}

// Same reports whether two plans plan the same, whoever made them and when.
func (p Plan) Same(o Plan) bool {
	return p.ID == o.ID && p.Title == o.Title && p.Text == o.Text && slices.Equal(p.Services, o.Services) &&
		p.Starts.Equal(o.Starts) && p.Ends.Equal(o.Ends) && p.Cron == o.Cron && p.RRule == o.RRule &&
		p.TimeZone == o.TimeZone && p.Duration == o.Duration && slices.Equal(p.Except, o.Except)
}
