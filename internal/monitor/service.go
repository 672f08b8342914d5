package monitor

import (
	"time"

	"github.com/sondehq/sonde/internal/zone"
)

// ServiceID names a service, in the same form as a monitor's ID.
type ServiceID string

// Service is what the public sees (Statuspage calls it a component), and the
// unit of consistency: one state item holds all of its monitors. A monitor
// belongs to exactly one service; one that the file puts into none has a
// service of its own, with its own id and name.
type Service struct {
	ID          ServiceID   `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Group       string      `json:"group,omitempty"`
	Monitors    []ID        `json:"monitors"` // at least one
	Needs       int         `json:"needs"`    // how many monitors must be up; 1 to len(Monitors)
	DependsOn   []ServiceID `json:"depends_on,omitempty"`
	Internal    bool        `json:"internal,omitempty"` // not on the public page, not told to public tiers

	// Tiers is what of the tiers' settings is another for incidents of this
	// service.
	Tiers map[TierID]Override `json:"tiers,omitempty"`

	// Shard is the batch partition that its monitors' results are written
	// to. A shard holds whole services, about ShardMonitors monitors.
	Shard int `json:"shard"`
}

// ShardMonitors is about how many monitors share a shard, and so a batch: one
// item of results stays well under DynamoDB's 400 KB even if all of them fail.
const ShardMonitors = 50

// TierID names a tier, in the same form as a monitor's ID.
type TierID string

// Tier is an audience, with its own SNS topic and delay.
type Tier struct {
	ID     TierID        `json:"id"`
	Name   string        `json:"name"`
	After  time.Duration `json:"after"`            // from the incident's opening; 0 at once
	Impact Impact        `json:"impact"`           // the least impact it hears of
	Remind time.Duration `json:"remind,omitempty"` // repeat until acknowledged; 0 never
	Public bool          `json:"public,omitempty"` // customers: hears of no internal service
	Hold   time.Duration `json:"hold,omitempty"`   // an operator may publish or decline for this long; then it goes out

	// Events are those that it hears of beside the beginning and the end, which
	// nobody is spared: escalated, updated, reminder. All where it is nil.
	Events []string `json:"events,omitempty"`

	// Nag reminds it once that nobody outside has been told of an outage for as
	// long; 0: never.
	Nag   time.Duration `json:"nag,omitempty"`
	Quiet *Quiet        `json:"quiet,omitempty"`
}

// TierEvents are the events that a tier may do without.
var TierEvents = []string{"escalated", "updated", "reminder"}

// Override is what of a tier's settings is another for one service; nil and
// empty: as the tier has it.
type Override struct {
	After  *time.Duration `json:"after,omitempty"`
	Impact Impact         `json:"impact,omitempty"`
	Never  bool           `json:"never,omitempty"` // it does not hear of the service
}

// Quiet is the hours in which a tier is spared messages of lesser impacts: they
// wait until the hours end.
type Quiet struct {
	From     int    `json:"from"` // minutes after midnight
	To       int    `json:"to"`   // as well; before From: of the next day
	TimeZone string `json:"time_zone"`
	Below    Impact `json:"below"` // impacts below this one wait
}

// Until reports whether a time is within the quiet hours, and when they end. A
// zone that this system does not know has none: nobody is spared by mistake.
func (q *Quiet) Until(now time.Time) (time.Time, bool) {
	if q == nil || q.From == q.To {
		return time.Time{}, false
	}
	in, err := zone.Load(q.TimeZone)
	if err != nil {
		return time.Time{}, false
	}
	local := now.In(in)
	y, m, d := local.Date()
	minute := local.Hour()*60 + local.Minute()
	at := func(day int) time.Time { return time.Date(y, m, d+day, 0, q.To, 0, 0, in).UTC() }
	switch {
	case q.From < q.To && minute >= q.From && minute < q.To, q.From > q.To && minute < q.To:
		return at(0), true
	case q.From > q.To && minute >= q.From:
		return at(1), true
	}
	return time.Time{}, false
}
