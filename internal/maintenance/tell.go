package maintenance

import (
	"fmt"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// maxNamed is how many services a notification names.
const maxNamed = 50

// tell finds what tiers have to hear of a run now, and marks it. A tier that
// wants to hear of maintenance hears of the beginning while it lasts, and not in its
// quiet hours: of what has begun and ended in them it hears nothing; who has
// heard of the beginning hears when it is to end at another time, and of the end,
// and nobody else does.
func tell(cfg *monitor.Config, r *Run, others Coverage, now time.Time) []incident.Notification {
	var out []incident.Notification
	for _, tier := range cfg.Tiers {
		_, heard := r.Told[tier.ID]
		until, quiet := tier.Quiet.Until(now) // planned work wakes nobody
		event := incident.EventMaintenance
		switch {
		case !heard && quiet:
			continue // at their end, if it still goes on
		case !heard && !r.IsOver() && tier.Hears(monitor.HearsMaintenance):
		case heard && r.IsOver():
			event = incident.EventMaintained
		case heard && r.changes(tier.ID):
		default:
			continue
		}
		services := named(cfg, r, tier)
		if r.IsOver() {
			goesOn(services, others, now)
		}
		if len(services) == 0 && event == incident.EventMaintenance {
			continue // nothing that the tier may know of
		}
		n := notification(cfg, tier, r, event, services, now)
		if heard && !r.IsOver() {
			n.Receipt = fmt.Sprintf("%s-%d", event, now.Unix()) // it may change back
			n.ID = digest("notification", r.ID, n.Receipt, string(tier.ID))
			n.Text = strings.TrimSpace(lasts(r.ToldTo[tier.ID], r.To, cfg.Zone()) + " " + r.Text)
		}
		r.mark(tier.ID, event, now)
		if quiet {
			n.At = until
		}
		out = append(out, n)
	}
	return out
}

// changes reports whether a run that lasts is to end at another time than a tier
// was told.
func (r *Run) changes(tier monitor.TierID) bool {
	to, told := r.ToldTo[tier]
	return told && !to.Equal(r.To)
}

// lasts says that a run is to end at another time than was told.
func lasts(told, to time.Time, zone *time.Location) string {
	form := "15:04 MST"
	if told.In(zone).Format(time.DateOnly) != to.In(zone).Format(time.DateOnly) {
		form = "2006-01-02 15:04 MST"
	}
	how := "It takes longer than planned"
	if to.Before(told) {
		how = "It is to end earlier than planned"
	}
	return fmt.Sprintf("%s: until %s, not %s.", how, to.In(zone).Format(form), told.In(zone).Format(form))
}

// mark notes what a tier has been told.
func (r *Run) mark(tier monitor.TierID, event incident.Event, now time.Time) {
	if event == incident.EventMaintained {
		delete(r.Told, tier)
		delete(r.ToldTo, tier)
		return
	}
	if r.Told == nil {
		r.Told = map[monitor.TierID]time.Time{}
	}
	if r.ToldTo == nil {
		r.ToldTo = map[monitor.TierID]time.Time{}
	}
	if r.Told[tier].IsZero() {
		r.Told[tier] = now
	}
	r.ToldTo[tier] = r.To
}

// goesOn notes until when services are in other maintenance.
func goesOn(services []incident.Affected, others Coverage, now time.Time) {
	for i := range services {
		if w, has := others.Of(services[i].ID); has && w.Contains(now) {
			services[i].Muted = w.To
		}
	}
}

// named is the services that a tier may know of.
func named(cfg *monitor.Config, r *Run, tier monitor.Tier) []incident.Affected {
	var out []incident.Affected
	for _, svc := range cfg.Services {
		if _, in := r.Of(svc.ID); !in || tier.Public && svc.Internal || svc.Tiers[tier.ID].Never {
			continue
		}
		if len(out) < maxNamed {
			out = append(out, incident.Affected{ID: svc.ID, Name: svc.Name, Internal: svc.Internal, Status: monitor.InMaintenance, Since: r.From})
		}
	}
	return out
}

func notification(cfg *monitor.Config, tier monitor.Tier, r *Run, event incident.Event, services []incident.Affected, now time.Time) incident.Notification {
	return incident.Notification{
		ID:       digest("notification", r.ID, string(event), string(tier.ID)),
		Incident: r.ID, Tier: tier.ID, Event: event, Receipt: string(event), At: now,
		Title: r.Title, Text: r.Text, Opened: r.From, Since: r.From, Until: r.To, Resolved: r.Ended, Services: services,
		Site: cfg.Site.Name, Zone: cfg.Site.TimeZone, URL: cfg.Site.URL, Public: tier.Public, Chat: tier.Chat, Machine: tier.Machine,
	}
}
