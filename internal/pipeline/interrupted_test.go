package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// cutOff is a table whose n-th write fails, as if the writer died just before it
// or just after it.
type cutOff struct {
	table.Table
	left  int
	after bool
}

var errCutOff = errors.New("the writer died")

func (c *cutOff) Write(ctx context.Context, ops ...table.Op) error {
	if c.left--; c.left != 0 {
		return c.Table.Write(ctx, ops...)
	}
	if c.after {
		if err := c.Table.Write(ctx, ops...); err != nil {
			return err
		}
	}
	return errCutOff
}

// TestMaintenanceCutOff: wherever a sweep dies, the next one goes on: the same
// runs, the same windows, and everybody is told what he would have been told.
func TestMaintenanceCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long where races are looked for")
	}
	for _, dies := range []string{"before", "after"} {
		for n := 1; ; n++ {
			w := newWorld(t, working("web"))
			broken := &cutOff{Table: w.db, left: n, after: dies == "after"}
			clock := func() time.Time { return w.now }
			w.stages = pipeline.New(pipeline.Deps{
				Store: store.New(broken, clock), Now: clock, Publisher: w, Fresh: time.Minute, Pause: func(context.Context, time.Duration) {},
			})
			for ; w.now.Before(start.Add(5 * time.Minute)); w.now = w.now.Add(10 * time.Second) {
				if err := w.stages.Sweep(context.Background()); err != nil && !errors.Is(err, errCutOff) {
					t.Fatalf("write %d, %s it: %v", n, dies, err)
				}
			}
			if broken.left > 0 {
				if n < 8 {
					t.Errorf("only %d writes", n-1)
				}
				break // no write is left to fail
			}
			checkCutOff(t, w, n, dies)
		}
	}
}

func checkCutOff(t *testing.T, w *world, n int, dies string) {
	t.Helper()
	m, err := w.store.Maintenance(context.Background(), w.now)
	if err != nil || len(m.Runs) != 1 || !m.Runs[0].From.Equal(start.Add(time.Minute)) || !m.Runs[0].Ended.Equal(start.Add(3*time.Minute)) || len(m.Runs[0].Told) != 0 {
		t.Errorf("write %d, %s it: runs %+v, %v", n, dies, m.Runs, err)
	}
	state, err := w.store.State(context.Background(), "web")
	if err != nil || state.Window == nil || !state.Window.To.Equal(start.Add(3*time.Minute)) {
		t.Errorf("write %d, %s it: window %+v, %v", n, dies, state.Window, err)
	}
	// A message may come twice only if its sender died before the receipt.
	var told []string
	for _, message := range w.sent {
		if line := string(message.Tier) + ": " + message.Attributes["event"] + " " + message.ID; !slices.Contains(told, line) {
			told = append(told, line)
		}
	}
	for i, line := range told {
		told[i] = line[:strings.LastIndex(line, " ")]
	}
	if diff := cmp.Diff([]string{"customers: maintenance", "customers: maintenance-over"}, told); diff != "" {
		t.Errorf("write %d, %s it: told (-want +got):\n%s", n, dies, diff)
	}
}
