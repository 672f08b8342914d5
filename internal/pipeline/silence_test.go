package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// apply puts a changed configuration in force.
func (f *trio) apply(change func(*monitor.Config)) {
	f.t.Helper()
	ctx := context.Background()
	now, err := f.store.Config(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	cfg := *now
	cfg.Monitors, cfg.Tiers = slices.Clone(cfg.Monitors), slices.Clone(cfg.Tiers)
	change(&cfg)
	if _, err := f.store.PutConfig(ctx, &cfg, now.Version, "test"); err != nil {
		f.t.Fatal(err)
	}
	f.cfg = &cfg
}

// hearing adds a tier that hears of what is major only, and the public.
func (f *trio) hearing() *trio {
	f.apply(func(cfg *monitor.Config) {
		cfg.Tiers = append(cfg.Tiers, monitor.Tier{ID: "managers", Impact: monitor.ImpactMajor}, monitor.Tier{ID: "customers", Impact: monitor.ImpactMinor, Public: true})
	})
	return f
}

// subjects is what was told, tier by tier, a line each.
func (f *trio) subjects() (all []string) {
	for _, m := range f.sent {
		subject, _, _ := strings.Cut(m.Subject, " - ")
		all = append(all, string(m.Tier)+": "+subject)
	}
	return all
}

func (f *trio) silent() map[monitor.Location]store.Silence {
	f.t.Helper()
	doubted, _, err := f.store.Doubted(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return doubted.Silent
}

func (f *trio) want(when string, want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.subjects()); diff != "" {
		f.t.Errorf("told %s (-want +got):\n%s", when, diff)
	}
}

func silent(all ...monitor.Location) map[monitor.Location]monitor.Outcome {
	says := map[monitor.Location]monitor.Outcome{}
	for _, l := range all {
		says[l] = ""
	}
	return says
}

// TestSilentLocation: of one of three that says nothing those who run Sonde hear
// once, within minutes, and once when it is heard again; however often Sweep runs.
func TestSilentLocation(t *testing.T) {
	f := newTrio(t, 0).hearing()
	f.rounds(0, 2)
	f.with(silent("us-west-2"))
	f.rounds(2, 5)
	f.want("after three minutes")
	f.rounds(5, 8)
	begin := "oncall: ALARM: Checks from us-west-2: no results since 01:01 UTC"
	f.want("after six minutes", begin)
	for range 5 {
		if err := f.stages.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	f.rounds(8, 42)
	f.want("after forty minutes", begin)
	f.with(nil)
	f.rounds(42, 50)
	f.want("at its end", begin, "oncall: OK: Checks from us-west-2")
	if text := f.sent[1].Subject; !strings.Contains(text, "after 41m") {
		t.Errorf("the end says %q", text)
	}
	if left := f.silent(); len(left) != 0 || len(f.board().Open) != 0 {
		t.Errorf("left: %v, %d open", left, len(f.board().Open))
	}
}

// meanwhile is a table before whose n-th write something else happens.
type meanwhile struct {
	table.Table
	left int
	do   func()
}

func (m *meanwhile) Write(ctx context.Context, ops ...table.Op) error {
	if m.left--; m.left == 0 {
		m.do()
	}
	return m.Table.Write(ctx, ops...)
}

// TestTwoSweepsOfOneSilence: at whatever write of one sweep another comes through, of a
// silent location people hear once, and once when it is heard again.
func TestTwoSweepsOfOneSilence(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long where races are looked for")
	}
	n := 1
	for more := true; more; n++ {
		f := newTrio(t, 0).hearing()
		alone, clock := f.stages, func() time.Time { return f.now }
		shared := &meanwhile{Table: f.db, left: n, do: func() {
			if err := alone.Sweep(context.Background()); err != nil {
				t.Errorf("write %d: the other sweep: %v", n, err)
			}
		}}
		f.stages = pipeline.New(pipeline.Deps{
			Store: store.New(shared, clock), Now: clock, Location: monitor.Local, Queue: f, Engine: f, Publisher: f,
			Fresh: time.Minute, Pause: func(context.Context, time.Duration) {},
		})
		f.rounds(0, 2)
		f.with(silent("us-west-2"))
		f.rounds(2, 8)
		f.with(nil)
		f.rounds(8, 11)
		f.want(fmt.Sprintf("with another sweep at write %d", n), "oncall: ALARM: Checks from us-west-2: no results since 01:01 UTC", "oncall: OK: Checks from us-west-2")
		if left := f.silent(); len(left) != 0 || len(f.board().Open) != 0 {
			t.Errorf("write %d: left: %v, %d open", n, left, len(f.board().Open))
		}
		more = shared.left <= 0
	}
	if n < 20 {
		t.Errorf("only %d writes", n)
	}
}

// TestAllSilent: where nothing is heard from anywhere, one message says so to those
// who hear of what is major, and none to the public.
func TestAllSilent(t *testing.T) {
	f := newTrio(t, 0).hearing()
	f.rounds(0, 2)
	f.with(silent(f.cfg.Locations...))
	f.rounds(2, 12)
	told := map[monitor.TierID]int{}
	for _, m := range f.sent {
		told[m.Tier]++
	}
	board := f.board()
	if len(board.Open) != 3 || told["managers"] != 1 || told["oncall"] > 3 || told["customers"] != 0 {
		t.Errorf("%d open, told %q", len(board.Open), f.subjects())
	}
	manager := slices.IndexFunc(f.sent, func(m notify.Message) bool { return m.Tier == "managers" })
	if manager < 0 || !strings.Contains(f.sent[manager].Email, "Nothing is checked from anywhere") {
		t.Errorf("managers hear %q", f.subjects())
	}
	f.with(silent("us-west-2", "us-east-1"))
	f.rounds(12, 16)
	if open := f.board().Open; len(open) != 2 || slices.ContainsFunc(open, func(i incident.Incident) bool { return i.Impact != monitor.ImpactMinor }) {
		t.Errorf("one is heard again, and open is %+v", open)
	}
	f.with(nil)
	f.rounds(16, 20)
	if left := f.silent(); len(left) != 0 || len(f.board().Open) != 0 {
		t.Errorf("left: %v, %d open", left, len(f.board().Open))
	}
	ends := 0
	for _, m := range f.sent {
		if m.Tier == "managers" && strings.HasPrefix(m.Subject, "OK: ") {
			ends++
		}
	}
	if ends != 1 {
		t.Errorf("managers hear %d ends: %q", ends, f.subjects())
	}
}

// TestSilentRemoved: a location that the configuration does not hold any more, or of
// which all monitors are paused, is not silent.
func TestSilentRemoved(t *testing.T) {
	for name, change := range map[string]func(*monitor.Config){
		"removed": func(cfg *monitor.Config) {
			cfg.Locations = []monitor.Location{"us-east-1", "eu-west-1"}
			for i := range cfg.Monitors {
				cfg.Monitors[i].Locations = cfg.Locations
			}
		},
		"paused": func(cfg *monitor.Config) {
			for i := range cfg.Monitors {
				cfg.Monitors[i].Paused = true
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTrio(t, 0)
			f.rounds(0, 2)
			f.with(silent("us-west-2"))
			f.rounds(2, 12)
			f.apply(change)
			f.rounds(12, 20)
			f.want("in the end", "oncall: ALARM: Checks from us-west-2: no results since 01:01 UTC", "oncall: OK: Checks from us-west-2")
			if text := f.sent[1].Email; !strings.Contains(text, "Nothing is checked from us-west-2 any more.") {
				t.Errorf("the end is %q", text)
			}
			if left := f.silent(); len(left) != 0 || len(f.board().Open) != 0 {
				t.Errorf("left: %v, %d open", left, len(f.board().Open))
			}
		})
	}
}

// TestNeverHeard: of a location that was never heard nothing is told.
func TestNeverHeard(t *testing.T) {
	f := newTrio(t, 0)
	f.with(silent("us-west-2"))
	f.rounds(0, 20)
	f.want("of it")
}

// TestSweepWasAway: when Sweep has not run for long, but checks have, nothing is silent.
func TestSweepWasAway(t *testing.T) {
	f := newTrio(t, 0)
	f.rounds(0, 2)
	for minute := 2; minute < 30; minute++ {
		f.batches(start.Add(time.Duration(minute)*time.Minute), 0)
	}
	for range 20 { // and is called again and again
		f.now = f.now.Add(5 * time.Second)
		if err := f.stages.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if f.want("of what was heard"); len(f.silent()) != 0 {
		t.Errorf("silent: %v", f.silent())
	}
}

// TestMachineSlept: a machine that has slept sweeps before it checks, and may check
// rarely. Nothing is told of that.
func TestMachineSlept(t *testing.T) {
	for _, every := range []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute} {
		for _, slept := range []time.Duration{4 * time.Minute, 14 * time.Minute, 9 * time.Hour} {
			t.Run(fmt.Sprint(every, slept), func(t *testing.T) {
				cfg := balancers()
				for i := range cfg.Monitors {
					cfg.Monitors[i].Every = every
				}
				w := newWorld(t, cfg)
				w.run(6 * time.Minute)
				w.now = w.now.Add(slept)
				if err := w.stages.Sweep(context.Background()); err != nil {
					t.Fatal(err)
				}
				w.run(12 * time.Minute)
				if len(w.sent) != 0 {
					t.Errorf("told: %q", w.sent[0].Subject)
				}
			})
		}
	}
}

// TestSilenceStored: two sweeps at once, and one that dies before it sends, tell once.
func TestSilenceStored(t *testing.T) {
	f := newTrio(t, 0)
	f.rounds(0, 2)
	f.with(silent("us-west-2"))
	f.fail = fmt.Errorf("the carrier is away")
	f.rounds(2, 10)
	if len(f.board().Open) != 1 || len(f.sent) != 0 {
		t.Errorf("%d open, told %q", len(f.board().Open), f.subjects())
	}
	f.fail = nil
	f.rounds(10, 20)
	f.want("later", "oncall: ALARM: Checks from us-west-2: no results since 01:01 UTC")
}
