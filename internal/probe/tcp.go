package probe

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// probeTCP opens a connection.
func probeTCP(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	conn, o := dial(ctx, m, env, m.TCP.Address)
	if conn != nil {
		_ = conn.Close()
	}
	return o
}

// dial looks a name up and connects to the first of its addresses that answers,
// and fills in both phases. It returns no connection if there is a failure.
func dial(ctx context.Context, m monitor.Monitor, env *Env, address string) (net.Conn, Observation) {
	var o Observation
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		o.Failure = fail(monitor.FailInternal, "%q is not host:port", address)
		return nil, o
	}
	targets := []string{address}
	if _, err := netip.ParseAddr(host); err != nil {
		start := time.Now()
		ips, err := lookups(m, env, "").LookupHost(ctx, host)
		o.Timing.DNS = time.Since(start)
		if err != nil {
			o.Failure = classify(err, "look-up of "+host, monitor.FailDNS)
			return nil, o
		}
		targets = targets[:0]
		for _, ip := range ips {
			targets = append(targets, net.JoinHostPort(ip, port))
		}
	}
	d := dialer(m, env, nil)
	for i, target := range targets {
		start := time.Now()
		// Each address has its share of what is left.
		share, cancel := ctx, context.CancelFunc(func() {})
		if deadline, has := ctx.Deadline(); has && i < len(targets)-1 {
			share, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(targets)-i))
		}
		conn, err := d.DialContext(share, "tcp", target)
		cancel()
		o.Timing.Connect, o.Address = time.Since(start), target
		if err == nil {
			o.Failure = nil
			return conn, o
		}
		o.Failure = classify(err, "connect to "+target, monitor.FailUnreachable)
	}
	return nil, o
}
