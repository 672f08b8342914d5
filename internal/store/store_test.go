package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
)

var t0 = time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)

func open(t testing.TB) *store.Store {
	t.Helper()
	now := func() time.Time { return t0 }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return store.New(db, now)
}

// commit writes operations that had no error.
func commit(t testing.TB, s *store.Store, op table.Op, err error) error {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return s.Commit(context.Background(), op)
}

// TestConfigRetires: an address that a version leaves behind is noted in it, whatever
// the configuration that is put says; one that puts it back leaves the other.
func TestConfigRetires(t *testing.T) {
	s, ctx := open(t), context.Background()
	at := func(address string) *monitor.Config {
		return &monitor.Config{
			Locations: []monitor.Location{"us-west-2"},
			Monitors:  []monitor.Monitor{{ID: "lb", Service: "lb", Locations: []monitor.Location{"us-west-2"}, HTTP: &monitor.HTTP{URL: "https://app.example.com/", Address: address}}},
			Services:  []monitor.Service{{ID: "lb", Monitors: []monitor.ID{"lb"}, Needs: 1}},
		}
	}
	rolledBack := at("203.0.113.10")
	rolledBack.Retired = []monitor.Retired{{Address: "203.0.113.1", Until: t0.Add(time.Hour)}}
	for i, put := range []struct {
		cfg  *monitor.Config
		want []string
	}{
		{at("203.0.113.10"), nil},
		{at("203.0.113.20"), []string{"203.0.113.10"}},
		{at("203.0.113.30"), []string{"203.0.113.10", "203.0.113.20"}},
		{rolledBack, []string{"203.0.113.20", "203.0.113.30"}},
	} {
		if _, err := s.PutConfig(ctx, put.cfg, int64(i), "me"); err != nil {
			t.Fatal(err)
		}
		cfg, err := s.Config(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range cfg.Retired {
			got = append(got, r.Address)
		}
		if diff := cmp.Diff(put.want, got); diff != "" || len(cfg.Monitors) != 1 {
			t.Errorf("version %d has %d monitors, and leaves (-want +got):\n%s", i+1, len(cfg.Monitors), diff)
		}
	}
}

func TestConfigVersions(t *testing.T) {
	s, ctx := open(t), context.Background()
	if cfg, err := s.Config(ctx); cfg != nil || err != nil {
		t.Fatalf("empty table: got %v, %v, want nothing", cfg, err)
	}
	one, err := s.PutConfig(ctx, &monitor.Config{Site: monitor.Site{Name: "one"}}, 0, "me")
	if err != nil || one.Version != 1 {
		t.Fatalf("first: %+v, %v", one, err)
	}
	if _, err := s.PutConfig(ctx, &monitor.Config{}, 0, "somebody who has not seen it"); !errors.Is(err, table.ErrConflict) {
		t.Errorf("based on an old version: got %v, want a conflict", err)
	}
	if _, err := s.PutConfig(ctx, &monitor.Config{Site: monitor.Site{Name: "two"}}, 1, "me"); err != nil {
		t.Fatal(err)
	}
	got, err := s.Config(ctx)
	if err != nil || got.Version != 2 || got.Site.Name != "two" {
		t.Errorf("current: %+v, %v", got, err)
	}
}

func result(id monitor.ID, outcome monitor.Outcome) monitor.Result {
	r := monitor.Result{
		Monitor: id, Location: "eu-west-1", Scheduled: t0, Started: t0.Add(120 * time.Millisecond), Outcome: outcome,
		Status: 200, Address: "203.0.113.10:443",
		Timing: monitor.Timing{DNS: 1500 * time.Microsecond, Connect: 20 * time.Millisecond, TLS: 30 * time.Millisecond, TTFB: 80 * time.Millisecond, Transfer: 50 * time.Microsecond, Total: 131550 * time.Microsecond},
	}
	if outcome == monitor.OutcomeUp {
		r.Expires = t0.AddDate(0, 0, 30).Truncate(time.Second)
		return r
	}
	r.Failure = &monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}
	r.Body = "an answer"
	return r
}

