package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
)

// trio is six services, each a monitor that three locations check every minute,
// and twice more within seconds.
type trio struct {
	*world
	cfg *monitor.Config
	say func(monitor.ID, monitor.Location) monitor.Outcome // empty: silent
}

func newTrio(t *testing.T, quorum int) *trio {
	places := []monitor.Location{"us-east-1", "us-west-2", "eu-west-1"}
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Intervals", TimeZone: "UTC"}, Locations: places,
		Tiers: []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}},
	}
	for i := range 6 {
		id := fmt.Sprintf("m%d", i)
		cfg.Monitors = append(cfg.Monitors, monitor.Monitor{
			ID: monitor.ID(id), Service: monitor.ServiceID(id), Every: time.Minute, Timeout: time.Second, Confirm: 2, Recover: 2, Recheck: 2 * time.Second,
			Quorum: quorum, Locations: places, TCP: &monitor.TCP{Address: "203.0.113.1:443"},
		})
		cfg.Services = append(cfg.Services, monitor.Service{ID: monitor.ServiceID(id), Name: "Service " + id, Monitors: []monitor.ID{monitor.ID(id)}, Needs: 1})
	}
	f := &trio{world: newWorld(t, cfg), cfg: cfg}
	f.with(nil)
	return f
}

// with says what the locations find; those not named find all well.
func (f *trio) with(says map[monitor.Location]monitor.Outcome) {
	f.say = func(_ monitor.ID, l monitor.Location) monitor.Outcome {
		if o, named := says[l]; named {
			return o
		}
		return up
	}
}

