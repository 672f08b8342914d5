package detect_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
