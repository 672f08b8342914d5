package incident

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Event is what a notification tells.
type Event string

// The events.
const (
	EventOpened    Event = "opened"
	EventEscalated Event = "escalated"
	EventReminder  Event = "reminder"
	EventUpdated   Event = "updated"
	EventResolved  Event = "resolved"

	// Of planned maintenance, which is no incident: it has begun, it is over.
	EventMaintenance Event = "maintenance"
	EventMaintained  Event = "maintenance-over"
)

// IsMaintenance reports whether it is about planned maintenance.
func (e Event) IsMaintenance() bool { return e == EventMaintenance || e == EventMaintained }

// Notification is one message to one tier, as facts: all that its texts need.
type Notification struct {
	ID       string         `json:"id"` // derived from incident, event and tier
	Incident string         `json:"incident"`
	Tier     monitor.TierID `json:"tier"`
	Event    Event          `json:"event"`
	Receipt  string         `json:"receipt"`         // the event's name in the incident: opened, reminder-2
	At       time.Time      `json:"at"`              // when it became due
	Check    string         `json:"check,omitempty"` // the id of the check that the incident began with

	// By is when the tier's policy says that it hears of a beginning, counted
	// from the first failing check; zero for other events.
	By time.Time `json:"by,omitzero"`

	Title    string         `json:"title"`
	Phase    Phase          `json:"phase"`
	Impact   monitor.Impact `json:"impact"`
	Worst    monitor.Impact `json:"worst"`
	Opened   time.Time      `json:"opened"`
	Since    time.Time      `json:"since"` // when it became as bad as Worst
	Resolved time.Time      `json:"resolved,omitzero"`
	Services []Affected     `json:"services"`       // those that the tier may know of
	Until    time.Time      `json:"until,omitzero"` // when maintenance is to end
	Text     string         `json:"text"`
	Detail   string         `json:"detail,omitempty"` // not for public tiers

	Site   string `json:"site"`
	Zone   string `json:"zone"`          // the site's time zone
	URL    string `json:"url,omitempty"` // of the incident's page
	Public bool   `json:"public,omitempty"`
}

// Tick does what time alone causes in an incident: tiers whose delay has passed
// hear of it, and tiers that want reminders get them. It reports false, and the
// incident as it was, if nothing is due.
func Tick(cfg *monitor.Config, inc Incident, now time.Time) (Incident, []Notification, bool) {
	told, notifications := tell(cfg, inc.clone(), Update{}, now)
	if len(notifications) == 0 {
		return inc, nil, false
	}
	return told, notifications, true
}

// Due returns the next time at which Tick will have something to say, provided
// that nothing else happens; zero if never.
func Due(cfg *monitor.Config, inc Incident) time.Time {
	var next time.Time
	for _, tier := range cfg.Tiers {
		told, heard := inc.Told[tier.ID]
		var at time.Time
		switch {
		case !heard && hears(tier, &inc):
			if _, declined := inc.Declined[tier.ID]; declined {
				continue
			}
			at = inc.reached(tier).Add(tier.After + tier.Hold)
		case heard && tier.Remind > 0 && tier.Hears(monitor.HearsReminder) && inc.Acked.IsZero() && inc.State == Open && !told.Ended:
			at = told.Last.Add(tier.Remind)
		}
		if until := inc.mutedUntil(); !at.IsZero() && at.Before(until) {
			at = until
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// hears reports whether a tier is one to be told of the incident as it is now.
// The public is told if something that it sees is affected, and not fine again.
func hears(tier monitor.Tier, inc *Incident) bool {
	if !tier.Hears(monitor.HearsOpened) {
		return false
	}
	seen := func(a Affected) bool { return !tier.Public || !a.Internal && a.Restored.IsZero() }
	return inc.State == Open && inc.Impact.AtLeast(tier.Impact) && slices.ContainsFunc(inc.Services, seen)
}

// tell finds what each tier has to hear now, and marks it as told.
func tell(cfg *monitor.Config, inc Incident, update Update, now time.Time) (Incident, []Notification) {
	var out []Notification
	for _, tier := range cfg.Tiers {
		told, heard := inc.Told[tier.ID]
		event, receipt := next(tier, &inc, told, heard, update, now)
		if event == "" {
			continue
		}
		if !heard {
			told.At = now
		}
		told.Last, told.Impact = now, told.Impact.Worse(inc.Impact)
		told.Ended = event == EventResolved
		switch event {
		case EventReminder:
			told.Reminders++
			if late := inc.isLate(tier, told, now); late {
				told.Late = inc.Next
			}
		case EventUpdated:
			told.Updates++
		}
		inc.Told[tier.ID] = told
		out = append(out, notification(cfg, tier, &inc, event, receipt, update, now))
	}
	return inc, out
}

// next decides what one tier hears, if anything: the most important of what is
// due. The receipt names the event uniquely in the incident.
func next(tier monitor.Tier, inc *Incident, told Told, heard bool, update Update, now time.Time) (Event, string) {
	switch {
	case !heard && inc.isDue(tier, now):
		return EventOpened, "opened"
	case !heard || told.Ended:
		return "", ""
	case inc.State == Resolved:
		return EventResolved, "resolved"
	case inc.Impact.Rank() > told.Impact.Rank() && tier.Hears(monitor.HearsEscalated) && !inc.isMuted(now):
		return EventEscalated, "escalated-" + string(inc.Impact)
	case update.Incident != "" && tier.Hears(monitor.HearsUpdated):
		return EventUpdated, "updated-" + strconv.Itoa(told.Updates+1)
	case inc.isMuted(now) || !tier.Hears(monitor.HearsReminder):
		return "", ""
	case inc.isLate(tier, told, now):
		return EventReminder, "late-" + strconv.FormatInt(inc.Next.Unix(), 10)
	case tier.Remind > 0 && inc.Acked.IsZero() && inc.State == Open && !now.Before(told.Last.Add(tier.Remind)):
		return EventReminder, "reminder-" + strconv.Itoa(told.Reminders+1)
	}
	return "", ""
}

// clock is a time of day as people say it, in the site's zone.
func clock(t time.Time, zone *time.Location) string { return t.In(zone).Format("15:04 MST") }

func notification(cfg *monitor.Config, tier monitor.Tier, inc *Incident, event Event, receipt string, update Update, now time.Time) Notification {
	n := Notification{
		ID: digest("notification", inc.ID, receipt, string(tier.ID)), Incident: inc.ID,
		Tier: tier.ID, Event: event, Receipt: receipt, At: now, Check: inc.Check,
		Title: inc.Title, Phase: inc.Phase, Impact: inc.Impact, Worst: inc.Worst,
		Opened: inc.Opened, Since: inc.Since, Resolved: inc.Resolved, Services: inc.Services,
		Text: update.Text, Detail: inc.Detail,
		Site: cfg.Site.Name, Zone: cfg.Site.TimeZone, Public: tier.Public,
	}
	if n.Text == "" || event == EventOpened {
		n.Text = standing(inc)
	}
	if event == EventReminder && strings.HasPrefix(receipt, "late-") {
		n.Text = "The next update was promised for " + clock(inc.Next, cfg.Zone()) + ", and is late. " + n.Text
	}
	if event == EventOpened {
		n.By = inc.reached(tier).Add(tier.After + tier.Hold)
	}
	if cfg.Site.URL != "" {
		n.URL = cfg.Site.URL + "/incidents/" + inc.ID
	}
	if tier.Public {
		n.Detail, n.Services = "", inc.public()
		n.Title, n.Text = inc.PublicTitle(), inc.PublicText(n.Text)
	}
	return n
}