func TestBatchRoundTrip(t *testing.T) {
	s, ctx := open(t), context.Background()
	key := schedule.Batch{Shard: 3, Location: "eu-west-1", Scheduled: t0, Monitors: []monitor.ID{"a", "b", "c"}}
	want := store.Batch{
		Shard: 3, Location: "eu-west-1", Scheduled: t0, Finished: t0.Add(time.Second), Checks: 3,
		Results: []monitor.Result{result("a", monitor.OutcomeUp), result("c", monitor.OutcomeUp), result("b", monitor.OutcomeDown)},
	}
	op, err := store.BatchOp(key, want)
	if err := commit(t, s, op, err); err != nil {
		t.Fatal(err)
	}
	if err := commit(t, s, op, nil); !errors.Is(err, table.ErrConflict) {
		t.Errorf("the same batch again: got %v, want a conflict", err)
	}
	got, err := s.Batches(ctx, 3, t0, t0.Add(time.Second))
	if err != nil || len(got) != 1 {
		t.Fatalf("batches: %+v, %v", got, err)
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("batch differs (-want +got):\n%s", diff)
	}
}

// TestBatchSize: a healthy result costs some 40 bytes.
func TestBatchSize(t *testing.T) {
	key := schedule.Batch{Location: "eu-west-1", Scheduled: t0}
	var b store.Batch
	b.Location, b.Scheduled = "eu-west-1", t0
	for i := range 50 {
		b.Results = append(b.Results, result(monitor.ID(fmt.Sprintf("monitor-%03d", i)), monitor.OutcomeUp))
	}
	op, err := store.BatchOp(key, b)
	if err != nil {
		t.Fatal(err)
	}
	total := len(op.Row.PK) + len(op.Row.SK) + len(op.Row.Doc) + len(op.Row.Data)
	t.Logf("a batch of 50 healthy results has %d bytes, %d of them packed results", total, len(op.Row.Data))
	if each := len(op.Row.Data) / 50; each > 60 {
		t.Errorf("a healthy result takes %d bytes, want at most 60", each)
	}
}

// FuzzDecodeBatch: packed results that are damaged are an error, never a panic.
func FuzzDecodeBatch(f *testing.F) {
	b := store.Batch{Location: "l", Scheduled: t0, Results: []monitor.Result{result("a", monitor.OutcomeUp)}}
	op, err := store.BatchOp(schedule.Batch{Location: "l", Scheduled: t0}, b)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(op.Row.Doc, op.Row.Data)
	f.Add([]byte(`{}`), []byte{9, 0})
	f.Fuzz(func(t *testing.T, doc, data []byte) {
		_, _ = store.DecodeBatch(table.Row{Doc: doc, Data: data})
	})
}

func TestPackProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := result("a", monitor.OutcomeUp)
		r.Status = rapid.IntRange(0, 999).Draw(t, "status")
		r.Started = t0.Add(time.Duration(rapid.Int64Range(-5000, 3600_000).Draw(t, "start")) * time.Millisecond)
		r.Expires = time.Time{}
		for _, d := range []*time.Duration{&r.Timing.DNS, &r.Timing.TLS, &r.Timing.Total} {
			*d = time.Duration(rapid.Int64Range(0, int64(10*time.Minute/(10*time.Microsecond))).Draw(t, "took")) * 10 * time.Microsecond
		}
		b := store.Batch{Location: "eu-west-1", Scheduled: t0, Results: []monitor.Result{r}}
		op, err := store.BatchOp(schedule.Batch{Location: "eu-west-1", Scheduled: t0}, b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := store.DecodeBatch(op.Row)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, got); diff != "" {
			t.Fatalf("batch differs (-want +got):\n%s", diff)
		}
	})
}

