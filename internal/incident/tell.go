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
	EventAsked     Event = "asked"    // whether a tier that holds its messages back is to hear
	EventExpiring  Event = "expiring" // a certificate or registration is about to end; of no incident
	EventRenewed   Event = "renewed"  // and is not any more
	EventTest      Event = "test"     // a rehearsal: does it arrive?

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
	Since    time.Time      `json:"since"`             // when it became as bad as Worst
	Resolved time.Time      `json:"resolved,omitzero"` // when it worked again, of one that is over
	Services []Affected     `json:"services"`          // those that the tier may know of
	Until    time.Time      `json:"until,omitzero"`    // when maintenance is to end
	Text     string         `json:"text"`
	Do       []Advice       `json:"do,omitempty"`     // what can be done about it
	About    monitor.TierID `json:"about,omitempty"`  // the tier of which is asked whether it is to hear
	Detail   string         `json:"detail,omitempty"` // not for public tiers

	Site   string `json:"site"`
	Zone   string `json:"zone"`          // the site's time zone
	URL    string `json:"url,omitempty"` // of the incident's page
	Public bool   `json:"public,omitempty"`
	Chat   bool   `json:"chat,omitempty"` // it is for a chat, a thread for each incident

	Machine bool `json:"machine,omitempty"` // it is for programs that open and close an alarm for each incident
}

// Advice is what somebody can do: for what, and the lines to type, each whole.
type Advice struct {
	For   string   `json:"for"`
	Lines []string `json:"lines"`
}

// Tick does what time alone causes in an incident: tiers whose delay has passed
// hear of it, tiers that want reminders get them, people are asked what to do
// about messages that are held back, and what waits for old DNS answers to run
// out ends. It reports false if nothing is due.
func Tick(cfg *monitor.Config, inc Incident, now time.Time) (Effects, bool) {
	next, update := inc.clone(), Update{}
	ends := drained(cfg, &next, now)
	if ends {
		update = end(&next, now)
	}
	held, asks := ask(cfg, &next, now)
	told, notifications := tell(cfg, next, update, now)
	fx := Effects{Notifications: notifications}
	if asks {
		questions := asked(cfg, &told, held, now)
		if asks = len(questions) > 0; asks { // else somebody may be awake later
			told.Asked[held.ID] = now
			fx.Notifications = append(fx.Notifications, questions...)
		}
	}
	if len(fx.Notifications) == 0 && !ends && !asks {
		return Effects{}, false
	}
	fx.Incidents = []Incident{told}
	if ends {
		fx.Updates = []Update{update}
	}
	return fx, true
}

// asked is a question to everybody who is told at once, may see everything and is
// awake.
func asked(cfg *monitor.Config, inc *Incident, held monitor.Tier, now time.Time) []Notification {
	var out []Notification
	receipt := "asked-" + string(held.ID)
	if _, again := inc.Declined[held.ID]; again {
		receipt += "-" + string(inc.Impact)
	}
	for _, tier := range cfg.Tiers {
		if _, heard := inc.Told[tier.ID]; heard && !tier.Public && tier.After == 0 && waits(tier, inc.Impact, now).IsZero() {
			n := notification(cfg, tier, inc, EventAsked, receipt, Update{Incident: inc.ID, Text: question(cfg, inc, held)}, now)
			n.About, n.Do = held.ID, []Advice{publishing(inc, held.ID), declining(inc, held.ID)}
			if _, again := inc.Declined[held.ID]; again {
				n.Do = n.Do[:1]
			}
			out = append(out, n)
		}
	}
	return out
}

// hears reports whether a tier is one to be told of the incident as it is now.
// The public is told if something that it sees is affected as badly, and not fine
// again.
func hears(tier monitor.Tier, inc *Incident) bool {
	if !tier.Hears(monitor.HearsOpened) {
		return false
	}
	seen := func(a Affected) bool {
		return !tier.Public || !a.Internal && a.Restored.IsZero() && a.Status.Impact().AtLeast(tier.Impact)
	}
	return inc.State == Open && inc.Impact.AtLeast(tier.Impact) && slices.ContainsFunc(inc.Services, seen)
}

