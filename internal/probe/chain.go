package probe

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

const (
	maxNames     = 100     // of one certificate that are known to expressions
	maxNameBytes = 4 << 10 // of names that are kept with one certificate in a result
)

// links describes a chain as it was sent.
func links(chain []*x509.Certificate) []monitor.Link {
	var out []monitor.Link
	for _, c := range chain[:min(len(chain), monitor.MaxChain)] {
		out = append(out, monitor.Link{
			Subject: printable(c.Subject.String(), 200), Issuer: printable(c.Issuer.String(), 200),
			Names: keptNames(c), NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		})
	}
	return out
}

// keptNames are as many of a certificate's names as a result has room for: it is
// stored beside others.
func keptNames(c *x509.Certificate) []string {
	names, bytes := allNames(c), 0
	for i, name := range names {
		if bytes += len(name); bytes > maxNameBytes {
			return names[:i]
		}
	}
	return names
}

// allNames are the DNS names and addresses that a certificate is for.
func allNames(c *x509.Certificate) []string {
	names := []string{}
	for _, name := range c.DNSNames {
		names = append(names, printable(name, 253))
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names[:min(len(names), maxNames)]
}

// certificateFault says what is wrong with a chain, as it was sent; of which
// there may be nothing but what the error holds.
func certificateFault(err error, chain []*x509.Certificate) string {
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &hostname):
		return fmt.Sprintf("the certificate is for %s, not for %s", namesOf(hostname.Certificate), hostname.Host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		// x509 tells both apart in this text only.
		what := "the certificate"
		if len(chain) > 0 && !invalid.Cert.Equal(chain[0]) {
			what = "the certificate of the authority " + printable(invalid.Cert.Subject.String(), 80)
		}
		return datesFault(what, invalid.Cert, strings.Contains(invalid.Detail, " is before "))
	case errors.As(err, &authority):
		if len(chain) == 0 && authority.Cert != nil {
			chain = []*x509.Certificate{authority.Cert}
		}
		return authorityFault(chain)
	}
	return innermost(err)
}

func datesFault(what string, c *x509.Certificate, early bool) string {
	why := "has expired"
	if early {
		why = "is not valid yet"
	}
	return fmt.Sprintf("%s %s: it is valid from %s to %s only", what, why,
		c.NotBefore.UTC().Format("2006-01-02 15:04"), c.NotAfter.UTC().Format("2006-01-02 15:04"))
}

// authorityFault tells apart why a chain ends in nothing that is trusted.
func authorityFault(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "the certificate is signed by an authority that is not trusted"
	}
	way := climb(chain)
	top := way[len(way)-1]
	issuer := printable(top.Issuer.String(), 80)
	switch {
	case isRoot(chain[0]):
		return "the certificate is self-signed"
	case isRoot(top):
		return fmt.Sprintf("the certificate is signed by the authority %s, which is not trusted", issuer)
	case len(way) < len(chain):
		return fmt.Sprintf("the chain is incomplete: none of the certificates sent is that of the issuer %s", issuer)
	case len(way) == 1 && len(top.IssuingCertificateURL) > 0:
		return fmt.Sprintf("the chain is incomplete: the server sent no certificate of the issuer %s, which is not trusted itself", issuer)
	case len(way) == 1:
		return fmt.Sprintf("the certificate is signed by %s, which is not trusted, or the chain is incomplete", issuer)
	}
	return fmt.Sprintf("the chain ends at the authority %s, which is not trusted", issuer)
}

func isRoot(c *x509.Certificate) bool {
	return slices.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// climb follows the issuers of a leaf through the certificates that were sent.
func climb(chain []*x509.Certificate) []*x509.Certificate {
	way, rest := chain[:1:1], slices.Clone(chain[1:min(len(chain), monitor.MaxChain)])
	for {
		top := way[len(way)-1]
		at := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return slices.Equal(c.RawSubject, top.RawIssuer) })
		if at < 0 || isRoot(top) {
			return way
		}
		way, rest = append(way, rest[at]), slices.Delete(rest, at, at+1)
	}
}
