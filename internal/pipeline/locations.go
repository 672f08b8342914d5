package pipeline

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// heard is when the newest batch was due that came from each location.
type heard map[monitor.Location]time.Time

// hear takes into account what a shard has heard.
func (h heard) hear(seen store.Seen) {
	for location, monitors := range seen.Last {
		for _, ms := range monitors {
			if at := time.UnixMilli(ms).UTC(); at.After(h[location]) {
				h[location] = at
			}
		}
	}
}

// locationViews lists the locations in the order of the configuration, each as
// the snapshot before knew it, or better.
func locationViews(cfg *monitor.Config, old []store.LocationView, h heard) []store.LocationView {
	last, aside := heard{}, heard{}
	for _, v := range old {
		last[v.ID], aside[v.ID] = v.LastSeen, v.Aside
	}
	views := make([]store.LocationView, len(cfg.Locations))
	for i, id := range cfg.Locations {
		views[i] = store.LocationView{ID: id, LastSeen: last[id], Aside: aside[id]}
		if h[id].After(last[id]) {
			views[i].LastSeen = h[id]
		}
	}
	return views
}
