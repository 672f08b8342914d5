package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Step takes one change of a service's status. Bringing the same change again
// has no further effect, so a service that is bad and belongs to no incident
// may be brought at any time.
func Step(cfg *monitor.Config, w World, c Change, now time.Time) Effects {
	s := &stepper{cfg: cfg, world: w, brought: c, now: now}
	s.change(c)
	return s.effects()
}

type stepper struct {
	cfg     *monitor.Config
	world   World
	brought Change // newer than what the world says of its service
	now     time.Time
	changed []Incident // in the order of their first change
	updates []Update
	waits   bool
}

func (s *stepper) change(c Change) {
	svc, ok := s.cfg.Service(c.Service)
	if !ok {
		svc = monitor.Service{ID: c.Service, Name: string(c.Service)}
	}
	if location, is := c.Service.Prober(); is {
		svc.Name, svc.Internal = "Checks from "+string(location), true
	}
	if inc, has := s.find(func(i *Incident) bool { _, in := i.Affects(c.Service); return in }); has {
		s.within(inc, svc, c)
		return
	}
	if c.Status.Impact() == monitor.ImpactNone || c.isFine() || c.isMuted(s.now) {
		return
	}
	if s.belowMaintenance(svc, c) {
		s.waits = true
		return
	}
	if inc, has := s.ofDependency(svc, c); has {
		s.join(inc, svc, c, false)
		return
	}
	if s.undecided(svc, c) {
		s.waits = true
		return
	}
	if inc, has := s.ofDependent(svc, c); has {
		s.join(inc, svc, c, true)
		return
	}
	if inc, what, has := s.ofCommonCause(c); has {
		s.together(inc, svc, c, what)
		return
	}
	s.open(svc, c)
}

// find returns the oldest incident that is not resolved and that matches, as
// this step has left it.
func (s *stepper) find(match func(*Incident) bool) (Incident, bool) {
	for i := range s.changed {
		if inc := &s.changed[i]; inc.State != Resolved && match(inc) {
			return *inc, true
		}
	}
	for i := range s.world.Open { // there may be thousands, in a storm
		inc := &s.world.Open[i]
		if inc.State != Resolved && match(inc) && !slices.ContainsFunc(s.changed, func(c Incident) bool { return c.ID == inc.ID }) {
			return *inc, true
		}
	}
	return Incident{}, false
}

func (s *stepper) open(svc monitor.Service, c Change) {
	id := s.newID(svc, c)
	for over, was := s.world.Past[id]; was; over, was = s.world.Past[id] {
		c.At = latest(c.At, over)
		id = NewID(monitor.ServiceID(id), c.At)
	}
	inc := Incident{
		ID: id, Root: svc.ID, State: Open, Phase: Investigating,
		Opened: c.At, Declared: s.now, Updated: s.now, Detail: c.Detail, Failed: c.Detail, Check: c.Check, Drain: c.Drain,
	}.clone()
	inc.Services = []Affected{affected(svc, c, true)}
	inc.weigh(s.cfg, s.when(inc, c))
	inc.Title = title(svc.Name, c)
	s.put(inc, openedText(svc.Name, c), c.Detail, true)
}

// newID names a new incident of a service. It may have begun one for the very
// same outage before, which moved to a dependency and ended with that; so the id
// is derived from the last changes of the dependencies, too.
func (s *stepper) newID(svc monitor.Service, c Change) string {
	id := NewID(svc.ID, c.At)
	for _, d := range s.cfg.Dependencies(svc.ID) {
		if view, known := s.view(d.ID); known {
			id = NewID(monitor.ServiceID(id), view.At)
		}
	}
	return id
}

// join adds a service to an incident: as its cause, which renames it, or as
// affected.
func (s *stepper) join(inc Incident, svc monitor.Service, c Change, cause bool) {
	inc = inc.clone()
	a := affected(svc, c, cause)
	text := svc.Name + " is affected too: " + sentence(c) + "."
	if cause {
		// What depends on the new cause, and is accounted for by it, is no cause
		// any more.
		for i, old := range inc.Services {
			// What a person says of a service is theirs to end.
			inc.Services[i].Cause = old.Cause && (old.Declared != "" || !(s.isBelow(old.ID, svc.ID) && explains(c.Status, old.Status)))
		}
		inc.Services = append([]Affected{a}, inc.Services...)
		inc.Root, inc.Title, inc.Phase = svc.ID, title(svc.Name, c), Identified
		inc.fails(c.Detail)
		text = "The cause is " + svc.Name + ": " + sentence(c) + "."
		if c.At.Before(inc.Opened) {
			inc.Opened = c.At
		}
	} else {
		inc.Services = append(inc.Services, a)
	}
	inc.name()
	inc.weigh(s.cfg, s.when(inc, c))
	s.put(inc, text, c.Detail, cause)
}