func TestFlipsAndStatusBefore(t *testing.T) {
	s, ctx := open(t), context.Background()
	was := monitor.NotKnown
	for i, to := range []monitor.Status{monitor.Operational, monitor.MajorOutage, monitor.Operational} {
		f := monitor.Flip{Service: "web", From: string(was), To: string(to), At: t0.Add(time.Duration(i) * time.Hour), Decided: t0}
		op, err := store.FlipOp(f)
		if err := commit(t, s, op, err); err != nil {
			t.Fatal(err)
		}
		f.Monitor, f.To = "one", "up"
		op, err = store.FlipOp(f)
		if err := commit(t, s, op, err); err != nil {
			t.Fatal(err)
		}
		was = to
	}
	flips, err := s.Flips(ctx, "web", t0.Add(time.Hour), t0.Add(2*time.Hour))
	if err != nil || len(flips) != 2 {
		t.Errorf("flips of the second hour: %+v, %v", flips, err)
	}
	for _, test := range []struct {
		at   time.Time
		want monitor.Status
	}{
		{t0, monitor.NotKnown},
		{t0.Add(time.Minute), monitor.Operational},
		{t0.Add(90 * time.Minute), monitor.MajorOutage},
		{t0.Add(24 * time.Hour), monitor.Operational},
	} {
		if got, err := s.StatusBefore(ctx, "web", test.at); err != nil || got != test.want {
			t.Errorf("status before %s: got %s, %v, want %s", test.at, got, err, test.want)
		}
	}
	op, err := store.StateOp(detect.Service{Service: "old", Status: monitor.Operational, Since: t0.AddDate(-2, 0, 0)}, 0)
	if err := commit(t, s, op, err); err != nil {
		t.Fatal(err)
	}
	if got, err := s.StatusBefore(ctx, "old", t0); err != nil || got != monitor.Operational {
		t.Errorf("a service whose last flip has expired: got %s, %v, want its present status", got, err)
	}
}

// TestStatusBeforeTheNextFlip: all flips before a time have expired, and the service has
// changed since: it was what the next flip says, however many of its monitors changed
// meanwhile.
func TestStatusBeforeTheNextFlip(t *testing.T) {
	s, ctx := open(t), context.Background()
	write := func(f monitor.Flip) {
		t.Helper()
		op, err := store.FlipOp(f)
		if err := commit(t, s, op, err); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 450 {
		write(monitor.Flip{Service: "web", Monitor: "one", From: "up", To: "down", At: t0.Add(time.Duration(i) * time.Minute), Decided: t0})
	}
	down := t0.Add(460 * time.Minute)
	write(monitor.Flip{Service: "web", From: string(monitor.Operational), To: string(monitor.MajorOutage), At: down, Decided: down})
	op, err := store.StateOp(detect.Service{Service: "web", Status: monitor.MajorOutage, Since: down}, 0)
	if err := commit(t, s, op, err); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]monitor.Status{-time.Hour: monitor.Operational, 455 * time.Minute: monitor.Operational, 500 * time.Minute: monitor.MajorOutage} {
		if got, err := s.StatusBefore(ctx, "web", t0.Add(at)); err != nil || got != want {
			t.Errorf("after %s: got %s, %v, want %s", at, got, err, want)
		}
	}
}

