package sim

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// checkPolicy: every tier was told of every incident that its policy names, in
// time, and of no other. It does not ask how the stages found out: it looks at
// how bad each incident was, and for how long.
func (w *world) checkPolicy(cfg *monitor.Config) {
	for _, id := range w.books.incidents {
		for _, tier := range w.tiers() {
			w.checkTier(cfg, id, tier, w.own(cfg, id, tier))
		}
	}
}

func (w *world) checkTier(cfg *monitor.Config, id string, tier monitor.Tier, own own) {
	b := w.books
	var first *incident.Notification
	for i, n := range b.due {
		if n.Incident == id && n.Tier == tier.ID && n.Event == incident.EventOpened {
			first = &b.due[i]
			break
		}
	}
	last := b.now(id)
	_, published := last.Published[tier.ID]
	if first != nil {
		switch {
		case own.never == own.of:
			b.violate("a tier hears of no service that it never hears of", "%s hears of %s", tier.ID, id)
		case !first.Impact.AtLeast(own.least):
			b.violate("a tier hears of its impact", "%s hears of %s, which is %s", tier.ID, id, first.Impact)
		case !published && first.At.Before(first.Opened.Add(own.soonest+tier.Hold)):
			b.violate("a tier hears after its time", "%s hears of %s after %s", tier.ID, id, first.At.Sub(first.Opened))
		}
	}
	if slices.ContainsFunc(b.heads[id], func(h head) bool { _, is := h.inc.Declined[tier.ID]; return is }) {
		return // people decided
	}
	if tier.Public && first != nil && tier.Hears(monitor.HearsUpdated) {
		w.checkCalm(id, tier)
	}
	if !tier.Hears(monitor.HearsOpened) {
		if first != nil {
			b.violate("a tier hears what it wants to", "%s hears of %s", tier.ID, id)
		}
		return
	}
	seen := map[monitor.ServiceID]bool{}
	for _, h := range b.heads[id] {
		for _, a := range h.inc.Services {
			if !seen[a.ID] && !w.keeps(tier, a) {
				w.checkEager(id, tier, a.ID, first)
			}
			seen[a.ID] = true
		}
	}
}

// checkEager: a tier hears of an incident by the policy of each of its services that it
// may know of: of causes, or, where it knows of none, of what they affect.
func (w *world) checkEager(id string, tier monitor.Tier, service monitor.ServiceID, first *incident.Notification) {
	svc := w.lastSeen(service)
	if o := svc.Tiers[tier.ID]; o.After != nil {
		tier.After = *o.After
	}
	if o := svc.Tiers[tier.ID]; o.Impact != "" {
		tier.Impact = o.Impact
	}
	var since time.Time
	missed := false
	w.while(id, func(h head, to time.Time) {
		a, _ := h.inc.Affects(service)
		if _, watched := w.configAt(to.Add(-time.Nanosecond)).Service(service); !watched {
			a.ID = ""
		}
		sees := func(a incident.Affected) bool { return a.Cause && !w.keeps(tier, a) }
		counts := a.ID != "" && (a.Cause || !slices.ContainsFunc(h.inc.Services, sees))
		from := unmuted(h)
		if !counts || h.inc.State != incident.Open || !a.Restored.IsZero() || a.Status.Impact() == monitor.ImpactNone ||
			!a.Status.Impact().AtLeast(tier.Impact) || !h.inc.Impact.AtLeast(tier.Impact) || !from.Before(to) {
			since = time.Time{}
			return
		}
		if since.IsZero() || from.After(h.at) {
			since = from
		}
		due := since.Add(tier.After)
		if tier.Hold > 0 {
			due = later(due, h.inc.Unmuted).Add(tier.Hold)
		}
		by := w.spared(tier, a.Status.Impact(), later(due, h.at))
		if !missed && to.After(by) && (first == nil || first.At.After(by)) {
			w.books.violate("a tier is told in time", "%s is to hear of %s by %s: %s has impact %s since %s", tier.ID, id,
				by.Sub(w.script.Start), service, a.Status.Impact(), since.Sub(w.script.Start))
			missed = true
		}
	})
}

