package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
)

// TestDoubtedLocation: one location that finds nearly everything down is set
// aside, with one message in and one out; what it finds wrong meanwhile does not
// count, and an outage that the others see does.
func TestDoubtedLocation(t *testing.T) {
	ctx := context.Background()
	places := []monitor.Location{"us-east-1", "us-west-2", "eu-west-1"}
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Intervals", TimeZone: "UTC"}, Locations: places,
		Tiers: []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}, {ID: "customers", Impact: monitor.ImpactMinor, Public: true}},
	}
	for i := range 6 {
		id := fmt.Sprintf("m%d", i)
		cfg.Monitors = append(cfg.Monitors, monitor.Monitor{
			ID: monitor.ID(id), Service: monitor.ServiceID(id), Every: time.Minute, Timeout: time.Second, Confirm: 2, Recover: 2, Locations: places, TCP: &monitor.TCP{Address: "203.0.113.1:443"},
		})
		cfg.Services = append(cfg.Services, monitor.Service{ID: monitor.ServiceID(id), Name: "Service " + id, Monitors: []monitor.ID{monitor.ID(id)}, Needs: 1})
	}
	w := newWorld(t, cfg)
	down := func(monitor.ID, monitor.Location) bool { return false }
	round := func(minute int) {
		t.Helper()
		at := start.Add(time.Duration(minute) * time.Minute)
		for attempt := range 3 {
			scheduled := at.Add(time.Duration(attempt) * 2 * time.Second)
			w.now = scheduled.Add(time.Second)
			var batches []store.Batch
			for _, place := range places {
				b := store.Batch{Location: place, Scheduled: scheduled, Attempt: attempt, Finished: w.now}
				for _, m := range cfg.Monitors {
					r := monitor.Result{Monitor: m.ID, Location: place, Scheduled: scheduled, Attempt: attempt, Started: scheduled, Outcome: monitor.OutcomeUp}
					if down(m.ID, place) {
						r.Outcome, r.Failure = monitor.OutcomeDown, &monitor.Failure{Kind: monitor.FailTimeout, Detail: "timeout in connect"}
					}
					b.Results = append(b.Results, r)
				}
				op, err := store.BatchOp(schedule.Batch{Location: place, Scheduled: scheduled, Attempt: attempt}, b)
				if err == nil {
					err = w.store.Commit(ctx, op)
				}
				if err != nil {
					t.Fatal(err)
				}
				batches = append(batches, b)
			}
			if err := w.stages.Detect(ctx, batches); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := w.stages.Sweep(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	subjects := func() (all []string) {
		for _, m := range w.sent {
			subject, _, _ := strings.Cut(m.Subject, " - ")
			all = append(all, string(m.Tier)+": "+subject)
		}
		return all
	}
	round(0)
	down = func(id monitor.ID, place monitor.Location) bool { return place == "eu-west-1" && id != "m0" }
	for minute := 1; minute < 4; minute++ {
		round(minute)
	}
	doubted, _, err := w.store.Doubted(ctx)
	if err != nil || len(doubted.Aside) != 1 || doubted.Aside["eu-west-1"].IsZero() {
		t.Fatalf("set aside: %v, %v", doubted, err)
	}
	want := []string{"oncall: ALARM: Checks from eu-west-1: set aside since 01:01 UTC"}
	if got := subjects(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	page, _, err := w.store.Snapshot(ctx)
	if err != nil || len(page.Incidents) != 0 || page.Locations[2].Aside.IsZero() || len(page.Services[1].Monitors[0].Only) != 0 {
		t.Errorf("page: %+v %+v %+v, %v", page.Incidents, page.Locations, page.Services[1].Monitors, err)
	}
	// An outage that the others see is one.
	down = func(id monitor.ID, place monitor.Location) bool { return place == "eu-west-1" || id == "m3" }
	round(4)
	if board := w.board(); len(board.Open) != 2 || board.Open[1].Root != "m3" {
		t.Errorf("open: %+v", board.Open)
	}
	down = func(monitor.ID, monitor.Location) bool { return false }
	for minute := 5; minute < 8; minute++ {
		round(minute)
	}
	if board := w.board(); len(board.Open) != 0 {
		t.Errorf("still open: %+v", board.Open)
	}
	if doubted, _, err := w.store.Doubted(ctx); err != nil || len(doubted.Aside) != 0 {
		t.Errorf("still set aside: %v, %v", doubted, err)
	}
	about := 0
	for _, s := range subjects() {
		if strings.Contains(s, "Checks from") {
			about++
		}
		if strings.HasPrefix(s, "customers") && strings.Contains(s, "eu-west-1") {
			t.Errorf("the public was told of a location: %s", s)
		}
	}
	if about != 2 {
		t.Errorf("%d messages about the location, want one in and one out: %q", about, subjects())
	}
}
