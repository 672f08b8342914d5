package killtest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/bolt"
)

var (
	kills = flag.Int("kills", 6, "how often to kill")
	seed  = flag.Uint64("seed", 1, "of the moments")
)

const monitors = `
site: {name: Kill test}
defaults: {every: 5s, timeout: 1s, confirm: 2, recover: 2, recheck: 100ms, private: true, flapping: off}
monitors:
  - {id: one, http: {url: "%[1]s/one"}, expect: [status == 200]}
  - {id: two, http: {url: "%[1]s/two"}, expect: [status == 200]}
services:
  - {id: pair, name: Pair, monitors: [one, two]}
tiers:
  - {id: oncall, impact: minor}
  - {id: administrators, after: 1s, impact: major}
`

// machine is a `sonde up` that can be killed and started again.
type machine struct {
	t       *testing.T
	binary  string
	dir     string
	process *exec.Cmd
}

func (m *machine) start() {
	m.t.Helper()
	m.process = exec.Command(m.binary, "up", "-f", "monitors.yaml", "--addr", "127.0.0.1:0")
	m.process.Dir = m.dir
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	m.process.Stdout, m.process.Stderr = log, log
	if err := m.process.Start(); err != nil {
		m.t.Fatal(err)
	}
	_ = log.Close()
}

func (m *machine) kill() {
	_ = m.process.Process.Kill()
	_ = m.process.Wait()
}

// look opens the store of a machine that does not run.
func (m *machine) look(see func(*store.Store)) {
	m.t.Helper()
	now := func() time.Time { return time.Now().UTC() }
	db, err := bolt.Open(filepath.Join(m.dir, local.TableFile(".sonde")), now)
	if err != nil {
		m.t.Fatal(err)
	}
	see(store.New(db, now))
	if err := db.Close(); err != nil {
		m.t.Fatal(err)
	}
}

func wait(d time.Duration) { <-time.After(d) }

func TestKill(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "sonde")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/sondehq/sonde").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var down atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer target.Close()
	if err := os.WriteFile(filepath.Join(dir, "monitors.yaml"), fmt.Appendf(nil, monitors, target.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, binary: binary, dir: dir}
	random := rand.New(rand.NewPCG(*seed, 0))
	defer func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("log:\n%s", log)
		}
	}()

	outages, killed := 0, 0
	for killed < *kills {
		for _, breaks := range []bool{true, false} { // an outage begins, then ends
			down.Store(breaks)
			if breaks {
				outages++
			}
			for settled := false; !settled; killed++ {
				m.start()
				// Long enough for a check now and then, short enough to fall
				// between any two writes.
				wait(time.Duration(500+random.IntN(7000)) * time.Millisecond)
				m.kill()
				m.look(func(s *store.Store) {
					board, err := s.Board(context.Background())
					if err != nil {
						t.Fatal(err)
					}
					settled = len(board.Open) > 0 == breaks
				})
			}
		}
	}
	m.settle()
	m.judge(outages, killed)
}

// settle lets the machine run until nothing is open and nothing undelivered.
func (m *machine) settle() {
	m.t.Helper()
	for range 10 {
		m.start()
		wait(8 * time.Second)
		m.kill()
		done := false
		m.look(func(s *store.Store) {
			board, err1 := s.Board(context.Background())
			pending, err2 := s.Outbox(context.Background(), 100)
			done = err1 == nil && err2 == nil && len(board.Open) == 0 && len(pending) == 0
		})
		if done {
			return
		}
	}
	m.t.Fatal("the outbox is not empty after the last outage has ended")
}

// judge counts what was told against what had to be told.
func (m *machine) judge(outages, killed int) {
	m.t.Helper()
	carried := m.carried()
	doubled, told, lost := 0, 0, 0
	m.look(func(s *store.Store) {
		ctx := context.Background()
		list, err := s.Incidents(ctx, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), 100)
		if err != nil {
			m.t.Fatal(err)
		}
		if len(list) != outages {
			m.t.Errorf("%d incidents for %d outages", len(list), outages)
		}
		for _, l := range list {
			inc, _, err := s.Incident(ctx, l.ID)
			if err != nil {
				m.t.Fatal(err)
			}
			receipts, err := s.Receipts(ctx, l.ID)
			if err != nil {
				m.t.Fatal(err)
			}
			events := map[string]int{}
			for _, r := range receipts {
				events[string(r.Tier)+" "+r.Event]++
				told++
				switch n := carried[r.Notification]; {
				case n == 0:
					lost++
					m.t.Errorf("%s %s of %s: receipt without a message", r.Tier, r.Event, l.ID)
				case n > 1 && r.Attempts == 1:
					m.t.Errorf("%s %s of %s: sent %d times in one attempt", r.Tier, r.Event, l.ID, n)
				case n > 1:
					doubled += n - 1
				}
			}
			for tier := range inc.Told {
				for _, event := range []string{"opened", "resolved"} {
					if events[string(tier)+" "+event] != 1 {
						m.t.Errorf("%s: tier %s has %d receipts of %s, want 1", l.ID, tier, events[string(tier)+" "+event], event)
					}
				}
			}
		}
	})
	m.t.Logf("killed %d times in %d outages: %d notifications told, %d lost, %d sent twice because the sender died between the carrier's answer and the receipt",
		killed, outages, told, lost, doubled)
}

// carried counts the messages in the inbox file by notification.
func (m *machine) carried() map[string]int {
	m.t.Helper()
	file, err := os.Open(filepath.Join(m.dir, ".sonde", "inbox.jsonl"))
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	count := map[string]int{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var mail local.Mail
		if err := json.Unmarshal(lines.Bytes(), &mail); err != nil {
			m.t.Fatalf("inbox: %v: %s", err, lines.Text())
		}
		for _, id := range mail.Message.Notifications {
			count[id]++
		}
	}
	return count
}
