// Package api serves the public side: the status page, its JSON, and heartbeat
// pings. It is a plain http.Handler over two narrow ports, and decides nothing:
// every summary is one read of the precomputed snapshot, whatever the number of
// monitors.
//
//	/                    status page; /services/{id}, /incidents/{id}, /history; also ?lang=
//	/api/v1/…            Sonde's own JSON, described at /openapi.json, readable at /docs
//	/api/v2/…            Atlassian Statuspage's JSON (package statuspage)
//	/widget.js           <sonde-status> for other pages; /embed for a frame
//	/affected            "Am I affected?"; /affected.js, /affected.json
//	/subscribe           e-mail of outages, by service or of all
//	/badge/{id}.svg      a picture of what it is; also /uptime/{window}.svg, /response-time.svg, and .json
//	/history.atom, .rss  incidents; ?per=update; /maintenance.ics: planned maintenance
//	/metrics             for Prometheus
//	/api/v1/endpoints/…  what Gatus answers of its endpoints (package gatus)
//	/api/status-page/…   what Uptime Kuma answers of its page, and /api/badge/… (package kuma)
//	/healthz             whether the table can be read
//	/ping/{token}        heartbeat; also /start, /fail, /{exit code}
//
// Answers carry a strong ETag and may be cached; errors are problem details
// (RFC 9457). What is older than it may be says so, and nothing in it is called
// fine: missing data is never health.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/api/subscribe"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// Reader reads the snapshot.
type Reader interface {
	Snapshot(ctx context.Context) (store.Snapshot, int64, error)
}

// History reads what is not in the snapshot itself. All of it is public already,
// or is made so here.
type History interface {
	// Details puts in the days and response times of services, of all if none
	// is named.
	Details(ctx context.Context, s store.Snapshot, ids ...monitor.ServiceID) (store.Snapshot, error)
	// PastIncident reads an incident that the snapshot shows no more; false if
	// there is none.
	PastIncident(ctx context.Context, id string) (store.IncidentView, bool, error)
	// RecentBatches reads a shard's newest batches of a span, and reports
	// whether those are all.
	RecentBatches(ctx context.Context, shard int, from, to time.Time) ([]store.Batch, bool, error)
	// FiguresOf is a service's figures of a calendar month, frozen or of the window
	// given; its monitors' too, if the service given names some.
	FiguresOf(ctx context.Context, svc monitor.Service, name string, w uptime.Window) (uptime.Figures, error)
	// Reasons is why figures of a window are not what was measured.
	Reasons(ctx context.Context, id monitor.ServiceID, w uptime.Window) ([]uptime.Exclusion, []uptime.Correction, error)
}

// Pinger records heartbeat pings, and reports whether the token is known.
type Pinger interface {
	RecordPing(ctx context.Context, token string, beat monitor.Beat) (bool, error)
}

// Deps is what the API stands on.
type Deps struct {
	Reader  Reader
	History History
	Pinger  Pinger
	Desk    subscribe.Desk // takes subscriptions; without a Topic there are none
	Now     func() time.Time
	Log     *slog.Logger
}

type server struct {
	Deps
	recent cache[int, recentBatches]
	months cache[string, uptime.Figures]
	bodies bodies
	links  page.Links
	zones  sync.Map // time zones by name: loading one reads a file
}

// New returns the routes.
func New(deps Deps) http.Handler {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{
		Deps:   deps,
		recent: newCache[int, recentBatches](8, 15*time.Second),
		months: newCache[string, uptime.Figures](1000, keepMonths),
	}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, r.handle)
	}
	s.links = linksOf(s.routes())
	return s.around(mux)
}

// route is one line of the table of routes: a pattern as http.ServeMux has it,
// with its method, and who answers.
type route struct {
	pattern string
	handle  http.HandlerFunc
}

// routes is all that is served. A GET route answers HEAD too.
func (s *server) routes() []route {
	return slices.Concat(s.pages(), s.v1(), s.v2(), s.widgets(), s.subscriptions(), s.badges(), s.likenesses(), s.feeds(), s.exposed(), s.pings())
}

func (s *server) pings() []route {
	return []route{
		{"GET /ping/{token}", s.ping},
		{"POST /ping/{token}", s.ping},
		{"GET /ping/{token}/{outcome}", s.ping},
		{"POST /ping/{token}/{outcome}", s.ping},
	}
}

// around does what all routes share: CORS, safe headers, and errors of the
// router as problem details.
func (s *server) around(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "ETag, Last-Modified, Retry-After")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "*")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		if allowed := methods(mux, r); allowed != "" {
			h.Set("Allow", allowed+", OPTIONS")
			problem(w, http.StatusMethodNotAllowed, "this answers only to "+allowed)
			return
		}
		s.nothing(w, r, "there is nothing at "+r.URL.Path)
	})
}

// methods lists which methods a path answers to; empty if there is nothing.
func methods(mux *http.ServeMux, r *http.Request) string {
	var list []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		asked := r.Clone(r.Context())
		asked.Method = method
		if _, pattern := mux.Handler(asked); pattern != "" {
			list = append(list, method)
		}
	}
	return strings.Join(list, ", ")
}

// view is the snapshot with the days and response times of all services, and with nothing called
// fine that is not known to be.
func (s *server) view(ctx context.Context) (page.View, error) {
	v, err := s.summary(ctx)
	if err != nil {
		return v, err
	}
	v.Snapshot, err = s.details(ctx, v.Snapshot)
	return v, err
}

// details puts in days and response times, which a large site has apart.
func (s *server) details(ctx context.Context, snapshot store.Snapshot, ids ...monitor.ServiceID) (store.Snapshot, error) {
	if !slices.ContainsFunc(snapshot.Services, func(v store.ServiceView) bool { return v.Part != 0 }) {
		return snapshot, nil
	}
	return s.History.Details(ctx, snapshot, ids...)
}

// summary is view without what a large site has apart: one read of the table,
// always.
func (s *server) summary(ctx context.Context) (page.View, error) {
	v, _, err := s.latest(ctx)
	return v, err
}

// latest is summary, and which version of the snapshot it is.
func (s *server) latest(ctx context.Context) (page.View, int64, error) {
	snapshot, version, err := s.Reader.Snapshot(ctx)
	if err != nil {
		return page.View{}, 0, err
	}
	v := page.View{Snapshot: snapshot, Now: s.Now(), Empty: version == 0, Stale: snapshot.IsStale(s.Now())}
	if v.Stale {
		v.Services = slices.Clone(v.Services)
		for i := range v.Services {
			v.Services[i].Status = monitor.NotKnown
			v.Services[i].Monitors = slices.Clone(v.Services[i].Monitors)
			for j := range v.Services[i].Monitors {
				v.Services[i].Monitors[j].State = monitor.Unknown
			}
		}
	}
	v.Status, v.Sentence = page.Overall(v)
	return v, version, nil
}

func (s *server) unavailable(w http.ResponseWriter, err error) {
	s.Log.Error("snapshot cannot be read", "error", err)
	w.Header().Set("Retry-After", "10")
	problem(w, http.StatusServiceUnavailable, "the status cannot be read at the moment; this says nothing about the services")
}
