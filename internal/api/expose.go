package api

import (
	"net/http"

	"github.com/sondehq/sonde/internal/api/metrics"
	"github.com/sondehq/sonde/internal/api/page"
)

func (s *server) exposed() []route {
	return []route{{"GET /metrics", s.prometheus}}
}

// prometheus answers a scrape. It is kept by nobody: it says how old it is.
func (s *server) prometheus(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	s.give(func(v page.View, r *http.Request) (reply, error) {
		open := metrics.WantsOpen(r.Header.Get("Accept"))
		kind := metrics.TextType
		if open {
			kind = metrics.OpenType
		}
		return reply{contentType: kind, body: metrics.Write(&v.Snapshot, v.Stale, open, v.Now), caching: "no-store"}, nil
	})(w, r)
}
