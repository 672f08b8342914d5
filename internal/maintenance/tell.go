package maintenance

import (
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// maxNamed is how many services a notification names.
const maxNamed = 50

// tell finds what tiers have to hear of a run now, and marks it. A tier that
// wants to hear of maintenance hears of the beginning while it lasts; who has
// heard of the beginning hears of the end, and nobody else does.
func tell(cfg *monitor.Config, r *Run, others Coverage, now time.Time) []incident.Notification {
	var out []incident.Notification
	for _, tier := range cfg.Tiers {
		_, heard := r.Told[tier.ID]
		event := incident.EventMaintenance
		switch {
		case !heard && !r.IsOver() && tier.Hears(monitor.HearsMaintenance):
		case heard && r.IsOver():
			event = incident.EventMaintained
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
		if event == incident.EventMaintained {
			delete(r.Told, tier.ID)
		} else {
			if r.Told == nil {
				r.Told = map[monitor.TierID]time.Time{}
			}
			r.Told[tier.ID] = now
		}
		n := notification(cfg, tier, r, event, services, now)
		if until, quiet := tier.Quiet.Until(now); quiet {
			n.At = until // planned work wakes nobody
		}
		out = append(out, n)
	}
	return out
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
