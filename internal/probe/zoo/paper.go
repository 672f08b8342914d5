package zoo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// paper is a certificate with its key.
type paper struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// sign makes a certificate below another, or below itself where that is nil. It
// is an authority until change makes something else of it.
func (c *cage) sign(above *paper, change func(*x509.Certificate)) *paper {
	c.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c.must(err)
	cert := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Now().Add(-100 * time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	change(cert)
	parent, signer := cert, key
	if above != nil {
		parent, signer = above.cert, above.key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), signer)
	c.must(err)
	cert, err = x509.ParseCertificate(der)
	c.must(err)
	return &paper{cert, key}
}

func authority(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: name} }
}

// leaf is for 127.0.0.1, and changed afterwards.
func leaf(changes ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject, c.IPAddresses = pkix.Name{CommonName: "leaf"}, loopback
		c.IsCA, c.KeyUsage, c.SerialNumber = false, x509.KeyUsageDigitalSignature, big.NewInt(42)
		for _, change := range changes {
			change(c)
		}
	}
}

func (p *paper) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}))
}

// shown is a server's certificate with what it sends besides.
func shown(leaf *paper, others ...*paper) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}
	for _, o := range others {
		c.Certificate = append(c.Certificate, o.cert.Raw)
	}
	return c
}
