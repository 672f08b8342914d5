package probe_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/icmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

func TestICMP(t *testing.T) {
	if c, err := icmp.ListenPacket("udp4", "127.0.0.1"); err == nil {
		_ = c.Close()
	} else if c, err := icmp.ListenPacket("ip4:icmp", "127.0.0.1"); err == nil {
		_ = c.Close()
	} else if os.Getenv("CI") == "true" {
		t.Fatalf("this system lets nobody ping: %v", err)
	} else {
		t.Skipf("this system lets nobody ping: %v", err)
	}
	engine := probe.New(probe.Env{Now: time.Now}, probe.Options{More: probe.Local})
	for _, c := range []struct {
		name    string
		p       monitor.ICMP
		private bool
		expect  string
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"answers", monitor.ICMP{Address: "127.0.0.1", Count: 3}, true, "loss == 0 && rtt_ms > 0 && rtt_ms < total_ms", "up", "", ""},
		{"by name", monitor.ICMP{Address: "localhost", Count: 1, Family: "ipv4"}, true, `address == "127.0.0.1"`, "up", "", ""},
		{"blocked", monitor.ICMP{Address: "127.0.0.1", Count: 1}, false, "", "down", "blocked", "private: true"},
		{"metadata service", monitor.ICMP{Address: "169.254.169.254", Count: 1}, true, "", "down", "blocked", "never checked"},
		{"no such name", monitor.ICMP{Address: "nothing.invalid", Count: 1}, false, "", "down", "dns", "look-up of nothing.invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := monitor.Monitor{ID: "m", Timeout: time.Second, Private: c.private, ICMP: &c.p}
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			r := engine.Run(t.Context(), []monitor.Check{{Monitor: m}})[0]
			want(t, r, c.outcome, c.kind, c.detail)
		})
	}
	if r := newEngine().Run(t.Context(), []monitor.Check{{Monitor: monitor.Monitor{Timeout: time.Second, ICMP: &monitor.ICMP{Address: "127.0.0.1", Count: 1}}}})[0]; r.Outcome != "not_run" || !strings.Contains(r.Failure.Detail, "no monitor of this kind") {
		t.Errorf("an engine without it: %s %+v", r.Outcome, r.Failure)
	}
}
