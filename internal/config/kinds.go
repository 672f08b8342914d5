package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

func (e *entry) is(c cursor) { e.kinds = append(e.kinds, named{c.key.Value, c.key, c.path}) }

// shorthand reads a kind that may be given as one text, or as a mapping.
func shorthand[T any](r *reader, c cursor, into *T, table keys[T], lone func(cursor)) {
	if r.recording() {
		if lone != nil {
			lone(c)
		}
		r.mapping(c.node, c.path, func(c cursor) { table.read(r, c, into) })
		return
	}
	n := r.enter(c.node, c.path)
	switch {
	case n == nil:
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null" && lone != nil:
		lone(c)
	default:
		r.mapping(c.node, c.path, func(c cursor) { table.read(r, c, into) })
	}
}

func (e *entry) readTCP(r *reader, c cursor) {
	e.is(c)
	t := &monitor.TCP{}
	e.m.TCP = t
	shorthand(r, c, t, tcpKeys, func(c cursor) { r.hostPort(c, &t.Address) })
	if t.Address == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "address is missing")
	}
}

var tcpKeys = keys[monitor.TCP]{
	{"address", "host:port", func(r *reader, c cursor, t *monitor.TCP) { r.hostPort(c, &t.Address) }},
	{"dialogue", "steps that send and expect, in order", func(r *reader, c cursor, t *monitor.TCP) { r.dialogue(c, &t.Dialogue) }},
	{"tls", "shake hands before the dialogue; the chain must verify", func(r *reader, c cursor, t *monitor.TCP) { r.boolean(c, &t.TLS) }},
	{"ca", "PEM certificates to trust instead of the system's", func(r *reader, c cursor, t *monitor.TCP) { r.certificates(c, &t.CA) }},
}

func (e *entry) readTLS(r *reader, c cursor) {
	e.is(c)
	t := &monitor.TLS{}
	e.m.TLS = t
	shorthand(r, c, t, tlsKeys, func(c cursor) { r.hostPort(c, &t.Address) })
	if t.Address == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "address is missing")
	}
}

var tlsKeys = keys[monitor.TLS]{
	{"address", "host:port", func(r *reader, c cursor, t *monitor.TLS) { r.hostPort(c, &t.Address) }},
	{"server_name", "name to ask for and to verify; the host by default", func(r *reader, c cursor, t *monitor.TLS) { r.text(c, &t.ServerName) }},
	{"ca", "PEM certificates to trust instead of the system's", func(r *reader, c cursor, t *monitor.TLS) { r.certificates(c, &t.CA) }},
	{"starttls", "protocol that is spoken first: " + strings.Join(monitor.StartTLS, ", "), func(r *reader, c cursor, t *monitor.TLS) {
		r.choice(c, &t.StartTLS, monitor.StartTLS...)
	}},
	{"min_version", "oldest version that is good; 1.2 by default", func(r *reader, c cursor, t *monitor.TLS) { r.choice(c, &t.MinVersion, tlsVersions...) }},
	{"client_cert", "shown to a server that asks for one", func(r *reader, c cursor, t *monitor.TLS) { r.clientCert(c, &t.ClientCert) }},
}

// reported: something below a path is a problem already.
func (r *reader) reported(path string) bool {
	for _, p := range r.problems {
		if strings.HasPrefix(p.Path, path) {
			return true
		}
	}
	return false
}

func (r *reader) webURL(c cursor, into *string) { r.urlOf(c, into, "https", "http") }

