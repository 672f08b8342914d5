// Package local is Sonde on one machine: the stages of the pipeline over an
// embedded table, driven by loops instead of by AWS. `sonde up` and `sonde demo`
// are this package with a monitors.yaml.
//
// What AWS does, and what does it here:
//
//	EventBridge Scheduler   loops: dispatch every second, sweep, rollup
//	SQS probe queue         Queue, in memory
//	DynamoDB                table/bolt, one file
//	DynamoDB Streams        the change feed inside that file
//	SNS                     the inbox: a file, a page, and a line on the terminal
//	API Gateway             an HTTP server
//
// The process may be killed at any moment. What it had decided is in the table,
// what it had not finished is in the feed and in the outbox, and both go on
// when it is started again; first of all Sweep then says for which time nothing
// was observed.
package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/api/subscribe"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify/inbox"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/probe/browser"
	"github.com/sondehq/sonde/internal/reach"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/bolt"
	"github.com/sondehq/sonde/internal/table/socket"
)

// Options say where a system lives and how often it looks around.
type Options struct {
	Data    string   // directory of the store; made if it is not there
	Addr    string   // of the page and JSON: host:port, port 0 for any
	Console *Console // where the log goes

	// Secret resolves the secrets of monitors, see probe.Env; nil: there are none.
	Secret func(context.Context, probe.Reference) (string, error)

	Sweep  time.Duration // interval of Sweep; 5 s by default
	Rollup time.Duration // interval of Rollup; 1 m by default
	Gap    time.Duration // see pipeline.Deps
}

// System is one machine's Sonde.
type System struct {
	opts     Options
	console  *Console
	db       *bolt.DB
	store    *store.Store
	queue    *Queue
	stages   *pipeline.Pipeline
	inbox    *inbox.Inbox
	mail     *mailbox
	listener net.Listener
}

// Files of the data directory.
const (
	tableFile  = "sonde.db"
	socketFile = "sonde.sock"
	inboxFile  = "inbox.jsonl"
)

// TableFile is where a data directory keeps its table, and SocketFile where a
// running system lets other commands use it.
func TableFile(data string) string { return filepath.Join(data, tableFile) }

// SocketFile is documented at TableFile.
func SocketFile(data string) string { return filepath.Join(data, socketFile) }

// Open opens the store and takes the address, but runs nothing yet.
func Open(opts Options) (s *System, err error) {
	if opts.Sweep == 0 {
		opts.Sweep = 5 * time.Second
	}
	if opts.Rollup == 0 {
		opts.Rollup = time.Minute
	}
	s = &System{opts: opts, console: opts.Console, queue: NewQueue()}
	defer func() {
		if err != nil {
			s.Close()
			s = nil
		}
	}()
	if err = os.MkdirAll(opts.Data, 0o700); err != nil {
		return s, fmt.Errorf("make data directory: %w", err)
	}
	if s.db, err = bolt.Open(TableFile(opts.Data), now, bolt.Feed(store.KindBatch, store.KindNotification)); err != nil {
		return s, fmt.Errorf("open store: %w", err)
	}
	if s.listener, err = net.Listen("tcp", opts.Addr); err != nil {
		return s, fmt.Errorf("listen: %w", err)
	}
	s.store = store.New(s.db, now)
	s.inbox = inbox.New(inboxKeep, inbox.Note(s.reachable))
	if s.mail, err = openMailbox(filepath.Join(opts.Data, inboxFile), s.inbox); err != nil {
		return s, err
	}
	s.stages = pipeline.New(pipeline.Deps{
		Store: s.store, Now: now, Log: slog.New(s.console), Location: monitor.Local,
		Queue: s.queue, Publisher: s.mail, Fresh: max(3*opts.Sweep, 15*time.Second), Gap: opts.Gap,
		Engine: probe.New(probe.Env{Now: now, LastPing: s.store.LastPing, Secret: opts.Secret}, probe.Options{More: browser.Local()}),
	})
	return s, nil
}

// reachable is what the owner of this machine sees of the last rehearsal. Nothing
// before there is a configuration.
func (s *System) reachable(ctx context.Context) []string {
	cfg, err := s.store.Config(ctx)
	if err == nil && cfg == nil {
		return nil
	}
	last, _, err2 := s.store.Rehearsal(ctx)
	if err = errors.Join(err, err2); err != nil {
		return []string{"which tiers can be reached cannot be read: " + err.Error()}
	}
	all, err := s.store.LastReached(ctx, cfg, last)
	if err != nil {
		return []string{"which tiers can be reached cannot be read: " + err.Error()}
	}
	return reach.Lines(now(), last, all)
}

// inboxKeep is how many messages a tier's inbox shows.
const inboxKeep = 200

func now() time.Time { return time.Now().UTC() }

