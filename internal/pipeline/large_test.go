package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestLargeSite: renewing the states of a site whose figures stand in parts
// leaves the figures where they are.
func TestLargeSite(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long where races are looked for")
	}
	cfg := &monitor.Config{Site: monitor.Site{TimeZone: "UTC"}, Locations: []monitor.Location{monitor.Local}}
	r := rand.New(rand.NewPCG(1, 2))
	old := store.Snapshot{Generated: start, Measured: start}
	for i := range 600 {
		id := fmt.Sprintf("s%03d", i)
		cfg.Monitors = append(cfg.Monitors, monitor.Monitor{ID: monitor.ID(id), Service: monitor.ServiceID(id), Every: time.Minute, Timeout: time.Second, Locations: cfg.Locations, TCP: &monitor.TCP{Address: "x:1"}})
		cfg.Services = append(cfg.Services, monitor.Service{ID: monitor.ServiceID(id), Name: id, Monitors: []monitor.ID{monitor.ID(id)}, Needs: 1, Shard: i / 50})
		view := store.ServiceView{ID: monitor.ServiceID(id), Added: start}
		for range 90 {
			view.Days = append(view.Days, store.DayView{Date: "2019-05-01", Known: true, Uptime: r.Float64(), Coverage: r.Float64()})
		}
		old.Services = append(old.Services, view)
	}
	w, ctx := newWorld(t, cfg), context.Background()
	if err := w.store.PutSnapshot(ctx, old, 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.now = w.now.Add(time.Minute)
		if err := w.stages.Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	head, version, err := w.store.Snapshot(ctx)
	if err != nil || version != 4 || head.Services[599].Part == 0 || len(head.Services[599].Days) != 0 {
		t.Fatalf("version %d, part %d, %d days in the summary, %v", version, head.Services[599].Part, len(head.Services[599].Days), err)
	}
	whole, err := w.store.Details(ctx, head)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range whole.Services {
		if len(v.Days) != 90 || v.Days[7] != old.Services[i].Days[7] || !v.Added.Equal(start) {
			t.Fatalf("%s has lost its figures: %d days, added %s", v.ID, len(v.Days), v.Added)
		}
	}
	if after := w.rolledUp(); after.Services[599].Part != 0 || len(after.Services[599].Days) != 90 {
		t.Errorf("measured anew, and small again: part %d, %d days, want them in one item", after.Services[599].Part, len(after.Services[599].Days))
	}
}
