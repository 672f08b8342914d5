package api

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/api/subscribe"
	"github.com/sondehq/sonde/internal/api/widget"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

func (s *server) subscriptions() []route {
	return []route{
		{"GET /subscribe", s.subscribeForm},
		{"POST /subscribe", s.subscribe},
	}
}

// offers reports whether there is a tier that visitors may subscribe to.
func (s *server) offers(v widget.View) bool { return s.Desk.Topic != nil && v.Subscribe != "" }

func (s *server) subscribeForm(w http.ResponseWriter, r *http.Request) {
	v, ok := s.widgetView(w, r)
	if !ok {
		return
	}
	note := widget.NoNote
	if !s.offers(v) {
		note = widget.NoteOff
	}
	s.subscribePage(w, r, v, http.StatusOK, note)
}

// outcome is what a subscription ends with: one row of the table of outcomes.
type outcome struct {
	status int
	note   widget.Note
	detail string // for JSON
}

func (s *server) subscribe(w http.ResponseWriter, r *http.Request) {
	v, ok := s.widgetView(w, r)
	if !ok {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	a := s.take(v, r)
	if a.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "3600")
	}
	if !wantsJSON(r) {
		s.subscribePage(w, r, v, a.status, a.note)
		return
	}
	if a.status != http.StatusAccepted {
		problem(w, a.status, a.detail)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(struct {
		Accepted bool   `json:"accepted"`
		Detail   string `json:"detail"`
	}{true, a.detail})
}

func (s *server) take(v widget.View, r *http.Request) outcome {
	if !s.offers(v) {
		return outcome{http.StatusNotFound, widget.NoteOff, "e-mail subscriptions are not offered here"}
	}
	known := func(id monitor.ServiceID) bool {
		return slices.ContainsFunc(v.Services, func(s store.ServiceView) bool { return s.ID == id })
	}
	request, err := subscribe.Read(r, known)
	if err == nil {
		err = s.Desk.Take(r.Context(), v.Subscribe, subscribe.SourceOf(r), request)
	}
	switch {
	case err == nil:
		return outcome{http.StatusAccepted, widget.NoteDone, "if the address can receive mail and is not subscribed yet, an e-mail with a link to confirm is on its way"}
	case errors.Is(err, subscribe.ErrAddress):
		return outcome{http.StatusUnprocessableEntity, widget.NoteBad, `"email" is not an e-mail address such as name@example.com`}
	case errors.Is(err, subscribe.ErrService):
		return outcome{http.StatusUnprocessableEntity, widget.NoteFail, `"services" names a service that does not exist; /api/v1/status lists them`}
	case errors.Is(err, subscribe.ErrMany):
		return outcome{http.StatusTooManyRequests, widget.NoteMany, "too many requests from this network; try again in an hour"}
	case errors.Is(err, subscribe.ErrSize):
		return outcome{http.StatusRequestEntityTooLarge, widget.NoteFail, "the request is too large"}
	case errors.Is(err, subscribe.ErrForm):
		return outcome{http.StatusUnsupportedMediaType, widget.NoteFail, `expected a form or JSON such as {"email": "name@example.com", "services": ["app"]}`}
	}
	s.Log.Error("subscription failed", "error", err) // it names no address: see subscribe.Topic
	return outcome{http.StatusServiceUnavailable, widget.NoteFail, "the subscription cannot be taken at the moment; try again later"}
}

// wantsJSON reports whether a script asks, and not a form.
func wantsJSON(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	accept := r.Header.Get("Accept")
	return kind == "application/json" || (strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html"))
}

func (s *server) subscribePage(w http.ResponseWriter, r *http.Request, v widget.View, status int, note widget.Note) {
	body, err := widget.SubscribePage(v, note, askedService(v, r), languageOf(r))
	policy, policyErr := widget.SubscribePolicy()
	if err = errors.Join(err, policyErr); err != nil {
		s.broken(w, r, err)
		return
	}
	w.Header().Set("Content-Security-Policy", policy)
	if r.Method != http.MethodPost {
		send(w, r, "text/html; charset=utf-8", body)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
