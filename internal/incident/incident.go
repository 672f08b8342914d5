package incident

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Incident is one outage of a service, with all that is needed to go on with it.
// Its time line is in its updates.
type Incident struct {
	ID    string            `json:"id"`
	Title string            `json:"title"`
	Root  monitor.ServiceID `json:"root"` // the service that it is named after
	State State             `json:"state"`
	Phase Phase             `json:"phase"`

	Impact monitor.Impact `json:"impact"` // now
	Worst  monitor.Impact `json:"worst"`  // of its whole life

	Opened   time.Time `json:"opened"`   // dated back to the first failing check
	Declared time.Time `json:"declared"` // when it was known
	Resolved time.Time `json:"resolved,omitzero"`
	Updated  time.Time `json:"updated"`

	Services []Affected `json:"services"` // causes first, in the order of joining

	// Since is the beginning of the outage in an incident that began with a lost
	// redundancy or with slowness; otherwise, of the incident. See Lasted.
	Since time.Time `json:"since"`

	// Reached says since when the impact has been at least so bad; an impact
	// that the incident has fallen below again is not in it.
	Reached map[monitor.Impact]time.Time `json:"reached"`

	// Seen is Since, Reached and the like for the public, where that is something else;
	// Own for tiers that are never to hear of one of its services.
	Seen *Seen                    `json:"seen,omitempty"`
	Own  map[monitor.TierID]*Seen `json:"own,omitempty"`

	Told  map[monitor.TierID]Told `json:"told,omitempty"`
	Acked time.Time               `json:"acked,omitzero"` // reminders stop
	By    string                  `json:"by,omitempty"`   // who acknowledged

	// AckedAt is how bad it was then, or at best since: if it gets worse, reminders
	// begin again. Empty, in what was stored before that was kept: they do not.
	AckedAt monitor.Impact `json:"acked_at,omitempty"`

	// Said is the last update that everybody who has heard of the incident is to
	// hear, and News how many there were: whom quiet hours kept from it hears it
	// later. Note is the last that a person wrote, for those who hear of it later.
	Said Update `json:"said,omitzero"`
	News int    `json:"news,omitempty"`
	Note Update `json:"note,omitzero"`

	// Next is when the next update is promised; zero: there is no promise.
	Next time.Time `json:"next,omitzero"`

	// Unmuted is when planned maintenance last ended that had kept its messages
	// back; zero: none did.
	Unmuted time.Time `json:"unmuted,omitzero"`

	// Published and Declined are what people decided about tiers that hold their
	// messages back.
	Published map[monitor.TierID]time.Time `json:"published,omitempty"`
	Declined  map[monitor.TierID]Declined  `json:"declined,omitempty"`

	// Asked says when people were asked last whether a tier that holds its messages
	// back is to hear of it, and Asks how often they were asked.
	Asked map[monitor.TierID]time.Time `json:"asked,omitempty"`
	Asks  int                          `json:"asks,omitempty"`

	// Drain is until when caches may hold old DNS answers, as far as was seen or
	// said; zero where nothing moved.
	Drain time.Time `json:"drain,omitzero"`

	// Old is what is found at addresses that were in use before, in words; empty where
	// there are none.
	Old string `json:"old,omitempty"`

	// Declared by a person: it ends when a person says so. Name is the title that they
	// gave it.
	Manual bool   `json:"manual,omitempty"`
	Name   string `json:"name,omitempty"`

	Detail string   `json:"detail,omitempty"` // what fails, for operators
	Failed string   `json:"failed,omitempty"` // what failed when it was worst
	Common []string `json:"common,omitempty"` // what its causes have in common, for operators
	Check  string   `json:"check,omitempty"`  // the id of the check that it began with
}

// State is where an incident is in its life.
type State string

// The states. A draining incident is restored, and waits until caches of old
// DNS records have run out.
const (
	Open     State = "open"
	Draining State = "draining"
	Resolved State = "resolved"
)

// Phase is what the public is told is being done, in Statuspage's words.
type Phase string

// The phases.
const (
	Investigating Phase = "investigating"
	Identified    Phase = "identified"
	Monitoring    Phase = "monitoring"
	Done          Phase = "resolved"
)