func (f *trio) rounds(from, to int) {
	f.t.Helper()
	for minute := from; minute < to; minute++ {
		at := start.Add(time.Duration(minute) * time.Minute)
		for attempt := range 3 {
			f.batches(at.Add(time.Duration(attempt)*2*time.Second), attempt)
		}
		f.now = at.Add(40 * time.Second)
		if err := f.stages.Sweep(context.Background()); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *trio) batches(scheduled time.Time, attempt int) {
	f.t.Helper()
	f.now = scheduled.Add(time.Second)
	var batches []store.Batch
	for _, place := range f.cfg.Locations {
		b := store.Batch{Location: place, Scheduled: scheduled, Attempt: attempt, Finished: f.now}
		for _, m := range f.cfg.Monitors {
			r := monitor.Result{Monitor: m.ID, Location: place, Scheduled: scheduled, Attempt: attempt, Started: scheduled, Outcome: f.say(m.ID, place)}
			if r.Outcome == down {
				r.Failure = &monitor.Failure{Kind: monitor.FailTimeout, Detail: "timeout in connect"}
			}
			if r.Outcome != "" {
				b.Results = append(b.Results, r)
			}
		}
		if len(b.Results) == 0 {
			continue
		}
		op, err := store.BatchOp(schedule.Batch{Location: place, Scheduled: scheduled, Attempt: attempt}, b)
		if err == nil {
			err = f.store.Commit(context.Background(), op)
		}
		if err != nil {
			f.t.Fatal(err)
		}
		batches = append(batches, b)
	}
	if err := f.stages.Detect(context.Background(), batches); err != nil {
		f.t.Fatal(err)
	}
}

// about is what was told of a location.
func (f *trio) about(location monitor.Location) (all []string) {
	for _, m := range f.sent {
		if subject, _, _ := strings.Cut(m.Subject, " - "); strings.Contains(subject, string(location)) {
			all = append(all, subject)
		}
	}
	return all
}

func (f *trio) aside() (all []monitor.Location) {
	f.t.Helper()
	doubted, _, err := f.store.Doubted(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, l := range f.cfg.Locations {
		if !doubted.Aside[l].IsZero() {
			all = append(all, l)
		}
	}
	return all
}

var europe = []monitor.Location{"eu-west-1"}

// TestDoubtedBesideSilent: one location is blocked and another silent. That is two
// messages, one in and one out, not two every five minutes.
func TestDoubtedBesideSilent(t *testing.T) {
	f := newTrio(t, 0)
	f.rounds(0, 1)
	f.with(map[monitor.Location]monitor.Outcome{"us-west-2": "", "eu-west-1": down})
	f.rounds(1, 30)
	if got := f.aside(); !slices.Equal(got, europe) || len(f.about("eu-west-1")) != 1 || len(f.sent) != 2 {
		t.Errorf("after half an hour %v is set aside, told %q and %q", got, f.about("eu-west-1"), f.about("us-west-2"))
	}
	f.with(map[monitor.Location]monitor.Outcome{"us-west-2": ""})
	f.rounds(30, 32)
	if got := f.aside(); len(got) != 0 || len(f.about("eu-west-1")) != 2 {
		t.Errorf("%v is set aside still, told %q", got, f.about("eu-west-1"))
	}
}

// TestDoubtedProof: a location is taken back on what it finds good, on three of
// four, and not because what it said before is forgotten.
func TestDoubtedProof(t *testing.T) {
	f := newTrio(t, 0)
	f.rounds(0, 1)
	f.with(map[monitor.Location]monitor.Outcome{"eu-west-1": down})
	f.rounds(1, 4)
	f.with(map[monitor.Location]monitor.Outcome{"us-east-1": down, "us-west-2": down, "eu-west-1": down})
	f.rounds(4, 8) // all is down: nothing is down from there only
	f.with(map[monitor.Location]monitor.Outcome{"eu-west-1": down})
	f.rounds(8, 12)
	if got := f.aside(); !slices.Equal(got, europe) || len(f.about("eu-west-1")) != 1 {
		t.Errorf("after an outage %v is set aside, told %q", got, f.about("eu-west-1"))
	}
	fine := 4
	f.say = func(id monitor.ID, l monitor.Location) monitor.Outcome {
		if l == "eu-west-1" && id >= monitor.ID(fmt.Sprintf("m%d", fine)) {
			return down
		}
		return up
	}
	f.rounds(12, 14)
	if got := f.aside(); !slices.Equal(got, europe) {
		t.Errorf("four of six are good: %v is set aside", got)
	}
	fine = 5
	f.rounds(14, 16)
	if got := f.aside(); len(got) != 0 {
		t.Errorf("five of six are good: %v is set aside", got)
	}
}

// TestDoubtedSilent: what falls silent is not set aside any more, and nothing is
// down from there only. One incident goes on.
func TestDoubtedSilent(t *testing.T) {
	f := newTrio(t, 0)
	f.rounds(0, 1)
	f.with(map[monitor.Location]monitor.Outcome{"eu-west-1": down})
	f.rounds(1, 3)
	f.with(map[monitor.Location]monitor.Outcome{"eu-west-1": ""})
	f.rounds(3, 12)
	page, _, err := f.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ALARM: Checks from eu-west-1: set aside since 01:01 UTC", "UPDATE: Checks from eu-west-1: no results since 01:02 UTC"}
	if got := f.aside(); len(got) != 0 || len(f.board().Open) != 1 || !slices.Equal(f.about("eu-west-1"), want) {
		t.Errorf("%v is set aside, %d open, told %q", got, len(f.board().Open), f.about("eu-west-1"))
	}
	if view := page.Services[1].Monitors[0]; len(view.Only) != 0 || !page.Locations[2].Aside.IsZero() {
		t.Errorf("page: %+v, %+v", view, page.Locations[2])
	}
	f.with(nil)
	f.rounds(12, 20)
	if want = append(want, "OK: Checks from eu-west-1"); len(f.board().Open) != 0 || !slices.Equal(f.about("eu-west-1"), want) {
		t.Errorf("%d open, told %q", len(f.board().Open), f.about("eu-west-1"))
	}
}

// TestDoubtedDeclares: where one location is enough for an outage, one that is
// blocked declares one for all. It is alone with that: it is set aside, and the
// outages end without it.
func TestDoubtedDeclares(t *testing.T) {
	f := newTrio(t, 1)
	f.rounds(0, 1)
	f.with(map[monitor.Location]monitor.Outcome{"eu-west-1": down})
	f.rounds(1, 8)
	var open []monitor.ServiceID
	for _, inc := range f.board().Open {
		open = append(open, inc.Root)
	}
	if diff := cmp.Diff([]monitor.ServiceID{"@eu-west-1"}, open); diff != "" || !slices.Equal(f.aside(), europe) {
		t.Errorf("%v is set aside; open (-want +got):\n%s", f.aside(), diff)
	}
}
