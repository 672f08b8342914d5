package probe_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
)

// authority is a certificate with its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// sign makes a certificate below another; below itself where that is nil.
func sign(t testing.TB, above *authority, change func(*x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Now().Add(-100 * time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	change(c)
	parent, signer := c, key
	if above != nil {
		parent, signer = above.cert, above.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &authority{c, key}
}

func named(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: name} }
}

func leafFor(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject, c.DNSNames = pkix.Name{CommonName: "leaf"}, []string{name}
		c.IsCA, c.KeyUsage, c.SerialNumber = false, x509.KeyUsageDigitalSignature, big.NewInt(42)
		c.IssuingCertificateURL = []string{"http://ca.example/ca.der"}
	}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// shown is a server's certificate with what it sends besides.
func shown(leaf *authority, others ...*authority) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}
	for _, o := range others {
		c.Certificate = append(c.Certificate, o.cert.Raw)
	}
	return c
}

func TestChain(t *testing.T) {
	root := sign(t, nil, named("root"))
	between := sign(t, root, func(c *x509.Certificate) {
		c.Subject, c.NotAfter = pkix.Name{CommonName: "between"}, time.Now().Add(10*24*time.Hour+time.Hour)
	})
	old := sign(t, root, func(c *x509.Certificate) {
		c.Subject, c.NotAfter = pkix.Name{CommonName: "old"}, time.Now().Add(-time.Hour)
	})
	leaf, olds := sign(t, between, leafFor("web.example")), sign(t, old, leafFor("web.example"))
	other := sign(t, nil, named("other root"))
	for _, c := range []struct {
		name    string
		cert    tls.Certificate
		ca      *authority
		expect  string
		outcome monitor.Outcome
		detail  string
	}{
		{"whole", shown(leaf, between), root, `cert_days == 10 && issuer == "CN=between" && names == ["web.example"] && ocsp == "none" && version == "1.3" && cipher startsWith "TLS_"`, "up", ""},
		{"incomplete", shown(leaf), root, "", "down", "the chain is incomplete: the server sent no certificate of the issuer CN=between"},
		{"wrong one sent", shown(leaf, other), root, "", "down", "none of the certificates sent is that of the issuer CN=between"},
		{"unknown root sent", shown(leaf, between, root), other, "", "down", "signed by the authority CN=root, which is not trusted"},
		{"unknown root", shown(leaf, between), other, "", "down", "the chain ends at the authority CN=root, which is not trusted"},
		{"expired authority", shown(olds, old), root, "", "down", "the certificate of the authority CN=old has expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := monitor.Monitor{Private: true, TLS: &monitor.TLS{ServerName: "web.example", CA: c.ca.pem(),
				Address: secure(t, &tls.Config{Certificates: []tls.Certificate{c.cert}})}}
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			r := run(t, m)
			var kind monitor.FailureKind
			if c.outcome == "down" {
				kind = "certificate"
			}
			want(t, r, c.outcome, kind, c.detail)
			if len(r.Certificate.Chain) != len(c.cert.Certificate) {
				t.Errorf("%d certificates, want %d", len(r.Certificate.Chain), len(c.cert.Certificate))
			}
			first := monitor.Link{Subject: "CN=leaf", Issuer: r.Certificate.Issuer, Names: []string{"web.example"},
				NotBefore: leaf.cert.NotBefore, NotAfter: leaf.cert.NotAfter}
			if diff := cmp.Diff(first, r.Certificate.Chain[0]); c.name == "whole" && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMinVersion(t *testing.T) {
	i := issue(t, issueOptions{names: []string{"127.0.0.1"}})
	server := func(version uint16) string {
		return secure(t, &tls.Config{Certificates: []tls.Certificate{i.certificate}, MinVersion: version, MaxVersion: version})
	}
	for _, c := range []struct {
		name    string
		server  uint16
		least   string
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"1.2 by default", tls.VersionTLS12, "", "up", "", ""},
		{"1.1 by default", tls.VersionTLS11, "", "down", "tls", "version"},
		{"1.1 is allowed", tls.VersionTLS11, "1.1", "up", "", ""},
		{"1.2 is too old", tls.VersionTLS12, "1.3", "down", "tls", "the server chose version 1.2, min_version is 1.3"},
		{"1.3", tls.VersionTLS13, "1.3", "up", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := monitor.Monitor{Private: true, TLS: &monitor.TLS{Address: server(c.server), CA: i.ca, MinVersion: c.least}}
			want(t, run(t, m), c.outcome, c.kind, c.detail)
		})
	}
}

// TestDemandsCertificate: with TLS 1.3 the alert comes after the hand-shake.
func TestDemandsCertificate(t *testing.T) {
	i := issue(t, issueOptions{names: []string{"127.0.0.1"}})
	root, stranger := sign(t, nil, named("clients")), sign(t, nil, named("stranger"))
	clients := x509.NewCertPool()
	clients.AddCert(root.cert)
	own := func(above *authority) *monitor.ClientCert {
		a := sign(t, above, func(c *x509.Certificate) {
			leafFor("client")(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})
		key, err := x509.MarshalPKCS8PrivateKey(a.key)
		if err != nil {
			t.Fatal(err)
		}
		return &monitor.ClientCert{Cert: a.pem(), Key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, c := range []struct {
			name    string
			auth    tls.ClientAuthType
			own     *monitor.ClientCert
			outcome monitor.Outcome
			kind    monitor.FailureKind
			detail  string
		}{
			{"none", tls.RequireAndVerifyClientCert, nil, "down", "tls", "demands a client certificate: set client_cert"},
			{"right", tls.RequireAndVerifyClientCert, own(root), "up", "", ""},
			{"wrong", tls.RequireAndVerifyClientCert, own(stranger), "down", "tls", "refuses the client certificate"},
			{"optional", tls.VerifyClientCertIfGiven, nil, "up", "", ""},
			{"not asked", tls.NoClientCert, own(root), "up", "", ""},
			{"no PEM", tls.NoClientCert, &monitor.ClientCert{Cert: "secret", Key: "secret"}, "not_run", "internal", "client_cert: cert and key are not"},
		} {
			t.Run(tls.VersionName(version)+" "+c.name, func(t *testing.T) {
				m := monitor.Monitor{Private: true, TLS: &monitor.TLS{CA: i.ca, ClientCert: c.own, Address: secure(t, &tls.Config{
					Certificates: []tls.Certificate{i.certificate}, ClientAuth: c.auth, ClientCAs: clients, MinVersion: version, MaxVersion: version})}}
				want(t, run(t, m), c.outcome, c.kind, c.detail)
			})
		}
	}
}
