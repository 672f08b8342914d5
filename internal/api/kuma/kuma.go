// Package kuma answers the public questions of Uptime Kuma 2 from a snapshot, so
// that dashboards made for it (gethomepage, Homarr, Homer, …) read Sonde: a
// service is what Uptime Kuma calls a monitor, a group is a group.
//
// A beat is what the service was at a full minute, after the votes, and its ping
// the response time in the middle of that hour's checks. What is not known is
// pending (2), never up.
package kuma

import (
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/api/sample"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// The statuses of a beat.
const (
	Down        = 0
	Up          = 1
	Pending     = 2
	Maintenance = 3
)

// MaxBeats is how many beats of a service are listed.
const MaxBeats = 100

// Page is what /api/status-page/{slug} answers.
type Page struct {
	Config      Config      `json:"config"`
	Incident    *Incident   `json:"incident"`  // the newest open one, as version 1 has it
	Incidents   []Incident  `json:"incidents"` // all open ones
	Groups      []Group     `json:"publicGroupList"`
	Maintenance []Scheduled `json:"maintenanceList"`
}

// Config is what the page says of itself.
type Config struct {
	Slug        string  `json:"slug"`
	Title       string  `json:"title"`
	Description *string `json:"description"`
	Icon        string  `json:"icon"`
	Refresh     int     `json:"autoRefreshInterval"` // seconds
	Theme       string  `json:"theme"`
	Published   bool    `json:"published"`
	ShowTags    bool    `json:"showTags"`
	CustomCSS   string  `json:"customCSS"`
	FooterText  *string `json:"footerText"`
	PoweredBy   bool    `json:"showPoweredBy"`
	ShowCert    bool    `json:"showCertificateExpiry"`
}

// Incident is an open incident: what was last said of it.
type Incident struct {
	ID      int    `json:"id"`
	Style   string `json:"style"` // of Bootstrap: warning, danger, info
	Title   string `json:"title"`
	Content string `json:"content"`
	Pin     bool   `json:"pin"`
	Active  bool   `json:"active"`
	Created string `json:"createdDate"`
	Updated string `json:"lastUpdatedDate"`
}

// Group is services under one heading.
type Group struct {
	ID       int       `json:"id"`
	Name     string    `json:"name"`
	Weight   int       `json:"weight"`
	Monitors []Monitor `json:"monitorList"`
}

// Monitor is a service.
type Monitor struct {
	ID      int    `json:"id"`
	Name    string `json:"name"`
	SendURL int    `json:"sendUrl"` // 0: its address is not public
	Type    string `json:"type"`
}

// Scheduled is planned maintenance.
type Scheduled struct {
	ID          int        `json:"id"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Strategy    string     `json:"strategy"`
	Active      bool       `json:"active"`
	Slots       []TimeSlot `json:"timeslotList"`
	TimeZone    string     `json:"timezone"`
	Offset      string     `json:"timezoneOffset"`
	Status      string     `json:"status"` // scheduled, under-maintenance, ended
}

// TimeSlot is when it is.
type TimeSlot struct {
	Start string `json:"startDate"`
	End   string `json:"endDate"`
}

// Heartbeats is what /api/status-page/heartbeat/{slug} answers, by the ids of
// monitors.
type Heartbeats struct {
	Beats  map[string][]Beat  `json:"heartbeatList"` // oldest first
	Uptime map[string]float64 `json:"uptimeList"`    // "{id}_24": 0 to 1; a service of which nothing is known is left out
}

// Beat is what a service was at one time.
type Beat struct {
	Status int    `json:"status"`
	Time   string `json:"time"` // UTC
	Msg    string `json:"msg"`
	Ping   *int   `json:"ping"` // milliseconds; null: not known
}

// IDs gives each service a number that stays, whatever else the configuration
// holds: it stands in the addresses of badges.
func IDs(services []store.ServiceView) map[monitor.ServiceID]int {
	ids, taken := map[monitor.ServiceID]int{}, map[int]bool{}
	for _, v := range services {
		id := number(string(v.ID))
		for taken[id] {
			id++ // two in two thousand million
		}
		ids[v.ID], taken[id] = id, true
	}
	return ids
}

func number(text string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // never fails
	return int(h.Sum32()>>1) | 1<<20
}

const dateTime = "2006-01-02 15:04:05"

// PageOf is the page. Every slug is this one page: there is no other.
func PageOf(s *store.Snapshot, slug string) Page {
	p := Page{
		Config: Config{
			Slug: strings.ToLower(slug), Title: s.Site.Name, Icon: "/icon.svg", Refresh: 60, Theme: "auto", Published: true, PoweredBy: true,
		},
		Incidents: []Incident{}, Groups: []Group{}, Maintenance: []Scheduled{},
	}
	for _, i := range s.Incidents {
		if i.State != incident.Resolved {
			p.Incidents = append(p.Incidents, incidentOf(i))
		}
	}
	if len(p.Incidents) > 0 {
		p.Incident = &p.Incidents[0]
	}
	for _, m := range s.Maintenance {
		if m.State != store.MaintenanceCompleted {
			p.Maintenance = append(p.Maintenance, scheduled(m))
		}
	}
	ids := IDs(s.Services)
	at := map[string]int{}
	for _, v := range s.Services {
		i, has := at[v.Group]
		if !has {
			i = len(p.Groups)
			at[v.Group] = i
			p.Groups = append(p.Groups, Group{ID: i + 1, Name: orServices(v.Group), Weight: i + 1})
		}
		p.Groups[i].Monitors = append(p.Groups[i].Monitors, Monitor{ID: ids[v.ID], Name: v.Name, Type: kindOf(v)})
	}
	return p
}

// orServices is Uptime Kuma's own name for the group that nobody named.
func orServices(group string) string {
	if group == "" {
		return "Services"
	}
	return group
}

// kindOf is the type of monitor that Uptime Kuma would call it.
func kindOf(v store.ServiceView) string {
	monitors := v.Counting()
	if len(monitors) != 1 {
		return "group"
	}
	switch kind := monitors[0].Type; kind {
	case monitor.KindTCP:
		return "port"
	case monitor.KindHeartbeat:
		return "push"
	default:
		return string(kind)
	}
}

func incidentOf(v store.IncidentView) Incident {
	i := Incident{
		ID: number(v.ID), Title: v.Title, Pin: true, Active: true,
		Created: v.Opened.UTC().Format(dateTime), Updated: v.Updated.UTC().Format(dateTime), Style: "warning",
	}
	if v.Impact.AtLeast(monitor.ImpactMajor) {
		i.Style = "danger"
	}
	if len(v.Updates) > 0 {
		i.Content = v.Updates[0].Text
	}
	return i
}

func scheduled(m store.MaintenanceView) Scheduled {
	status := "scheduled"
	if m.State == store.MaintenanceInProgress {
		status = "under-maintenance"
	}
	return Scheduled{
		ID: number(m.ID), Title: m.Title, Description: m.Text, Strategy: "single", Active: true, TimeZone: "UTC", Offset: "+00:00", Status: status,
		Slots: []TimeSlot{{m.Starts.UTC().Format(dateTime), m.Ends.UTC().Format(dateTime)}},
	}
}

// HeartbeatsOf is the last beats and the uptime of the last 24 hours.
func HeartbeatsOf(s *store.Snapshot, now time.Time) Heartbeats {
	out := Heartbeats{Beats: map[string][]Beat{}, Uptime: map[string]float64{}}
	ids := IDs(s.Services)
	for _, v := range s.Services {
		id := strconv.Itoa(ids[v.ID])
		out.Beats[id] = beats(v, s.Generated, now)
		for _, w := range v.Uptime {
			if w.Window == "24h" && w.Known {
				out.Uptime[id+"_24"] = w.Uptime
			}
		}
	}
	return out
}

func beats(v store.ServiceView, generated, now time.Time) []Beat {
	list := make([]Beat, 0, MaxBeats)
	for one := range sample.Back(v, generated, now) {
		beat := Beat{Status: StatusOf(one.Status), Time: one.At.UTC().Format(dateTime + ".000")}
		if ms := int(math.Round(float64(one.Latency) / float64(time.Millisecond))); one.Latency > 0 && beat.Status == Up {
			beat.Ping = &ms
		}
		list = append(list, beat)
		if len(list) == MaxBeats {
			break
		}
	}
	slices.Reverse(list)
	return list
}

// StatusOf is a status as a beat has it. A service that works, if without
// redundancy, is up; of what is not known, nothing is said.
func StatusOf(s monitor.Status) int {
	switch {
	case s == monitor.Operational, s == monitor.AtRisk, s == monitor.DegradedPerf:
		return Up
	case s.IsOutage():
		return Down
	case s == monitor.InMaintenance:
		return Maintenance
	}
	return Pending
}
