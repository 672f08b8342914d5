package incident

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// policy is a tier's settings for an incident: those that one of its services has for
// the tier, and that make it hear first. Causes count; where it knows of none of them,
// what is affected. It reports false if the tier hears of none of them.
func policy(cfg *monitor.Config, tier monitor.Tier, inc *Incident) (monitor.Tier, bool) {
	for _, causes := range [...]bool{true, false} {
		if out, found := first(cfg, tier, inc, causes); found {
			return out, true
		}
	}
	// Or nothing that a service says is about it.
	return tier, slices.ContainsFunc(inc.Services, func(a Affected) bool {
		return !overridden(cfg, a.ID, tier.ID) && !(tier.Public && a.Internal)
	})
}

// first is the settings of the service that makes a tier hear first, of the causes of
// an incident or of what is affected: by its own impact and its own delay, which are
// never mixed with those of another. Where none is bad enough yet, of the worst.
func first(cfg *monitor.Config, tier monitor.Tier, inc *Incident, causes bool) (out monitor.Tier, found bool) {
	seen := inc.seenBy(tier)
	var worst monitor.Impact
	var due time.Time
	for _, a := range inc.Services {
		if a.Cause != causes || !a.Restored.IsZero() && inc.State != Resolved || !knows(cfg, tier, a) {
			continue
		}
		own, impact := override(cfg, tier, a.ID), a.Status.Impact()
		if from := seen.reached(own); impact.AtLeast(own.Impact) && !from.IsZero() {
			if at := from.Add(own.After); due.IsZero() || at.Before(due) {
				out, found, due = own, true, at
			}
			continue
		}
		if due.IsZero() && (!found || impact.Rank() > worst.Rank() || impact == worst && own.Impact.Rank() < out.Impact.Rank()) {
			out, found, worst = own, true, impact
		}
	}
	return out, found
}

// override is a tier's settings for one service.
func override(cfg *monitor.Config, tier monitor.Tier, id monitor.ServiceID) monitor.Tier {
	svc, _ := cfg.Service(id)
	o := svc.Tiers[tier.ID]
	if o.After != nil {
		tier.After = *o.After
	}
	if o.Impact != "" {
		tier.Impact = o.Impact
	}
	return tier
}

// areOperators reports whether a tier is of those who act: who may see everything, are
// people, and are told first.
func areOperators(cfg *monitor.Config, id monitor.TierID) bool {
	is := func(t monitor.Tier) bool { return !t.Public && !t.Machine && t.Hears(monitor.HearsOpened) }
	tier, known := cfg.Tier(id)
	return known && is(tier) && !slices.ContainsFunc(cfg.Tiers, func(t monitor.Tier) bool { return is(t) && t.After < tier.After })
}

func overridden(cfg *monitor.Config, id monitor.ServiceID, tier monitor.TierID) bool {
	svc, _ := cfg.Service(id)
	_, has := svc.Tiers[tier]
	return has
}

// waits is until when a tier's quiet hours put a message off; zero if they do
// not.
func waits(tier monitor.Tier, impact monitor.Impact, now time.Time) time.Time {
	if tier.Quiet == nil || impact.AtLeast(tier.Quiet.Below) {
		return time.Time{}
	}
	until, _ := tier.Quiet.Until(now)
	return until
}

// ask finds a tier that holds its message back now, of which nobody has been asked
// since it is as bad as the tier hears of; or one that was declined before it became
// worse than it was then, and than it was when people were asked last.
func ask(cfg *monitor.Config, inc *Incident, now time.Time) (monitor.Tier, bool) {
	for _, tier := range cfg.Tiers {
		own, hearing := policy(cfg, tier, inc)
		_, told := inc.Told[tier.ID]
		seen := inc.seenBy(own)
		if !hearing || !own.Public || own.Hold == 0 || told || !hears(cfg, own, seen) || inc.isMuted(now) {
			continue
		}
		if d, declined := inc.Declined[tier.ID]; declined {
			if seen.Impact.Rank() > d.Impact.Worse(d.Asked).Rank() {
				return own, true
			}
			continue
		}
		at, asked := inc.Asked[tier.ID]
		if again := asked && at.Before(seen.reached(own)); (!asked || again) && !now.Before(seen.asksAt(own)) && now.Before(seen.dueAt(own)) {
			return own, true
		}
	}
	return monitor.Tier{}, false
}

// question asks whether a tier is to be told.
func question(cfg *monitor.Config, inc *Incident, held monitor.Tier, now time.Time) string {
	name, seen := cmp.Or(held.Name, string(held.ID)), inc.seenBy(held)
	if d, again := inc.Declined[held.ID]; again {
		return standing(inc) + " Tell " + name + "? It was " + string(d.Impact) + " when " + orSomebody(d.By) + " kept it from them (" + d.Reason + "), and is " +
			string(seen.Impact) + " now. They do not hear of it by themselves."
	}
	at := seen.dueAt(held)
	if until := waits(held, seen.Impact, at); !until.IsZero() {
		at = until
	}
	return standing(inc) + " Tell " + name + "? They hear of it at " + clock(at, now, cfg.Zone()) + ", unless somebody decides before."
}

