package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// probeTLS shakes hands and judges the chain. The certificate is shown even if
// it is wrong.
func probeTLS(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	host, _, _ := net.SplitHostPort(m.TLS.Address)
	name := m.TLS.ServerName
	if name == "" {
		name = host
	}
	// Verification comes after the hand-shake, so that a wrong chain is seen.
	settings, err := client(name, m.TLS.CA, true, env.Now)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: fail(monitor.FailInternal, "%s", err)}}
	}
	conn, o := dial(ctx, m, env, m.TLS.Address)
	if conn == nil {
		return o
	}
	defer func() { _ = conn.Close() }()
	secure := tls.Client(conn, settings)
	start := time.Now()
	err = secure.HandshakeContext(ctx)
	o.Timing.TLS = time.Since(start)
	if err != nil {
		o.Failure = classify(err, "TLS hand-shake with "+o.Address, monitor.FailTLS)
		return o
	}
	chain := secure.ConnectionState().PeerCertificates
	o.Certificate = certificate(chain, env.Now())
	if err := verify(chain, name, settings.RootCAs, env.Now()); err != nil {
		o.Failure = classify(err, "certificate of "+name, monitor.FailCertificate)
	}
	return o
}

// verify judges a chain as crypto/tls does, at the time of the check.
func verify(chain []*x509.Certificate, name string, roots *x509.CertPool, now time.Time) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: name, CurrentTime: now})
	return err
}
