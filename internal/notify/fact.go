package notify

import (
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// fact is what machines are shown of a notification, under its names. What is not
// listed here is not shown: a new field of a notification leaks to nobody.
type fact struct {
	ID       string         `json:"id"`
	Incident string         `json:"incident"`
	Tier     monitor.TierID `json:"tier"`
	Event    incident.Event `json:"event"`
	Receipt  string         `json:"receipt"`
	At       time.Time      `json:"at"`
	Title    string         `json:"title"`
	Phase    incident.Phase `json:"phase"`
	Impact   monitor.Impact `json:"impact"`
	Worst    monitor.Impact `json:"worst"`
	Opened   time.Time      `json:"opened"`
	Since    time.Time      `json:"since"`
	Resolved time.Time      `json:"resolved,omitzero"`
	Services []member       `json:"services"`
	Until    time.Time      `json:"until,omitzero"`
	Text     string         `json:"text"`
	Note     string         `json:"note,omitempty"` // what a person wrote last
	Next     time.Time      `json:"next,omitzero"`  // by when the next update is promised
	Site     string         `json:"site"`
	Zone     string         `json:"zone"`
	URL      string         `json:"url,omitempty"`
	Public   bool           `json:"public,omitempty"`
	Chat     bool           `json:"chat,omitempty"`
	Machine  bool           `json:"machine,omitempty"`
	*inner
}

// inner is what the public is not shown.
type inner struct {
	Check  string            `json:"check,omitempty"`
	By     time.Time         `json:"by,omitzero"`
	Do     []incident.Advice `json:"do,omitempty"`
	About  monitor.TierID    `json:"about,omitempty"`
	Detail string            `json:"detail,omitempty"`
}

// member is a service in a fact.
type member struct {
	ID       monitor.ServiceID `json:"id"`
	Name     string            `json:"name"`
	Internal bool              `json:"internal,omitempty"`
	Cause    bool              `json:"cause,omitempty"`
	Status   monitor.Status    `json:"status"`
	Unknown  bool              `json:"unknown,omitempty"`
	Since    time.Time         `json:"since"`
	Restored time.Time         `json:"restored,omitzero"`
	Gone     bool              `json:"gone,omitempty"` // not watched any more, since restored
	Muted    time.Time         `json:"muted,omitzero"`
	Alive    int               `json:"alive"`
	Total    int               `json:"total"`
	Flapping bool              `json:"flapping,omitempty"`
	Shared   []string          `json:"shared,omitempty"` // addresses: not for the public
}

// shown is what machines are shown of a notification that is tidy.
func shown(n incident.Notification) fact {
	f := fact{
		ID: n.ID, Incident: n.Incident, Tier: n.Tier, Event: n.Event, Receipt: n.Receipt, At: n.At,
		Title: n.Title, Phase: n.Phase, Impact: n.Impact, Worst: n.Worst, Opened: n.Opened, Since: n.Since, Resolved: n.Resolved,
		Until: n.Until, Text: n.Text, Next: n.Next, Site: n.Site, Zone: n.Zone, URL: n.URL, Public: n.Public, Chat: n.Chat, Machine: n.Machine,
	}
	if n.Note != nil {
		f.Note = n.Note.Text
	}
	for _, s := range n.Services {
		m := member{
			ID: s.ID, Name: s.Name, Internal: s.Internal, Cause: s.Cause, Status: s.Status, Unknown: s.Unknown, Since: s.Since,
			Restored: s.Restored, Gone: s.Gone, Muted: s.Muted, Alive: s.Alive, Total: s.Total, Flapping: s.Flapping, Shared: s.Shared,
		}
		if n.Public {
			m.Shared = nil
		}
		f.Services = append(f.Services, m)
	}
	if !n.Public {
		f.inner = &inner{Check: n.Check, By: n.By, Do: n.Do, About: n.About, Detail: n.Detail}
	}
	return f
}