func publishing(inc *Incident, tier monitor.TierID) Advice {
	return Advice{"To tell them now", []string{"sonde incident publish --tier " + string(tier) + " " + inc.ID}}
}

func declining(inc *Incident, tier monitor.TierID) Advice {
	return Advice{"To keep it from them", []string{"sonde incident decline --tier " + string(tier) + ` --reason "..." ` + inc.ID}}
}

// nags reports whether a tier is to be reminded that nobody outside has been told
// of an outage that they see: no tier, and nobody has written on the page.
func (i *Incident) nags(cfg *monitor.Config, tier monitor.Tier, told Told, now time.Time) bool {
	seen := i.Public()
	since, reached := seen.Reached[monitor.ImpactMajor]
	if tier.Nag == 0 || tier.Public || told.Nagged || i.State != Open || !seen.Impact.AtLeast(monitor.ImpactMajor) || !reached || now.Before(since.Add(tier.Nag)) || !i.IsPublic() {
		return false
	}
	if i.Note.By != "" && !i.Note.At.Before(since) {
		return false
	}
	return !slices.ContainsFunc(cfg.Tiers, func(t monitor.Tier) bool {
		_, heard := i.Told[t.ID]
		_, declined := i.Declined[t.ID] // somebody has thought of them
		own, hearing := policy(cfg, t, i)
		tells := hearing && i.seenBy(t).isDue(cfg, own, now) && waits(own, i.seenBy(t).Impact, now).IsZero()
		return t.Public && (heard || declined || tells) // or is told just now
	})
}

// nagging says that nobody outside knows, and what can be done about it.
func nagging(cfg *monitor.Config, inc *Incident, now time.Time) (string, []Advice) {
	seen := inc.Public()
	var do []Advice
	for _, t := range cfg.Tiers {
		if t.Public && t.Hold > 0 && heardNow(cfg, t, inc) {
			a := publishing(inc, t.ID)
			do = append(do, Advice{"To tell " + cmp.Or(t.Name, string(t.ID)) + " now", a.Lines})
		}
	}
	do = append(do, Advice{"To say something on the page", []string{`sonde incident update "..." --id ` + inc.ID}})
	return standing(inc) + " It has lasted " + Span(now.Sub(seen.Reached[monitor.ImpactMajor])) + ", and nobody outside has been told.", do
}

// Due returns the next time at which Tick will have something to do, provided
// that nothing else happens; zero if never.
func Due(cfg *monitor.Config, inc Incident) time.Time {
	var all []time.Time
	add := func(t time.Time, more ...time.Duration) {
		if t.IsZero() {
			return
		}
		for _, d := range more {
			t = t.Add(d)
		}
		all = append(all, t)
	}
	if inc.State == Draining {
		add(drainEnd(cfg, &inc))
	}
	public := inc.Public()
	for _, tier := range cfg.Tiers {
		tier, _ = policy(cfg, tier, &inc)
		from, told := inc.seenBy(tier).reached(tier), inc.Told[tier.ID]
		add(from, tier.After)
		if told.News < inc.News {
			add(inc.Updated)
		}
		if !from.IsZero() {
			add(inc.seenBy(tier).asksAt(tier))
			add(inc.seenBy(tier).dueAt(tier))
		}
		add(told.Last, tier.Remind)
		add(inc.Next, 1)
		add(public.Reached[monitor.ImpactMajor], tier.Nag)
	}
	add(inc.mutedUntil())
	add(inc.calmAt(cfg))
	slices.SortFunc(all, time.Time.Compare)
	for _, t := range all {
		if until, quiet := quietUntil(cfg, t); quiet {
			all = append(all, until)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	for _, t := range all {
		// Before the last update nobody was to hear of it.
		fx, acts := Tick(cfg, inc, t)
		if acts && !(t.Before(inc.Updated) && len(fx.Updates) == 0 && areUpdates(fx.Notifications)) {
			return t
		}
	}
	return time.Time{}
}

func areUpdates(ns []Notification) bool {
	return len(ns) > 0 && !slices.ContainsFunc(ns, func(n Notification) bool { return n.Event != EventUpdated })
}

func quietUntil(cfg *monitor.Config, t time.Time) (until time.Time, quiet bool) {
	for _, tier := range cfg.Tiers {
		if end, is := tier.Quiet.Until(t); is && end.After(until) {
			until, quiet = end, true
		}
	}
	return until, quiet
}

// number is the number of a receipt: the second reminder is reminder-2.
func number(name string, n int) string { return name + "-" + strconv.Itoa(n) }
