package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// checkTold: those who have heard of an incident hear what there is to hear of it: that
// it got worse, what people write, that nobody has acknowledged it, that a promised
// update is late; and people decide who hears at all.
func (w *world) checkTold(cfg *monitor.Config) {
	for _, id := range w.books.incidents {
		for _, tier := range w.tiers() {
			story := w.story(id, tier)
			w.checkNagged(id, tier)
			w.checkWorse(story)
			w.checkReminders(story)
			w.checkPosts(story)
			w.checkLate(cfg, story)
			w.checkDecided(cfg, story)
		}
		w.checkRounds(cfg, id)
	}
}

// story is all that a tier was told of an incident, apart from questions.
type story struct {
	id    string
	tier  monitor.Tier
	heard []incident.Notification
	plain bool // it sees the incident as it is: nothing of it is kept from the tier
}

func (w *world) story(id string, tier monitor.Tier) story {
	s := story{id: id, tier: tier, plain: true}
	for _, n := range w.books.due {
		if n.Incident == id && n.Tier == tier.ID && n.Event != incident.EventAsked {
			s.heard = append(s.heard, n)
		}
	}
	for _, h := range w.books.heads[id] {
		for _, a := range h.inc.Services {
			s.plain = s.plain && !w.keeps(tier, a)
		}
	}
	return s
}

// keeps reports whether a tier is to know nothing of a service.
func (w *world) keeps(tier monitor.Tier, a incident.Affected) bool {
	if tier.Public && a.Internal {
		return true
	}
	for _, cfg := range w.configs() {
		if svc, _ := cfg.Service(a.ID); svc.Tiers[tier.ID].Never {
			return true
		}
	}
	return false
}

func (w *world) configs() []*monitor.Config {
	all := []*monitor.Config{w.script.Config}
	for _, c := range w.script.Changes {
		all = append(all, c.Config)
	}
	return all
}

// after reports whether the tier was told something from a time on, up to another one.
func (s story) after(from, by time.Time, what func(incident.Notification) bool) bool {
	return slices.ContainsFunc(s.heard, func(n incident.Notification) bool {
		return !n.At.Before(from) && !n.At.After(by) && what(n)
	})
}

func anything(incident.Notification) bool { return true }

// heardFrom is when the tier heard of the beginning; false if it never did.
func (s story) heardFrom() (time.Time, bool) {
	if len(s.heard) == 0 {
		return time.Time{}, false
	}
	return s.heard[0].At, true
}

// while goes through an incident as it was from one write to the next.
func (w *world) while(id string, do func(h head, to time.Time)) {
	heads := w.books.heads[id]
	for i, h := range heads {
		to := w.now
		if i+1 < len(heads) {
			to = heads[i+1].at
		}
		do(h, to)
	}
}

