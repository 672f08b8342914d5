package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// Snapshot is what the public may see of everything, precomputed: the API
// serves every summary from this one item. It names no internal service and
// holds no detail of failures.
//
// Where it would be too large for one item, the days and response times of its
// services stand apart, in parts: Store.Snapshot leaves them out, Store.Details
// puts them in.
type Snapshot struct {
	Generated time.Time     `json:"generated"`
	Fresh     time.Duration `json:"fresh"` // older than this it says nothing about now
	Site      monitor.Site  `json:"site"`
	Config    int64         `json:"config"`

	Services  []ServiceView  `json:"services"`  // in the order of the configuration
	Incidents []IncidentView `json:"incidents"` // open ones, then resolved ones, newest first
	Measured  time.Time      `json:"measured,omitzero"`
	Parts     int            `json:"parts,omitempty"` // the number of the first part; 0: there are none

	// Subscribe is the public tier that visitors may subscribe to; empty: none.
	Subscribe monitor.TierID `json:"subscribe,omitempty"`

	Maintenance []MaintenanceView `json:"maintenance,omitempty"` // going on and to come, then the last ones that are over
	Locations   []LocationView    `json:"locations,omitempty"`   // in the order of the configuration
}

// ServiceView is a service as the public sees it.
type ServiceView struct {
	ID          monitor.ServiceID     `json:"id"`
	Name        string                `json:"name"`
	Description string                `json:"description,omitempty"`
	Group       string                `json:"group,omitempty"`
	DependsOn   []monitor.ServiceID   `json:"depends_on,omitempty"`
	Status      monitor.Status        `json:"status"`
	Since       time.Time             `json:"since"`
	Added       time.Time             `json:"added,omitzero"` // when it was first on the page
	Alive       int                   `json:"alive"`
	Total       int                   `json:"total"`
	Monitors    []MonitorView         `json:"monitors"`
	Uptime      []WindowView          `json:"uptime,omitempty"`    // 24h, 7d, 30d, 90d
	Months      []WindowView          `json:"months,omitempty"`    // the calendar months that Days are of, whole, oldest first; the last one ends now
	Corrected   int                   `json:"corrected,omitempty"` // Adjustments.Corrected, when Months were read
	Days        []DayView             `json:"days,omitempty"`      // the last 90, oldest first
	Latency     *LatencyView          `json:"latency,omitempty"`   // of the last hour
	Series      []LatencyPoint        `json:"series,omitempty"`    // of the last 24 hours, oldest first
	Turns       []TurnView            `json:"turns,omitempty"`     // what it was in the last 24 hours, oldest first
	Part        int                   `json:"part,omitempty"`      // which part holds Days, Series and Months; 0: they are here
	Browser     *monitor.BrowserCheck `json:"check_from_browser,omitempty"`
	Shard       int                   `json:"shard,omitempty"` // whose batches hold its monitors' results
}

// MonitorView is a monitor as the public sees it.
type MonitorView struct {
	ID    monitor.ID    `json:"id"`
	Name  string        `json:"name"`
	Type  monitor.Kind  `json:"type"`
	State monitor.State `json:"state"`
	Since time.Time     `json:"since"`
	// Shadow is that it counts for nothing in its service.
	Shadow bool `json:"shadow,omitempty"`
	// Only says from which locations alone it looks different: "down from
	// eu-west-1 only".
	Only   map[monitor.Location]monitor.Outcome `json:"only,omitempty"`
	Uptime map[string]float64                   `json:"uptime,omitempty"` // 0 to 1, by window; those of which nothing is known are left out
	// Coverage is how much of a window was observed, 0 to 1; left out where that is
	// all, and where it is nothing.
	Coverage map[string]float64 `json:"coverage,omitempty"`
	Last     *CheckView         `json:"last,omitempty"` // nil: it has not been checked of late
}

// CheckView is the last check of a monitor that had a verdict, from whatever
// location.
type CheckView struct {
	At      time.Time       `json:"at"` // when it was due
	Outcome monitor.Outcome `json:"outcome"`
	MS      float64         `json:"ms"`               // how long it took, in milliseconds, to a tenth
	Ends    time.Time       `json:"ends,omitzero"`    // what ends first, of the certificate or, with a domain monitor, the registration; zero: not known
	Status  int             `json:"status,omitempty"` // HTTP status; 0 where there was none
}

// CertificateEnds is when the certificate that a monitor's last check saw ends,
// the first of its chain; zero: it saw none.
func (m MonitorView) CertificateEnds() time.Time {
	if m.Last == nil || m.Type == monitor.KindDomain {
		return time.Time{}
	}
	return m.Last.Ends
}

// RegistrationEnds is when the registration of a domain monitor's name ends;
// zero: it is not known, or the monitor is none of a domain.
func (m MonitorView) RegistrationEnds() time.Time {
	if m.Last == nil || m.Type != monitor.KindDomain {
		return time.Time{}
	}
	return m.Last.Ends
}

// FirstEnd is the first of what a service's monitors say ends; zero: none does.
func (v ServiceView) FirstEnd(of func(MonitorView) time.Time) time.Time {
	var first time.Time
	for _, m := range v.Counting() {
		if end := of(m); !end.IsZero() && (first.IsZero() || end.Before(first)) {
			first = end
		}
	}
	return first
}

