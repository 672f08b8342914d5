package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"unicode"

	"github.com/sondehq/sonde/internal/monitor"
)

// maxDetail is the longest detail, in bytes.
const maxDetail = 300

// fail makes a failure with a printable detail.
func fail(kind monitor.FailureKind, format string, args ...any) *monitor.Failure {
	return &monitor.Failure{Kind: kind, Detail: printable(fmt.Sprintf(format, args...), maxDetail)}
}

// classify finds the kind of an error that a target has caused, in a phase such
// as "connect to 203.0.113.10:443". What it does not know is put down to the
// kind that the phase suggests.
func classify(err error, phase string, otherwise monitor.FailureKind) *monitor.Failure {
	var (
		block     *blocked
		dns       *net.DNSError
		remote    *net.OpError
		record    tls.RecordHeaderError
		verify    *tls.CertificateVerificationError
		hostname  x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
	)
	var sent []*x509.Certificate
	if errors.As(err, &verify) {
		sent = verify.UnverifiedCertificates
	}
	switch {
	case errors.As(err, &block):
		return fail(monitor.FailBlocked, "%s: %s", phase, block)
	case errors.As(err, &verify), errors.As(err, &hostname), errors.As(err, &authority), errors.As(err, &invalid):
		return fail(monitor.FailCertificate, "%s: %s", phase, certificateFault(err, sent))
	case errors.As(err, &dns) && dns.IsNotFound:
		return fail(monitor.FailDNS, "%s: the name does not exist, or has no address", phase)
	case errors.As(err, &dns) && (dns.IsTimeout || errors.Is(err, context.DeadlineExceeded)):
		return fail(monitor.FailTimeout, "timeout in %s: the resolver did not answer", phase)
	case errors.As(err, &dns):
		return fail(monitor.FailDNS, "%s: %s", phase, dns.Err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT), isTimeout(err):
		return fail(monitor.FailTimeout, "timeout in %s", phase)
	case errors.Is(err, errNoAddress):
		return fail(monitor.FailUnreachable, "%s: %s", phase, errNoAddress)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(monitor.FailRefused, "%s: connection refused", phase)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return fail(monitor.FailUnreachable, "%s: no route to the address", phase)
	case errors.As(err, &remote) && remote.Op == "remote error":
		return fail(monitor.FailTLS, "%s: the server sent an alert: %s", phase, alertOf(remote))
	case errors.As(err, &record):
		return fail(monitor.FailTLS, "%s: the answer is not TLS", phase)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return fail(monitor.FailReset, "%s: the connection was reset", phase)
	case errors.Is(err, io.ErrUnexpectedEOF) && otherwise == monitor.FailBody:
		return fail(monitor.FailBody, "%s: the body broke off before its end", phase)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fail(monitor.FailReset, "%s: the connection was closed", phase)
	}
	return fail(otherwise, "%s: %s", phase, innermost(err))
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// innermost is the last error of a chain: what wraps it repeats the URL, whose
// query may hold a secret.
func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// alertOf is the name of an alert.
func alertOf(err error) string { return strings.TrimPrefix(innermost(err), "tls: ") }

func namesOf(c *x509.Certificate) string {
	if c == nil {
		return "another name"
	}
	names := allNames(c)
	if len(names) == 0 {
		return "no name"
	}
	return strings.Join(names[:min(len(names), 3)], ", ")
}

// printable makes one line of at most so many bytes, without control
// characters and marks that change the direction of writing.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case r == unicode.ReplacementChar, unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most-3], "") + "..."
	}
	return text
}
