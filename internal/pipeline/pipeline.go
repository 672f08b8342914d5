// Package pipeline is the stages of Sonde, one file each: Dispatch, Probe,
// Detect, Notify, Sweep, Rollup, Snapshot. A Lambda function wires one of them
// to AWS; `sonde up`, `sonde demo` and the simulator wire all of them to one
// machine. They are the same stages.
//
// Every stage may run twice for the same input, at the same time, or late, and
// may be cut off between any two steps: what it writes is keyed by what it
// means, conditional on what it has read, and written before anything is sent.
// A stage that returns an error may be run again with the same input.
//
// The stages decide nothing themselves: that is done by the pure packages
// schedule, detect, incident and uptime.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// Queue carries batches to the probes of their location. A batch is not to run
// before its scheduled time; it may arrive twice, late, or never.
type Queue interface {
	Send(ctx context.Context, batches []schedule.Batch) error
}

// Engine runs checks: every check has exactly one result, in order.
type Engine interface {
	Run(ctx context.Context, checks []monitor.Check) []monitor.Result
}

// Deps is what the stages stand on. A function that runs only some of them
// leaves out what these do not use.
type Deps struct {
	Store     *store.Store     // all
	Now       func() time.Time // all
	Log       *slog.Logger     // all
	Location  monitor.Location // Dispatch, Probe: where this runs
	Queue     Queue            // Dispatch, Detect
	Engine    Engine           // Probe
	Publisher notify.Publisher // Notify, Sweep

	// Emit takes the metrics of a run, as they come. Nil: nobody wants them.
	Emit func(...Metric)

	// Fresh is how old a snapshot may be before it says nothing about now:
	// three times the interval of Sweep.
	Fresh time.Duration

	// Pause waits, before a transaction that met a conflict is tried again,
	// or until ctx ends.
	Pause func(ctx context.Context, d time.Duration)

	// Gap is for how long a tier that has been told much in a minute is left alone; 30 s
	// by default.
	Gap time.Duration

	// ConfigAge is for how long a configuration is used before the table is
	// asked for a newer one.
	ConfigAge time.Duration
}

// Pipeline runs the stages. It may be used from several goroutines.
type Pipeline struct {
	Deps

	mu       sync.Mutex
	written  *monitor.Config
	config   *monitor.Config // of written, what is checked now
	configAt time.Time
	plan     *schedule.Plan
	noted    map[string]bool // what was set aside, by key
}

// New returns the stages over their dependencies.
func New(deps Deps) *Pipeline {
	if deps.Pause == nil {
		deps.Pause = pause
	}
	if deps.Gap == 0 {
		deps.Gap = defaultGap
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	return &Pipeline{Deps: deps, noted: map[string]bool{}}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ErrNoConfig means that the table holds no configuration yet.
var ErrNoConfig = errors.New("the table holds no configuration: apply a monitors.yaml first")

// Config returns the configuration in force, at most ConfigAge old, and at
// least of the version asked for, with the monitors at old addresses whose time is
// not over: these go without a new version.
func (p *Pipeline) Config(ctx context.Context, atLeast int64) (*monitor.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.config != nil && slices.ContainsFunc(p.config.Retired, func(r monitor.Retired) bool { return !p.Now().Before(r.Until) }) {
		p.config, p.plan = p.written.InForce(p.Now()), nil
	}
	if p.config != nil && p.config.Version >= atLeast && p.Now().Sub(p.configAt) < p.ConfigAge {
		return p.config, nil
	}
	if p.config != nil {
		version, err := p.Store.ConfigVersion(ctx)
		if err != nil {
			return nil, fmt.Errorf("get configuration version: %w", err)
		}
		if version == p.config.Version {
			p.configAt = p.Now()
			return p.config, nil
		}
	}
	cfg, err := p.Store.Config(ctx)
	if err != nil {
		return nil, err
	}
	if cfg == nil {
		return nil, ErrNoConfig
	}
	p.written, p.config, p.configAt, p.plan = cfg, cfg.InForce(p.Now()), p.Now(), nil
	return p.config, nil
}

// conflictTries is how often a transaction that met somebody else's is tried
// again. Each try reads anew; the waits grow to some seconds in all.
const conflictTries = 12

// retry runs a read-decide-write cycle until it meets no conflict.
func (p *Pipeline) retry(ctx context.Context, cycle func() error) error {
	var err error
	for try := range conflictTries {
		if try > 0 {
			p.Pause(ctx, time.Duration(try*try)*5*time.Millisecond)
		}
		if err = cycle(); !errors.Is(err, table.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
	return err
}
