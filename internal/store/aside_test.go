package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// bad writes a row that its reader cannot understand.
func bad(t *testing.T, s *store.Store, pk, sk, kind, doc string, data ...byte) {
	t.Helper()
	row := table.Row{Key: table.Key{PK: pk, SK: sk}, Kind: kind, Version: 3, Doc: []byte(doc), Data: data}
	if err := s.Table().Write(context.Background(), table.Op{Verb: table.Put, Row: row}); err != nil {
		t.Fatal(err)
	}
}

// TestUnreadable: a row that cannot be read hides none of those beside it, and is
// told of.
func TestUnreadable(t *testing.T) {
	s, ctx := open(t), context.Background()
	op, err := store.NotificationOp(incident.Notification{ID: "n1", At: t0})
	if err := commit(t, s, op, err); err != nil {
		t.Fatal(err)
	}
	bad(t, s, "OUTBOX", "2019-05-29T00:00:00.000Z#bad", "notification", `{"notification": "none"}`)
	bad(t, s, "BATCH#000", "2019-05-29T01:00:00.000Z#x#0", "batch", `{"shard": 0}`, 77, 1, 2) // packed by a newer program
	bad(t, s, "SERVICE#web", "STATE", "state", `{"status": 7}`)
	bad(t, s, "PAGE", "SNAPSHOT#0", "snapshot", `{}`, 1, 2, 3)

	pending, err := s.Outbox(ctx, 10)
	if err != nil || len(pending) != 1 || pending[0].Notification.ID != "n1" {
		t.Errorf("outbox: %+v, %v, want the good one", pending, err)
	}
	batches, err := s.Batches(ctx, 0, t0, t0.Add(time.Second))
	if err != nil || len(batches) != 0 {
		t.Errorf("batches: %+v, %v", batches, err)
	}
	state, err := s.State(ctx, "web")
	if err != nil || state.Version != 3 || state.Status != "" {
		t.Errorf("state: %+v, %v, want none, of the row's version, to be written over", state, err)
	}
	snapshot, version, err := s.Snapshot(ctx)
	if err != nil || version != 3 || !snapshot.Generated.IsZero() {
		t.Errorf("snapshot: version %d, %v, want none, of the row's version", version, err)
	}
	var keys []string
	for _, a := range s.Unreadable() {
		keys = append(keys, a.PK)
		if a.Reason == "" || a.What == "" {
			t.Errorf("%s %s: kind %q, reason %q", a.PK, a.SK, a.What, a.Reason)
		}
	}
	if got := strings.Join(keys, " "); got != "OUTBOX BATCH#000 SERVICE#web PAGE" {
		t.Errorf("unreadable: %s", got)
	}
	if again := s.Unreadable(); len(again) != 0 {
		t.Errorf("told twice: %+v", again)
	}
}

// TestSetAside: the same row is noted once.
func TestSetAside(t *testing.T) {
	s, ctx := open(t), context.Background()
	for i, want := range []bool{true, false} {
		first, err := s.SetAside(ctx, store.Aside{PK: "OUTBOX", SK: "x", What: "notification", Reason: "why"})
		if err != nil || first != want {
			t.Errorf("time %d: first is %t, %v", i, first, err)
		}
	}
	asides, err := s.Asides(ctx, 10)
	if err != nil || len(asides) != 1 || asides[0].Reason != "why" || !asides[0].Noticed.Equal(t0) {
		t.Errorf("asides: %+v, %v", asides, err)
	}
}

// TestNewerConfig: a configuration of a form that is not known leaves the one
// before it in force.
func TestNewerConfig(t *testing.T) {
	s, ctx := open(t), context.Background()
	for i, name := range []string{"one", "two"} {
		if _, err := s.PutConfig(ctx, &monitor.Config{Site: monitor.Site{Name: name}}, int64(i), "me"); err != nil {
			t.Fatal(err)
		}
	}
	bad(t, s, "CONFIG", "V#00000002", "config", `{"number": 2, "form": 99}`)
	bad(t, s, "CONFIG", "CURRENT", "config", `{"number": 2, "form": 99}`)
	cfg, err := s.Config(ctx)
	if err != nil || cfg.Site.Name != "one" || cfg.Version != 1 {
		t.Fatalf("%+v, %v, want version 1", cfg, err)
	}
	if unread := s.Unreadable(); len(unread) != 1 || !strings.Contains(unread[0].Reason, "form 99") {
		t.Errorf("unreadable: %+v", unread)
	}
}

// TestOlderRows: what an older program wrote, without the fields that have come
// since, is read.
func TestOlderRows(t *testing.T) {
	s, ctx := open(t), context.Background()
	bad(t, s, "SERVICE#web", "STATE", "state", `{"service": "web", "status": "major_outage", "since": "2019-05-29T01:00:00Z", "alive": 0, "total": 1,
		"states": {"web": "down"}, "monitors": {"web": {"settled": "down", "since": "2019-05-29T01:00:00Z"}}}`)
	state, err := s.State(ctx, "web")
	if err != nil || state.Status != monitor.MajorOutage || state.Details["web"].Settled != monitor.Down || state.Version != 3 {
		t.Fatalf("%+v, %v", state, err)
	}
	op, err := store.StateOp(detect.Service{Service: "web", Status: monitor.Operational}, state.Version)
	if err := commit(t, s, op, err); err != nil {
		t.Errorf("write it anew: %v", err)
	}
}
