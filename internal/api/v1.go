package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// v1 is Sonde's own JSON. Each of these stands in openapi.yaml, and a test holds
// the two together.
func (s *server) v1() []route {
	return []route{
		{"GET /api/v1/status", s.same(s.status)},
		{"GET /api/v1/services", s.same(s.services)},
		{"GET /api/v1/services/{id}", s.brief(s.service)},
		{"GET /api/v1/services/{id}/uptime", s.brief(s.uptime)},
		{"GET /api/v1/services/{id}/days", s.brief(s.days)},
		{"GET /api/v1/services/{id}/latency", s.brief(s.latency)},
		{"GET /api/v1/monitors", s.same(s.monitors)},
		{"GET /api/v1/monitors/{id}", s.brief(s.monitor)},
		{"GET /api/v1/monitors/{id}/uptime", s.brief(s.monitorUptime)},
		{"GET /api/v1/monitors/{id}/results", s.brief(s.results)},
		{"GET /api/v1/incidents", s.same(s.incidents)},
		{"GET /api/v1/incidents/{id}", s.brief(s.incident)},
		{"GET /api/v1/maintenance", s.same(s.maintenance)},
		{"GET /api/v1/locations", s.same(s.locations)},
		{"GET /openapi.json", s.openAPI},
		{"GET /docs", s.docs},
		{"GET /api", s.docs}, // where Statuspage has its own
		{"GET /healthz", s.healthz},
	}
}

// About stands at the head of lists: how far they can be believed.
type About struct {
	Generated  *time.Time `json:"generated"`   // when the answer's data was put together; null: never yet
	FreshUntil *time.Time `json:"fresh_until"` // after this it says nothing about now, wherever it was kept
	Stale      bool       `json:"stale"`       // that time has passed: every status is unknown
}

func aboutOf(v page.View) About {
	a := About{Generated: orNull(v.Generated), Stale: v.Stale}
	if a.Generated != nil {
		a.FreshUntil = orNull(v.Generated.Add(v.Fresh))
	}
	return a
}

// Site is who the status is of.
type Site struct {
	Name     string `json:"name"`
	URL      string `json:"url,omitempty"`
	TimeZone string `json:"time_zone"`
}

// Status is what /api/v1/status answers.
type Status struct {
	Site Site `json:"site"`
	About
	Status      monitor.Status `json:"status"`
	Description string         `json:"description"`
	Services    []Service      `json:"services"`
	Incidents   []Incident     `json:"incidents"`   // open ones
	Maintenance []Maintenance  `json:"maintenance"` // going on and to come
}

func (s *server) status(v page.View, _ *http.Request) (any, error) {
	out := Status{
		Site: Site{v.Site.Name, v.Site.URL, v.Site.TimeZone}, About: aboutOf(v), Status: v.Status, Description: v.Sentence,
		Services: servicesOf(v), Incidents: []Incident{}, Maintenance: []Maintenance{},
	}
	for _, inc := range v.Incidents {
		if inc.State != incident.Resolved {
			out.Incidents = append(out.Incidents, incidentOf(inc))
		}
	}
	for _, m := range v.Maintenance {
		if m.State != store.MaintenanceCompleted {
			out.Maintenance = append(out.Maintenance, maintenanceOf(m))
		}
	}
	return out, nil
}

// Incident is an incident in answers.
type Incident struct {
	ID       string              `json:"id"`
	Title    string              `json:"title"`
	State    incident.State      `json:"state"`
	Phase    incident.Phase      `json:"phase"`
	Impact   monitor.Impact      `json:"impact"` // now
	Worst    monitor.Impact      `json:"worst"`  // of its whole life
	Opened   time.Time           `json:"opened"`
	Since    time.Time           `json:"since"`    // of the outage, where it began with less
	Restored *time.Time          `json:"restored"` // when it worked again
	Resolved *time.Time          `json:"resolved"` // when it was over
	Updated  time.Time           `json:"updated"`
	Services []monitor.ServiceID `json:"services"`
	Next     *time.Time          `json:"next"`    // when the next update is promised
	Updates  []store.UpdateView  `json:"updates"` // newest first
}

