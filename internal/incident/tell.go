package incident

import (
	"cmp"
	"maps"
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
	Note     *Remark        `json:"note,omitempty"`    // what a person wrote last, where Text is something else
	Next     time.Time      `json:"next,omitzero"`     // by when the next update is promised
	Reminds  bool           `json:"reminds,omitempty"` // reminders follow, until somebody acknowledges
	Do       []Advice       `json:"do,omitempty"`      // what can be done about it
	About    monitor.TierID `json:"about,omitempty"`   // the tier of which is asked whether it is to hear
	Detail   string         `json:"detail,omitempty"`  // not for public tiers

	Site   string `json:"site"`
	Zone   string `json:"zone"`          // the site's time zone
	URL    string `json:"url,omitempty"` // of the incident's page
	Public bool   `json:"public,omitempty"`
	Chat   bool   `json:"chat,omitempty"` // it is for a chat, a thread for each incident

	Machine bool `json:"machine,omitempty"` // it is for programs that open and close an alarm for each incident
}

// Remark is what a person wrote, and when. By is empty for the public.
type Remark struct {
	By   string    `json:"by,omitempty"`
	At   time.Time `json:"at"`
	Text string    `json:"text"`
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
	next, fx := inc.clone(), Effects{}
	ends := drained(cfg, &next, now)
	if ends {
		fx.Updates = []Update{end(&next, now)}
	}
	held, asks := ask(cfg, &next, now)
	told, notifications := tell(cfg, next, now)
	fx.Notifications = notifications
	if asks {
		questions := asked(cfg, &told, held, now)
		asks = len(questions) > 0 // else somebody may be awake later
		fx.Notifications = append(fx.Notifications, questions...)
	}
	if len(fx.Notifications) == 0 && !ends && !asks {
		return Effects{}, false
	}
	fx.Incidents = []Incident{told}
	return fx, true
}

// asked is a question to those operators who have heard of it and are awake; the
// incident remembers it.
func asked(cfg *monitor.Config, inc *Incident, held monitor.Tier, now time.Time) []Notification {
	var out []Notification
	receipt := number("asked-"+string(held.ID), inc.Asks+1)
	d, again := inc.Declined[held.ID]
	for _, tier := range cfg.Tiers {
		if _, heard := inc.Told[tier.ID]; !heard || !areOperators(cfg, tier.ID) || !waits(tier, inc.Impact, now).IsZero() {
			continue
		}
		n := notification(cfg, tier, inc, EventAsked, receipt, now)
		n.Text, n.Note = question(cfg, inc, held, now), nil
		n.About, n.Do = held.ID, []Advice{publishing(inc, held.ID), declining(inc, held.ID)}
		if again {
			n.Do = n.Do[:1]
		}
		out = append(out, n)
	}
	if len(out) == 0 {
		return nil
	}
	inc.Asked[held.ID] = now
	inc.Asks++
	if again {
		d.Asked = inc.seenBy(held).Impact
		inc.Declined[held.ID] = d
	}
	return out
}

// hears reports whether a tier is one to be told of the incident as it is now: if
// something that it knows of is affected as badly, and not fine again.
func hears(cfg *monitor.Config, tier monitor.Tier, inc *Incident) bool {
	if !tier.Hears(monitor.HearsOpened) {
		return false
	}
	whole := !tier.Public && inc.seenAs(tier) == nil
	return inc.State == Open && inc.Impact.AtLeast(tier.Impact) && slices.ContainsFunc(inc.Services, func(a Affected) bool {
		return whole || knows(cfg, tier, a) && a.Restored.IsZero() && a.Status.Impact().AtLeast(tier.Impact)
	})
}

// tell finds what each tier has to hear now, and marks it as told. What quiet hours
// keep from a tier is not marked: at their end it is told what is true then. The end
// is put off until then: nobody looks at the incident any more.
func tell(cfg *monitor.Config, inc Incident, now time.Time) (Incident, []Notification) {
	var out []Notification
	for _, tier := range audience(cfg, &inc) {
		told, heard := inc.Told[tier.ID]
		own, hearing := policy(cfg, tier, &inc)
		if !hearing && !heard {
			continue
		}
		seen := inc.seenBy(tier)
		if heard {
			told = told.falls(inc.fallen(cfg, tier))
			inc.Told[tier.ID] = told
		}
		event, receipt := next(cfg, own, seen, told, heard, now)
		if event == "" {
			continue
		}
		impact := seen.Impact
		if event == EventResolved {
			impact = told.Impact
		}
		until := waits(own, impact, now)
		_, published := inc.Published[tier.ID]
		if !until.IsZero() && event != EventResolved && !(event == EventOpened && published) {
			continue
		}
		n := notification(cfg, own, &inc, event, receipt, now)
		inc.Told[tier.ID] = told.after(cfg, own, seen, event, receipt, heard, now)
		if !until.IsZero() && event == EventResolved {
			n.At = until
		}
		out = append(out, n)
	}
	return inc, out
}

