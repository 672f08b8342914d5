package probe_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// TestShareDNS: the checks of a batch ask once where their monitors allow it, and
// each for itself where they do not; the next batch asks anew.
func TestShareDNS(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(s.Close)
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		share   bool
		records []string
		want    int64 // questions for the address of one family, in two batches of ten
	}{
		"shared":               {true, []string{"a.test. 60 IN A 127.0.0.1"}, 2},
		"shared, one is dead":  {true, []string{"a.test. 60 IN A 127.0.0.1", "a.test. 60 IN A 127.0.0.9"}, 2},
		"each asks for itself": {false, []string{"a.test. 60 IN A 127.0.0.1"}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			m := httpMonitor("http://a.test:" + at.Port() + "/")
			m.HTTP.ShareDNS, m.HTTP.Family = tt.share, "ipv4"
			m.HTTP.Resolver = resolver(t, func(w dns.ResponseWriter, q *dns.Msg) {
				asked.Add(1)
				zone(tt.records...)(w, q)
			})
			e := probe.New(probe.Env{Now: time.Now}, probe.Options{Concurrency: 4})
			checks := make([]monitor.Check, 10)
			for i := range checks {
				checks[i].Monitor = m
			}
			for range 2 {
				for _, r := range e.Run(t.Context(), checks) {
					if r.Outcome != monitor.OutcomeUp || r.Address != at.Host {
						t.Fatalf("%s at %s: %+v", r.Outcome, r.Address, r.Failure)
					}
				}
			}
			if got := asked.Load(); got != tt.want {
				t.Errorf("%d questions, want %d", got, tt.want)
			}
		})
	}
}

// TestShareDNSFails: a name that is not there is so for everybody, each by a
// question of its own; a blocked address stays blocked.
func TestShareDNSFails(t *testing.T) {
	for name, tt := range map[string]struct {
		records []string
		want    monitor.FailureKind
	}{
		"no such name": {nil, monitor.FailDNS},
		"metadata":     {[]string{"a.test. 60 IN A 169.254.169.254"}, monitor.FailBlocked},
	} {
		t.Run(name, func(t *testing.T) {
			m := httpMonitor("http://a.test/")
			m.HTTP.ShareDNS, m.HTTP.Family, m.HTTP.Resolver = true, "ipv4", resolver(t, zone(tt.records...))
			for _, r := range engineOf(4).Run(t.Context(), []monitor.Check{{Monitor: m}, {Monitor: m}, {Monitor: m}}) {
				if r.Failure == nil || r.Failure.Kind != tt.want {
					t.Errorf("got %s %+v, want %s", r.Outcome, r.Failure, tt.want)
				}
			}
		})
	}
}
