package api

import (
	"encoding/json"
	"net/http"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/api/widget"
	"github.com/sondehq/sonde/internal/monitor"
)

// How long what other pages load may be cached: a script under its steady name
// for minutes, and for a week while we are down; one whose name holds its hash
// for ever.
const (
	cacheScript  = "public, max-age=300, stale-while-revalidate=86400, stale-if-error=604800"
	cacheForever = "public, max-age=31536000, immutable"
)

func (s *server) widgets() []route {
	routes := []route{
		{"GET /embed", s.embed},
		{"GET /affected", s.affected},
		{"GET /affected.json", s.affectedJSON},
	}
	for _, of := range []func() (widget.Script, error){widget.Status, widget.Affected} {
		script, err := of()
		if err != nil { // it is embedded: a test would have failed
			s.Log.Error("script cannot be made", "error", err)
			continue
		}
		body := prepare("text/javascript; charset=utf-8", script.Body)
		serve := func(caching string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", caching)
				body.send(w, r)
			}
		}
		routes = append(routes, route{"GET " + script.Path, serve(cacheScript)}, route{"GET " + script.Versioned, serve(cacheForever)})
	}
	return routes
}

func (s *server) embed(w http.ResponseWriter, r *http.Request) {
	v, ok := s.widgetView(w, r)
	if !ok {
		return
	}
	body, err := widget.Embed(v, r.URL.Query().Get("form"), languageOf(r))
	if err == nil {
		var policy string
		policy, err = widget.EmbedPolicy(v.Site.Embed)
		w.Header().Set("Content-Security-Policy", policy)
	}
	s.widgetPage(w, r, body, err)
}

func (s *server) affected(w http.ResponseWriter, r *http.Request) {
	v, ok := s.widgetView(w, r)
	if !ok {
		return
	}
	body, err := widget.AffectedPage(v, askedService(v, r), languageOf(r))
	if err == nil {
		var policy string
		policy, err = widget.AffectedPolicy(v)
		w.Header().Set("Content-Security-Policy", policy)
	}
	s.widgetPage(w, r, body, err)
}

func (s *server) affectedJSON(w http.ResponseWriter, r *http.Request) {
	v, ok := s.widgetView(w, r)
	if !ok {
		return
	}
	tests, err := widget.TestsOf(v, askedService(v, r), languageOf(r))
	var body []byte
	if err == nil {
		body, err = json.Marshal(tests)
	}
	if err != nil {
		s.broken(w, r, err)
		return
	}
	send(w, r, "application/json", append(body, '\n'))
}

// askedService is the service of ?service=; none if there is no such.
func askedService(v widget.View, r *http.Request) monitor.ServiceID {
	id := monitor.ServiceID(r.URL.Query().Get("service"))
	for _, service := range v.Services {
		if service.ID == id {
			return id
		}
	}
	return ""
}

func languageOf(r *http.Request) string {
	return widget.Choose(r.URL.Query().Get("lang"), r.Header.Get("Accept-Language"))
}

func (s *server) widgetView(w http.ResponseWriter, r *http.Request) (widget.View, bool) {
	w.Header().Set("Vary", "Accept-Language")
	v, err := s.summary(r.Context())
	if err != nil {
		s.unavailable(w, err)
		return widget.View{}, false
	}
	keepFor(w, v)
	return viewOf(v), true
}

func viewOf(v page.View) widget.View {
	return widget.View{Snapshot: v.Snapshot, Status: v.Status, Stale: v.Stale || v.Empty}
}

func (s *server) widgetPage(w http.ResponseWriter, r *http.Request, body []byte, err error) {
	if err != nil {
		s.broken(w, r, err)
		return
	}
	send(w, r, "text/html; charset=utf-8", body)
}

func (s *server) broken(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.Error("answer cannot be made", "path", r.URL.Path, "error", err)
	problem(w, http.StatusInternalServerError, "the answer cannot be given at the moment")
}