// audience is the tiers, and, of what is over, those that have heard of it and are
// gone from the configuration since.
func audience(cfg *monitor.Config, inc *Incident) []monitor.Tier {
	if inc.State != Resolved {
		return cfg.Tiers
	}
	all := slices.Clone(cfg.Tiers)
	for _, id := range slices.Sorted(maps.Keys(inc.Told)) {
		if _, known := cfg.Tier(id); !known {
			t := inc.Told[id]
			all = append(all, monitor.Tier{ID: id, Public: t.Public, Chat: t.Chat, Machine: t.Machine})
		}
	}
	return all
}

// after is what a tier has heard once it has heard of an event.
func (t Told) after(cfg *monitor.Config, tier monitor.Tier, inc *Incident, event Event, receipt string, heard bool, now time.Time) Told {
	if !heard {
		t.At = now
	}
	late, again := inc.isLate(cfg, tier, t, now), inc.Impact.Rank() <= t.Impact.Rank()
	if event == EventOpened || event == EventEscalated || inc.isMuted(now) { // an update alarms nobody
		t.Stands = t.stands().Worse(inc.Impact)
	}
	t.Last, t.Impact = now, t.Impact.Worse(inc.Impact)
	t.Ended, t.Calm = event == EventResolved, tier.Public && !inc.calmAt(cfg).IsZero() // its subject says so already
	t.News, t.Public, t.Chat, t.Machine = inc.News, tier.Public, tier.Chat, tier.Machine
	switch event {
	case EventReminder:
		t.Reminders++
		t.Nagged = t.Nagged || receipt == nagReceipt
		if late {
			t.Late = inc.Next
		}
	case EventUpdated:
		t.Updates++
	case EventEscalated:
		if again {
			t.Again++
		}
	}
	return t
}

// nagReceipt names the reminder that nobody outside was told.
const nagReceipt = "nag"

// next decides what one tier hears, if anything: the most important of what is
// due. The receipt names the event uniquely in the incident.
func next(cfg *monitor.Config, tier monitor.Tier, inc *Incident, told Told, heard bool, now time.Time) (Event, string) {
	switch {
	case !heard && inc.isDue(cfg, tier, now):
		return EventOpened, "opened"
	case !heard || told.Ended:
		return "", ""
	case inc.State == Resolved:
		return EventResolved, "resolved"
	case tier.Hears(monitor.HearsEscalated) && inc.isWorse(tier, told, now):
		return EventEscalated, inc.escalated(told)
	case told.News < inc.News && tier.Hears(monitor.HearsUpdated) && !inc.isOld(cfg, told, now):
		return EventUpdated, number("updated", told.Updates+1)
	case tier.Public && inc.State == Open && inc.isCalm(cfg, told, now) != told.Calm && tier.Hears(monitor.HearsUpdated) && !inc.isMuted(now):
		return EventUpdated, number("updated", told.Updates+1)
	case inc.isMuted(now) || !tier.Hears(monitor.HearsReminder):
		return "", ""
	case inc.isLate(cfg, tier, told, now):
		return EventReminder, "late-" + strconv.FormatInt(inc.Next.Unix(), 10)
	case inc.nags(cfg, tier, told, now):
		return EventReminder, nagReceipt
	case inc.reminds(tier) && !now.Before(told.Last.Add(tier.Remind)):
		return EventReminder, number("reminder", told.Reminders+1)
	}
	return "", ""
}

// reminds reports whether a tier is reminded of the incident as it is now: until
// somebody acknowledges it, and again if it has become worse than it was since.
func (i *Incident) reminds(tier monitor.Tier) bool {
	return tier.Remind > 0 && i.Impact != monitor.ImpactNone && !i.isAcked() && i.State == Open
}