// checkWorse: who heard of something less bad hears that it got worse; and who heard
// that it was so bad, hears it again if it was better in between.
func (w *world) checkWorse(s story) {
	from, heard := s.heardFrom()
	if !heard || !s.plain || !s.tier.Hears(monitor.HearsEscalated) {
		return
	}
	own := w.own(w.script.Config, s.id, s.tier)
	own.latest, own.most = max(own.latest, s.tier.After), own.most.Worse(s.tier.Impact)
	var since time.Time // of the impact
	var worst monitor.Impact
	fell, rose := map[monitor.Impact]time.Time{}, map[monitor.Impact]time.Time{} // when it was last better than that, and until when
	w.while(s.id, func(h head, to time.Time) {
		begins := unmuted(h)
		for _, level := range []monitor.Impact{monitor.ImpactMinor, monitor.ImpactMajor, monitor.ImpactCritical} {
			if !atBest(h.inc).AtLeast(level) {
				fell[level], rose[level] = h.inc.Updated, to
			}
		}
		if h.inc.State != incident.Open || h.inc.Impact == monitor.ImpactNone || !begins.Before(to) {
			since = time.Time{}
			return
		}
		if since.IsZero() || h.inc.Impact.Rank() > worst.Rank() || begins.After(h.at) {
			since = later(begins, from)
		}
		worst = h.inc.Impact
		knows := func(n incident.Notification) bool { // what is muted is told as an update
			says := n.Event == incident.EventOpened || n.Event == incident.EventEscalated || len(w.script.Plans) > 0
			return says && n.Impact.AtLeast(h.inc.Impact)
		}
		if by := w.spared(s.tier, h.inc.Impact, since); to.After(by) && !s.after(time.Time{}, by, knows) {
			w.books.violate("a tier hears that it got worse", "%s of %s is to hear by %s that it is %s since %s",
				s.tier.ID, s.id, by.Sub(w.script.Start), h.inc.Impact, since.Sub(w.script.Start))
			return
		}
		flaps := slices.ContainsFunc(h.inc.Services, func(a incident.Affected) bool { return a.Cause && a.Flapping })
		if flaps {
			since = time.Time{}
		}
		if flaps || !h.inc.Impact.AtLeast(own.most) {
			return
		}
		due := since // what is less than the tier hears of was no trouble to it: its time counts anew
		if at := rose[own.most]; !at.IsZero() {
			due = later(due, at.Add(own.latest))
		}
		if by := w.spared(s.tier, h.inc.Impact, later(due, h.at)); to.After(by) && !s.after(fell[h.inc.Impact], by, knows) {
			w.books.violate("a tier hears that it got worse again", "%s of %s is to hear by %s that it is %s since %s, and was better until %s",
				s.tier.ID, s.id, by.Sub(w.script.Start), h.inc.Impact, since.Sub(w.script.Start), rose[h.inc.Impact].Sub(w.script.Start))
		}
	})
}

// atBest is how bad an incident is at least, as it was written. What keeps changing is
// not better for good, nor what is partly down of which nothing is known to work.
func atBest(inc incident.Incident) monitor.Impact {
	impact := inc.Impact
	for _, a := range inc.Services {
		unknown := a.Restored.IsZero() && a.Status == monitor.PartialOutage && a.Total > 0 && a.Alive == 0
		if a.Cause && (a.Flapping || unknown) {
			impact = monitor.ImpactCritical
		}
	}
	return impact
}

// checkReminders: a tier that wants reminders gets them until somebody acknowledges.
func (w *world) checkReminders(s story) {
	from, heard := s.heardFrom()
	if !heard || !s.plain || s.tier.Remind == 0 || !s.tier.Hears(monitor.HearsReminder) {
		return
	}
	var since, ackedAt time.Time
	var holds monitor.Impact // as bad as it was at best since somebody acknowledged it
	w.while(s.id, func(h head, to time.Time) {
		begins := later(unmuted(h), from)
		if !h.inc.Acked.Equal(ackedAt) {
			ackedAt, holds = h.inc.Acked, h.inc.Impact
		}
		if best := atBest(h.inc); best.Rank() < holds.Rank() {
			holds = best
		}
		acked := !ackedAt.IsZero() && h.inc.Impact.Rank() <= holds.Rank()
		if h.inc.State != incident.Open || h.inc.Impact == monitor.ImpactNone || acked || !begins.Before(to) {
			since = time.Time{}
			return
		}
		if since.IsZero() || begins.After(h.at) {
			since = begins
		}
		for to.After(since) {
			by := w.spared(s.tier, h.inc.Impact, later(since.Add(s.tier.Remind), h.at))
			next := slices.IndexFunc(s.heard, func(n incident.Notification) bool { return n.At.After(since) && !n.At.After(by) })
			if next < 0 {
				if to.After(by) {
					w.books.violate("a tier is reminded until somebody acknowledges", "%s of %s is to hear by %s, and heard last at %s",
						s.tier.ID, s.id, by.Sub(w.script.Start), since.Sub(w.script.Start))
				}
				return
			}
			if s.heard[next].At.After(to) {
				return
			}
			since = s.heard[next].At
		}
	})
}

