package functions_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cloud/platformtest"
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

// testHealthy measures what 50 healthy monitors cost a batch: the figures that
// the price model stands on.
func testHealthy(t *testing.T) {
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
	for i := range 10 {
		var ids []string
		for j := range 5 {
			ids = append(ids, fmt.Sprintf("monitor-%02d", 5*i+j))
		}
		_, _ = fmt.Fprintf(&yaml, "  - {id: service-%d, monitors: [%s]}\n", i, strings.Join(ids, ", "))
	}
	yaml.WriteString("tiers:\n  - {id: oncall}\n")
	s := newSystemOf(t, yaml.String(), platformtest.Options{Beat: map[string]time.Duration{"SweepFunction": 5 * time.Second, "RollupFunction": 10 * time.Second}})
	const rounds = 8
	before := s.usage()
	plain0, secure0 := plain.received.Load(), secure.received.Load()
	plainN, secureN := plain.requests.Load(), secure.requests.Load()
	s.await("eight more batches", 3*time.Minute, func() bool { return s.usage()["ProbeFunction"].Runs >= before["ProbeFunction"].Runs+rounds })
	after := s.usage()
	for _, name := range []string{"DispatchFunction", "ProbeFunction", "DetectFunction", "SweepFunction", "RollupFunction"} {
		t.Logf("%s: %s", name, after[name].Since(before[name]))
	}
	t.Logf("a check over HTTP sends %d bytes, over HTTPS %d", (plain.received.Load()-plain0)/(plain.requests.Load()-plainN),
		(secure.received.Load()-secure0)/(secure.requests.Load()-secureN))
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
