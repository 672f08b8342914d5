package zoo

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/sondehq/sonde/internal/monitor"
)

var loopback = []net.IP{net.IPv4(127, 0, 0, 1)}

// secure answers over TLS with a certificate.
func (c *cage) secure(settings *tls.Config) string {
	c.Helper()
	return c.serve(func(conn net.Conn) {
		s := tls.Server(conn, settings)
		if s.Handshake() != nil {
			return
		}
		readRequest(s)
		_, _ = io.WriteString(s, ok)
		_ = s.Close()
	})
}

func settings(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} } //nolint:gosec // what is tested

// both puts an animal that is asked as tls and as https.
func (c *cage) both(name, address, ca string, kind monitor.FailureKind, phase, says string) {
	c.put(name+" (tls)", monitor.Monitor{TLS: &monitor.TLS{Address: address, CA: ca}}, kind, phase, says)
	m := get(address)
	m.HTTP.URL, m.HTTP.CA = "https://"+address+"/", ca
	if phase == "certificate of" {
		phase = "TLS hand-shake"
	}
	c.put(name+" (https)", m, kind, phase, says)
}

// certificates is chains that nobody should believe in.
func certificates(c *cage) {
	root := c.sign(nil, authority("root"))
	stranger := c.sign(nil, authority("stranger"))
	between := c.sign(root, authority("between"))
	const of = "certificate of"
	chain := func(name, ca, says string, with tls.Certificate) {
		c.both(name, c.secure(settings(with)), ca, "certificate", of, says)
	}
	chain("expired", root.pem(), "has expired", shown(c.sign(root, leaf(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }))))
	chain("not yet valid", root.pem(), "not valid yet", shown(c.sign(root, leaf(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }))))
	chain("wrong name", root.pem(), "for other.example, not for 127.0.0.1", shown(c.sign(root, leaf(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} }))))
	chain("no name", root.pem(), "127.0.0.1", shown(c.sign(root, leaf(func(c *x509.Certificate) { c.IPAddresses = nil }))))
	chain("self-signed", root.pem(), "self-signed", shown(c.sign(nil, leaf())))
	chain("unknown authority", stranger.pem(), "root, which is not trusted", shown(c.sign(root, leaf()), root))
	chain("incomplete chain", root.pem(), "incomplete", shown(c.sign(between, leaf(func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example/between.der"} }))))
	old := c.sign(root, func(c *x509.Certificate) {
		c.Subject, c.NotAfter = pkix.Name{CommonName: "old"}, time.Now().Add(-time.Hour)
	})
	chain("expired authority", root.pem(), "CN=old has expired", shown(c.sign(old, leaf()), old))
	chain("signed by a leaf", root.pem(), "", shown(c.sign(c.sign(root, leaf()), leaf())))
	chain("for clients only", root.pem(), "", shown(c.sign(root, leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }))))
	chain("a thousand names", root.pem(), "not for 127.0.0.1", shown(c.sign(root, leaf(func(c *x509.Certificate) {
		c.IPAddresses = nil
		for i := range 1000 {
			c.DNSNames = append(c.DNSNames, fmt.Sprintf("%s%d.example", strings.Repeat("a", 40), i))
		}
	}))))
	chain("names that hurt", stranger.pem(), "", shown(c.sign(c.sign(nil, authority("issuer "+strings.ToValidUTF8(Nasty, ""))), leaf(func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "subject \x1b[31m\u202e</script>\r\nBcc: x", Organization: []string{strings.Repeat("long", 5000)}}
	}))))
	var crowd []*paper
	for i := range 9 {
		crowd = append(crowd, c.sign(root, func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: fmt.Sprint("crowd ", i)}
			for j := range 95 {
				c.DNSNames = append(c.DNSNames, fmt.Sprintf("%d.%sexample", j, strings.Repeat(strings.Repeat("a", 60)+".", 3)))
			}
		}))
	}
	c.put("a chain of long names", monitor.Monitor{TLS: &monitor.TLS{Address: c.secure(settings(shown(c.sign(root, leaf()), crowd...))), CA: root.pem()}}, "", "", "")
	revoked := shown(c.sign(root, leaf()), root)
	var err error
	revoked.OCSPStaple, err = ocsp.CreateResponse(root.cert, root.cert, ocsp.Response{Status: ocsp.Revoked, RevokedAt: time.Now().Add(-time.Hour),
		SerialNumber: c.sign(root, leaf()).cert.SerialNumber, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}, root.key)
	c.must(err)
	c.put("revoked staple", monitor.Monitor{TLS: &monitor.TLS{Address: c.secure(settings(revoked)), CA: root.pem()}}, "certificate", of, "revoked on")
	garbage := shown(c.sign(root, leaf()), root)
	garbage.OCSPStaple = []byte(Nasty)
	c.put("a staple of garbage", monitor.Monitor{Expect: []string{`ocsp == "good"`}, TLS: &monitor.TLS{Address: c.secure(settings(garbage)), CA: root.pem()}},
		"expect", "ocsp", `"unknown"`)
	many := shown(c.sign(root, leaf()))
	for range 60 {
		many.Certificate = append(many.Certificate, between.cert.Raw)
	}
	c.put("a chain of sixty", monitor.Monitor{TLS: &monitor.TLS{Address: c.secure(settings(many)), CA: root.pem()}}, "", "", "")
}
