package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// probeTCP opens a connection, and holds the dialogue over it, if there is one.
func probeTCP(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	conn, o := dial(ctx, m, env, "tcp", m.TCP.Address)
	t := &talk{conn: conn, captures: map[string]string{}}
	o.Values = t.values()
	if conn == nil {
		return o
	}
	defer hangUp(ctx, conn)()
	if m.TCP.TLS {
		secure, f := encrypt(ctx, m, env, conn, &o)
		if f != nil {
			o.Failure = f
			return o
		}
		t.conn = secure
	}
	t.deadline, _ = ctx.Deadline()
	start := time.Now()
	o.Failure = t.run(m.TCP.Dialogue)
	if len(m.TCP.Dialogue) > 0 {
		o.Timing.Transfer = time.Since(start)
	}
	o.Values = t.values()
	return o
}

// encrypt shakes hands under a dialogue; the chain must be good.
func encrypt(ctx context.Context, m monitor.Monitor, env *Env, conn net.Conn, o *Observation) (net.Conn, *monitor.Failure) {
	host, _, _ := net.SplitHostPort(m.TCP.Address)
	settings, err := client(host, m.TCP.CA, false, env.Now)
	if err != nil {
		return nil, fail(monitor.FailInternal, "%s", err)
	}
	secure := tls.Client(conn, settings)
	start := time.Now()
	err = secure.HandshakeContext(ctx)
	o.Timing.TLS = time.Since(start)
	chain := secure.ConnectionState().PeerCertificates
	if wrong := (*tls.CertificateVerificationError)(nil); errors.As(err, &wrong) {
		chain = wrong.UnverifiedCertificates
	}
	o.Certificate = certificate(chain, env.Now())
	if err != nil {
		return nil, classify(err, "TLS hand-shake with "+o.Address, monitor.FailTLS)
	}
	return secure, nil
}

// dial looks a name up and connects to the first of its addresses that answers,
// over tcp or udp, and fills in both phases. It returns no connection if there is
// a failure.
func dial(ctx context.Context, m monitor.Monitor, env *Env, network, address string) (net.Conn, Observation) {
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
		conn, err := d.DialContext(share, network, target)
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
