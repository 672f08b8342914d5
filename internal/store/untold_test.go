package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/store"
)

// TestUntold: what waits in the outbox, under whatever time, and what was delivered is
// told; what is not there is not.
func TestUntold(t *testing.T) {
	s, ctx := open(t), context.Background()
	n := func(id string) incident.Notification {
		return incident.Notification{ID: id, Incident: "end", Tier: "oncall", Event: incident.EventExpiring, Receipt: id, At: t0}
	}
	for _, id := range []string{"delivered", "waits"} {
		op, err := store.NotificationOp(n(id))
		if err := commit(t, s, op, err); err != nil {
			t.Fatal(err)
		}
		pending, err := s.Outbox(ctx, 10)
		if err != nil || len(pending) != 1 {
			t.Fatalf("outbox: %+v, %v", pending, err)
		}
		if id == "waits" {
			break
		}
		claimed, err := s.Claim(ctx, pending, t0.Add(time.Minute))
		if err == nil {
			err = s.Deliver(ctx, claimed, nil, store.Receipt{Sent: t0})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	later := func(id string) incident.Notification {
		again := n(id)
		again.At = t0.Add(time.Hour)
		return again
	}
	got, err := s.Untold(ctx, []incident.Notification{later("delivered"), later("waits"), later("new")})
	if diff := cmp.Diff([]incident.Notification{later("new")}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