// checkPosts: what people write, those hear who have heard of the incident.
func (w *world) checkPosts(s story) {
	from, heard := s.heardFrom()
	if !heard || !s.tier.Hears(monitor.HearsUpdated) {
		return
	}
	for _, u := range w.books.posts {
		if u.Incident != s.id || !from.Before(u.At) {
			continue
		}
		if inc, _ := w.books.as(s.id, u.At); inc.State == incident.Resolved {
			continue
		}
		if by := w.spared(s.tier, monitor.ImpactNone, u.At); w.now.After(by) && !s.after(u.At, by, anything) {
			w.books.violate("what people write is told", "%s of %s is to hear by %s what was written at %s",
				s.tier.ID, s.id, by.Sub(w.script.Start), u.At.Sub(w.script.Start))
		}
	}
}

// checkLate: those who act are reminded of an update that is promised and does not come.
func (w *world) checkLate(cfg *monitor.Config, s story) {
	from, heard := s.heardFrom()
	acts := func(t monitor.Tier) bool { return !t.Public && !t.Machine && t.Hears(monitor.HearsOpened) }
	sooner := slices.ContainsFunc(cfg.Tiers, func(t monitor.Tier) bool { return acts(t) && t.After < s.tier.After })
	if !heard || !acts(s.tier) || sooner || !s.tier.Hears(monitor.HearsReminder) {
		return
	}
	var since, promised, unmuted time.Time
	w.while(s.id, func(h head, to time.Time) {
		muted := slices.ContainsFunc(h.inc.Services, func(a incident.Affected) bool { return !a.Muted.IsZero() })
		if h.inc.State == incident.Resolved || h.inc.Next.IsZero() || muted { // in planned maintenance nobody is reminded
			promised, unmuted = time.Time{}, to
			return
		}
		if !h.inc.Next.Equal(promised) {
			promised, since = h.inc.Next, later(later(h.inc.Next, from), unmuted)
		}
		by := since
		for range 3 { // something else may be more important, once or twice
			by = w.spared(s.tier, h.inc.Impact, by.Add(time.Nanosecond))
		}
		late := func(n incident.Notification) bool { return strings.HasPrefix(n.Receipt, "late-") }
		if to.After(by) && !s.after(promised, by, late) {
			w.books.violate("who acts hears that a promised update is late", "%s of %s is to hear by %s of what was promised for %s",
				s.tier.ID, s.id, by.Sub(w.script.Start), promised.Sub(w.script.Start))
			promised = time.Time{}
		}
	})
}

// checkDecided: who is not to hear does not; who is to hear at once does; and before
// something that was held back is told, somebody is asked.
func (w *world) checkDecided(cfg *monitor.Config, s story) {
	at, heard := s.heardFrom()
	told := func(t time.Time) bool { return heard && !at.After(t) }
	var was time.Time
	w.while(s.id, func(h head, to time.Time) {
		if _, declined := h.inc.Declined[s.tier.ID]; declined && heard && at.After(h.at) && at.Add(w.longestStall()).Before(to) {
			w.books.violate("who is not to hear does not", "%s hears of %s at %s", s.tier.ID, s.id, at.Sub(w.script.Start))
		}
		if published := h.inc.Published[s.tier.ID]; !published.Equal(was) {
			muted := unmuted(h).After(h.at) // then it is told when the work is over
			if was = published; !was.IsZero() && !told(h.at) && !muted {
				w.books.violate("who is to hear at once does", "%s was to hear of %s at %s", s.tier.ID, s.id, h.at.Sub(w.script.Start))
			}
		}
	})
	if !heard || s.tier.Hold == 0 || !s.plain {
		return
	}
	w.checkAsked(cfg, s, at)
}

