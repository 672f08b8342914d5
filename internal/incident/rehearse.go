package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Rehearse makes a test message for tiers, which takes the way that every message
// takes; without names, for every tier that is not the public. It returns the id
// under which their receipts will stand. The error is ErrNoTier.
func Rehearse(cfg *monitor.Config, tiers []monitor.TierID, by string, now time.Time) (id string, out []Notification, err error) {
	for _, name := range tiers {
		if _, ok := cfg.Tier(name); !ok {
			return "", nil, fmt.Errorf("%w: %s", ErrNoTier, name)
		}
	}
	id = digest("rehearsal", now.UTC().Format(time.RFC3339Nano))
	for _, tier := range cfg.Tiers {
		if named := slices.Contains(tiers, tier.ID); !named && (len(tiers) > 0 || tier.Public) {
			continue
		}
		text := "This is a rehearsal. Nothing is broken, and there is nothing to do: it shows that messages of Sonde arrive here."
		if by != "" && !tier.Public {
			text += " It was asked for by " + by + "."
		}
		out = append(out, Notification{
			ID: digest("notification", id, "test", string(tier.ID)), Incident: id, Tier: tier.ID, Event: EventTest, Receipt: "test", At: now,
			Title: cfg.Site.Name + ": rehearsal", Opened: now, Since: now, Impact: monitor.ImpactNone, Worst: monitor.ImpactNone,
			Services: []Affected{{Name: cfg.Site.Name}}, Text: text,
			Site: cfg.Site.Name, Zone: cfg.Site.TimeZone, URL: cfg.Site.URL, Public: tier.Public, Chat: tier.Chat, Machine: tier.Machine,
		})
	}
	return id, out, nil
}
