package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/zone"
)

// Service is a service in answers.
type Service struct {
	ID          monitor.ServiceID   `json:"id"`
	Name        string              `json:"name"`
	Description string              `json:"description,omitempty"`
	Group       string              `json:"group,omitempty"`
	Status      monitor.Status      `json:"status"`
	Since       *time.Time          `json:"since"`
	Alive       int                 `json:"alive"` // monitors up, of total
	Total       int                 `json:"total"`
	DependsOn   []monitor.ServiceID `json:"depends_on"`
	Monitors    []Monitor           `json:"monitors"`
	Uptime      map[string]Uptime   `json:"uptime"` // by window
	Latency     *store.LatencyView  `json:"latency"`
}

// Uptime is the figure of one window. Uptime is null where no time counts, Raw
// where none was observed.
type Uptime struct {
	From               time.Time `json:"from"`
	To                 time.Time `json:"to"`
	Uptime             *float64  `json:"uptime"`   // 0 to 1, without maintenance, and corrected
	Raw                *float64  `json:"raw"`      // 0 to 1, as measured
	Coverage           float64   `json:"coverage"` // 0 to 1: how much of the window was observed
	DownSeconds        int64     `json:"down_s"`
	UnknownSeconds     int64     `json:"unknown_s"`
	MaintenanceSeconds int64     `json:"maintenance_s"`
}

func serviceOf(v store.ServiceView) Service {
	out := Service{
		ID: v.ID, Name: v.Name, Description: v.Description, Group: v.Group, Status: statusOf(v.Status), Since: orNull(v.Since),
		Alive: v.Alive, Total: v.Total, DependsOn: orEmpty(v.DependsOn), Monitors: make([]Monitor, len(v.Monitors)),
		Uptime: map[string]Uptime{}, Latency: v.Latency,
	}
	for i, m := range v.Monitors {
		out.Monitors[i] = monitorOf(v.ID, m)
	}
	for _, w := range v.Uptime {
		out.Uptime[w.Window] = uptimeOf(w)
	}
	return out
}

func uptimeOf(w store.WindowView) Uptime {
	u := Uptime{From: w.From, To: w.To, Coverage: w.Coverage, DownSeconds: w.DownS, UnknownSeconds: w.UnknownS, MaintenanceSeconds: w.MaintS}
	if w.Known {
		u.Uptime = &w.Uptime
	}
	if w.RawKnown {
		u.Raw = &w.Raw
	}
	return u
}

func servicesOf(v page.View) []Service {
	out := make([]Service, len(v.Services))
	for i, service := range v.Services {
		out[i] = serviceOf(service)
	}
	return out
}

// Services is what /api/v1/services answers.
type Services struct {
	About
	Services []Service `json:"services"`
}

func (s *server) services(v page.View, _ *http.Request) (any, error) {
	return Services{aboutOf(v), servicesOf(v)}, nil
}

func find(v page.View, r *http.Request) (store.ServiceView, error) {
	id := monitor.ServiceID(r.PathValue("id"))
	service := v.Service(id)
	if service.ID == "" || service.ID != id {
		return store.ServiceView{}, notFound{fmt.Errorf("there is no service %q; /api/v1/services lists them", id)}
	}
	return service, nil
}

func (s *server) service(v page.View, r *http.Request) (any, error) {
	service, err := find(v, r)
	if err != nil {
		return nil, err
	}
	return serviceOf(service), nil
}

func zoneOf(site monitor.Site) *time.Location {
	if in, err := zone.Load(site.TimeZone); err == nil {
		return in
	}
	return time.UTC
}

// Days is what /api/v1/services/{id}/days answers.
type Days struct {
	Service monitor.ServiceID `json:"service"`
	Days    []Day             `json:"days"` // the last 90, oldest first
}

// Day is one day in the site's time zone.
type Day struct {
	Date        string         `json:"date"`
	Uptime      *float64       `json:"uptime"` // null where nothing was observed
	Coverage    float64        `json:"coverage"`
	DownSeconds int64          `json:"down_s"`
	Worst       monitor.Status `json:"worst"`
}

func (s *server) days(v page.View, r *http.Request) (any, error) {
	service, err := s.whole(v, r)
	if err != nil {
		return nil, err
	}
	out := Days{service.ID, []Day{}}
	for _, d := range service.Days {
		day := Day{Date: d.Date, Coverage: d.Coverage, DownSeconds: d.DownS, Worst: statusOf(d.Worst)}
		if d.Known {
			day.Uptime = &d.Uptime
		}
		out.Days = append(out.Days, day)
	}
	return out, nil
}

// Latency is what /api/v1/services/{id}/latency answers.
type Latency struct {
	Service monitor.ServiceID    `json:"service"`
	Hours   []store.LatencyPoint `json:"hours"` // the last 24 that had checks, oldest first
}

func (s *server) latency(v page.View, r *http.Request) (any, error) {
	service, err := s.whole(v, r)
	if err != nil {
		return nil, err
	}
	return Latency{service.ID, orEmpty(service.Series)}, nil
}

// whole is a service with its days and response times.
func (s *server) whole(v page.View, r *http.Request) (store.ServiceView, error) {
	service, err := find(v, r)
	if err != nil || service.Part == 0 {
		return service, err
	}
	snapshot, err := s.details(r.Context(), v.Snapshot, service.ID)
	return snapshot.Service(service.ID), err
}
