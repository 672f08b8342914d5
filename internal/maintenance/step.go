package maintenance

import (
	"cmp"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

const (
	// LookBack is for how long after its end a window is still found that nobody
	// looked at while it lasted.
	LookBack = 48 * time.Hour
	// Ahead is how long before its beginning a service is told of a window: it
	// begins on time even if nobody looks then.
	Ahead = time.Hour
)

// Effects is what Step finds: the runs that are new or changed, what is to be
// told of each, and what services are covered by.
type Effects struct {
	Runs          []Run
	Notifications map[string][]incident.Notification // by the run's id
	Coverage      Coverage
}

// Step compares the plans with their runs of the last 31 days and LookBack.
// Runs that it returns must be stored with their notifications, on condition that
// they are as they were read.
func Step(cfg *monitor.Config, plans []monitor.Plan, runs []Run, now time.Time) Effects {
	s := &stepper{cfg: cfg, now: now, runs: make([]Run, len(runs)), followed: map[string]bool{}, changed: map[string]bool{}}
	for i, r := range runs {
		s.runs[i] = r.clone()
	}
	for _, p := range plans {
		s.plan(p)
	}
	s.orphans()
	return s.effects()
}

type stepper struct {
	cfg      *monitor.Config
	now      time.Time
	runs     []Run
	followed map[string]bool // runs that are still planned
	changed  map[string]bool
	coming   Coverage
}

func (s *stepper) plan(p monitor.Plan) {
	windows, err := Windows(p, s.now.Add(-LookBack), s.now.Add(Ahead))
	if err != nil {
		return // what an older version stored, and this one cannot read: its runs end
	}
	for _, w := range windows {
		switch {
		case !w.To.After(p.Since) && !s.isOpen(p.ID):
			// It was over when it was planned.
		case w.From.After(s.now):
			if !s.hasEnded(p.ID, w.From) {
				s.coming = append(s.coming, covering{window: Window{later(w.From, p.Since), w.To}, all: len(p.Services) == 0, services: p.Services})
			}
		default:
			s.window(p, w)
		}
	}
}

func (s *stepper) isOpen(id monitor.PlanID) bool {
	return slices.ContainsFunc(s.runs, func(r Run) bool { return r.Plan == id && !r.IsOver() })
}

func (s *stepper) has(run string) bool {
	return slices.ContainsFunc(s.runs, func(r Run) bool { return r.ID == run })
}

func (s *stepper) hasEnded(id monitor.PlanID, at time.Time) bool {
	return slices.ContainsFunc(s.runs, func(r Run) bool { return r.Plan == id && r.Planned.Equal(at) && r.IsOver() })
}

// window is one that has begun.
func (s *stepper) window(p monitor.Plan, w Window) {
	s.outlived(p)
	same := s.same(p, w)
	open := slices.IndexFunc(s.runs, func(r Run) bool { return r.Plan == p.ID && !r.IsOver() })
	switch {
	case same >= 0 && s.runs[same].IsOver() && !s.runs[same].goesOn(p, w):
		return
	case same >= 0 && !s.runs[same].IsOver():
		open = same
	case open >= 0 && w.Contains(s.now):
		// It was moved while it lasted.
	default:
		r := begin(p, w, s.now)
		for _, before := range s.runs {
			if before.Plan == p.ID && before.IsOver() && before.Ended.Before(w.To) {
				r.From = later(r.From, before.Ended)
			}
		}
		if !r.To.After(r.From) {
			return
		}
		for at := w.From; s.has(r.ID); r.ID = RunID(p.ID, at) { // one that was moved from here, and has ended
			at = at.Add(1)
		}
		s.runs = append(s.runs, r)
		open = len(s.runs) - 1
		s.changed[r.ID] = true
	}
	r := &s.runs[open]
	s.followed[r.ID] = true
	if follow(r, p, w, s.now) {
		r.Updated, s.changed[r.ID] = s.now, true
	}
	s.end(r, r.To)
	if r.IsOver() && r.goesOn(p, w) {
		s.window(p, w)
	}
}

// same is the run of a window, the last one if there were several; -1 if there is
// none.
func (s *stepper) same(p monitor.Plan, w Window) int {
	at := -1
	for i, r := range s.runs {
		if r.Plan != p.ID || !r.Planned.Equal(w.From) && (r.IsOver() || r.ID != RunID(p.ID, w.From)) { // the latter was moved, and is moved back
			continue
		}
		if at < 0 || s.runs[at].IsOver() && (!r.IsOver() || r.Ended.After(s.runs[at].Ended)) {
			at = i
		}
	}
	return at
}

// outlived ends a run that was over when its plan was changed, and that nobody
// has looked at since: what is planned now is not that run going on.
func (s *stepper) outlived(p monitor.Plan) {
	for i := range s.runs {
		if r := &s.runs[i]; r.Plan == p.ID && !r.IsOver() && !r.To.After(p.Since) {
			s.end(r, r.To)
		}
	}
}

// orphans ends runs whose plan is gone, or plans nothing of the kind any more.
func (s *stepper) orphans() {
	for i := range s.runs {
		if r := &s.runs[i]; !r.IsOver() && !s.followed[r.ID] {
			r.To = earlier(r.To, s.now)
			s.end(r, r.To)
		}
	}
}

func (s *stepper) end(r *Run, at time.Time) {
	if r.IsOver() || s.now.Before(at) {
		return
	}
	r.Ended, r.Updated, s.changed[r.ID] = later(at, r.From), s.now, true
}

func (s *stepper) effects() Effects {
	fx := Effects{Coverage: s.coming, Notifications: map[string][]incident.Notification{}}
	for i := range s.runs {
		r := &s.runs[i]
		if !r.IsOver() {
			fx.Coverage = append(fx.Coverage, covering{run: r, now: s.now})
		}
	}
	for i := range s.runs {
		r := &s.runs[i]
		notifications := tell(s.cfg, r, fx.Coverage, s.now)
		if len(notifications) == 0 && !s.changed[r.ID] {
			continue
		}
		fx.Runs = append(fx.Runs, r.clone())
		fx.Notifications[r.ID] = notifications
	}
	return fx
}

// Coverage is the windows that are going on, or begin within Ahead.
type Coverage []covering

type covering struct {
	run      *Run // that is going on now; or
	now      time.Time
	window   Window
	all      bool
	services []monitor.ServiceID
}

func (c covering) of(id monitor.ServiceID) (Window, bool) {
	if c.run != nil {
		w, has := c.run.Of(id)
		return w, has && w.To.After(c.now) // the service may have left it
	}
	return c.window, c.all || slices.Contains(c.services, id)
}

// Of is the window that a service is in, or is in next: those that overlap or
// touch are one. It reports false if there is none.
func (c Coverage) Of(id monitor.ServiceID) (Window, bool) {
	var all []Window
	for _, one := range c {
		if w, has := one.of(id); has {
			all = append(all, w)
		}
	}
	if len(all) == 0 {
		return Window{}, false
	}
	slices.SortFunc(all, func(a, b Window) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	first := all[0]
	for _, w := range all[1:] {
		if !w.From.After(first.To) {
			first.To = later(first.To, w.To)
		}
	}
	return first, true
}
