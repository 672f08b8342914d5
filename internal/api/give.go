package api

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/monitor"
)

// reply is a body that is not the usual JSON.
type reply struct {
	contentType string
	body        []byte
	caching     string // Cache-Control; empty: for as long as the view is true
	status      int    // 0: 200
}

// How long caches may keep what their readers keep for as long as they may.
// GitHub's image proxy wants to be told so in these words. A picture is not kept
// while we are down: it would be green long after anything is known.
const (
	aMinute      = "public, max-age=60, s-maxage=60"
	whileDownToo = aMinute + ", stale-while-revalidate=60, stale-if-error=86400" // of what was, which stays true
)

// harmless is the policy of what a browser may show as a document of its own: a
// picture, a feed. Nothing in it may run or be fetched.
const harmless = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// give makes a handler of a function from the summary to a reply.
func (s *server) give(of func(page.View, *http.Request) (reply, error)) http.HandlerFunc {
	return s.giveOf(func(page.View, *http.Request) monitor.ServiceID { return "" }, of)
}

// giveOf is give for what needs the response times of one service, which a large
// site has apart.
func (s *server) giveOf(whose func(page.View, *http.Request) monitor.ServiceID, of func(page.View, *http.Request) (reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.summary(r.Context())
		if id := whose(v, r); err == nil && id != "" {
			v.Snapshot, err = s.details(r.Context(), v.Snapshot, id)
		}
		if err != nil {
			s.unavailable(w, err)
			return
		}
		a, err := of(v, r)
		var missing notFound
		var bad badRequest
		switch {
		case errors.As(err, &missing):
			problem(w, http.StatusNotFound, missing.Error())
			return
		case errors.As(err, &bad):
			problem(w, http.StatusBadRequest, bad.Error())
			return
		case err != nil:
			s.Log.Error("answer cannot be made", "path", r.URL.Path, "error", err)
			problem(w, http.StatusInternalServerError, "the answer cannot be given at the moment")
			return
		}
		w.Header().Set("Content-Security-Policy", harmless)
		keepFor(w, v)
		if a.caching != "" {
			w.Header().Set("Cache-Control", a.caching)
		}
		if a.status != 0 {
			w.Header().Set("Content-Type", a.contentType)
			w.WriteHeader(a.status)
			if r.Method != http.MethodHead {
				_, _ = w.Write(a.body)
			}
			return
		}
		send(w, r, a.contentType, a.body)
	}
}

func jsonAnswer(value any, caching string) (reply, error) {
	body, err := json.Marshal(value)
	return reply{contentType: "application/json", body: append(body, '\n'), caching: caching}, err
}