// Counting is the monitors that say what the service is: all but those in the shadow.
func (v ServiceView) Counting() []MonitorView {
	return slices.DeleteFunc(slices.Clone(v.Monitors), func(m MonitorView) bool { return m.Shadow })
}

// TurnView is what a service was from a time on, until the next one.
type TurnView struct {
	At     time.Time      `json:"at"`
	Status monitor.Status `json:"status"`
}

// WindowView is the uptime of one window.
type WindowView struct {
	Window   string    `json:"window"` // such as 30d or 2019-05
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Known    bool      `json:"known"`  // false: nothing was observed, and Uptime means nothing
	Uptime   float64   `json:"uptime"` // 0 to 1
	RawKnown bool      `json:"raw_known"`
	Raw      float64   `json:"raw"`      // 0 to 1, as measured: maintenance and corrections left out of account; without RawKnown it means nothing
	Coverage float64   `json:"coverage"` // 0 to 1: how much of the window was observed
	DownS    int64     `json:"down_s"`   // seconds of outage
	UnknownS int64     `json:"unknown_s"`
	MaintS   int64     `json:"maintenance_s"`
	Frozen   bool      `json:"frozen,omitempty"` // a finished month, kept as it was
}

// DayView is one day of a service, in the site's time zone.
type DayView struct {
	Date     string         `json:"date"` // 2006-01-02
	Known    bool           `json:"known"`
	Uptime   float64        `json:"uptime"`
	Coverage float64        `json:"coverage"`
	DownS    int64          `json:"down_s"`
	Worst    monitor.Status `json:"worst"`
}

// LatencyView is the total times of the last hour's checks, in milliseconds.
type LatencyView struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
	N   int64   `json:"n"`
}

// LatencyPoint is the total times of the checks of one hour, in milliseconds.
type LatencyPoint struct {
	At  time.Time `json:"at"` // when the hour began
	P50 float64   `json:"p50_ms"`
	P95 float64   `json:"p95_ms"`
	P99 float64   `json:"p99_ms"`
	N   int64     `json:"n"` // checks; an hour without any is left out
}

// MaintenanceView is planned work as the public sees it.
type MaintenanceView struct {
	ID       string              `json:"id"`
	Title    string              `json:"title"`
	Text     string              `json:"text,omitempty"`
	State    MaintenanceState    `json:"state"`
	Starts   time.Time           `json:"starts"`
	Ends     time.Time           `json:"ends"` // as planned; when it ended, once it has
	Created  time.Time           `json:"created"`
	Updated  time.Time           `json:"updated"`
	Services []monitor.ServiceID `json:"services"`
	Updates  []UpdateView        `json:"updates,omitempty"` // newest first
}

// MaintenanceState says where planned work stands.
type MaintenanceState string

// The states, in the order they come.
const (
	MaintenanceScheduled  MaintenanceState = "scheduled"
	MaintenanceInProgress MaintenanceState = "in_progress"
	MaintenanceCompleted  MaintenanceState = "completed"
)

// LocationView is a place where checks run from.
type LocationView struct {
	ID       monitor.Location `json:"id"`
	LastSeen time.Time        `json:"last_seen,omitzero"` // when its newest batch was due; zero: never
	Aside    time.Time        `json:"aside,omitzero"`     // since when what fails from there is set aside; zero: it is not
}

// IncidentView is an incident as the public sees it.
type IncidentView struct {
	ID       string              `json:"id"`
	Version  int64               `json:"shown,omitempty"` // the version of the incident that this is of
	Title    string              `json:"title"`
	State    incident.State      `json:"state"`
	Phase    incident.Phase      `json:"phase"`
	Impact   monitor.Impact      `json:"impact"`
	Worst    monitor.Impact      `json:"worst"`
	Opened   time.Time           `json:"opened"`
	Since    time.Time           `json:"since"`             // of the outage, where it began with less; never before Opened
	Restored time.Time           `json:"restored,omitzero"` // when it worked again; zero while it does not
	Resolved time.Time           `json:"resolved,omitzero"` // when it was over: old DNS answers had run out, too
	Updated  time.Time           `json:"updated"`
	Services []monitor.ServiceID `json:"services"`
	Next     time.Time           `json:"next,omitzero"` // when the next update is promised
	Updates  []UpdateView        `json:"updates"`       // newest first

	// DNSUntil is when the last cached DNS answer with an address that is no
	// longer right runs out; zero where no such is known of.
	DNSUntil time.Time `json:"dns_until,omitzero"`
}

// Lasted is since when it lasts and for how long it did, or has by now. One of an
// older version knows only when it was opened and resolved.
func (v IncidentView) Lasted(now time.Time) (since time.Time, d time.Duration) {
	since = cmp.Or(v.Since, v.Opened)
	return since, cmp.Or(v.Restored, v.Resolved, now).Sub(since)
}

// UpdateView is one entry of the public time line.
type UpdateView struct {
	At    time.Time      `json:"at"`
	Phase incident.Phase `json:"phase"`
	Text  string         `json:"text"`
}

// IsStale reports whether the snapshot is too old to say anything about now.
func (s *Snapshot) IsStale(now time.Time) bool {
	return s.Generated.IsZero() || now.Sub(s.Generated) > s.Fresh
}

// Service returns the service of that id; the zero value if there is none.
func (s *Snapshot) Service(id monitor.ServiceID) ServiceView {
	for _, v := range s.Services {
		if v.ID == id {
			return v
		}
	}
	return ServiceView{}
}
