package probe_test

import (
	"net"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

func TestGuard(t *testing.T) {
	const private, inLambda = true, true
	for _, c := range []struct {
		address           string
		private, inLambda bool
		blocked           bool
	}{
		{"169.254.169.254", !private, !inLambda, true},
		{"169.254.169.254", private, !inLambda, true},
		{"169.254.170.2", private, !inLambda, true},
		{"::ffff:169.254.169.254", private, !inLambda, true},
		{"::169.254.169.254", private, !inLambda, true},
		{"64:ff9b::a9fe:a9fe", private, !inLambda, true},
		{"64:ff9b::a00:1", !private, !inLambda, true},
		{"64:ff9b:1::a9fe:a9fe", !private, !inLambda, true},
		{"2002:a9fe:a9fe::", private, !inLambda, true},
		{"fd00:ec2::254", private, !inLambda, true},
		{"fe80::1", private, !inLambda, true},
		{"::ffff:10.0.0.1", !private, !inLambda, true},
		{"10.0.0.1", !private, !inLambda, true},
		{"10.0.0.1", private, !inLambda, false},
		{"10.0.0.1", private, inLambda, false},
		{"172.31.255.255", !private, !inLambda, true},
		{"192.168.1.1", !private, !inLambda, true},
		{"100.64.0.1", !private, !inLambda, true},
		{"fc00::1", !private, !inLambda, true},
		{"127.0.0.1", !private, !inLambda, true},
		{"127.0.0.1", private, !inLambda, false},
		{"127.0.0.1", private, inLambda, true},
		{"127.9.9.9", private, inLambda, true},
		{"::1", !private, !inLambda, true},
		{"::1", private, inLambda, true},
		{"::ffff:127.0.0.1", !private, !inLambda, true},
		{"::ffff:127.0.0.1", private, inLambda, true},
		{"::127.0.0.1", private, inLambda, true},
		{"224.0.0.1", private, !inLambda, true},
		{"ff02::1", private, !inLambda, true},
		{"0.0.0.0", private, !inLambda, true},
		{"0.1.2.3", private, !inLambda, true},
		{"::", private, !inLambda, true},
		{"255.255.255.255", private, !inLambda, true},
		{"192.0.2.1", !private, !inLambda, false},
	} {
		t.Run(c.address, func(t *testing.T) {
			t.Parallel()
			e := probe.New(probe.Env{Now: time.Now, InLambda: c.inLambda}, probe.Options{})
			to := net.JoinHostPort(c.address, "1")
			checks := []monitor.Check{
				{Monitor: monitor.Monitor{Private: c.private, Timeout: 100 * time.Millisecond, TCP: &monitor.TCP{Address: to}}},
				{Monitor: monitor.Monitor{Private: c.private, Timeout: 100 * time.Millisecond, TLS: &monitor.TLS{Address: to}}},
				{Monitor: monitor.Monitor{Private: c.private, Timeout: 100 * time.Millisecond, HTTP: &monitor.HTTP{URL: "http://" + to, Method: "GET"}}},
				{Monitor: monitor.Monitor{Private: c.private, Timeout: 100 * time.Millisecond, HTTP: &monitor.HTTP{URL: "http://a.example/", Method: "GET", Address: to}}},
				{Monitor: monitor.Monitor{Private: c.private, Timeout: 100 * time.Millisecond, DNS: &monitor.DNS{Name: "a.example", Type: "A", Resolvers: []string{to}}}},
			}
			for i, r := range e.Run(t.Context(), checks) {
				kind := monitor.FailureKind("")
				if r.Failure != nil {
					kind = r.Failure.Kind
				}
				if got := kind == monitor.FailBlocked; got != c.blocked {
					t.Errorf("check %d, private %t, in Lambda %t: blocked is %t (%+v)", i, c.private, c.inLambda, got, r.Failure)
				}
			}
		})
	}
}