// Affected is a service in an incident.
type Affected struct {
	ID       monitor.ServiceID `json:"id"`
	Name     string            `json:"name"`
	Internal bool              `json:"internal,omitempty"`
	Cause    bool              `json:"cause,omitempty"`    // false: it only depends on a cause
	Status   monitor.Status    `json:"status"`             // the last one known
	Worst    monitor.Status    `json:"worst,omitempty"`    // the worst one of all
	Least    int               `json:"least,omitempty"`    // of Total, how many were alive then
	Unknown  bool              `json:"unknown,omitempty"`  // no results at the moment
	Since    time.Time         `json:"since"`              // when it joined
	Restored time.Time         `json:"restored,omitzero"`  // zero while it is not fine
	Gone     bool              `json:"gone,omitempty"`     // it is not watched any more, since Restored: that is no sign that it works
	Heard    time.Time         `json:"heard,omitzero"`     // since when it is known again, after it was not
	Muted    time.Time         `json:"muted,omitzero"`     // until when planned maintenance of it lasts
	Declared monitor.Status    `json:"declared,omitempty"` // what a person says that it is; Status is no better
	Alive    int               `json:"alive"`
	Total    int               `json:"total"`
	Flapping bool              `json:"flapping,omitempty"` // it keeps changing
	Shared   []string          `json:"shared,omitempty"`   // what its failure may have in common with others

	// Still is that it was pending when the incident ended, and had been checked since
	// its cause was mended.
	Still bool `json:"still,omitempty"`
}

// IsPending reports whether an incident that is over ended before this service was
// seen working: it only depended on the cause, which is restored.
func (a Affected) IsPending() bool {
	return !a.Cause && !a.Unknown && a.Restored.IsZero() && a.Status.IsOutage()
}

// Told is what a tier has heard.
type Told struct {
	At        time.Time      `json:"at"`
	Impact    monitor.Impact `json:"impact"`           // the worst it has heard of
	Stands    monitor.Impact `json:"stands,omitempty"` // what it was alarmed of last, or what that has fallen to; empty: Impact
	Again     int            `json:"again,omitempty"`  // how often it was alarmed of what it had been told before
	Reminders int            `json:"reminders,omitempty"`
	Updates   int            `json:"updates,omitempty"` // of those that are neither beginning, escalation nor end
	Nagged    bool           `json:"nagged,omitempty"`  // it was told that nobody outside was
	Late      time.Time      `json:"late,omitzero"`     // the promised update that it was reminded of
	Last      time.Time      `json:"last"`              // the last message
	Ended     bool           `json:"ended,omitempty"`
	Calm      bool           `json:"calm,omitempty"` // what it sees works, as it was told, though the incident goes on
	News      int            `json:"news,omitempty"` // of the incident's, how many it has heard

	// What the tier is, should it be gone from the configuration when all is over.
	Public  bool `json:"public,omitempty"`
	Chat    bool `json:"chat,omitempty"`
	Machine bool `json:"machine,omitempty"`
}

// Update is one entry of an incident's time line.
type Update struct {
	Incident string         `json:"incident"`
	At       time.Time      `json:"at"`
	Phase    Phase          `json:"phase"`
	Text     string         `json:"text"`             // for everybody; of Sonde's own, see Public
	Detail   string         `json:"detail,omitempty"` // for operators
	By       string         `json:"by,omitempty"`     // empty: Sonde itself
	Impact   monitor.Impact `json:"impact"`

	// Public is what the public reads in place of what Sonde wrote, where that is about
	// what they do not know of; Hidden: nothing.
	Public string `json:"public,omitempty"`
	Hidden bool   `json:"hidden,omitempty"`
}

// ForPublic is the update as the public reads it; empty if it is none for them. What a
// person wrote is for everybody, as it stands.
func (u Update) ForPublic() string {
	switch {
	case u.By != "":
		return u.Text
	case u.Hidden:
		return ""
	}
	return cmp.Or(u.Public, u.Text)
}

// NewID derives an incident's id from the service that it began with and when:
// twelve lower-case letters and digits, stable across renames. (Step adds the
// last changes of what the service depends on.)
func NewID(root monitor.ServiceID, opened time.Time) string {
	return digest("incident", string(root), opened.UTC().Format(time.RFC3339Nano))
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}

// Affects returns the incident's entry of a service.
func (i *Incident) Affects(id monitor.ServiceID) (Affected, bool) {
	at := i.index(id)
	if at < 0 {
		return Affected{}, false
	}
	return i.Services[at], true
}

func (i *Incident) index(id monitor.ServiceID) int {
	return slices.IndexFunc(i.Services, func(a Affected) bool { return a.ID == id })
}

// IsPublic reports whether anything the public sees is affected.
func (i *Incident) IsPublic() bool {
	return slices.ContainsFunc(i.Services, func(a Affected) bool { return !a.Internal })
}