// lastSeen is a service as the last configuration has it that does.
func (w *world) lastSeen(id monitor.ServiceID) (svc monitor.Service) {
	for _, cfg := range w.configs() {
		if found, has := cfg.Service(id); has {
			svc = found
		}
	}
	return svc
}

// checkCalm: the public hears that what it sees works, though a cause that it does not
// see goes on, unless that breaks again within some minutes.
func (w *world) checkCalm(id string, tier monitor.Tier) {
	b := w.books
	for i, h := range b.heads[id] {
		to := w.now
		if i+1 < len(b.heads[id]) {
			to = b.heads[id][i+1].at
		}
		var since time.Time
		works := h.inc.State == incident.Open && h.inc.Told[tier.ID].At.Before(h.at)
		for _, a := range h.inc.Services {
			if a.Internal {
				continue
			}
			works = works && !a.Cause && !a.Flapping && !a.Restored.IsZero()
			if a.Restored.After(since) {
				since = a.Restored
			}
		}
		if _, told := h.inc.Told[tier.ID]; !works || !told || since.IsZero() {
			continue
		}
		from := unmuted(h)
		if due := since.Add(incident.Calm); due.After(from) {
			from = due
		}
		says := func(n incident.Notification) bool {
			return n.Incident == id && n.Tier == tier.ID && n.Event == incident.EventUpdated && n.Impact == monitor.ImpactNone && !n.At.Before(since)
		}
		if by := w.spared(tier, monitor.ImpactNone, from); to.After(by) && !slices.ContainsFunc(b.due, says) {
			b.violate("the public hears that what it sees works", "%s of %s is to hear by %s: fine since %s", tier.ID, id, by.Sub(w.script.Start), since.Sub(w.script.Start))
			return
		}
	}
}

// spared is when a tier must have been told of what is due to it at a time: by the first
// run of Sweep that came through, and not in its quiet hours.
func (w *world) spared(tier monitor.Tier, impact monitor.Impact, due time.Time) time.Time {
	for {
		if tier.Quiet != nil && !impact.AtLeast(tier.Quiet.Below) {
			if until, quiet := quietUntil(tier.Quiet, due); quiet {
				due = until
			}
		}
		at, _ := slices.BinarySearchFunc(w.sweeps, due, func(s sweep, due time.Time) int { return s.began.Compare(due) })
		if at == len(w.sweeps) {
			return w.now.Add(1000 * time.Hour)
		}
		if _, quiet := quietUntil(tier.Quiet, w.sweeps[at].began); !quiet || impact.AtLeast(tier.Quiet.Below) {
			return w.sweeps[at].ended
		}
		due = w.sweeps[at].began
	}
}

// unmuted is from when on an incident as it was written is not about maintenance
// alone.
func unmuted(h head) time.Time {
	first, any := time.Time{}, false
	for _, a := range h.inc.Services {
		if a.Cause && a.Restored.IsZero() && (!any || a.Muted.Before(first)) {
			first, any = a.Muted, true
		}
	}
	if first.Before(h.at) {
		return h.at
	}
	return first
}

// concerns reports whether an incident is one that a tier is to hear of.
func concerns(tier monitor.Tier, inc incident.Incident) bool {
	seen := slices.ContainsFunc(inc.Services, func(a incident.Affected) bool {
		return !tier.Public || !a.Internal && a.Restored.IsZero() && a.Status.Impact().AtLeast(tier.Impact)
	})
	return inc.State == incident.Open && seen && inc.Impact != monitor.ImpactNone && inc.Impact.AtLeast(tier.Impact)
}

// patience is how much later than its policy says a tier may be told: a sweep
// comes every minute, and it may fail.
func (w *world) patience() time.Duration {
	if len(w.script.Faults) == 0 {
		return time.Minute + 5*time.Second
	}
	return 4 * time.Minute
}