func TestBoard(t *testing.T) {
	s, ctx := open(t), context.Background()
	inc := incident.Incident{ID: "one", State: incident.Open, Opened: t0, Updated: t0}
	write := func(board store.Board, inc incident.Incident) error {
		t.Helper()
		ops, err := store.IncidentOps(board, incident.Effects{
			Incidents: []incident.Incident{inc}, Updates: []incident.Update{{Incident: inc.ID, At: t0, Text: string(inc.State)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s.Commit(ctx, ops...)
	}
	empty, err := s.Board(ctx)
	if err != nil || len(empty.Open) != 0 {
		t.Fatalf("empty board: %+v, %v", empty, err)
	}
	if err := write(empty, inc); err != nil {
		t.Fatal(err)
	}
	other := inc
	other.ID = "two"
	if err := write(empty, other); !errors.Is(err, table.ErrConflict) {
		t.Errorf("who has not seen the first incident opens a second: got %v, want a conflict", err)
	}
	board, err := s.Board(ctx)
	if err != nil || len(board.Open) != 1 {
		t.Fatalf("board: %+v, %v", board, err)
	}
	inc.State, inc.Resolved = incident.Resolved, t0.Add(time.Hour)
	if err := write(board, inc); err != nil {
		t.Fatal(err)
	}
	if board, err = s.Board(ctx); err != nil || len(board.Open) != 0 {
		t.Errorf("board after the end: %+v, %v", board, err)
	}
	list, err := s.Incidents(ctx, t0, t0.Add(time.Second), 10)
	if err != nil || len(list) != 1 || list[0].State != incident.Resolved {
		t.Errorf("list: %+v, %v", list, err)
	}
}

func TestOutbox(t *testing.T) {
	s, ctx := open(t), context.Background()
	n := incident.Notification{ID: "n1", Incident: "one", Tier: "oncall", Receipt: "opened", At: t0}
	op, err := store.NotificationOp(n)
	if err := commit(t, s, op, err); err != nil {
		t.Fatal(err)
	}
	if err := commit(t, s, op, nil); !errors.Is(err, table.ErrConflict) {
		t.Errorf("the same notification again: got %v, want a conflict", err)
	}
	pending, err := s.Outbox(ctx, 10)
	if err != nil || len(pending) != 1 {
		t.Fatalf("outbox: %+v, %v", pending, err)
	}
	claimed, err := s.Claim(ctx, pending, t0.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Claim(ctx, pending, t0.Add(time.Minute)); !errors.Is(err, table.ErrConflict) {
		t.Errorf("a second claim: got %v, want a conflict", err)
	}
	if err := s.Release(ctx, claimed, func(store.Pending) time.Time { return t0.Add(2 * time.Second) }, "no carrier"); err != nil {
		t.Fatal(err)
	}
	if pending, err = s.Outbox(ctx, 10); err != nil || pending[0].LastError != "no carrier" || pending[0].Attempts != 1 {
		t.Fatalf("after a failure: %+v, %v", pending, err)
	}
	if claimed, err = s.Claim(ctx, pending, t0.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := s.Deliver(ctx, claimed, nil, store.Receipt{Sent: t0, Carrier: "carrier-1"}); err != nil {
		t.Fatal(err)
	}
	receipts, err := s.Receipts(ctx, "one")
	want := []store.Receipt{{Notification: "n1", Incident: "one", Tier: "oncall", Event: "opened", Due: t0, Sent: t0, Attempts: 2, Carrier: "carrier-1"}}
	if diff := cmp.Diff(want, receipts); err != nil || diff != "" {
		t.Errorf("receipts: %v (-want +got):\n%s", err, diff)
	}
	if pending, err = s.Outbox(ctx, 10); err != nil || len(pending) != 0 {
		t.Errorf("outbox after delivery: %+v, %v", pending, err)
	}
}

func TestHeartbeat(t *testing.T) {
	s, ctx := open(t), context.Background()
	first, err := s.NewToken(ctx, "backup")
	if err != nil {
		t.Fatal(err)
	}
	if ping, err := s.LastPing(ctx, "backup"); err != nil || !ping.At.IsZero() || !ping.Since.Equal(t0) {
		t.Errorf("before the first ping: %+v, %v", ping, err)
	}
	for _, test := range []struct {
		name, token string
		want        bool
	}{
		{"OK", first, true},
		{"unknown", "aaaaaaaaaaaaaaaaaaaaaaaaaa", false},
		{"malformed", "../../etc/passwd", false},
		{"empty", "", false},
	} {
		if got, err := s.RecordPing(ctx, test.token, monitor.Beat{Signal: monitor.SignalFail, Exit: 1, Text: "exit 1"}); err != nil || got != test.want {
			t.Errorf("%s: got %t, %v, want %t", test.name, got, err, test.want)
		}
	}
	if ping, err := s.LastPing(ctx, "backup"); err != nil || !ping.At.Equal(t0) || !ping.Failed || ping.Detail != "exit 1" {
		t.Errorf("after a ping: %+v, %v", ping, err)
	}
	if _, err := s.NewToken(ctx, "backup"); err != nil {
		t.Fatal(err)
	}
	if known, err := s.RecordPing(ctx, first, monitor.Beat{Signal: monitor.SignalSuccess}); err != nil || known {
		t.Errorf("a replaced token: got %t, %v, want it to be unknown", known, err)
	}
}

// TestCommitMany: more operations than a transaction takes, with the
// conditional ones last and together.
func TestCommitMany(t *testing.T) {
	s, ctx := open(t), context.Background()
	state, err := store.StateOp(detect.Service{Service: "web"}, 7) // a version that is not there
	if err != nil {
		t.Fatal(err)
	}
	ops := []table.Op{state}
	for i := range 250 {
		op, err := store.FlipOp(monitor.Flip{Service: "web", Monitor: monitor.ID(fmt.Sprint("m", i)), At: t0})
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, op)
	}
	if err := s.Commit(ctx, ops...); !errors.Is(err, table.ErrConflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	if ops[0], err = store.StateOp(detect.Service{Service: "web"}, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(ctx, ops...); err != nil {
		t.Fatal(err)
	}
	if flips, err := s.Flips(ctx, "web", t0, t0.Add(time.Second)); err != nil || len(flips) != 250 {
		t.Errorf("%d flips, %v, want 250", len(flips), err)
	}
}
