package schedule_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
)

// TestJourneys: browser journeys have batches of their own, of a few each, with
// keys of their own; all that is due is in one batch, once.
func TestJourneys(t *testing.T) {
	cfg := &monitor.Config{Version: 1, Locations: []monitor.Location{"here"}, Services: []monitor.Service{{ID: "s"}}}
	for i := range 8 {
		m := monitor.Monitor{ID: monitor.ID(fmt.Sprintf("m%d", i)), Service: "s", Every: time.Minute, Locations: cfg.Locations, TCP: &monitor.TCP{}}
		if i%2 == 0 {
			m.TCP, m.Browser = nil, &monitor.Browser{}
		}
		cfg.Monitors = append(cfg.Monitors, m)
	}
	keys := map[string]bool{}
	var seen []monitor.ID
	from := time.Unix(1_700_000_000, 0)
	for _, b := range schedule.Due(cfg, "here", from, from.Add(time.Minute)) {
		if keys[b.Key()] {
			t.Errorf("two batches have the key %s", b.Key())
		}
		keys[b.Key()] = true
		for _, id := range b.Monitors {
			m, _ := cfg.Monitor(id)
			if (m.Kind() == monitor.KindBrowser) != b.Browser {
				t.Errorf("%s is in %+v", id, b)
			}
		}
		if b.Browser && len(b.Monitors) > 3 {
			t.Errorf("%d journeys in a batch", len(b.Monitors))
		}
		seen = append(seen, b.Monitors...)
	}
	slices.Sort(seen)
	if len(seen) != 8 || len(slices.Compact(seen)) != 8 || len(keys) != 3 {
		t.Errorf("due %v in %d batches", seen, len(keys))
	}
}