// tell finds what each tier has to hear now, and marks it as told.
func tell(cfg *monitor.Config, inc Incident, update Update, now time.Time) (Incident, []Notification) {
	var out []Notification
	for _, tier := range cfg.Tiers {
		told, heard := inc.Told[tier.ID]
		own, hearing := policy(cfg, tier, &inc)
		if !hearing && !heard {
			continue
		}
		seen := inc.seenBy(tier)
		event, receipt := next(cfg, own, seen, told, heard, update, now)
		impact := seen.Impact
		if event == EventResolved {
			impact = told.Impact
		}
		until := waits(own, impact, now)
		if event == "" || !until.IsZero() && (event == EventOpened || event == EventReminder) {
			continue // what has not begun by the end of the quiet hours need not be told
		}
		n := notification(cfg, own, &inc, event, receipt, update, now)
		inc.Told[tier.ID] = told.after(own, seen, event, receipt, heard, now)
		if !until.IsZero() {
			n.At = until
		}
		out = append(out, n)
	}
	return inc, out
}

// after is what a tier has heard once it has heard of an event.
func (t Told) after(tier monitor.Tier, inc *Incident, event Event, receipt string, heard bool, now time.Time) Told {
	if !heard {
		t.At = now
	}
	late := inc.isLate(tier, t, now)
	t.Last, t.Impact = now, t.Impact.Worse(inc.Impact)
	t.Ended, t.Calm = event == EventResolved, tier.Public && inc.isCalm(t, now)
	switch event {
	case EventReminder:
		t.Reminders++
		t.Nagged = t.Nagged || receipt == nagReceipt
		if late {
			t.Late = inc.Next
		}
	case EventUpdated:
		t.Updates++
	}
	return t
}

// nagReceipt names the reminder that nobody outside was told.
const nagReceipt = "nag"

// next decides what one tier hears, if anything: the most important of what is
// due. The receipt names the event uniquely in the incident.
func next(cfg *monitor.Config, tier monitor.Tier, inc *Incident, told Told, heard bool, update Update, now time.Time) (Event, string) {
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
		return EventUpdated, number("updated", told.Updates+1)
	case tier.Public && inc.State == Open && inc.isCalm(told, now) != told.Calm && tier.Hears(monitor.HearsUpdated) && !inc.isMuted(now):
		return EventUpdated, number("updated", told.Updates+1)
	case inc.isMuted(now) || !tier.Hears(monitor.HearsReminder):
		return "", ""
	case inc.isLate(tier, told, now):
		return EventReminder, "late-" + strconv.FormatInt(inc.Next.Unix(), 10)
	case inc.nags(cfg, tier, told, now):
		return EventReminder, nagReceipt
	case tier.Remind > 0 && inc.Impact != monitor.ImpactNone && inc.Acked.IsZero() && inc.State == Open && !now.Before(told.Last.Add(tier.Remind)):
		return EventReminder, number("reminder", told.Reminders+1)
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
		Opened: inc.Opened, Since: inc.Since, Services: inc.Services,
		Text: update.Text, Detail: inc.Detail,
		Site: cfg.Site.Name, Zone: cfg.Site.TimeZone, Public: tier.Public, Chat: tier.Chat, Machine: tier.Machine,
	}
	from, to := inc.Lasted()
	if inc.State == Resolved {
		n.Resolved = to
	}
	if n.Text == "" || event == EventOpened && !inc.Manual {
		n.Text = standing(inc)
	}
	if event == EventReminder && strings.HasPrefix(receipt, "late-") {
		n.Text = "The next update was promised for " + clock(inc.Next, cfg.Zone()) + ", and is late. " + n.Text
	}
	if receipt == nagReceipt {
		n.Text, n.Do = nagging(cfg, inc, now)
	}
	if text, _, drains := strings.Cut(n.Text, " "+forget+": "); drains {
		n.Text, n.Do = text, []Advice{{forget, FlushAdvice}}
	}
	if tier.Public && inc.Seen != nil {
		seen := inc.Public()
		n.Impact, n.Worst, n.Opened, n.Since = seen.Impact, seen.Worst, seen.Opened, seen.Since
		if event == EventResolved {
			publicFrom, publicTo := inc.PubliclyLasted()
			n.Resolved = publicTo
			if update.By == "" {
				n.Text = strings.Replace(n.Text, restoredText(from, to), restoredText(publicFrom, publicTo), 1)
			}
		}
	}
	if event == EventOpened {
		n.By = inc.seenBy(tier).dueAt(tier)
	}
	if v, sees := inc.foremost(); sees && tier.Public && update.Incident == "" && inc.isCalm(inc.Told[tier.ID], now) {
		n.Text = v.Name + ": working again."
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
