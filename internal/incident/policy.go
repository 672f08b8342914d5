package incident

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// policy is a tier's settings for an incident: its own, or the most eager of those
// that the services which are its causes have for the tier; where it sees none of
// the causes, of those that are affected. It reports false if the tier hears of
// none of them.
func policy(cfg *monitor.Config, tier monitor.Tier, inc *Incident) (monitor.Tier, bool) {
	for _, causes := range [...]bool{true, false} {
		if out, found := eager(cfg, tier, inc, causes); found {
			return out, true
		}
	}
	// Or nothing that a service says is about it.
	return tier, slices.ContainsFunc(inc.Services, func(a Affected) bool {
		return !overridden(cfg, a.ID, tier.ID) && !(tier.Public && a.Internal)
	})
}

// eager is the most eager of the settings that the causes of an incident have for a
// tier, or what is affected by them.
func eager(cfg *monitor.Config, tier monitor.Tier, inc *Incident, causes bool) (out monitor.Tier, found bool) {
	for _, a := range inc.Services {
		if a.Cause != causes || !a.Restored.IsZero() && inc.State != Resolved || tier.Public && a.Internal {
			continue
		}
		svc, _ := cfg.Service(a.ID)
		o := svc.Tiers[tier.ID]
		if o.Never {
			continue
		}
		own := tier
		if o.After != nil {
			own.After = *o.After
		}
		if o.Impact != "" {
			own.Impact = o.Impact
		}
		if !found {
			out, found = own, true
			continue
		}
		out.After = min(out.After, own.After)
		if own.Impact.Rank() < out.Impact.Rank() {
			out.Impact = own.Impact
		}
	}
	return out, found
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

// ask finds a tier that holds its message back now, of which nobody has been asked;
// or one that was declined before it became worse than it was then.
func ask(cfg *monitor.Config, inc *Incident, now time.Time) (monitor.Tier, bool) {
	for _, tier := range cfg.Tiers {
		own, hearing := policy(cfg, tier, inc)
		_, told := inc.Told[tier.ID]
		seen := inc.seenBy(own)
		if !hearing || !own.Public || own.Hold == 0 || told || !hears(own, seen) || inc.isMuted(now) {
			continue
		}
		at, asked := inc.Asked[tier.ID]
		if d, declined := inc.Declined[tier.ID]; declined {
			if seen.Impact.Rank() > d.Impact.Rank() && !at.After(d.At) {
				return own, true
			}
			continue
		}
		if !asked && !now.Before(seen.asksAt(own)) && now.Before(seen.dueAt(own)) {
			return own, true
		}
	}
	return monitor.Tier{}, false
}

// question asks whether a tier is to be told.
func question(cfg *monitor.Config, inc *Incident, held monitor.Tier) string {
	name, seen := cmp.Or(held.Name, string(held.ID)), inc.seenBy(held)
	if d, again := inc.Declined[held.ID]; again {
		return standing(inc) + " Tell " + name + "? It was " + string(d.Impact) + " when " + orSomebody(d.By) + " kept it from them (" + d.Reason + "), and is " +
			string(seen.Impact) + " now. They do not hear of it by themselves."
	}
	return standing(inc) + " Tell " + name + "? They hear of it at " + clock(seen.dueAt(held), cfg.Zone()) + ", unless somebody decides before."
}

func publishing(inc *Incident, tier monitor.TierID) Advice {
	return Advice{"To tell them now", []string{"sonde incident publish --tier " + string(tier) + " " + inc.ID}}
}

func declining(inc *Incident, tier monitor.TierID) Advice {
	return Advice{"To keep it from them", []string{"sonde incident decline --tier " + string(tier) + ` --reason "..." ` + inc.ID}}
}

// nags reports whether a tier is to be reminded that nobody outside has been told
// of an outage that they see.
func (i *Incident) nags(cfg *monitor.Config, tier monitor.Tier, told Told, now time.Time) bool {
	seen := i.Public()
	since, reached := seen.Reached[monitor.ImpactMajor]
	if tier.Nag == 0 || tier.Public || told.Nagged || i.State != Open || !seen.Impact.AtLeast(monitor.ImpactMajor) || !reached || now.Before(since.Add(tier.Nag)) || !i.IsPublic() {
		return false
	}
	return !slices.ContainsFunc(cfg.Tiers, func(t monitor.Tier) bool {
		_, heard := i.Told[t.ID]
		_, declined := i.Declined[t.ID] // somebody has thought of them
		own, hearing := policy(cfg, t, i)
		return t.Public && (heard || declined || hearing && i.seenBy(t).isDue(own, now)) // or is told just now
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
	return standing(inc) + " Nobody outside has been told for " + Span(now.Sub(seen.Reached[monitor.ImpactMajor])) + ".", do
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
		if !from.IsZero() {
			add(inc.seenBy(tier).asksAt(tier))
			add(inc.seenBy(tier).dueAt(tier))
		}
		add(told.Last, tier.Remind)
		add(inc.Next, 1)
		add(public.Reached[monitor.ImpactMajor], tier.Nag)
	}
	add(inc.mutedUntil())
	add(inc.calmAt())
	slices.SortFunc(all, time.Time.Compare)
	for _, t := range all {
		if until, quiet := quietUntil(cfg, t); quiet {
			all = append(all, until)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	for _, t := range all {
		if _, acts := Tick(cfg, inc, t); acts {
			return t
		}
	}
	return time.Time{}
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