func incidentOf(v store.IncidentView) Incident {
	out := Incident{
		ID: v.ID, Title: v.Title, State: lifeOf(v.State), Phase: phaseOf(v.Phase), Impact: impactOf(v.Impact), Worst: impactOf(v.Worst), Opened: v.Opened,
		Since: cmp.Or(v.Since, v.Opened), Restored: orNull(cmp.Or(v.Restored, v.Resolved)), Resolved: orNull(v.Resolved), Updated: v.Updated, Services: orEmpty(v.Services), Next: orNull(v.Next), Updates: []store.UpdateView{},
	}
	for _, u := range v.Updates {
		out.Updates = append(out.Updates, store.UpdateView{At: u.At, Phase: phaseOf(u.Phase), Text: u.Text})
	}
	return out
}

// Incidents is what /api/v1/incidents answers.
type Incidents struct {
	About
	Incidents []Incident `json:"incidents"` // open ones, then the resolved ones of 14 days, newest first; at most 50 of these
}

func (s *server) incidents(v page.View, _ *http.Request) (any, error) {
	out := Incidents{aboutOf(v), []Incident{}}
	for _, inc := range v.Incidents {
		out.Incidents = append(out.Incidents, incidentOf(inc))
	}
	return out, nil
}

func (s *server) incident(v page.View, r *http.Request) (any, error) {
	inc, has, err := s.find(r.Context(), v, r.PathValue("id"))
	switch {
	case err != nil:
		return nil, err
	case !has:
		return nil, notFound{fmt.Errorf("there is no incident %q", r.PathValue("id"))}
	}
	return incidentOf(inc), nil
}

// find finds an incident in a view, or among those that are too old for it.
func (s *server) find(ctx context.Context, v page.View, id string) (store.IncidentView, bool, error) {
	if at := slices.IndexFunc(v.Incidents, func(i store.IncidentView) bool { return i.ID == id }); at >= 0 {
		return v.Incidents[at], true, nil
	}
	return s.History.PastIncident(ctx, id)
}

// Maintenance is planned work in answers.
type Maintenance struct {
	ID       string                 `json:"id"`
	Title    string                 `json:"title"`
	Text     string                 `json:"text"`
	State    store.MaintenanceState `json:"state"`
	Starts   time.Time              `json:"starts"`
	Ends     time.Time              `json:"ends"` // as planned; when it ended, once it has
	Created  time.Time              `json:"created"`
	Updated  time.Time              `json:"updated"`
	Services []monitor.ServiceID    `json:"services"`
	Updates  []Note                 `json:"updates"` // newest first
}

// Note is one entry of planned work's time line.
type Note struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

func maintenanceOf(v store.MaintenanceView) Maintenance {
	out := Maintenance{
		ID: v.ID, Title: v.Title, Text: v.Text, State: stageOf(v.State), Starts: v.Starts, Ends: v.Ends,
		Created: v.Created, Updated: v.Updated, Services: orEmpty(v.Services), Updates: []Note{},
	}
	for _, u := range v.Updates {
		out.Updates = append(out.Updates, Note{u.At, u.Text})
	}
	return out
}

// MaintenanceList is what /api/v1/maintenance answers.
type MaintenanceList struct {
	About
	Maintenance []Maintenance `json:"maintenance"` // going on and to come, then the last ones that are over
}

func (s *server) maintenance(v page.View, _ *http.Request) (any, error) {
	out := MaintenanceList{aboutOf(v), []Maintenance{}}
	for _, m := range v.Maintenance {
		out.Maintenance = append(out.Maintenance, maintenanceOf(m))
	}
	return out, nil
}

// Location is a place where checks run from.
type Location struct {
	ID       monitor.Location `json:"id"`
	LastSeen *time.Time       `json:"last_seen"` // when its newest batch was due; null: never
	SetAside *time.Time       `json:"set_aside"` // since when what fails from there does not count; null: it does
}

// Locations is what /api/v1/locations answers.
type Locations struct {
	About
	Locations []Location `json:"locations"`
}

func (s *server) locations(v page.View, _ *http.Request) (any, error) {
	out := Locations{aboutOf(v), []Location{}}
	for _, l := range v.Locations {
		out.Locations = append(out.Locations, Location{l.ID, orNull(l.LastSeen), orNull(l.Aside)})
	}
	return out, nil
}
