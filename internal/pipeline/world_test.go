package pipeline_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// world runs the stages over a table in a file and a clock of its own. What it
// scripts is the targets, the carrier, and what goes wrong in between.
type world struct {
	t      *testing.T
	now    time.Time
	db     *bolt.DB
	path   string // of its file
	store  *store.Store
	stages *pipeline.Pipeline
	queue  []schedule.Batch
	down   map[monitor.ID]bool
	ends   map[monitor.ID]time.Time // of certificates
	silent map[monitor.Location]bool
	sent   []notify.Message
	fail   error // of the carrier
	heal   bool  // after it has failed once
	twice  bool  // every batch, every record and every sweep comes twice
	asleep bool  // no sweep runs
}

var start = time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, cfg *monitor.Config) *world {
	t.Helper()
	w := &world{t: t, now: start, down: map[monitor.ID]bool{}, silent: map[monitor.Location]bool{}}
	clock := func() time.Time { return w.now }
	path := filepath.Join(t.TempDir(), "table")
	db, err := bolt.Open(path, clock, bolt.Feed(store.KindBatch, store.KindNotification), bolt.NoSync())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.db, w.path, w.store = db, path, store.New(db, clock)
	w.stages = pipeline.New(pipeline.Deps{
		Store: w.store, Now: clock, Location: monitor.Local, Queue: w, Engine: w, Publisher: w,
		Fresh: time.Minute, Pause: func(context.Context, time.Duration) {},
	})
	if _, err := w.store.PutConfig(context.Background(), cfg, 0, "test"); err != nil {
		t.Fatal(err)
	}
	return w
}

// Send implements pipeline.Queue.
func (w *world) Send(_ context.Context, batches []schedule.Batch) error {
	w.queue = append(w.queue, batches...)
	if w.twice {
		w.queue = append(w.queue, batches...)
	}
	return nil
}

// Run implements pipeline.Engine.
func (w *world) Run(_ context.Context, checks []monitor.Check) []monitor.Result {
	out := make([]monitor.Result, len(checks))
	for i, c := range checks {
		out[i] = monitor.Result{
			Monitor: c.Monitor.ID, Location: c.Location, Scheduled: c.Scheduled, Attempt: c.Attempt, Started: w.now,
			Outcome: monitor.OutcomeUp, Timing: monitor.Timing{Total: 20 * time.Millisecond},
			Expires: w.ends[c.Monitor.ID],
		}
		if w.down[c.Monitor.ID] {
			out[i].Outcome = monitor.OutcomeDown
			out[i].Failure = &monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}
		}
	}
	return out
}

// Publish implements notify.Publisher.
func (w *world) Publish(_ context.Context, m notify.Message) (string, error) {
	if err := w.fail; err != nil {
		if w.heal {
			w.fail = nil
		}
		return "", err
	}
	w.sent = append(w.sent, m)
	return "carrier-" + m.ID, nil
}

// run lets time pass, a second at a time.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	ctx := context.Background()
	for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(time.Second) {
		var due []schedule.Batch
		for _, location := range w.locations() {
			if w.silent[location] {
				continue
			}
			if _, err := w.stages.Dispatch(ctx, w.now, w.now.Add(time.Second)); err != nil {
				w.t.Fatal(err)
			}
		}
		for {
			due, w.queue = take(w.queue, w.now)
			if len(due) == 0 {
				break
			}
			for _, b := range due {
				if err := w.stages.Probe(ctx, b); err != nil {
					w.t.Fatal(err)
				}
			}
			w.follow()
		}
		for n := 0; w.now.Second()%5 == 0 && !w.asleep && (n == 0 || n == 1 && w.twice); n++ {
			if err := w.stages.Sweep(ctx); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func (w *world) locations() []monitor.Location { return []monitor.Location{monitor.Local} }

func take(queue []schedule.Batch, now time.Time) (due, rest []schedule.Batch) {
	for _, b := range queue {
		if b.Scheduled.After(now) {
			rest = append(rest, b)
		} else {
			due = append(due, b)
		}
	}
	return due, rest
}

// follow hands the change feed to the stages.
func (w *world) follow() {
	w.t.Helper()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond) // what is there, without waiting for more
		changes, err := w.db.Changes(ctx, 0, 50)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) || err == nil && len(changes) == 0 {
			return
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if w.twice {
			changes = append(changes, slices.Clone(changes)...)
		}
		w.handle(changes)
		last := changes[len(changes)-1].Seq
		for _, c := range changes {
			last = max(last, c.Seq)
		}
		if err := w.db.Trim(context.Background(), last); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) handle(changes []table.Change) {
	w.t.Helper()
	for _, c := range changes {
		switch c.Row.Kind {
		case store.KindBatch:
			b, err := store.DecodeBatch(c.Row)
			if err != nil {
				w.t.Fatal(err)
			}
			if err := w.stages.Detect(context.Background(), []store.Batch{b}); err != nil {
				w.t.Fatal(err)
			}
		case store.KindNotification:
			if _, err := w.stages.Notify(context.Background()); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// told lists what a tier was told, as event names.
func (w *world) told(tier monitor.TierID) []string {
	var events []string
	for _, m := range w.sent {
		if m.Tier == tier {
			events = append(events, m.Attributes["event"])
		}
	}
	return events
}

func (w *world) board() store.Board {
	w.t.Helper()
	board, err := w.store.Board(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return board
}

// balancers is the fleet of the outage that Sonde was made for.
func balancers() *monitor.Config {
	m := func(id monitor.ID, service monitor.ServiceID) monitor.Monitor {
		return monitor.Monitor{
			ID: id, Name: string(id), Service: service, Every: 10 * time.Second, Timeout: 2 * time.Second,
			Confirm: 2, Recover: 2, Recheck: 2 * time.Second, Locations: []monitor.Location{monitor.Local},
			TCP: &monitor.TCP{Address: "203.0.113.1:443"},
		}
	}
	return &monitor.Config{
		Site:      monitor.Site{Name: "Intervals", TimeZone: "America/Los_Angeles", URL: "https://status.example.com"},
		Locations: []monitor.Location{monitor.Local},
		Monitors:  []monitor.Monitor{m("app", "web"), m("lb-primary", "balancers"), m("lb-secondary", "balancers"), m("secret", "backoffice")},
		Services: []monitor.Service{
			{ID: "balancers", Name: "Load balancers", Monitors: []monitor.ID{"lb-primary", "lb-secondary"}, Needs: 1},
			{ID: "web", Name: "Web application", Monitors: []monitor.ID{"app"}, Needs: 1, DependsOn: []monitor.ServiceID{"balancers"}},
			{ID: "backoffice", Name: "Back office", Monitors: []monitor.ID{"secret"}, Needs: 1, Internal: true},
		},
		Tiers: []monitor.Tier{
			{ID: "oncall", Name: "On-call", Impact: monitor.ImpactMinor},
			{ID: "administrators", Name: "Administrators", After: 30 * time.Second, Impact: monitor.ImpactMajor},
			{ID: "customers", Name: "Customers", After: time.Minute, Impact: monitor.ImpactMajor, Public: true},
		},
	}
}