// clock is a time of day as people say it, in the site's zone, with its day if that
// is not obvious.
func clock(t, now time.Time, zone *time.Location) string {
	if t.Sub(now).Abs() > 12*time.Hour {
		return t.In(zone).Format("Mon 2 Jan 15:04 MST")
	}
	return t.In(zone).Format("15:04 MST")
}

func notification(cfg *monitor.Config, tier monitor.Tier, inc *Incident, event Event, receipt string, now time.Time) Notification {
	seen, known := inc.seenBy(tier), inc.knownTo(cfg, tier)
	n := Notification{
		ID: digest("notification", inc.ID, receipt, string(tier.ID)), Incident: inc.ID,
		Tier: tier.ID, Event: event, Receipt: receipt, At: now, Check: inc.Check,
		Title: inc.titleFor(known), Phase: inc.Phase, Impact: seen.Impact, Worst: seen.Worst,
		Opened: seen.Opened, Since: seen.Since, Services: known, Detail: inc.Failing(), Next: inc.Next, Reminds: inc.reminds(tier),
		Site: cfg.Site.Name, Zone: cfg.Site.TimeZone, Public: tier.Public, Chat: tier.Chat, Machine: tier.Machine,
	}
	if inc.State == Resolved {
		_, n.Resolved = inc.lastedFor(inc.seenAs(tier), known)
	}
	if event == EventOpened {
		n.By = inc.heardBy(tier)
	}
	if cfg.Site.URL != "" {
		n.URL = cfg.Site.URL + "/incidents/" + inc.ID
	}
	n.Text = inc.words(cfg, tier, event, known, now)
	switch {
	case receipt == nagReceipt:
		n.Text, n.Do = nagging(cfg, inc, now)
	case event == EventReminder && strings.HasPrefix(receipt, "late-"):
		n.Text = "The next update was promised for " + clock(inc.Next, now, cfg.Zone()) + ", and is late. " + n.Text
	}
	if text, _, drains := strings.Cut(n.Text, " "+forget+": "); drains {
		n.Text, n.Do = text, []Advice{{forget, FlushAdvice}}
	}
	if note := inc.Note; note.By != "" && note.Text != n.Text && inc.State != Resolved {
		n.Note = &Remark{By: note.By, At: note.At, Text: note.Text}
		if tier.Public {
			n.Note.By = ""
		}
	}
	if tier.Public || !slices.ContainsFunc(known, func(a Affected) bool { return a.ID == inc.Root }) {
		n.Detail = "" // of what it does not know
	}
	return n
}

// words is the sentence of a notification: what was written just now, or how the
// incident stands for those who hear of it late.
func (i *Incident) words(cfg *monitor.Config, tier monitor.Tier, event Event, known []Affected, now time.Time) string {
	told := i.Told[tier.ID]
	fresh := told.News < i.News && (i.Said.By != "" || i.Said.At.Equal(now))
	switch {
	case event == EventResolved && i.Said.By == "":
		from, to := i.lastedFor(i.seenAs(tier), known)
		ours, theirs := i.overText(i.Services), i.overAfter(known, from, to)
		return i.textFor(known, strings.Replace(i.Said.Text, ours, theirs, 1))
	case event == EventOpened && i.Manual:
		return cmp.Or(i.Note.Text, standing(i))
	case (event == EventUpdated || event == EventEscalated || event == EventResolved) && fresh:
		if i.Said.By != "" {
			return i.Said.Text
		}
		return i.textFor(known, i.Said.Text)
	case event == EventUpdated && tier.Public && i.isCalm(cfg, told, now):
		if v, sees := i.foremost(known); sees {
			return ended(v.Name, v.change()) + "."
		}
	}
	return i.textFor(known, standing(i))
}

// heardBy is when a tier's policy wants it told of the beginning; zero where people
// decided that.
func (i *Incident) heardBy(tier monitor.Tier) time.Time {
	if _, published := i.Published[tier.ID]; published {
		return time.Time{}
	}
	seen := i.seenBy(tier)
	at := seen.dueAt(tier)
	if until := waits(tier, seen.Impact, at); !until.IsZero() {
		return until
	}
	return at
}

// Failing is what fails, for operators; of what works again, what failed when it was
// worst.
func (i *Incident) Failing() string {
	detail := i.Detail
	if i.State != Open {
		detail = cmp.Or(i.Failed, i.Detail)
	}
	return strings.TrimSpace(strings.Join(append([]string{detail}, i.Common...), "\n"))
}
