package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// notFound and badRequest are errors whose text the reader may see.
type notFound struct{ error }

type badRequest struct{ error }

// read makes a handler of a function from the view to a JSON value.
func (s *server) read(of func(page.View, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.view(r.Context())
		if err != nil {
			s.unavailable(w, err)
			return
		}
		value, err := of(v, r)
		var missing notFound
		var bad badRequest
		switch {
		case errors.As(err, &missing):
			problem(w, http.StatusNotFound, missing.Error())
			return
		case errors.As(err, &bad):
			problem(w, http.StatusBadRequest, bad.Error())
			return
		}
		body, err := json.Marshal(value)
		if err != nil {
			s.Log.Error("answer cannot be encoded", "path", r.URL.Path, "error", err)
			problem(w, http.StatusInternalServerError, "the answer cannot be given at the moment")
			return
		}
		send(w, r, "application/json", append(body, '\n'))
	}
}

// Status is what /api/v1/status answers.
type Status struct {
	Site        Site                 `json:"site"`
	Generated   time.Time            `json:"generated"`
	Stale       bool                 `json:"stale"` // too old to say anything about now: every status is unknown
	Status      monitor.Status       `json:"status"`
	Description string               `json:"description"`
	Services    []Service            `json:"services"`
	Incidents   []store.IncidentView `json:"incidents"` // open ones
}

// Site is who the status is of.
type Site struct {
	Name     string `json:"name"`
	URL      string `json:"url,omitempty"`
	TimeZone string `json:"time_zone"`
}

// Service is a service in answers.
type Service struct {
	ID          monitor.ServiceID   `json:"id"`
	Name        string              `json:"name"`
	Description string              `json:"description,omitempty"`
	Group       string              `json:"group,omitempty"`
	Status      monitor.Status      `json:"status"`
	Since       time.Time           `json:"since"`
	Alive       int                 `json:"alive"` // monitors up, of total
	Total       int                 `json:"total"`
	DependsOn   []monitor.ServiceID `json:"depends_on"`
	Monitors    []store.MonitorView `json:"monitors"`
	Uptime      map[string]Uptime   `json:"uptime"` // by window
	Latency     *store.LatencyView  `json:"latency"`
}

// Uptime is the figure of one window. Uptime is null where nothing was observed.
type Uptime struct {
	From           time.Time `json:"from"`
	To             time.Time `json:"to"`
	Uptime         *float64  `json:"uptime"`   // 0 to 1
	Coverage       float64   `json:"coverage"` // 0 to 1: how much of the window was observed
	DownSeconds    int64     `json:"down_s"`
	UnknownSeconds int64     `json:"unknown_s"`
}

func serviceOf(v store.ServiceView) Service {
	out := Service{
		ID: v.ID, Name: v.Name, Description: v.Description, Group: v.Group, Status: v.Status, Since: v.Since, Alive: v.Alive, Total: v.Total,
		DependsOn: orEmpty(v.DependsOn), Monitors: orEmpty(v.Monitors), Uptime: map[string]Uptime{}, Latency: v.Latency,
	}
	for _, w := range v.Uptime {
		out.Uptime[w.Window] = uptimeOf(w)
	}
	return out
}

func uptimeOf(w store.WindowView) Uptime {
	u := Uptime{From: w.From, To: w.To, Coverage: w.Coverage, DownSeconds: w.DownS, UnknownSeconds: w.UnknownS}
	if w.Known {
		u.Uptime = &w.Uptime
	}
	return u
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s *server) status(v page.View, _ *http.Request) (any, error) {
	out := Status{
		Site: Site{v.Site.Name, v.Site.URL, v.Site.TimeZone}, Generated: v.Generated, Stale: v.Stale,
		Status: v.Status, Description: v.Sentence, Services: []Service{}, Incidents: []store.IncidentView{},
	}
	for _, service := range v.Services {
		out.Services = append(out.Services, serviceOf(service))
	}
	for _, inc := range v.Incidents {
		if inc.State != incident.Resolved {
			out.Incidents = append(out.Incidents, inc)
		}
	}
	return out, nil
}

func find(v page.View, r *http.Request) (store.ServiceView, error) {
	id := r.PathValue("id")
	at := slices.IndexFunc(v.Services, func(s store.ServiceView) bool { return string(s.ID) == id })
	if at < 0 {
		return store.ServiceView{}, notFound{fmt.Errorf("there is no service %q; /api/v1/status lists them", id)}
	}
	return v.Services[at], nil
}

func (s *server) service(v page.View, r *http.Request) (any, error) {
	service, err := find(v, r)
	if err != nil {
		return nil, err
	}
	return serviceOf(service), nil
}

// UptimeAnswer is what /api/v1/services/{id}/uptime answers.
type UptimeAnswer struct {
	Service monitor.ServiceID `json:"service"`
	Window  string            `json:"window"`
	Uptime
}

func (s *server) uptime(v page.View, r *http.Request) (any, error) {
	service, err := find(v, r)
	if err != nil {
		return nil, err
	}
	name := r.URL.Query().Get("window")
	if name == "" {
		name = "90d"
	}
	windows := []string{"24h", "7d", "30d", "90d"}
	if !slices.Contains(windows, name) {
		return nil, badRequest{fmt.Errorf("window is %q; expected one of %s", name, strings.Join(windows, ", "))}
	}
	for _, w := range service.Uptime {
		if w.Window == name {
			return UptimeAnswer{service.ID, name, uptimeOf(w)}, nil
		}
	}
	return UptimeAnswer{Service: service.ID, Window: name}, nil // nothing was measured yet
}

// Incidents is what /api/v1/incidents answers.
type Incidents struct {
	Incidents []store.IncidentView `json:"incidents"`
}

func (s *server) incidents(v page.View, _ *http.Request) (any, error) {
	return Incidents{orEmpty(v.Incidents)}, nil
}

func (s *server) incident(v page.View, r *http.Request) (any, error) {
	id := r.PathValue("id")
	at := slices.IndexFunc(v.Incidents, func(i store.IncidentView) bool { return i.ID == id })
	if at < 0 {
		return nil, notFound{fmt.Errorf("there is no incident %q among the recent ones", id)}
	}
	return v.Incidents[at], nil
}

// health is what /healthz answers.
type health struct {
	OK    bool    `json:"ok"`
	Stale bool    `json:"stale"`
	AgeS  float64 `json:"age_s"` // of the snapshot; -1 where there is none yet
}

func (s *server) healthz(w http.ResponseWriter, r *http.Request) {
	snapshot, version, err := s.Reader.Snapshot(r.Context())
	if err != nil {
		s.unavailable(w, err)
		return
	}
	out := health{OK: true, Stale: snapshot.IsStale(s.Now()), AgeS: -1}
	if version > 0 {
		out.AgeS = s.Now().Sub(snapshot.Generated).Seconds()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(out)
}
