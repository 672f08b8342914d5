package api

import (
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

// brief answers from the summary alone: one read of the table, however large the
// site. Days and response times may be missing in it.
func (s *server) brief(of answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.summary(r.Context())
		s.json(w, r, v, err, of)
	}
}

// same is brief for what depends on the snapshot and the page's address alone:
// the answer is made once for each snapshot.
func (s *server) same(of answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, version, err := s.latest(r.Context())
		if err != nil {
			s.unavailable(w, err)
			return
		}
		made := edition{version, v.Generated, v.Stale}
		if body, has := s.bodies.of(made, r.URL.Path+" "+base(v, r)); has {
			keepFor(w, v)
			body.send(w, r)
			return
		}
		if body := s.json(w, r, v, nil, of); body != nil {
			s.bodies.keep(made, r.URL.Path+" "+base(v, r), body)
		}
	}
}

// json answers with what is made of a view, and returns what it has sent; nil if
// that is an error.
func (s *server) json(w http.ResponseWriter, r *http.Request, v page.View, err error, of answer) *ready {
	if err != nil {
		s.unavailable(w, err)
		return nil
	}
	value, err := of(v, r)
	var missing notFound
	var bad badRequest
	switch {
	case errors.As(err, &missing):
		problem(w, http.StatusNotFound, missing.Error())
		return nil
	case errors.As(err, &bad):
		problem(w, http.StatusBadRequest, bad.Error())
		return nil
	case err != nil:
		s.unavailable(w, err)
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		s.Log.Error("answer cannot be encoded", "path", r.URL.Path, "error", err)
		problem(w, http.StatusInternalServerError, "the answer cannot be given at the moment")
		return nil
	}
	body := prepare("application/json", append(text, '\n'))
	keepFor(w, v)
	body.send(w, r)
	return body
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