// checkAsked: if Sweep came through while a message was held back, and somebody who acts
// had heard and was awake, somebody was asked.
func (w *world) checkAsked(cfg *monitor.Config, s story, at time.Time) {
	b := w.books
	now, _ := b.as(s.id, at.Add(w.longestStall())) // who publishes may stand still before it is written
	if _, published := now.Published[s.tier.ID]; published {
		return
	}
	asked := slices.ContainsFunc(b.due, func(n incident.Notification) bool {
		return n.Incident == s.id && n.Event == incident.EventAsked && n.About == s.tier.ID && n.At.Before(at)
	})
	for _, sw := range w.sweeps {
		if asked || !sw.began.After(at.Add(-s.tier.Hold)) || !sw.ended.Before(at) {
			continue
		}
		inc, known := b.as(s.id, sw.began)
		flaps := slices.ContainsFunc(inc.Services, func(a incident.Affected) bool { return a.Flapping })
		awake := slices.ContainsFunc(cfg.Tiers, func(t monitor.Tier) bool {
			from, heard := w.story(s.id, t).heardFrom()
			_, quiet := quietUntil(t.Quiet, sw.began)
			first := !slices.ContainsFunc(cfg.Tiers, func(o monitor.Tier) bool {
				return !o.Public && !o.Machine && o.Hears(monitor.HearsOpened) && o.After < t.After
			})
			return heard && from.Before(sw.began) && !t.Public && !t.Machine && first && t.Hears(monitor.HearsOpened) && !quiet
		})
		same := slices.Equal(causes(inc), causes(now)) // else it was held back by the time of another
		if known && !flaps && awake && same && concerns(s.tier, inc) && !sw.began.Before(unmuted(head{sw.began, inc})) {
			b.violate("people are asked before a held message goes out", "%s hears of %s at %s, and a sweep at %s asked nobody",
				s.tier.ID, s.id, at.Sub(w.script.Start), sw.began.Sub(w.script.Start))
			return
		}
	}
}

// causes are the services of an incident that are one, sorted.
func causes(inc incident.Incident) (ids []monitor.ServiceID) {
	for _, a := range inc.Services {
		if a.Cause {
			ids = append(ids, a.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// checkRounds: what waits for old DNS answers is over after two clean rounds at the
// soonest, unless a person says so.
func (w *world) checkRounds(cfg *monitor.Config, id string) {
	heads := w.books.heads[id]
	for i, h := range heads {
		if i == 0 || h.inc.State != incident.Resolved || heads[i-1].inc.State != incident.Draining {
			continue
		}
		person := slices.ContainsFunc(w.books.posts, func(u incident.Update) bool { return u.Incident == id && u.At.Equal(h.at) })
		for _, a := range h.inc.Services {
			svc, known := cfg.Service(a.ID)
			if !a.Cause || !known || person || !w.steady(a.ID) {
				continue
			}
			var round time.Duration
			for _, m := range cfg.Members(svc) {
				round = max(round, m.Every+m.Timeout)
			}
			if soonest := a.Restored.Add(2 * min(round, 5*time.Minute)); h.at.Before(soonest) {
				w.books.violate("what has drained is over after two clean rounds", "%s is over at %s, and %s works since %s",
					id, h.at.Sub(w.script.Start), a.ID, a.Restored.Sub(w.script.Start))
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// quietUntil reports whether a time is in quiet hours, and when they end: read off the
// clock, minute by minute.
func quietUntil(q *monitor.Quiet, at time.Time) (until time.Time, quiet bool) {
	if q == nil || q.From == q.To {
		return time.Time{}, false
	}
	zone, err := time.LoadLocation(q.TimeZone)
	if err != nil {
		return time.Time{}, false
	}
	in := func(t time.Time) bool {
		minute := t.In(zone).Hour()*60 + t.In(zone).Minute()
		if q.From < q.To {
			return minute >= q.From && minute < q.To
		}
		return minute >= q.From || minute < q.To
	}
	if !in(at) {
		return time.Time{}, false
	}
	until = at.Truncate(time.Minute)
	for in(until) {
		until = until.Add(time.Minute)
	}
	return until, true
}