// Close gives the store and the address back.
func (s *System) Close() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.mail != nil {
		_ = s.mail.close()
	}
	if s.db != nil {
		_ = s.db.Close()
	}
}

// URL is where the page is served.
func (s *System) URL() string {
	host, port, _ := net.SplitHostPort(s.listener.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Store is the entities of this system.
func (s *System) Store() *store.Store { return s.store }

// Apply puts a configuration in force, if it differs from the one that is, and
// reports whether it did.
func (s *System) Apply(ctx context.Context, cfg *monitor.Config) (bool, error) {
	present, err := s.store.Config(ctx)
	if err != nil {
		return false, err
	}
	var version int64
	if present != nil {
		version = present.Version
		if sameConfig(present, cfg) {
			return false, nil
		}
	}
	_, err = s.store.PutConfig(ctx, cfg, version, "sonde up")
	return err == nil, err
}

func sameConfig(a, b *monitor.Config) bool {
	one, err1 := json.Marshal(asWritten(a))
	two, err2 := json.Marshal(asWritten(b))
	return err1 == nil && err2 == nil && string(one) == string(two)
}

// asWritten is a configuration without the notes that the table makes of it.
func asWritten(cfg *monitor.Config) monitor.Config {
	out := *cfg
	out.Version, out.Retired = 0, nil
	if cfg.Rehearse != nil {
		planned := *cfg.Rehearse
		planned.Since = time.Time{}
		out.Rehearse = &planned
	}
	out.Maintenance = slices.Clone(cfg.Maintenance)
	for i := range out.Maintenance {
		p := &out.Maintenance[i]
		p.Since, p.Created, p.By = time.Time{}, time.Time{}, ""
	}
	return out
}

// Token returns a new token for a heartbeat monitor that has none; empty if it
// has one already.
func (s *System) Token(ctx context.Context, id monitor.ID) (string, error) {
	if has, err := s.store.HasToken(ctx, id); err != nil || has {
		return "", err
	}
	return s.store.NewToken(ctx, id)
}

// Run monitors until ctx ends, or until something fails that cannot be
// repaired by going on.
func (s *System) Run(ctx context.Context) error {
	if err := s.stages.Sweep(ctx); err != nil {
		return fmt.Errorf("first sweep: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { s.every(ctx, time.Second, "dispatch", s.dispatcher()); return nil })
	group.Go(func() error { s.every(ctx, s.opts.Sweep, "sweep", s.stages.Sweep); return nil })
	group.Go(func() error { s.every(ctx, s.opts.Rollup, "rollup", s.stages.Rollup); return nil })
	group.Go(func() error { s.every(ctx, time.Hour, "clean", s.clean); return nil })
	group.Go(func() error { s.queue.Run(ctx, batchesAtOnce, s.probe); return nil })
	group.Go(func() error { s.follow(ctx); return nil })
	group.Go(func() error { return s.serve(ctx) })
	group.Go(func() error { return s.share(ctx) })
	return group.Wait()
}

// batchesAtOnce bounds the batches that run side by side; each runs its checks
// side by side in turn.
const batchesAtOnce = 64

// every runs a stage at once and then at each interval, until ctx ends.
func (s *System) every(ctx context.Context, interval time.Duration, name string, stage func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := stage(ctx); err != nil && ctx.Err() == nil {
			s.stages.Log.Error(name+" failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// dispatcher queues what is due, window after window. Time in which the
// machine slept is left out: those checks are late.
func (s *System) dispatcher() func(context.Context) error {
	from := now()
	return func(ctx context.Context) error {
		to := now().Add(time.Second)
		if to.Sub(from) > time.Minute {
			from = to.Add(-time.Minute)
		}
		_, err := s.stages.Dispatch(ctx, from, to)
		if err == nil {
			from = to
		}
		return err
	}
}

// share lets other commands of this machine use the table while it is open.
// Where that is not possible, monitoring goes on without.
func (s *System) share(ctx context.Context) error {
	if err := socket.Serve(ctx, SocketFile(s.opts.Data), s.db); err != nil && ctx.Err() == nil {
		s.stages.Log.Warn("other commands cannot reach this store while it is open", "error", err)
	}
	return nil
}

// serve answers HTTP until ctx ends.
func (s *System) serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("/inbox", onlyHere(s.inbox))
	mux.Handle("/inbox.json", onlyHere(s.inbox))
	mux.Handle("/", api.New(api.Deps{Reader: s.store, History: s.store, Pinger: s.store, Desk: subscribe.Desk{Topic: s.mail, Counter: s.store}, Now: now, Log: s.stages.Log}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, IdleTimeout: time.Minute}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(ending)
	}()
	err := server.Serve(s.listener)
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return fmt.Errorf("serve %s: %w", s.listener.Addr(), err)
}