// urlOf reads a URL of one of some schemes, the usual one first.
func (r *reader) urlOf(c cursor, into *string, schemes ...string) {
	example := schemes[0] + "://example.com/health"
	if r.mayURL(schemes, example) {
		return
	}
	n := r.scalar(c, "a URL")
	if n == nil {
		return
	}
	r.secrets(c, n.Value)
	if c.path == "site.url" && strings.Contains(n.Value, "${") {
		r.report(n, c.path, "", "expected a URL that may be shown, found one with a secret in it")
		return
	}
	filled := monitor.Expand(n.Value, func(monitor.Reference) string { return "x" })
	if r.inSteps && !r.savedPlaces(c, n, filled) {
		return
	}
	u, err := url.Parse(monitor.ExpandSaved(filled, func(string) string { return "x" }))
	switch {
	case err != nil && strings.Contains(n.Value, "://"):
		var because *url.Error
		if errors.As(err, &because) {
			err = because.Err
		}
		r.report(n, c.path, "", "expected a URL such as %s, found %q: %v", example, n.Value, err)
	case err != nil || u.Host == "" || u.Hostname() == "":
		hint := ""
		if !strings.Contains(n.Value, "://") {
			hint = `did you mean "` + schemes[0] + "://" + n.Value + `"?`
		}
		r.report(n, c.path, hint, "expected a URL such as %s, found %q", example, n.Value)
	case !slices.Contains(schemes, u.Scheme):
		r.report(n, c.path, "", "expected a URL of %s or %s, found %q", schemes[0], schemes[1], n.Value)
	default:
		*into = n.Value
		if c.path == "site.url" {
			*into = strings.TrimRight(n.Value, "/")
		}
	}
}

func (r *reader) hostPort(c cursor, into *string) {
	n := r.scalar(c, "host:port")
	if n == nil {
		return
	}
	host, port, err := net.SplitHostPort(n.Value)
	number, bad := strconv.Atoi(port)
	if err != nil || host == "" || bad != nil || number < 1 || number > 65535 {
		hint := ""
		switch {
		case strings.Count(n.Value, ":") > 1 && !strings.Contains(n.Value, "["):
			hint = "write an IPv6 address as [2001:db8::1]:25"
		case !strings.Contains(n.Value, ":"):
			hint = "the port is missing"
		}
		r.report(n, c.path, hint, "expected host:port, such as mail.example.com:25, found %q", n.Value)
		return
	}
	*into = n.Value
}

// ip reads an IP address, with a port or without one.
func (r *reader) ip(c cursor, into *string) {
	n := r.scalar(c, "an IP address")
	if n == nil {
		return
	}
	if _, err := netip.ParseAddr(strings.Trim(n.Value, "[]")); err != nil {
		if _, err := netip.ParseAddrPort(n.Value); err != nil {
			r.report(n, c.path, "", "expected an IP address, with a port or without one, found %q", n.Value)
			return
		}
	}
	*into = n.Value
}

func (r *reader) zone(c cursor, into *string) {
	n := r.scalar(c, "an IANA time zone")
	if n == nil {
		return
	}
	if _, err := time.LoadLocation(n.Value); err != nil || n.Value == "Local" {
		r.report(n, c.path, "", "expected an IANA time zone such as Europe/Berlin, found %q", n.Value)
		return
	}
	*into = n.Value
}

func (r *reader) certificates(c cursor, into *string) {
	n := r.scalar(c, "PEM certificates")
	if n == nil {
		return
	}
	count := 0
	for rest := []byte(n.Value); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil || block.Type != "CERTIFICATE" {
			r.report(n, c.path, "", "the PEM block number %d, of type %s, is not a certificate that can be read", count+1, block.Type)
			return
		}
		count++
	}
	if count == 0 {
		r.report(n, c.path, "", "expected certificates in PEM form, the text itself and no file name; found none")
		return
	}
	*into = n.Value
}

var anyDollar = regexp.MustCompile(`\$\{[^}]*\}?`)

// secrets refuses references that could not be resolved.
func (r *reader) secrets(c cursor, text string) {
	for _, found := range anyDollar.FindAllString(text, -1) {
		if name := strings.TrimSuffix(strings.TrimPrefix(found, "${"), "}"); r.inSteps && monitor.IsSavedName(name) && strings.HasSuffix(found, "}") {
			if !slices.Contains(r.saved, name) {
				r.report(c.node, c.path, r.savedHint(name), "no earlier step saves %q", name)
			}
			continue
		}
		if _, err := monitor.ReadReference(found); err != nil {
			r.report(c.node, c.path, "", "%v; found %q", err, shorten(found))
		}
	}
}

// shorten keeps an error readable.
func shorten(text string) string {
	if len(text) > 80 {
		return text[:77] + "..."
	}
	return text
}
