package probe_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

type issueOptions struct {
	names      []string
	from, to   time.Time
	selfSigned bool
}

type issued struct {
	certificate tls.Certificate
	ca          string // PEM
}

// issue makes a certificate, and the authority that signed it.
func issue(t testing.TB, o issueOptions) issued {
	t.Helper()
	if o.from.IsZero() {
		o.from = time.Now().Add(-time.Hour)
	}
	if o.to.IsZero() {
		o.to = time.Now().Add(72*time.Hour + time.Minute)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: o.from, NotAfter: o.to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, n := range o.names {
		if ip := net.ParseIP(n); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, n)
		}
	}
	parent, signer := ca, caKey
	if o.selfSigned {
		parent, signer = leaf, key
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, key.Public(), signer)
	must(err)
	return issued{
		tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})),
	}
}

// secure answers over TLS.
func secure(t testing.TB, settings *tls.Config) string {
	return serve(t, func(c net.Conn) {
		s := tls.Server(c, settings)
		if s.Handshake() != nil {
			return
		}
		readRequest(s)
		_, _ = io.WriteString(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = s.Close()
	})
}

func TestTLS(t *testing.T) {
	now := time.Now()
	local := []string{"127.0.0.1"}
	trusted := true
	for _, c := range []struct {
		name     string
		issue    issueOptions
		trusted  bool
		settings func(*tls.Config)
		plain    func(net.Conn)
		outcome  monitor.Outcome
		kind     monitor.FailureKind
		detail   string
	}{
		{"good", issueOptions{names: local}, trusted, nil, nil, "up", "", ""},
		{"expired", issueOptions{names: local, to: now.Add(-time.Minute)}, trusted, nil, nil, "down", "certificate", "valid from"},
		{"not yet valid", issueOptions{names: local, from: now.Add(time.Hour)}, trusted, nil, nil, "down", "certificate", "valid from"},
		{"wrong name", issueOptions{names: []string{"other.example"}}, trusted, nil, nil, "down", "certificate", "for other.example, not for 127.0.0.1"},
		{"wrong address", issueOptions{names: []string{"127.0.0.9"}}, trusted, nil, nil, "down", "certificate", "for 127.0.0.9, not for 127.0.0.1"},
		{"self-signed", issueOptions{names: local, selfSigned: true}, trusted, nil, nil, "down", "certificate", "self-signed"},
		{"unknown authority", issueOptions{names: local}, !trusted, nil, nil, "down", "certificate", "not trusted"},
		{"alert", issueOptions{names: local}, trusted, func(s *tls.Config) {
			s.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, io.EOF }
		}, nil, "down", "tls", "alert"},
		{"old version", issueOptions{names: local}, trusted, func(s *tls.Config) {
			s.MinVersion, s.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}, nil, "down", "tls", "version"},
		{"plain HTTP", issueOptions{names: local}, trusted, nil, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 16<<10))
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, "down", "tls", "not TLS"},
		{"closes", issueOptions{names: local}, trusted, nil, func(c net.Conn) { _, _ = c.Read(make([]byte, 16<<10)) }, "down", "reset", "TLS hand-shake"},
		{"garbage", issueOptions{names: local}, trusted, nil, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 16<<10))
			_, _ = io.WriteString(c, "\x16\x03\x03\x00\x05\xff\xff\xff\xff\xff")
		}, "down", "tls", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i := issue(t, c.issue)
			ca := i.ca
			if !c.trusted {
				ca = issue(t, issueOptions{names: local}).ca
			}
			settings := &tls.Config{Certificates: []tls.Certificate{i.certificate}}
			if c.settings != nil {
				c.settings(settings)
			}
			address := ""
			if c.plain != nil {
				address = serve(t, c.plain)
			} else {
				address = secure(t, settings)
			}
			t.Run("tls", func(t *testing.T) {
				r := run(t, monitor.Monitor{Private: true, TLS: &monitor.TLS{Address: address, CA: ca}})
				want(t, r, c.outcome, c.kind, c.detail)
				if (c.kind == "certificate" || c.kind == "") && (r.Certificate == nil || r.Certificate.Subject != "CN=leaf") {
					t.Errorf("certificate %v", r.Certificate)
				}
				if c.kind == "" && r.Certificate.Days != 3 {
					t.Errorf("certificate %v", r.Certificate)
				}
			})
			t.Run("https", func(t *testing.T) {
				m := httpMonitor("https://" + address)
				m.HTTP.CA = ca
				r := run(t, m)
				want(t, r, c.outcome, c.kind, c.detail)
				if (c.kind == "certificate" || c.kind == "") && r.Certificate == nil {
					t.Error("no certificate")
				}
			})
			if c.kind == "certificate" {
				m := httpMonitor("https://" + address)
				m.HTTP.CA, m.HTTP.Insecure = ca, true
				r := run(t, m)
				want(t, r, "up", "", "")
				if r.Certificate == nil {
					t.Error("no certificate")
				}
			}
		})
	}
}

func TestTLSOnPlainPort(t *testing.T) {
	i := issue(t, issueOptions{names: []string{"127.0.0.1"}})
	r := run(t, httpMonitor("http://"+secure(t, &tls.Config{Certificates: []tls.Certificate{i.certificate}})))
	want(t, r, "down", "reset", "first byte") // crypto/tls hangs up; others send an alert
	want(t, run(t, httpMonitor("http://"+serve(t, says("\x15\x03\x01\x00\x02\x02\x46")))), "down", "http", "malformed")
}

// TestClientCertificate: with TLS 1.3 the alert comes after the hand-shake.
func TestClientCertificate(t *testing.T) {
	i := issue(t, issueOptions{names: []string{"127.0.0.1"}})
	m := httpMonitor("https://" + secure(t, &tls.Config{Certificates: []tls.Certificate{i.certificate}, ClientAuth: tls.RequireAnyClientCert}))
	m.HTTP.CA = i.ca
	r := run(t, m)
	if r.Failure == nil || r.Failure.Kind != "tls" && r.Failure.Kind != "reset" {
		t.Errorf("got %+v", r.Failure)
	}
}

func TestTLSServerName(t *testing.T) {
	i := issue(t, issueOptions{names: []string{"named.example"}})
	got := make(chan string, 1)
	address := secure(t, &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		got <- h.ServerName
		return &i.certificate, nil
	}})
	want(t, run(t, monitor.Monitor{Private: true, TLS: &monitor.TLS{Address: address, ServerName: "named.example", CA: i.ca}}), "up", "", "")
	if name := <-got; name != "named.example" {
		t.Errorf("SNI %q", name)
	}
}
