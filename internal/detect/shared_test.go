package detect_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestShared: what a failure has in common with those of other services, and
// what it has not.
func TestShared(t *testing.T) {
	for _, tt := range []struct {
		name   string
		result monitor.Result
		want   []string
	}{
		{"nothing", monitor.Result{Failure: &monitor.Failure{Kind: monitor.FailTimeout}}, nil},
		{"an address", monitor.Result{Failure: &monitor.Failure{Kind: monitor.FailRefused}, Address: "203.0.113.10:443"}, []string{"address 203.0.113.10"}},
		{"this machine", monitor.Result{Failure: &monitor.Failure{Kind: monitor.FailRefused}, Address: "127.0.0.1:8080"}, []string{"address 127.0.0.1:8080"}},
		{"a bad certificate", monitor.Result{Failure: &monitor.Failure{Kind: monitor.FailCertificate}, Certificate: &monitor.Certificate{Subject: "CN=example.com"}},
			[]string{"certificate CN=example.com"}},
		{"a bad certificate without a subject", monitor.Result{Failure: &monitor.Failure{Kind: monitor.FailCertificate}, Certificate: &monitor.Certificate{}}, nil},
		{"a good certificate", monitor.Result{Failure: &monitor.Failure{Kind: monitor.FailExpect}, Certificate: &monitor.Certificate{Subject: "CN=example.com"}}, nil},
		{"a resolver", monitor.Result{Failure: &monitor.Failure{Kind: monitor.FailDNS}, Resolver: "192.0.2.53"}, []string{"resolver 192.0.2.53"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := watch("m", "x")
			m.Confirm = 1
			w := newWorld(t, 1, m)
			r := tt.result
			r.Monitor, r.Location, r.Scheduled, r.Started, r.Outcome = "m", "x", t0, t0, monitor.OutcomeDown
			w.step(t0.Add(time.Second), r)
			if diff := cmp.Diff(tt.want, w.state.Shared()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestSharedNow: where it fails is where it fails now. Locations that look at
// different addresses, and one that is set aside, do not say where.
func TestSharedNow(t *testing.T) {
	m := watch("m", "x", "y", "z")
	w := newWorld(t, 1, m)
	now := t0
	round := func(at ...string) {
		t.Helper()
		now = now.Add(time.Minute)
		var results []monitor.Result
		for i, address := range at {
			r := said("m", places[i], now, 0, monitor.OutcomeDown)
			r.Address, r.Failure.Detail = address+":443", "no connection to "+address
			results = append(results, r)
		}
		w.step(now.Add(time.Second), results...)
	}
	check := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, w.state.Shared()); diff != "" {
			t.Errorf("at %s (-want +got):\n%s", since(now), diff)
		}
	}
	round("10.0.0.1", "10.0.0.1", "10.0.0.1")
	round("10.0.0.1", "10.0.0.1", "10.0.0.1")
	for range 3 {
		round("10.0.0.2", "10.0.0.3", "10.0.0.1")
	}
	w.tick(now.Add(10 * time.Second))
	check("address 10.0.0.1")
	for range 40 {
		round("10.0.0.2", "10.0.0.2", "10.0.0.2")
	}
	doubting := func(s detect.Service) (detect.Service, detect.Effects) {
		return detect.Tick(&w.cfg, w.svc, s, w.lastSeen, silence, now.Add(10*time.Second), "x", "y", "z")
	}
	w.advance(doubting)
	check("address 10.0.0.1")
	w.tick(now.Add(10 * time.Second))
	check("address 10.0.0.2")
	if got := w.state.Details["m"].Failure.Detail; got != "no connection to 10.0.0.2" {
		t.Errorf("what fails is %q", got)
	}
}
