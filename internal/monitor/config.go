package monitor

import (
	"slices"
	"sort"
	"time"

	"github.com/sondehq/sonde/internal/cron"
	"github.com/sondehq/sonde/internal/zone"
)

// Config is a compiled monitors.yaml: defaults applied, references checked,
// every service placed on a shard. A Config is not changed after it is built;
// it may be shared between goroutines.
type Config struct {
	// Version counts the configurations of one table, from 1. Zero means a
	// configuration that has not been stored.
	Version int64 `json:"version"`

	Site      Site       `json:"site"`
	Locations []Location `json:"locations"` // at least one; the first is home
	Monitors  []Monitor  `json:"monitors"`  // by ID, ascending
	Services  []Service  `json:"services"`  // in the order of the file
	Tiers     []Tier     `json:"tiers"`     // in the order of the file

	Rehearse *Rehearsal `json:"rehearse,omitempty"` // nil: only when somebody asks for it

	Maintenance []Plan `json:"maintenance,omitempty"` // in the order of the file; what people plan besides is in the table

	// Retired is the monitors at addresses that were in use before, by ID; the table's
	// own note. See InForce.
	Retired []Retired `json:"retired,omitempty"`
}

// Rehearsal is when the way to people is tried, by a marked message, and whose.
type Rehearsal struct {
	Cron     string   `json:"cron"` // five fields
	TimeZone string   `json:"time_zone"`
	Tiers    []TierID `json:"tiers,omitempty"` // none: every tier that is not the public

	// Since is when the schedule came into force; the table's own note. What was due
	// before was not planned yet. Zero: it is not known, and was ever planned.
	Since time.Time `json:"since,omitzero"`
}

// Same reports whether two rehearsals are planned for the same times; nil is none.
func (r *Rehearsal) Same(o *Rehearsal) bool {
	if r == nil || o == nil {
		return r == o
	}
	return r.Cron == o.Cron && r.TimeZone == o.TimeZone
}

// Last is the last time that a rehearsal was due before a time; zero if never since
// it came into force.
func (r *Rehearsal) Last(before time.Time) time.Time {
	in, err := zone.Load(r.TimeZone)
	if err != nil {
		return time.Time{} // config refuses it
	}
	schedule, err := cron.Parse(r.Cron, in)
	if err != nil {
		return time.Time{}
	}
	last, _ := schedule.Prev(before)
	if last.Before(r.Since) {
		return time.Time{}
	}
	return last
}

// Site is what the public status page says about itself.
type Site struct {
	Name     string `json:"name"`
	URL      string `json:"url,omitempty"` // no trailing slash; empty where the page has no public address
	TimeZone string `json:"time_zone"`     // IANA name; "UTC" by default

	// Embed is the origins whose pages may frame /embed; empty: any.
	Embed []string `json:"embed,omitempty"`
}

// Location is where checks run from: an AWS Region, or "local" on one machine.
type Location string

// Local is the location of a configuration that names none, run by `sonde up`.
const Local Location = "local"

// Home is the location of the table: the first one of the configuration.
func (c *Config) Home() Location {
	if len(c.Locations) == 0 {
		return Local
	}
	return c.Locations[0]
}

// Zone is the site's time zone; UTC where it is unknown to this system.
func (c *Config) Zone() *time.Location {
	in, err := zone.Load(c.Site.TimeZone)
	if err != nil {
		return time.UTC
	}
	return in
}

// Monitor returns the monitor of that id.
func (c *Config) Monitor(id ID) (Monitor, bool) {
	i, found := sort.Find(len(c.Monitors), func(i int) int { return compare(id, c.Monitors[i].ID) })
	if !found {
		return Monitor{}, false
	}
	return c.Monitors[i], true
}

// Service returns the service of that id.
func (c *Config) Service(id ServiceID) (Service, bool) {
	for i := range c.Services { // not by value: there may be thousands, and this is asked all the time
		if c.Services[i].ID == id {
			return c.Services[i], true
		}
	}
	return Service{}, false
}

// Tier returns the tier of that id.
func (c *Config) Tier(id TierID) (Tier, bool) {
	i := slices.IndexFunc(c.Tiers, func(t Tier) bool { return t.ID == id })
	if i < 0 {
		return Tier{}, false
	}
	return c.Tiers[i], true
}

// Members returns the monitors of a service, in the order the service names
// them; ids that the configuration does not hold are left out.
func (c *Config) Members(s Service) []Monitor {
	members := make([]Monitor, 0, len(s.Monitors))
	for _, id := range s.Monitors {
		if m, ok := c.Monitor(id); ok {
			members = append(members, m)
		}
	}
	return members
}

// Watches reports whether anything says what a service is: a monitor of it that is
// neither paused nor in the shadow.
func (c *Config) Watches(s Service) bool {
	return slices.ContainsFunc(s.Monitors, func(id ID) bool {
		m, ok := c.Monitor(id)
		return ok && !m.Paused && !m.Shadow
	})
}

// Dependents returns the services that depend on this one, directly or through
// others, in the order of the file.
func (c *Config) Dependents(id ServiceID) []Service {
	reached := map[ServiceID]bool{id: true}
	for grew := true; grew; {
		grew = false
		for _, s := range c.Services {
			if !reached[s.ID] && slices.ContainsFunc(s.DependsOn, func(d ServiceID) bool { return reached[d] }) {
				reached[s.ID], grew = true, true
			}
		}
	}
	var below []Service
	for _, s := range c.Services {
		if reached[s.ID] && s.ID != id {
			below = append(below, s)
		}
	}
	return below
}

// Dependencies returns the services that this one depends on, directly or
// through others, in the order of the file.
func (c *Config) Dependencies(id ServiceID) []Service {
	svc, ok := c.Service(id)
	if !ok || len(svc.DependsOn) == 0 {
		return nil
	}
	reached := map[ServiceID]bool{}
	for next := svc.DependsOn; len(next) > 0; {
		var further []ServiceID
		for _, above := range next {
			if s, ok := c.Service(above); ok && !reached[above] {
				reached[above] = true
				further = append(further, s.DependsOn...)
			}
		}
		next = further
	}
	var above []Service
	for _, s := range c.Services {
		if reached[s.ID] && s.ID != id {
			above = append(above, s)
		}
	}
	return above
}

// Shards is the number of shards that the services stand on.
func (c *Config) Shards() int {
	n := 0
	for _, s := range c.Services {
		n = max(n, s.Shard+1)
	}
	return n
}

func compare[T ~string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
