package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// unwritable is a table that can be read.
type unwritable struct{ table.Table }

func (unwritable) Write(context.Context, ...table.Op) error { return errors.New("no writes today") }

// TestChecksRun: checks count as run once their results are in the table; an
// alarm fires when they are not.
func TestChecksRun(t *testing.T) {
	w := newWorld(t, balancers())
	for _, c := range []struct {
		name  string
		table table.Table
		fails bool
		want  float64
	}{
		{"written", w.db, false, 1},
		{"not written", unwritable{w.db}, true, 0},
	} {
		var run float64
		p := pipeline.New(pipeline.Deps{
			Store: store.New(c.table, func() time.Time { return w.now }), Now: func() time.Time { return w.now },
			Location: monitor.Local, Engine: w,
			Emit: func(metrics ...pipeline.Metric) {
				for _, m := range metrics {
					if m.Name == pipeline.ChecksRun {
						run += m.Value
					}
				}
			},
		})
		err := p.Probe(t.Context(), schedule.Batch{Location: monitor.Local, Scheduled: w.now, Monitors: []monitor.ID{"app"}})
		if (err != nil) != c.fails || run != c.want {
			t.Errorf("%s: %v checks run, want %v; error %v, want one: %v", c.name, run, c.want, err, c.fails)
		}
	}
}
