package store_test

import (
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestSeenAdopt: what has not been heard of is known from when it came, and what has
// gone is remembered for a day.
func TestSeenAdopt(t *testing.T) {
	now := time.Date(2019, 5, 28, 18, 0, 0, 0, time.UTC)
	of := func(ids ...monitor.ID) *monitor.Config {
		cfg := &monitor.Config{Services: []monitor.Service{{ID: "web", Monitors: ids}, {ID: "other", Monitors: []monitor.ID{"far"}, Shard: 1}}}
		for _, id := range append(ids, "far") {
			cfg.Monitors = append(cfg.Monitors, monitor.Monitor{ID: id})
		}
		return cfg
	}
	var seen store.Seen
	at := func(id monitor.ID) time.Time { return seen.Since(id, monitor.Local) }
	if !seen.Adopt(of("a", "b"), 0, now) || !at("a").Equal(now) || !at("b").Equal(now) || !at("far").IsZero() {
		t.Errorf("new: %+v", seen)
	}
	if seen.Adopt(of("a", "b"), 0, now.Add(time.Minute)) || !at("a").Equal(now) {
		t.Errorf("a minute later: %+v", seen)
	}
	heard := now.Add(2 * time.Minute)
	seen.Hear(store.Batch{Location: monitor.Local, Scheduled: heard, Results: []monitor.Result{{Monitor: "a", Scheduled: heard, Outcome: monitor.OutcomeUp}}})
	if seen.Adopt(of("a", "b"), 0, heard) || !at("a").Equal(heard) || !at("b").Equal(now) {
		t.Errorf("one was heard of: %+v", seen)
	}
	seen.Adopt(of("b"), 0, heard.Add(23*time.Hour))
	if seen.Adopt(of("a", "b"), 0, heard.Add(24*time.Hour)) || !at("a").Equal(heard) {
		t.Errorf("put back within a day: %+v", seen)
	}
	later := heard.Add(25 * time.Hour)
	seen.Adopt(of("b"), 0, later)
	if len(seen.Last[monitor.Local]) != 0 {
		t.Errorf("gone for a day: %+v", seen)
	}
	if !seen.Adopt(of("a", "b"), 0, later) || !at("a").Equal(later) {
		t.Errorf("put back after a day: %+v", seen)
	}
}
