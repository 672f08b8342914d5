package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

func TestShots(t *testing.T) {
	s, ctx := open(t), context.Background()
	for i := range 3 {
		r := monitor.Result{Monitor: "login", Location: "local", Scheduled: t0.Add(time.Duration(i) * time.Minute), Outcome: monitor.OutcomeDown, Screenshot: []byte{0xff, 0xd8, byte(i)}}
		for range 2 { // it comes twice
			op, err := store.ShotOp(r)
			if err == nil {
				err = s.Commit(ctx, op)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := s.Shots(ctx, "login", t0.Add(time.Second), t0.Add(2*time.Minute), 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Shot{{Monitor: "login", Location: "local", Scheduled: t0.Add(time.Minute), Outcome: monitor.OutcomeDown, JPEG: []byte{0xff, 0xd8, 1}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pictures (-want +got):\n%s", diff)
	}
}
