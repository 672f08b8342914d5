package local_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/schedule"
)

var (
	soakMonitors = flag.Int("soak-monitors", 300, "monitors of the soak test")
	soakTime     = flag.Duration("soak-time", 12*time.Second, "how long the soak test runs")
	soakEvery    = flag.Duration("soak-every", 10*time.Second, "interval of its monitors")
)

func TestQueueKeepsTime(t *testing.T) {
	q := local.NewQueue()
	ctx, stop := context.WithCancel(context.Background())
	now := time.Now()
	batch := func(shard int, in time.Duration) schedule.Batch {
		return schedule.Batch{Shard: shard, Scheduled: now.Add(in)}
	}
	if err := q.Send(ctx, []schedule.Batch{batch(3, 300*time.Millisecond), batch(1, -time.Second), batch(2, 100*time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	ran := make(chan int, 3)
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.Run(ctx, 1, func(_ context.Context, b schedule.Batch) {
			if time.Now().Before(b.Scheduled) {
				t.Errorf("batch %d ran early", b.Shard)
			}
			ran <- b.Shard
		})
	}()
	for want := 1; want <= 3; want++ {
		if got := <-ran; got != want {
			t.Errorf("batch %d ran as number %d", got, want)
		}
	}
	stop()
	<-done
	if q.Len() != 0 {
		t.Errorf("%d batches are left", q.Len())
	}
}

func open(t *testing.T, data string) *local.System {
	t.Helper()
	s, err := local.Open(local.Options{Data: data, Addr: "127.0.0.1:0", Console: local.NewConsole(testWriter{t}, false, slog.LevelWarn), Sweep: time.Second, Rollup: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(strings.TrimRight(string(p), "\n"))
	}
	return len(p), nil
}

// TestInboxAfterCrash: a message that was cut off while it was written was never
// acknowledged, and does not spoil what comes after it.
func TestInboxAfterCrash(t *testing.T) {
	data := t.TempDir()
	whole, err := json.Marshal(local.Mail{At: time.Now(), Message: notify.Message{ID: "one", Tier: "oncall", Subject: "whole"}})
	if err != nil {
		t.Fatal(err)
	}
	text := string(whole) + "\n" + string(whole[:len(whole)/2])
	if err := os.WriteFile(filepath.Join(data, "inbox.jsonl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, data)
	s.Close()
	kept, err := os.ReadFile(filepath.Join(data, "inbox.jsonl"))
	if err != nil || string(kept) != string(whole)+"\n" {
		t.Errorf("inbox: %q, %v", kept, err)
	}
}

func TestOpenTwice(t *testing.T) {
	data := t.TempDir()
	s := open(t, data)
	defer s.Close()
	if _, err := local.Open(local.Options{Data: data, Addr: "127.0.0.1:0", Console: local.NewConsole(testWriter{t}, false, slog.LevelInfo)}); err == nil {
		t.Error("a second system opened the same store")
	}
}

// TestApplyAgain: what the table has noted of a configuration is no change of it.
func TestApplyAgain(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	cfg := &monitor.Config{Site: monitor.Site{Name: "Intervals", TimeZone: "UTC"}, Rehearse: &monitor.Rehearsal{Cron: "0 9 1 * *", TimeZone: "UTC"},
		Maintenance: []monitor.Plan{{ID: "patches", Title: "Patches", Cron: "0 2 * * 0", TimeZone: "UTC", Duration: time.Hour}}}
	for _, want := range []bool{true, false} {
		if changed, err := s.Apply(t.Context(), cfg); err != nil || changed != want {
			t.Errorf("changed: %t, want %t; %v", changed, want, err)
		}
	}
	cfg.Rehearse = &monitor.Rehearsal{Cron: "0 9 2 * *", TimeZone: "UTC"}
	if changed, err := s.Apply(t.Context(), cfg); err != nil || !changed {
		t.Errorf("another day: changed %t, %v", changed, err)
	}
	for _, move := range []struct {
		address string
		changed bool
		retired int
	}{{"203.0.113.10", true, 0}, {"203.0.113.20", true, 1}, {"203.0.113.20", false, 1}, {"203.0.113.10", true, 1}} {
		here := []monitor.Location{monitor.Local}
		cfg := &monitor.Config{Locations: here,
			Monitors: []monitor.Monitor{{ID: "lb", Service: "lb", Locations: here, TCP: &monitor.TCP{Address: move.address + ":443"}}},
			Services: []monitor.Service{{ID: "lb", Monitors: []monitor.ID{"lb"}, Needs: 1}}}
		changed, err := s.Apply(t.Context(), cfg)
		if err != nil || changed != move.changed {
			t.Errorf("at %s: changed %t, want %t; %v", move.address, changed, move.changed, err)
		}
		if stored, err := s.Store().Config(t.Context()); err != nil || len(stored.Retired) != move.retired {
			t.Errorf("at %s: %d old addresses, want %d; %v", move.address, len(stored.Retired), move.retired, err)
		}
	}
}

// TestSoak: many monitors on one machine keep time. `make soak` runs it with
// 2,000 at one-minute intervals.
func TestSoak(t *testing.T) {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = target.Close() }()
	go func() {
		for {
			conn, err := target.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	s := open(t, t.TempDir())
	defer s.Close()
	cfg := many(*soakMonitors, *soakEvery, target.Addr().String())
	// Ended as by Ctrl-C: a deadline would let the last checks see that there is
	// no time left for them.
	ctx, stop := context.WithCancel(context.Background())
	defer time.AfterFunc(*soakTime, stop).Stop()
	defer stop()
	if _, err := s.Apply(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	checks, late := 0, time.Duration(0)
	for shard := range cfg.Shards() {
		batches, err := s.Store().Batches(context.Background(), shard, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range batches {
			checks += len(b.Results)
			for _, r := range b.Results {
				late = max(late, r.Started.Sub(r.Scheduled))
				if r.Outcome != monitor.OutcomeUp {
					t.Errorf("%s: %s %+v", r.Monitor, r.Outcome, r.Failure)
				}
			}
		}
	}
	t.Logf("%d checks of %d monitors, the latest started %s after its time", checks, len(cfg.Monitors), late)
	if want := int(*soakTime / *soakEvery) * *soakMonitors; checks < want {
		t.Errorf("%d checks, want at least %d", checks, want)
	}
}

// many is so many monitors of one target, in services of ten.
func many(n int, every time.Duration, target string) *monitor.Config {
	cfg := &monitor.Config{Site: monitor.Site{Name: "Soak", TimeZone: "UTC"}, Locations: []monitor.Location{monitor.Local}}
	for i := range n {
		service := i / 10
		if i%10 == 0 {
			cfg.Services = append(cfg.Services, monitor.Service{ID: monitor.ServiceID(fmt.Sprintf("s%04d", service)), Name: "S", Needs: 1, Shard: service / 5})
		}
		id := monitor.ID(fmt.Sprintf("m%05d", i))
		cfg.Monitors = append(cfg.Monitors, monitor.Monitor{
			ID: id, Name: "M", Service: cfg.Services[service].ID, Every: every, Timeout: 5 * time.Second, Confirm: 2, Recover: 2, Recheck: time.Second,
			Locations: cfg.Locations, Private: true, TCP: &monitor.TCP{Address: target},
		})
		cfg.Services[service].Monitors = append(cfg.Services[service].Monitors, id)
	}
	return cfg
}
