package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// pools keeps the root pools that were parsed: parsing one for each check would
// cost more than the check. It is bounded; nil is the system's.
var pools struct {
	sync.Mutex
	parsed map[string]*x509.CertPool
}

const maxPools = 1000

var errCA = errors.New("ca holds no certificates in PEM form")

// trusted is the roots of a monitor: those it names, or the system's.
func trusted(ca string) (*x509.CertPool, error) {
	if ca == "" {
		return nil, nil
	}
	pools.Lock()
	defer pools.Unlock()
	if pool, has := pools.parsed[ca]; has {
		return pool, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(ca)) {
		return nil, errCA
	}
	if pools.parsed == nil || len(pools.parsed) >= maxPools {
		pools.parsed = map[string]*x509.CertPool{}
	}
	pools.parsed[ca] = pool
	return pool, nil
}

// client is the TLS settings of a check. Sessions are not resumed: a visitor who
// comes for the first time has none.
func client(name, ca string, insecure bool, now func() time.Time) (*tls.Config, error) {
	pool, err := trusted(ca)
	if err != nil {
		return nil, err
	}
	return &tls.Config{ServerName: name, RootCAs: pool, InsecureSkipVerify: insecure, MinVersion: tls.VersionTLS12, Time: now}, nil
}

// certificate describes the chain that a server showed: the leaf's names, and
// the earliest end.
func certificate(chain []*x509.Certificate, now time.Time) *monitor.Certificate {
	if len(chain) == 0 {
		return nil
	}
	leaf, first := chain[0], chain[0]
	for _, c := range chain {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	return &monitor.Certificate{
		Subject: printable(leaf.Subject.String(), 200), Issuer: printable(leaf.Issuer.String(), 200),
		NotBefore: first.NotBefore.UTC(), NotAfter: first.NotAfter.UTC(), Days: days(first.NotAfter.Sub(now)),
	}
}

// unverified describes the chain that a server showed and that is not trusted;
// nil where the error is another one.
func unverified(err error, now time.Time) *monitor.Certificate {
	if wrong := (*tls.CertificateVerificationError)(nil); errors.As(err, &wrong) {
		return certificate(wrong.UnverifiedCertificates, now)
	}
	return nil
}

// days rounds down: a certificate that ended an hour ago has -1 left.
func days(d time.Duration) int {
	n := int(d / (24 * time.Hour))
	if d < 0 && d%(24*time.Hour) != 0 {
		n--
	}
	return n
}
