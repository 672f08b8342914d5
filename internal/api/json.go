package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
)

// notFound and badRequest are errors whose text the reader may see.
type notFound struct{ error }

type badRequest struct{ error }

// answer makes a JSON value of a view.
type answer func(page.View, *http.Request) (any, error)

// read answers from the snapshot with all its figures.
func (s *server) read(of answer) http.HandlerFunc { return s.json(s.view, of) }

// brief answers from the summary alone: one read of the table, however large the
// site. Days and response times may be missing in it.
func (s *server) brief(of answer) http.HandlerFunc { return s.json(s.summary, of) }

func (s *server) json(view func(context.Context) (page.View, error), of answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := view(r.Context())
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
		case err != nil:
			s.unavailable(w, err)
			return
		}
		body, err := json.Marshal(value)
		if err != nil {
			s.Log.Error("answer cannot be encoded", "path", r.URL.Path, "error", err)
			problem(w, http.StatusInternalServerError, "the answer cannot be given at the moment")
			return
		}
		keepFor(w, v)
		send(w, r, "application/json", append(body, '\n'))
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// orNull is null for a time that is not there.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
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
