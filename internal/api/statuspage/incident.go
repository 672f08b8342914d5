package statuspage

import (
	"slices"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// Incident is an outage; with its last two fields set, planned work.
type Incident struct {
	ID                string      `json:"id"`
	Name              string      `json:"name"`
	Status            string      `json:"status"`
	Impact            string      `json:"impact"`
	CreatedAt         Time        `json:"created_at"`
	UpdatedAt         Time        `json:"updated_at"`
	StartedAt         Time        `json:"started_at"`
	MonitoringAt      *Time       `json:"monitoring_at"`
	ResolvedAt        *Time       `json:"resolved_at"`
	Shortlink         string      `json:"shortlink"`
	PageID            string      `json:"page_id"`
	ReminderIntervals *string     `json:"reminder_intervals"` // null: it belongs to Statuspage's editor
	Updates           []Update    `json:"incident_updates"`   // newest first
	Components        []Component `json:"components"`
}

// ScheduledMaintenance is planned work.
type ScheduledMaintenance struct {
	Incident
	ScheduledFor   Time `json:"scheduled_for"`
	ScheduledUntil Time `json:"scheduled_until"`
}

// Update is one entry of a time line. The last three are always null.
type Update struct {
	ID                   string    `json:"id"`
	Status               string    `json:"status"`
	Body                 string    `json:"body"`
	IncidentID           string    `json:"incident_id"`
	CreatedAt            Time      `json:"created_at"`
	UpdatedAt            Time      `json:"updated_at"`
	DisplayAt            Time      `json:"display_at"`
	DeliverNotifications bool      `json:"deliver_notifications"`
	AffectedComponents   *struct{} `json:"affected_components"`
	CustomTweet          *string   `json:"custom_tweet"`
	TweetID              *string   `json:"tweet_id"`
}

// unresolved are the incidents that are not over, newest first.
func (s *Site) unresolved() []store.IncidentView {
	return slices.DeleteFunc(s.newest(), func(i store.IncidentView) bool { return i.State == incident.Resolved })
}

// newest are all incidents of the snapshot, the last to begin first.
func (s *Site) newest() []store.IncidentView {
	list := slices.Clone(s.Incidents)
	slices.SortStableFunc(list, func(a, b store.IncidentView) int { return b.Opened.Compare(a.Opened) })
	return list
}

func (s *Site) incidents(list []store.IncidentView) []Incident {
	out := []Incident{}
	for _, v := range list[:min(len(list), MaxList)] {
		out = append(out, s.incident(v))
	}
	return out
}

func (s *Site) incident(v store.IncidentView) Incident {
	out := Incident{
		ID: incidentID(v.ID), Name: v.Title, Status: phaseOf(v), Impact: impactOf(v.Impact),
		CreatedAt: first(v.Opened, s.Generated), UpdatedAt: first(v.Updated, v.Opened, s.Generated), StartedAt: first(v.Opened, s.Generated),
		Shortlink: s.url + "/incidents/" + v.ID, PageID: s.pageID(), Updates: []Update{}, Components: s.affected(v.Services),
	}
	if v.State == incident.Resolved {
		out.ResolvedAt = orNull(v.Resolved)
	}
	if v.Impact.Rank() == 0 { // it is over, or nearly
		out.Impact = impactOf(v.Worst)
	}
	for i, u := range v.Updates {
		if u.Phase == incident.Monitoring {
			at := Time(u.At)
			out.MonitoringAt = &at // the first, as they come newest first
		}
		out.Updates = append(out.Updates, update(out.ID, phase(u.Phase), u, len(v.Updates)-i))
	}
	return out
}

// update is the n-th entry of a time line, from 1.
func update(of, status string, u store.UpdateView, n int) Update {
	at := first(u.At)
	return Update{
		ID: newID("update", of, strconv.Itoa(n)), Status: status, Body: u.Text, IncidentID: of,
		CreatedAt: at, UpdatedAt: at, DisplayAt: at, DeliverNotifications: true,
	}
}

// phaseOf is where an incident is, in Statuspage's words: one that is restored
// and waits for old DNS records to run out is being monitored.
func phaseOf(v store.IncidentView) string {
	switch v.State {
	case incident.Resolved:
		return string(incident.Done)
	case incident.Draining:
		return string(incident.Monitoring)
	}
	if p := phase(v.Phase); p != string(incident.Done) {
		return p
	}
	return string(incident.Monitoring) // open, whatever its phase says
}

// phase is a phase that readers know; another one of a newer version is the
// first, as nothing is known to be done.
func phase(p incident.Phase) string {
	switch p {
	case incident.Identified, incident.Monitoring, incident.Done:
		return string(p)
	}
	return string(incident.Investigating)
}

// affected are the services of an incident that the page still has.
func (s *Site) affected(services []monitor.ServiceID) []Component {
	ids := make([]string, len(services))
	for i, id := range services {
		ids[i] = componentID(id)
	}
	out := []Component{}
	for _, c := range s.components {
		if slices.Contains(ids, c.ID) {
			out = append(out, c)
		}
	}
	return out
}

// incidentID keeps the id that the page has, where it has the right form.
func incidentID(id string) string {
	isOurs := len(id) == 12
	for _, r := range id {
		isOurs = isOurs && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	}
	if isOurs {
		return id
	}
	return newID("incident", id)
}

// maintenances are those in one of the states, or in any if none is given, the
// last to begin first.
func (s *Site) maintenances(states ...store.MaintenanceState) []ScheduledMaintenance {
	list := slices.DeleteFunc(slices.Clone(s.Maintenance), func(v store.MaintenanceView) bool {
		return len(states) > 0 && !slices.Contains(states, maintenanceState(v.State))
	})
	slices.SortStableFunc(list, func(a, b store.MaintenanceView) int { return b.Starts.Compare(a.Starts) })
	out := []ScheduledMaintenance{}
	for _, v := range list[:min(len(list), MaxList)] {
		out = append(out, s.maintenance(v))
	}
	return out
}

func (s *Site) maintenance(v store.MaintenanceView) ScheduledMaintenance {
	id := incidentID(v.ID)
	out := ScheduledMaintenance{
		Incident: Incident{
			ID: id, Name: v.Title, Status: string(maintenanceState(v.State)), Impact: string(InWork),
			CreatedAt: first(v.Created, v.Starts), UpdatedAt: first(v.Updated, v.Created, v.Starts), StartedAt: first(v.Starts),
			Shortlink: s.url + "/#maintenance-" + v.ID, PageID: s.pageID(), Updates: []Update{}, Components: s.affected(v.Services),
		},
		ScheduledFor: first(v.Starts), ScheduledUntil: first(v.Ends, v.Starts),
	}
	if v.State == store.MaintenanceCompleted {
		out.ResolvedAt = orNull(v.Ends)
	}
	// The announcement is the first entry, whatever followed.
	n := len(v.Updates) + 1
	for i, u := range v.Updates {
		out.Updates = append(out.Updates, update(id, stage(v, u), u, n-i))
	}
	announced := store.UpdateView{At: time.Time(out.CreatedAt), Text: v.Text}
	out.Updates = append(out.Updates, update(id, string(store.MaintenanceScheduled), announced, 1))
	return out
}

// stage is where planned work stood at an update.
func stage(v store.MaintenanceView, u store.UpdateView) string {
	switch {
	case u.At.Before(v.Starts):
		return string(store.MaintenanceScheduled)
	case v.State == store.MaintenanceCompleted && !u.At.Before(v.Ends):
		return string(store.MaintenanceCompleted)
	}
	return string(store.MaintenanceInProgress)
}

// maintenanceState is a state that readers know; another one of a newer version
// counts as going on.
func maintenanceState(s store.MaintenanceState) store.MaintenanceState {
	switch s {
	case store.MaintenanceScheduled, store.MaintenanceCompleted:
		return s
	}
	return store.MaintenanceInProgress
}
