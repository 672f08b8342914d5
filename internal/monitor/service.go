package monitor

import (
	"slices"
	"time"
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

	// Browser is what a visitor's browser may try; nil: nothing.
	Browser *BrowserCheck `json:"check_from_browser,omitempty"`

	// Shard is the batch partition that its monitors' results are written
	// to. A shard holds whole services, about ShardMonitors monitors.
	Shard int `json:"shard"`
}

// BrowserCheck is the addresses by which a visitor's browser finds out whether
// their network reaches a service. All are https, without user or fragment.
type BrowserCheck struct {
	URL string   `json:"url"`           // what everybody uses
	Old []string `json:"old,omitempty"` // names that still lead to the old address
	New []string `json:"new,omitempty"` // names that lead straight to the new one
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

	// Nag reminds it once that nobody outside has been told of an outage for as
	// long; 0: never.
	Nag time.Duration `json:"nag,omitempty"`

	// Chat: its messages are for Slack, Teams or Chime by way of Amazon Q
	// Developer, a thread for each incident.
	Chat bool `json:"chat,omitempty"`

	// Machine: its messages are for programs that open and close an alarm for each
	// incident, such as PagerDuty; they get no digests.
	Machine bool `json:"machine,omitempty"`

	Quiet  *Quiet  `json:"quiet,omitempty"`
	Events []Hears `json:"events,omitempty"` // what it hears of; none: see Hears
}

// Hears is something that a tier may hear of.
type Hears string

// What tiers may hear of. An incident's opening and its end go together.
const (
	HearsOpened      Hears = "opened"
	HearsEscalated   Hears = "escalated"
	HearsReminder    Hears = "reminder"
	HearsUpdated     Hears = "updated"
	HearsResolved    Hears = "resolved"
	HearsMaintenance Hears = "maintenance" // that planned maintenance begins and ends
)

// AllHears is everything that a tier may hear of.
func AllHears() []Hears {
	return []Hears{HearsOpened, HearsEscalated, HearsReminder, HearsUpdated, HearsResolved, HearsMaintenance}
}

// Hears reports whether the tier wants to hear of something. Where its list is
// empty it is everything about incidents; and maintenance if it is public: those
// who subscribe to a status page expect that, operators have planned it.
func (t Tier) Hears(what Hears) bool {
	if len(t.Events) == 0 {
		return what != HearsMaintenance || t.Public
	}
	return slices.Contains(t.Events, what)
}
