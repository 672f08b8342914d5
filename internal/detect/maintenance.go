package detect

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Window is planned maintenance of a service: From inclusive, To exclusive. It is
// known before it begins, so that it begins and ends by the clock, whoever looks.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Plan gives a service the window that it is in, or is in next; nil where there
// is none. What is measured goes on underneath: the window changes no status, and
// makes no flip.
func Plan(cfg *monitor.Config, svc monitor.Service, state Service, w *Window, now time.Time) (Service, Effects) {
	s := newStepper(cfg, svc, state, now)
	if !sameWindow(s.out.Window, w, now) {
		s.touch()
		if was := s.out.Window; was != nil && was.From.Before(now) {
			// What follows is dated from its end, also if that came early.
			s.out.Maintained = later(s.out.Maintained, earlierOf(was.To, now))
		}
		s.out.Window = w
	}
	return s.finish()
}

// sameWindow reports whether there is nothing to change: a window that is over is
// as good as none.
func sameWindow(was, w *Window, now time.Time) bool {
	if was == nil || w == nil {
		return was == w || w == nil && !was.To.After(now)
	}
	return was.From.Equal(w.From) && was.To.Equal(w.To)
}

func earlierOf(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// InMaintenance is until when the service is in planned maintenance; zero if it
// is not.
func (s Service) InMaintenance(now time.Time) time.Time {
	if s.Window == nil || now.Before(s.Window.From) || !now.Before(s.Window.To) {
		return time.Time{}
	}
	return s.Window.To
}

// Shown is what people are shown of the service, and since when: that it is in
// maintenance, or what is measured.
func (s Service) Shown(now time.Time) (monitor.Status, time.Time) {
	if !s.InMaintenance(now).IsZero() {
		return monitor.InMaintenance, s.Window.From
	}
	return s.Status, s.AnswersSince(now)
}

// AnswersSince is since when the status stands outside maintenance: an outage
// that outlasts a window counts from its end.
func (s Service) AnswersSince(now time.Time) time.Time {
	since := later(s.Since, s.Maintained)
	if s.Window != nil && !s.Window.To.After(now) {
		since = later(since, s.Window.To)
	}
	return since
}
