package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/sondehq/sonde/internal/monitor"
)

// Difference is what changes from one configuration to another: "monitor app",
// "service web", "tier oncall", "site", each list sorted.
type Difference struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
}

// IsEmpty reports whether nothing changes.
func (d Difference) IsEmpty() bool { return len(d.Added)+len(d.Changed)+len(d.Removed) == 0 }

// Diff compares two configurations; before may be nil. The order of things and
// the version do not count.
func Diff(before, after *monitor.Config) (Difference, error) {
	old, err := things(before)
	if err != nil {
		return Difference{}, err
	}
	fresh, err := things(after)
	if err != nil {
		return Difference{}, err
	}
	d := Difference{Added: []string{}, Changed: []string{}, Removed: []string{}}
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		was, had := old[name]
		switch {
		case !had:
			d.Added = append(d.Added, name)
		case was != fresh[name]:
			d.Changed = append(d.Changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, has := fresh[name]; !has {
			d.Removed = append(d.Removed, name)
		}
	}
	return d, nil
}

// things is everything in a configuration by name, as comparable text.
func things(cfg *monitor.Config) (map[string]string, error) {
	all := map[string]string{}
	if cfg == nil {
		return all, nil
	}
	var failed error
	add := func(name string, thing any) {
		text, err := json.Marshal(thing)
		if err != nil {
			failed = fmt.Errorf("compare %s: %w", name, err)
		}
		all[name] = string(text)
	}
	add("site", cfg.Site)
	add("locations", cfg.Locations)
	for _, m := range cfg.Monitors {
		add("monitor "+string(m.ID), m)
	}
	for _, s := range cfg.Services {
		s.Shard = 0 // where it is kept is no change of what it is
		add("service "+string(s.ID), s)
	}
	for _, t := range cfg.Tiers {
		add("tier "+string(t.ID), t)
	}
	return all, failed
}
