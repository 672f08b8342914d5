package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/memory"
)

// How the stages are called on AWS: template.yaml and internal/cloud.
const (
	minute     = time.Minute
	rollups    = 5 * time.Minute
	fresh      = 3 * time.Minute
	configAge  = 30 * time.Second
	recordsMax = 10 // of a stream, in one call
)

// Targets says what a check finds at a time.
type Targets func(c monitor.Check, now time.Time) monitor.Result

// Delivery is a message that a carrier took.
type Delivery struct {
	At      time.Time
	Message notify.Message
	About   []incident.Notification // what it tells, as it stood in the outbox
}

// world is one run of a script.
type world struct {
	agenda
	script  Script
	targets Targets
	ctx     context.Context

	rows    *memory.Table
	store   *store.Store // sees the table as it is: for those who look, not for stages
	stages  map[string]*pipeline.Pipeline
	feeds   map[string]*feed
	waking  bool // Notify is on its way
	armed   []*Fault
	spells  []Fault   // silences and skews
	inside  int       // stages that run, one inside the other
	entered time.Time // when the innermost of them did
	failed  time.Time // when a function did last
	books   *books
	calm    time.Time // since when nothing that struck has an effect on what is under way
	sweeps  []sweep
	lines   *transcript
	failure error // what no script may cause

	// What a replay wants to know, if it is set.
	told   func(Delivery)        // of each message
	noted  func(incident.Update) // of each update of an incident
	wrote  func([]table.Op)      // of each transaction
	called func()                // a stage is done

	places []monitor.Location // that only a later configuration has
	shared *store.Store       // of all stages, where nothing goes wrong that is one's alone; nil: each has its own
}

// errCrash is what a function that died returns to nobody.
var errCrash = errors.New("the function died")

// crash unwinds a stage.
type crash struct{}

func newWorld(s Script, targets Targets) *world {
	s.plan()
	w := &world{
		script: s, targets: targets, ctx: context.Background(),
		stages: map[string]*pipeline.Pipeline{}, feeds: map[string]*feed{},
	}
	w.now = s.Start
	w.rows = memory.New(w.clock)
	w.store = store.New(w.rows, w.clock)
	w.lines = &transcript{now: w.clock, start: s.Start}
	w.books = newBooks()
	return w
}

func (w *world) clock() time.Time { return w.now }

// begin puts the configuration in force and plans all that the script says.
func (w *world) begin() error {
	if _, err := w.store.PutConfig(w.ctx, w.script.Config, 0, "script"); err != nil {
		return fmt.Errorf("put configuration: %w", err)
	}
	for _, location := range slices.Concat(w.script.Config.Locations, w.places) {
		w.every(minute, 2*time.Second, Dispatch, location, func(tick time.Time) error {
			return w.call(Dispatch, location, func(p *pipeline.Pipeline) error {
				_, err := p.Dispatch(w.ctx, tick, tick.Add(minute))
				return err
			})
		})
	}
	w.every(minute, 3*time.Second, Sweep, "", func(time.Time) error {
		return w.sweep()
	})
	w.every(rollups, 5*time.Second, Rollup, "", func(time.Time) error {
		return w.call(Rollup, "", func(p *pipeline.Pipeline) error { return p.Rollup(w.ctx) })
	})
	for i := range w.script.Faults {
		w.plan(w.script.Faults[i])
	}
	for _, c := range w.script.Changes {
		w.at(w.script.Start.Add(c.At), func() { w.change(c.Config) })
	}
	for _, a := range w.script.Acts {
		w.at(w.script.Start.Add(a.At), func() { w.act(a) })
	}
	return nil
}

// run plays until the end of the script.
func (w *world) run() error {
	if err := w.begin(); err != nil {
		return err
	}
	end := w.script.Start.Add(w.script.Length + w.script.Settle)
	for w.failure == nil && w.ctx.Err() == nil && w.step(end) {
	}
	return errors.Join(w.failure, w.ctx.Err())
}

// every calls a scheduled stage at each interval, some moments late, as the
// scheduler does; a call that fails is made once more.
func (w *world) every(interval, within time.Duration, stage Stage, place monitor.Location, do func(tick time.Time) error) {
	var next func(tick time.Time)
	next = func(tick time.Time) {
		w.at(tick.Add(w.latency(string(stage)+string(place), within)), func() {
			w.at(tick.Add(interval), func() { next(tick.Add(interval)) })
			once := func() {
				if err := do(tick); err != nil {
					w.after(time.Second, func() { _ = do(tick) })
				}
			}
			switch {
			case w.strikes(ScheduleMissed, stage, place) != nil:
			case w.strikes(ScheduleTwice, stage, place) != nil:
				once()
				w.after(time.Second, once)
			default:
				if late := w.strikes(ScheduleLate, stage, place); late != nil {
					w.after(late.For, once)
					return
				}
				once()
			}
		})
	}
	next(w.script.Start.Truncate(interval))
}

// latency is how long something takes: always the same for the same script.
func (w *world) latency(what string, most time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %s %d", w.script.Seed, what, w.now.UnixNano())
	return time.Duration(h.Sum64()%uint64(most/time.Millisecond)) * time.Millisecond
}

// call runs a function of AWS: the instance that ran before, or, after it died, a
// new one.
func (w *world) call(stage Stage, place monitor.Location, do func(*pipeline.Pipeline) error) (err error) {
	key := string(stage) + "@" + string(place)
	if w.inside > 0 {
		key += "#" + strconv.Itoa(w.inside) // who runs inside another one is another instance
	}
	p, warm := w.stages[key]
	if !warm {
		p = w.instance(stage, place)
		w.stages[key] = p
	}
	entered := w.entered
	w.inside, w.entered = w.inside+1, w.now
	defer func() {
		w.inside, w.entered = w.inside-1, entered
		if died := recover(); died != nil {
			if _, planned := died.(crash); !planned {
				panic(died)
			}
			delete(w.stages, key)
			err = errCrash
		}
		if err != nil {
			w.failed = w.now
			w.lines.add("%s failed: %v", key, err)
		}
		if w.called != nil {
			w.called()
		}
	}()
	return do(p)
}

func (w *world) instance(stage Stage, place monitor.Location) *pipeline.Pipeline {
	now := w.clock
	if place != "" {
		now = func() time.Time { return w.now.Add(w.skew(place)) }
	}
	port := &port{world: w, stage: stage, place: place}
	table := store.New(port, now)
	if w.shared != nil {
		table = w.shared
	}
	return pipeline.New(pipeline.Deps{
		Store: table, Now: now, Log: slog.New(w.lines.handler(stage)), Location: place,
		Queue: port, Engine: port, Publisher: port, Fresh: fresh, ConfigAge: configAge,
		Pause: func(context.Context, time.Duration) {},
	})
}

// change puts another configuration in force.
func (w *world) change(cfg *monitor.Config) {
	version, err := w.store.ConfigVersion(w.ctx)
	if err == nil {
		_, err = w.store.PutConfig(w.ctx, cfg, version, "script")
	}
	if err != nil {
		w.failure = fmt.Errorf("change configuration: %w", err)
	}
	w.lines.add("configuration %d", version+1)
}
