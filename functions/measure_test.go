package functions_test

import (
	"crypto/tls"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cloud/platformtest"
	"github.com/sondehq/sonde/internal/cost"
	"github.com/sondehq/sonde/internal/monitor"
)

// counted is a server that counts what it is sent.
type counted struct {
	url      string
	received atomic.Int64
	requests atomic.Int64
}

type countedConn struct {
	net.Conn
	of *counted
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.of.received.Add(int64(n))
	return n, err
}

type countedListener struct {
	net.Listener
	of *counted
}

func (l countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countedConn{c, l.of}, nil
}

func newCounted(t *testing.T, secure bool) *counted {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(hostAddress(t), "0"))
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c.requests.Add(1)
		_, _ = w.Write([]byte("fine"))
	}))
	_ = server.Listener.Close()
	server.Listener = countedListener{l, c}
	server.Config.ErrorLog = nil
	if secure {
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func testHealthy(t *testing.T)     { measure(t, 10, 5) }
func testHealthyWide(t *testing.T) { measure(t, 25, 2) }

// settled is the minute of the hour after which rollup has only the present hour
// to do; before, it ends the one before too, with its day and month.
const settled = 12

// alone is how often a sweep and a rollup call the table that nobody disturbs, and that has
// something to do. One that takes long, on a busy machine, meets the page of the other,
// and reads anew.
var alone = map[string]map[string]float64{
	"SweepFunction":  {"dynamodb BatchGetItem": 1, "dynamodb PutItem": 2}, // when each monitor was heard of, and the page
	"RollupFunction": {"dynamodb BatchGetItem": 2},
}

// measure measures what 50 healthy monitors cost a batch, as so many services of
// so many monitors each: the figures that the price model stands on,
// and compares them with it. Times are printed only: they are the machine's.
func measure(t *testing.T, services, each int) {
	if !*emulators {
		t.Skip("run with -emulators (make emulators)")
	}
	plain, secure := newCounted(t, false), newCounted(t, true)
	var yaml strings.Builder
	yaml.WriteString("site: {name: Measured}\ndefaults: {every: 5s, timeout: 2s, private: true}\nmonitors:\n")
	for i := range 50 {
		target := fmt.Sprintf("{url: %s}", plain.url)
		if i%2 == 1 {
			target = fmt.Sprintf("{url: %s, insecure: true}", secure.url)
		}
		_, _ = fmt.Fprintf(&yaml, "  - {id: monitor-%02d, http: %s, expect: [status == 200, total_ms < 2000]}\n", i, target)
	}
	yaml.WriteString("services:\n")
	for i := range services {
		var ids []string
		for j := range each {
			ids = append(ids, fmt.Sprintf("monitor-%02d", each*i+j))
		}
		_, _ = fmt.Fprintf(&yaml, "  - {id: service-%d, monitors: [%s]}\n", i, strings.Join(ids, ", "))
	}
	yaml.WriteString("tiers:\n  - {id: oncall}\n")
	s := newSystemOf(t, yaml.String(), platformtest.Options{Beat: map[string]time.Duration{"SweepFunction": 5 * time.Second, "RollupFunction": 25 * time.Second}})
	const rounds = 12
	// Before that the page is smaller than it ever is again.
	s.await("the page has figures", 5*time.Minute, func() bool { return s.usage()["RollupFunction"].Runs > 0 })
	before := s.usage()
	plain0, secure0 := plain.received.Load(), secure.received.Load()
	plainN, secureN := plain.requests.Load(), secure.requests.Load()
	least := map[string]int{"ProbeFunction": rounds, "DetectFunction": 4, "RollupFunction": 2}
	quiet, last := map[string]platformtest.Figures{}, maps.Clone(before) // runs that nobody disturbed
	s.await("some more rounds", 5*time.Minute, func() bool {
		runs := s.usage()
		for name, calls := range alone {
			one := runs[name].Since(last[name])
			is := one.Runs == 1
			for call, n := range calls {
				is = is && one.Calls[call] == n
			}
			if last[name] = runs[name]; is {
				quiet[name] = one
			}
		}
		for name, n := range least {
			if runs[name].Runs < before[name].Runs+float64(n) {
				return false
			}
		}
		return len(quiet) == len(alone) && plain.requests.Load() > plainN && secure.requests.Load() > secureN
	})
	after := s.usage()
	for _, name := range []string{"DispatchFunction", "ProbeFunction", "DetectFunction", "SweepFunction", "RollupFunction"} {
		t.Logf("%s: %s", name, after[name].Since(before[name]))
	}
	for name, one := range quiet {
		t.Logf("%s, undisturbed: %s", name, one)
	}
	t.Logf("a check over HTTP sends %d bytes, over HTTPS %d", (plain.received.Load()-plain0)/(plain.requests.Load()-plainN),
		(secure.received.Load()-secure0)/(secure.requests.Load()-secureN))
	compare := func(what string, measured, model float64) {
		if measured < model*0.8 || measured > model*1.2 {
			t.Errorf("%s: measured %.1f, the model says %.1f: bring internal/cost, Measured, up to date", what, measured, model)
		}
	}
	u, n := cost.Measured, float64(services)
	of := func(name string) platformtest.Figures { return after[name].Since(before[name]) }
	compare("write units of a batch", of("ProbeFunction").WriteUnits, math.Ceil(u.Batch.Bytes.Of(50)/1024))
	if held := of("ProbeFunction").Memory; held > 256<<20 {
		t.Errorf("a batch of 50 takes %d MB, and the function has 512 to spare for more", held>>20)
	}
	compare("log of a batch", of("ProbeFunction").LogBytes, u.Batch.Log)
	compare("read units of a detect", of("DetectFunction").ReadUnits, u.Detect.Reads.Of(n))
	// Results apart: here they are of the few minutes that the scenario lasts.
	sweep, rollup := quiet["SweepFunction"], quiet["RollupFunction"]
	compare("read units of a sweep", sweep.ReadUnits-sweep.BatchUnits, u.Sweep.Reads.Of(n))
	compare("write units of a sweep", sweep.WriteUnits, u.Sweep.Writes.Of(n))
	if now().Minute() > settled {
		compare("read units of a rollup", rollup.ReadUnits-rollup.BatchUnits, u.Rollup.Reads.Of(n))
		compare("write units of a rollup", rollup.WriteUnits, u.Rollup.Writes.Of(n))
	}
	compare("bytes out of a check over HTTP", float64(plain.received.Load()-plain0)/float64(plain.requests.Load()-plainN), u.Out[monitor.KindHTTP])
	compare("bytes out of a check over HTTPS", float64(secure.received.Load()-secure0)/float64(secure.requests.Load()-secureN), u.HTTPS)
	probe, detect := after["ProbeFunction"].Since(before["ProbeFunction"]), after["DetectFunction"].Since(before["DetectFunction"])
	if units := probe.WriteUnits + detect.WriteUnits*detect.Runs/probe.Runs; units > 4 {
		t.Errorf("a healthy batch of 50 costs %.1f write units, detect included, want at most 4", units)
	}
}

func (s *system) usage() map[string]platformtest.Figures {
	out := map[string]platformtest.Figures{}
	for _, name := range []string{"DispatchFunction", "ProbeFunction", "DetectFunction", "NotifyFunction", "SweepFunction", "RollupFunction", "ApiFunction"} {
		out[name] = s.stack.Figures(name)
	}
	return out
}