// within is a change of a service that the incident already knows.
func (s *stepper) within(inc Incident, svc monitor.Service, c Change) {
	inc = inc.clone()
	at := inc.index(svc.ID)
	before := inc.Services[at]
	alone := !c.isMuted(s.now) && s.standsAlone(&inc, svc, c, before)
	measured := c
	c = before.asSaid(c)
	learned := s.learn(&inc)
	if before.is(c) && !alone {
		if learned != "" {
			s.put(inc, "", learned, false)
		} else {
			s.refine(inc, svc, before, c)
		}
		return
	}
	if before.Cause && c.isFine() && c.Contested && !c.Gone {
		s.waits = true // an end that is told is to be one
		return
	}
	a := affected(svc, c, before.Cause || alone)
	a.Since, a.Declared, a.Heard = before.Since, before.Declared, before.Heard
	if c.isSilent() && !before.change().isSilent() {
		a.Since, inc.Since = c.At, c.At // it was set aside before
	}
	if _, known := s.cfg.Service(svc.ID); !known {
		a.Name, a.Internal = before.Name, before.Internal // it was removed meanwhile
		svc.Name = before.Name
	}
	unknown := c.Status == monitor.NotKnown && !c.Gone
	if before.Unknown && !unknown {
		a.Heard = s.now
	}
	inc.Drain = latest(inc.Drain, c.Drain)
	switch {
	case c.Gone && !before.Restored.IsZero() && !before.Flapping:
		a = before // it was fine
		a.Unknown = false
	case c.Gone:
		a.Restored = s.now
	case unknown:
		// Neither worse nor better: what was last known stands.
		a.Status, a.Alive, a.Total, a.Unknown, a.Restored = before.Status, before.Alive, before.Total, true, before.Restored
	case c.isFine() && !before.Restored.IsZero() && !before.Gone:
		a.Restored = before.Restored // it was fine, but for old DNS answers
	case c.isFine():
		a.Restored = c.At
	}
	a.worsen(before)
	inc.Services[at] = a
	inc.name()
	inc.weigh(s.cfg, s.when(inc, c))
	if !slices.ContainsFunc(inc.Services, func(a Affected) bool { return a.Cause && a.Restored.IsZero() }) {
		s.restored(inc, svc, c, before, learned)
		return
	}
	if c.isFine() {
		s.put(inc, ended(svc.Name, c)+".", "", before.Cause && !before.Flapping)
		return
	}
	begins := a.Flapping && !before.Flapping
	if inc.State == Draining {
		inc.State, inc.Phase = Open, Investigating
	}
	if a.Cause && c.Detail != "" && (svc.ID == inc.Root || inc.Detail == "") {
		inc.fails(c.Detail)
	}
	text := svc.Name + ": " + sentence(c) + "."
	if location, is := svc.ID.Prober(); is {
		if text = openedText(svc.Name, c); c.isSilent() && !before.change().isSilent() {
			nothing := "Nothing is heard from " + string(location)
			text = nothing + " any more, so nothing is set aside. " + strings.TrimPrefix(text, nothing+". ")
		}
	}
	if before.Declared != "" && c.Status == before.Declared {
		s.eased(inc, svc, before, measured, text)
		return
	}
	if planned, turned := s.planned(&inc, svc, c, before); turned {
		s.put(inc, planned, c.Detail, a.Cause && !c.isMuted(s.now))
		return
	}
	if begins {
		text = openedText(svc.Name, c)
	}
	if alone {
		text = svc.Name + " does not recover with what it depends on: " + sentence(c) + "."
	}
	// What was not known for a while and is as it was before is no news.
	same := before.Unknown && before.Status == c.Status && before.Alive == c.Alive
	s.put(inc, text, c.Detail, !c.isMuted(s.now) && (alone || begins || a.Cause && !unknown && !same && !a.Flapping))
}

// eased: of a service no more is left than what a person says of it. What was worse in
// planned maintenance only, nobody has heard of; and if nothing was, nothing has changed.
func (s *stepper) eased(inc Incident, svc monitor.Service, before Affected, measured Change, text string) {
	if before.Status == before.Declared {
		s.keep(inc)
		return
	}
	if measured.Gone || isFine(measured.Status) {
		how := ", by what is measured"
		if measured.Gone {
			how = ""
		}
		text = ended(svc.Name, measured) + how + ". The incident goes on until somebody says that it is over."
	}
	s.put(inc, text, "", before.Muted.IsZero() || inc.saidWorse(before.Declared.Impact()))
}

