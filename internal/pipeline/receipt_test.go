package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// flaky is a table whose writes fail so often, once the carrier has taken a
// message.
type flaky struct {
	table.Table
	w     *world
	fails int
	with  error
}

func (f *flaky) Write(ctx context.Context, ops ...table.Op) error {
	if len(f.w.sent) > 0 && f.fails > 0 {
		f.fails--
		return f.with
	}
	return f.Table.Write(ctx, ops...)
}

// TestReceiptIsTriedAgain: a table that fails just after a message was sent does
// not make it go out twice.
func TestReceiptIsTriedAgain(t *testing.T) {
	for name, with := range map[string]error{"throttled": errors.New("throttled"), "conflict": table.ErrConflict} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, &monitor.Config{Site: monitor.Site{TimeZone: "UTC"}})
			s := store.New(&flaky{Table: w.db, w: w, fails: 5, with: with}, func() time.Time { return w.now })
			deps := w.stages.Deps
			deps.Store = s
			var waited time.Duration
			deps.Pause = func(_ context.Context, d time.Duration) { waited += d }
			op, err := store.NotificationOp(incident.Notification{ID: "n", Incident: "i", Tier: "oncall", Event: incident.EventOpened, Receipt: "opened", At: w.now})
			if err == nil {
				err = s.Commit(context.Background(), op)
			}
			if err != nil {
				t.Fatal(err)
			}
			stages := pipeline.New(deps)
			for range 3 {
				if _, err := stages.Notify(context.Background()); err != nil {
					t.Fatal(err)
				}
				w.now = w.now.Add(time.Minute)
			}
			if len(w.sent) != 1 {
				t.Errorf("sent %d times, want once", len(w.sent))
			}
			receipts, err := s.Receipts(context.Background(), "i")
			if err != nil || len(receipts) != 1 {
				t.Errorf("receipts: %+v, %v", receipts, err)
			}
			if waited < time.Second || waited > 25*time.Second {
				t.Errorf("waited %s, want some seconds, less than the lease", waited)
			}
		})
	}
}
