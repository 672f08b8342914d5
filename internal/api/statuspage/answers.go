package statuspage

import "github.com/sondehq/sonde/internal/store"

// Endpoint is one address below /api/v2/ and what it answers.
type Endpoint struct {
	Path   string
	Answer func(*Site) any
}

// Endpoints lists all of them.
func Endpoints() []Endpoint {
	return []Endpoint{
		{"status.json", func(s *Site) any { return s.StatusAnswer() }},
		{"summary.json", func(s *Site) any { return s.Summary() }},
		{"components.json", func(s *Site) any { return s.ComponentsAnswer() }},
		{"incidents.json", func(s *Site) any { return s.AllIncidents() }},
		{"incidents/unresolved.json", func(s *Site) any { return s.Unresolved() }},
		{"scheduled-maintenances.json", func(s *Site) any { return s.AllMaintenances() }},
		{"scheduled-maintenances/upcoming.json", func(s *Site) any { return s.Upcoming() }},
		{"scheduled-maintenances/active.json", func(s *Site) any { return s.Active() }},
	}
}

// StatusAnswer is status.json.
type StatusAnswer struct {
	Page   Page   `json:"page"`
	Status Status `json:"status"`
}

// StatusAnswer is the page's status alone.
func (s *Site) StatusAnswer() StatusAnswer { return StatusAnswer{s.page(), s.Status()} }

// Summary is summary.json.
type Summary struct {
	Page         Page                   `json:"page"`
	Components   []Component            `json:"components"`
	Incidents    []Incident             `json:"incidents"`              // unresolved
	Maintenances []ScheduledMaintenance `json:"scheduled_maintenances"` // to come, and going on
	Status       Status                 `json:"status"`
}

// Summary is all that is going on.
func (s *Site) Summary() Summary {
	return Summary{s.page(), s.Components(), s.incidents(s.unresolved()), s.maintenances(store.MaintenanceScheduled, store.MaintenanceInProgress), s.Status()}
}

// ComponentsAnswer is components.json.
type ComponentsAnswer struct {
	Page       Page        `json:"page"`
	Components []Component `json:"components"`
}

// ComponentsAnswer is all services and groups.
func (s *Site) ComponentsAnswer() ComponentsAnswer {
	return ComponentsAnswer{s.page(), s.Components()}
}

// Incidents is incidents.json and incidents/unresolved.json.
type Incidents struct {
	Page      Page       `json:"page"`
	Incidents []Incident `json:"incidents"`
}

// AllIncidents is the newest incidents, in whatever state.
func (s *Site) AllIncidents() Incidents { return Incidents{s.page(), s.incidents(s.newest())} }

// Unresolved is the incidents that are not over.
func (s *Site) Unresolved() Incidents { return Incidents{s.page(), s.incidents(s.unresolved())} }

// Maintenances is scheduled-maintenances.json and what is below it.
type Maintenances struct {
	Page         Page                   `json:"page"`
	Maintenances []ScheduledMaintenance `json:"scheduled_maintenances"`
}

// AllMaintenances is the newest planned work, in whatever state.
func (s *Site) AllMaintenances() Maintenances { return Maintenances{s.page(), s.maintenances()} }

// Upcoming is planned work that has not begun.
func (s *Site) Upcoming() Maintenances {
	return Maintenances{s.page(), s.maintenances(store.MaintenanceScheduled)}
}

// Active is planned work that is going on.
func (s *Site) Active() Maintenances {
	return Maintenances{s.page(), s.maintenances(store.MaintenanceInProgress)}
}
