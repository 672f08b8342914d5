package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/api/page/words"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/zone"
)

func (s *server) pages() []route {
	return []route{
		{"GET /{$}", s.html(s.everything, func(v page.View, _ *http.Request) ([]byte, error) { return page.Status(v) })},
		{"GET /index.html", s.html(s.everything, func(v page.View, _ *http.Request) ([]byte, error) { return page.Status(v) })}, // what CloudFront asks for at /
		{"GET /history", s.html(s.short, func(v page.View, _ *http.Request) ([]byte, error) { return page.History(v) })},
		{"GET /incidents/{id}", s.html(s.short, s.incidentPage)},
		{"GET /services/{id}", s.html(s.ofService, servicePage)},
	}
}

// everything, short and ofService read what a page shows: of all services, days and
// response times too, of none, or of the one that is asked for.
func (s *server) everything(r *http.Request) (page.View, error) { return s.view(r.Context()) }

func (s *server) short(r *http.Request) (page.View, error) { return s.summary(r.Context()) }

func (s *server) ofService(r *http.Request) (page.View, error) {
	v, err := s.summary(r.Context())
	id := monitor.ServiceID(r.PathValue("id"))
	if err != nil || !slices.ContainsFunc(v.Services, func(s store.ServiceView) bool { return s.ID == id }) {
		return v, err
	}
	v.Snapshot, err = s.details(r.Context(), v.Snapshot, id)
	return v, err
}

// linksOf is what pages may link to, because it is served.
func linksOf(routes []route) page.Links {
	has := func(pattern string) bool {
		return slices.ContainsFunc(routes, func(r route) bool { return r.pattern == pattern })
	}
	return page.Links{
		Subscribe: has("POST /subscribe"), Atom: has("GET /history.atom"), RSS: has("GET /history.rss"), Calendar: has("GET /maintenance.ics"),
	}
}

func (s *server) incidentPage(v page.View, r *http.Request) ([]byte, error) {
	inc, has, err := s.find(r.Context(), v, r.PathValue("id"))
	if err != nil || !has {
		return nil, err
	}
	return page.Incident(v, inc)
}

func servicePage(v page.View, r *http.Request) ([]byte, error) {
	at := slices.IndexFunc(v.Services, func(s store.ServiceView) bool { return string(s.ID) == r.PathValue("id") })
	if at < 0 {
		return nil, nil
	}
	return page.Service(v, v.Services[at])
}

// html makes a handler of a function that reads a view and one that makes a page
// of it; no page means that there is none.
func (s *server) html(read func(*http.Request) (page.View, error), of func(page.View, *http.Request) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := read(r)
		if err != nil {
			s.unavailablePage(w, r, err)
			return
		}
		v = s.forReader(v, r)
		body, err := of(v, r)
		switch {
		case err != nil:
			s.Log.Error("page failed", "path", r.URL.Path, "error", err)
			problem(w, http.StatusInternalServerError, "the page cannot be shown at the moment")
		case body == nil:
			s.nothing(w, r, "there is nothing at "+r.URL.Path+", or it is older than the page shows")
		default:
			keepFor(w, v)
			pageHeader(w, v)
			send(w, r, "text/html; charset=utf-8", body)
		}
	}
}

// forReader is a view in the language of its reader and the zone of the site.
func (s *server) forReader(v page.View, r *http.Request) page.View {
	v.Lang, v.Chosen = words.Match(r.Header.Get("Accept-Language"), r.URL.Query().Get("lang"))
	v.Zone = s.zone(v.Site.TimeZone)
	v.Links = s.links
	v.Links.Subscribe = v.Links.Subscribe && v.Snapshot.Subscribe != ""
	return v
}

// zone is a time zone by its name, UTC where there is none of that name.
func (s *server) zone(name string) *time.Location {
	if known, ok := s.zones.Load(name); ok {
		return known.(*time.Location)
	}
	at, err := zone.Load(name)
	if err != nil {
		at = time.UTC
	}
	s.zones.Store(name, at)
	return at
}

func pageHeader(w http.ResponseWriter, v page.View) {
	h := w.Header()
	h.Set("Content-Security-Policy", page.Policy())
	h.Set("Content-Language", v.Lang.Tag)
	h.Add("Vary", "Accept-Language")
}

// nothing answers for what is not there: with a page where a browser asks, which
// names text/html, and with problem details otherwise.
func (s *server) nothing(w http.ResponseWriter, r *http.Request, detail string) {
	v := s.forReader(page.View{Now: s.Now(), Empty: true}, r)
	if body, err := page.Missing(v); err == nil && wantsPage(r) {
		s.notice(w, r, v, http.StatusNotFound, body)
		return
	}
	problem(w, http.StatusNotFound, detail+"; the JSON begins at /api/v1/status")
}

// unavailablePage is unavailable, for a browser.
func (s *server) unavailablePage(w http.ResponseWriter, r *http.Request, cause error) {
	v := s.forReader(page.View{Now: s.Now()}, r)
	body, err := page.Failed(v)
	if err != nil || !wantsPage(r) {
		s.unavailable(w, cause)
		return
	}
	s.Log.Error("snapshot cannot be read", "error", cause)
	w.Header().Set("Retry-After", "10")
	s.notice(w, r, v, http.StatusServiceUnavailable, body)
}

func (s *server) notice(w http.ResponseWriter, r *http.Request, v page.View, status int, body []byte) {
	pageHeader(w, v)
	w.Header().Add("Vary", "Accept")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// wantsPage reports whether a reader names HTML among what it takes, and is not
// below the API's address.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/api/")
}