func (i Incident) clone() Incident {
	i.Services = slices.Clone(i.Services)
	i.Reached = maps.Clone(i.Reached)
	i.Told = maps.Clone(i.Told)
	i.Seen, i.Own = i.Seen.clone(), maps.Clone(i.Own)
	for tier, own := range i.Own {
		i.Own[tier] = own.clone()
	}
	if i.Reached == nil {
		i.Reached = map[monitor.Impact]time.Time{}
	}
	if i.Told == nil {
		i.Told = map[monitor.TierID]Told{}
	}
	i.Published, i.Declined, i.Asked = maps.Clone(i.Published), maps.Clone(i.Declined), maps.Clone(i.Asked)
	if i.Asked == nil {
		i.Asked = map[monitor.TierID]time.Time{}
	}
	if i.Published == nil {
		i.Published = map[monitor.TierID]time.Time{}
	}
	if i.Declined == nil {
		i.Declined = map[monitor.TierID]Declined{}
	}
	return i
}

// fails notes what fails by now.
func (i *Incident) fails(detail string) {
	i.Detail = detail
	if i.Failed == "" || i.Impact == i.Worst {
		i.Failed = detail
	}
}

// name gives the incident the title of its root, and moves the root to another
// cause if that is worse, or the root fine again.
func (i *Incident) name() {
	root := -1
	for at, a := range i.Services {
		if !a.Cause || !a.Restored.IsZero() {
			continue
		}
		if root < 0 {
			root = at
			continue
		}
		old, rank := i.Services[root].Status.Impact().Rank(), a.Status.Impact().Rank()
		if rank > old || rank == old && a.ID == i.Root {
			root = at
		}
	}
	if root < 0 {
		return
	}
	a := i.Services[root]
	i.Root, i.Title = a.ID, title(a.Name, a.change())
	if i.Manual && !slices.ContainsFunc(i.Services, func(a Affected) bool { return a.Restored.IsZero() && a.Status != a.Declared }) {
		i.Root, i.Title = i.Services[0].ID, i.Name
	}
}

// change is the service's condition as the incident knows it.
func (a Affected) change() Change {
	return Change{Service: a.ID, Status: a.Status, Alive: a.Alive, Total: a.Total, Gone: a.Gone, Flapping: a.Flapping}
}

// byWorst is what is the matter with a service, the worst last.
var byWorst = []monitor.Status{monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage, monitor.MajorOutage}

// worsen keeps how the service was at its worst: as it is now, or before.
func (a *Affected) worsen(before Affected) {
	now, was := slices.Index(byWorst, a.Status), slices.Index(byWorst, before.Worst)
	if a.Worst, a.Least = a.Status, a.Alive; was > now || was == now && before.Least < a.Alive {
		a.Worst, a.Least = before.Worst, before.Least
	}
}

// atWorst is the service's condition when it was worst.
func (a Affected) atWorst() Change {
	if a.Worst == "" { // of an incident that began before that was kept
		return a.change()
	}
	return Change{Service: a.ID, Status: a.Worst, Alive: a.Least, Total: a.Total}
}

// reached is since when the impact has been one that a tier hears of; zero if
// it is not. There is no lesser one than minor.
func (i *Incident) reached(tier monitor.Tier) time.Time {
	levels := []monitor.Impact{monitor.ImpactMinor, monitor.ImpactMinor, monitor.ImpactMajor, monitor.ImpactCritical}
	return i.Reached[levels[tier.Impact.Rank()]]
}

// weigh sets the impact from the causes, and keeps the times at which each
// level was reached.
func (i *Incident) weigh(cfg *monitor.Config, now time.Time) {
	impact := monitor.ImpactNone
	for _, a := range i.Services {
		if a.Cause && a.Restored.IsZero() {
			impact = impact.Worse(a.Status.Impact())
		}
	}
	i.weighSeen(cfg, now) // before the rest: up to now the public saw all of it, maybe
	i.Since = began(i.Since, i.Worst, impact, now)
	i.Impact, i.Worst = impact, i.Worst.Worse(impact)
	i.Reached = reach(i.Reached, impact, i.flaps(), now)
	if best := fallen(i.causes()); i.AckedAt != "" && best.Rank() < i.AckedAt.Rank() {
		i.AckedAt = best
	}
}

// began is since when it lasts, now that it is as bad as impact: what was slow or at
// risk is an outage only once something fails.
func began(since time.Time, worst, impact monitor.Impact, now time.Time) time.Time {
	if impact.Rank() > worst.Rank() && !worst.AtLeast(monitor.ImpactMajor) {
		return now
	}
	return since
}

// Lasted is from when to when what was wrong was wrong; to is zero while it is. That
// old DNS answers were still in caches after that is nothing that was wrong.
func (i *Incident) Lasted() (from, to time.Time) {
	if i.State == Draining || i.State == Resolved {
		to = cmp.Or(lastRestored(i), i.Resolved)
	}
	return i.Since, to
}
