package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// versions of TLS, as they are configured.
var versions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func versionName(version uint16) string {
	for name, v := range versions {
		if v == version {
			return name
		}
	}
	return tls.VersionName(version)
}

// probeTLS shakes hands and judges the chain, over a connection that began with
// another protocol where the monitor says so. The certificate is shown even if
// it is wrong.
func probeTLS(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	s, err := newShake(m, env)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: fail(monitor.FailInternal, "%s", err)}}
	}
	conn, o := dial(ctx, m, env, "tcp", m.TLS.Address)
	o.Values = expect.Values{"cert_days": 0, "issuer": "", "names": []string{}, "version": "", "cipher": "", "ocsp": ocspNone}
	if conn == nil {
		return o
	}
	defer hangUp(ctx, conn)()
	if m.TLS.StartTLS != "" {
		start := time.Now()
		o.Failure = upgrade(conn, m.TLS.StartTLS)
		o.Timing.TTFB = time.Since(start)
		if o.Failure != nil {
			return o
		}
	}
	secure := tls.Client(conn, s.settings)
	start := time.Now()
	err = secure.HandshakeContext(ctx)
	o.Timing.TLS = time.Since(start)
	if err != nil {
		o.Failure = s.failure(err, "TLS hand-shake with "+o.Address)
		return o
	}
	s.judge(&o, secure.ConnectionState(), env.Now())
	if o.Failure == nil {
		o.Failure = s.afterwards(ctx, secure, &o)
	}
	return o
}

// shake is the hand-shake of one check.
type shake struct {
	m        monitor.TLS
	name     string
	settings *tls.Config
	least    uint16
	asked    bool // the server asked for a certificate of ours
}

func newShake(m monitor.Monitor, env *Env) (*shake, error) {
	s := &shake{m: *m.TLS, name: m.TLS.ServerName, least: tls.VersionTLS12}
	if s.name == "" {
		s.name, _, _ = net.SplitHostPort(m.TLS.Address)
	}
	if v, has := versions[m.TLS.MinVersion]; has {
		s.least = v
	}
	own := &tls.Certificate{}
	if c := m.TLS.ClientCert; c != nil {
		pair, err := tls.X509KeyPair([]byte(c.Cert), []byte(c.Key))
		if err != nil { // its text may hold some of the key
			return nil, errors.New("client_cert: cert and key are not a PEM certificate and its key")
		}
		own = &pair
	}
	// Verification comes after the hand-shake, so that a wrong chain is seen; so
	// does the version, so that an old one can be named.
	var err error
	if s.settings, err = client(s.name, m.TLS.CA, true, env.Now); err != nil {
		return nil, err
	}
	s.settings.MinVersion = min(s.least, tls.VersionTLS12)
	s.settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		s.asked = true
		return own, nil
	}
	return s, nil
}

// judge reads what the hand-shake has agreed on, and judges it.
func (s *shake) judge(o *Observation, state tls.ConnectionState, now time.Time) {
	chain := state.PeerCertificates
	o.Certificate = certificate(chain, now)
	o.Certificate.Chain = links(chain)
	ocsp, revoked := ocspOf(state.OCSPResponse, chain, now)
	o.Values["issuer"], o.Values["names"], o.Values["ocsp"] = o.Certificate.Issuer, allNames(chain[0]), ocsp
	o.Values["version"], o.Values["cipher"] = versionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	if err := verify(chain, s.name, s.settings.RootCAs, now); err != nil {
		wrong := &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
		o.Failure = classify(wrong, "certificate of "+s.name, monitor.FailCertificate)
		return
	}
	switch {
	case ocsp == ocspRevoked:
		o.Failure = fail(monitor.FailCertificate, "certificate of %s: it was revoked on %s, says the stapled OCSP answer", s.name, revoked.Format("2006-01-02 15:04"))
	case state.Version < s.least:
		o.Failure = fail(monitor.FailTLS, "TLS hand-shake with %s: the server chose version %s, min_version is %s",
			o.Address, versionName(state.Version), versionName(s.least))
	}
}

// afterwards hears whether the server is content with our certificate, or with
// none: with TLS 1.3 it says so after the hand-shake only (RFC 8446, 4.4.2.4),
// and only if it is not. A server that has asked for none has nothing to say.
func (s *shake) afterwards(ctx context.Context, secure *tls.Conn, o *Observation) *monitor.Failure {
	if !s.asked || secure.ConnectionState().Version < tls.VersionTLS13 {
		return nil
	}
	until := time.Now().Add(min(2*o.Timing.Connect+afterShake, time.Second))
	if deadline, has := ctx.Deadline(); has && deadline.Before(until) {
		until = deadline
	}
	_ = secure.SetReadDeadline(until)
	_, err := secure.Read(make([]byte, 1))
	if alert := (*net.OpError)(nil); errors.As(err, &alert) && alert.Op == "remote error" {
		return s.failure(err, "TLS hand-shake with "+o.Address)
	}
	return nil
}

// afterShake is how long a server has, besides the way there and back, to refuse
// a client's certificate.
const afterShake = 200 * time.Millisecond

// failure classifies what ended a hand-shake, and says if a certificate of ours
// may be the reason.
func (s *shake) failure(err error, phase string) *monitor.Failure {
	alert := (*net.OpError)(nil)
	if !s.asked || !errors.As(err, &alert) || alert.Op != "remote error" {
		return classify(err, phase, monitor.FailTLS)
	}
	why := "the server demands a client certificate: set client_cert"
	if s.m.ClientCert != nil {
		why = "the server refuses the client certificate"
	}
	return fail(monitor.FailTLS, "%s: %s (alert: %s)", phase, why, alertOf(alert))
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