// refine takes over what is known better by now of what fails, such as from how many
// locations: it is no news, and whoever hears later hears it as it is.
func (s *stepper) refine(inc Incident, svc monitor.Service, before Affected, c Change) {
	if c.Voting || !before.Cause || !before.Restored.IsZero() || c.Status == monitor.NotKnown {
		return
	}
	news := !slices.Equal(c.Shared, before.Shared) // whoever breaks later may have in common what fails now
	inc.Services[inc.index(svc.ID)].Shared = c.Shared
	if svc.ID == inc.Root && c.Detail != "" && c.Detail != inc.Detail {
		inc.fails(c.Detail)
		news = true
	}
	if news {
		s.keep(inc)
	}
}

// resolve ends an incident, and looks after what is still broken below it; before is
// what had been known of the cause that was the last to be fine.
func (s *stepper) resolve(inc Incident, before Affected) {
	text, from := "", inc.Since
	location, prober := inc.Root.Prober()
	inc.State, inc.Phase, inc.Resolved, inc.Next = Resolved, Done, latest(inc.Opened, lastRestored(&inc)), time.Time{}
	root, has := inc.Affects(inc.Root)
	if text = inc.overText(inc.Services); inc.Title == title(root.Name, Change{Flapping: true}) && !root.Gone {
		text = steadyText(from, inc.Resolved, s.now, s.cfg.Zone())
	}
	if has && prober {
		text = backText(location, before, root)
	}
	inc.Title = inc.titleAtWorst(inc.Services)
	for i, a := range inc.Services {
		inc.Services[i].Still = s.stays(&inc, a)
	}
	s.put(inc, text, "", true)
	for _, a := range inc.Services {
		if view, known := s.view(a.ID); a.Restored.IsZero() && known {
			s.change(view.Change)
		}
	}
}

// stays reports whether a service that only depended on what is mended was checked since
// then, and nothing better was seen.
func (s *stepper) stays(inc *Incident, a Affected) bool {
	view, seen := s.view(a.ID)
	svc, known := s.cfg.Service(a.ID)
	return seen && known && a.IsPending() && view.Status.IsOutage() && !view.Voting &&
		s.now.Sub(lastRestored(inc)) >= slowest(s.cfg, svc)
}

// put keeps an incident's new form, and writes its update. What is not loud
// stands on the time line and the page, but nobody is sent a message for it:
// what merely depends on a cause is not alerted separately.
func (s *stepper) put(inc Incident, text, detail string, loud bool) {
	inc.Updated = s.now
	u := inc.update(text, detail, s.now)
	s.updates = append(s.updates, u)
	if loud {
		inc.say(u)
	}
	s.keep(inc)
}

// keep takes over an incident's new form.
func (s *stepper) keep(inc Incident) {
	at := slices.IndexFunc(s.changed, func(c Incident) bool { return c.ID == inc.ID })
	if at < 0 {
		s.changed = append(s.changed, inc)
		return
	}
	s.changed[at] = inc
}

// update is what Sonde writes of an incident, as it is now.
func (i *Incident) update(text, detail string, now time.Time) Update {
	u := Update{Incident: i.ID, At: now, Phase: i.Phase, Text: text, Detail: detail, Impact: i.Impact}
	if known := i.public(); len(known) < len(i.Services) {
		u.Public = i.textFor(known, i.endFor(known, text))
		if !i.knowsRoot(known) { // they do not know of what it depends on
			u.Public = strings.Replace(u.Public, " is affected too: ", ": ", 1)
		}
		u.Hidden = u.Public == "" || i.Seen != nil && i.Seen.Opened.IsZero()
	}
	return u
}

func (s *stepper) effects() Effects {
	fx := Effects{Waits: s.waits}
	for _, inc := range s.changed {
		s.mute(&inc)
		told, notifications := tell(s.cfg, inc, s.now)
		fx.Incidents = append(fx.Incidents, told)
		fx.Notifications = append(fx.Notifications, notifications...)
	}
	fx.Updates = s.updates
	return fx
}

// when is the time of a change in an incident: not before its beginning, not in
// the future.
func (s *stepper) when(inc Incident, c Change) time.Time {
	at := c.At
	if at.Before(inc.Opened) {
		at = inc.Opened
	}
	if at.After(s.now) {
		at = s.now
	}
	return at
}
