package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

func (e *entry) readDNS(r *reader, c cursor) {
	e.is(c)
	d := &monitor.DNS{Type: "A"}
	e.m.DNS = d
	shorthand(r, c, d, dnsKeys, func(c cursor) { r.text(c, &d.Name) })
	if r.reported(c.path) {
		return
	}
	switch {
	case d.Name == "":
		r.report(c.key, c.path, "", "name is missing")
	case d.Needs > len(d.Resolvers) && !d.Authoritative && len(d.Resolvers) > 0:
		r.report(c.key, c.path, "", "needs is %d, and the resolvers are %d", d.Needs, len(d.Resolvers))
	case d.RCode != "" && d.RCode != "NOERROR" && len(d.Answers)+len(d.Contains)+len(d.Matches) > 0:
		r.report(c.key, c.path, "leave one of them out", "no answers come with %s", d.RCode)
	}
}

var recordTypes = []string{"A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV", "CAA", "PTR"}

// rcodes are those that a server answers a plain query with.
var rcodes = []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}

// maxResolvers bounds what one check asks side by side.
const maxResolvers = 40

var dnsKeys = keys[monitor.DNS]{
	{"name", "what is asked for; with type PTR an IP address may stand here", func(r *reader, c cursor, d *monitor.DNS) { r.dnsName(c, &d.Name) }},
	{"type", "record type; A by default", func(r *reader, c cursor, d *monitor.DNS) { r.choice(c, &d.Type, recordTypes...) }},
	{"resolvers", "DNS servers to ask, as IP addresses, or tls://host for DNS over TLS; the system's by default", func(r *reader, c cursor, d *monitor.DNS) {
		r.list(c, true, func(c cursor) {
			address := ""
			r.resolver(c, &address)
			d.Resolvers = append(d.Resolvers, address)
		})
		if len(d.Resolvers) > maxResolvers {
			r.report(c.node, c.path, "", "%d resolvers are more than %d", len(d.Resolvers), maxResolvers)
		}
	}},
	{"authoritative", "ask every name server of the zone itself; the resolvers only find them", func(r *reader, c cursor, d *monitor.DNS) { r.boolean(c, &d.Authoritative) }},
	{"rcode", "the code that must be answered; NOERROR, with a record, by default", func(r *reader, c cursor, d *monitor.DNS) { r.choice(c, &d.RCode, rcodes...) }},
	{"answers", "the set that must be answered, all of it and nothing else; any by default", func(r *reader, c cursor, d *monitor.DNS) { r.texts(c, &d.Answers) }},
	{"contains", "answers that must be among those given", func(r *reader, c cursor, d *monitor.DNS) { r.texts(c, &d.Contains) }},
	{"matches", "regular expressions; every answer must match one of them", func(r *reader, c cursor, d *monitor.DNS) {
		r.list(c, true, func(c cursor) {
			n := r.scalar(c, "a regular expression")
			if n == nil {
				return
			}
			if _, err := regexp.Compile(n.Value); err != nil {
				r.report(n, c.path, "", "%q is not a regular expression: %v", n.Value, err)
			}
			d.Matches = append(d.Matches, n.Value)
		})
	}},
	{"needs", "how many of those asked must answer as expected: all, any or a number; all by default", func(r *reader, c cursor, d *monitor.DNS) { r.needs(c, &d.Needs) }},
	{"ca", "PEM certificates to trust instead of the system's, over TLS", func(r *reader, c cursor, d *monitor.DNS) { r.certificates(c, &d.CA) }},
}

func (r *reader) texts(c cursor, into *[]string) {
	r.list(c, true, func(c cursor) {
		one := ""
		r.text(c, &one)
		*into = append(*into, one)
	})
}

// dnsName reads a name as the wire can carry it: labels of 63 bytes, 253 in all
// (RFC 1035, 2.3.4).
func (r *reader) dnsName(c cursor, into *string) {
	n := r.scalar(c, "a name")
	if n == nil {
		return
	}
	bare := strings.TrimSuffix(n.Value, ".")
	bad := len(bare) > 253 || strings.ContainsFunc(bare, func(c rune) bool { return c <= ' ' || c >= 0x7f })
	for label := range strings.SplitSeq(bare, ".") {
		bad = bad || label == "" && n.Value != "." || len(label) > 63
	}
	if _, err := netip.ParseAddr(n.Value); bad && err != nil {
		r.report(n, c.path, "", "expected a name such as app.example.com (others than ASCII as xn--…), found %q", shorten(n.Value))
		return
	}
	*into = n.Value
}

// resolver reads an IP address, or tls://host, both with a port or without one.
func (r *reader) resolver(c cursor, into *string) {
	n := r.scalar(c, "a DNS server")
	if n == nil {
		return
	}
	rest, secure := strings.CutPrefix(n.Value, "tls://")
	if !secure {
		r.ip(c, into)
		return
	}
	host, port, err := net.SplitHostPort(monitor.WithPort(rest, "853"))
	number, wrong := strconv.Atoi(port)
	_, notIP := netip.ParseAddr(host)
	if err != nil || wrong != nil || number < 1 || number > 65535 || notIP != nil && !hostName.MatchString(host) {
		r.report(n, c.path, "", "expected tls:// and a host name or IP address, such as tls://dns.example.com, found %q", n.Value)
		return
	}
	*into = n.Value
}

var hostName = regexp.MustCompile(`^(?i:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)\.?$`)

// needs reads all, any, or a number.
func (r *reader) needs(c cursor, into *int) {
	n := r.scalar(c, "all, any or a number")
	if n == nil {
		return
	}
	switch v, err := strconv.Atoi(n.Value); {
	case n.Value == "all":
		*into = 0
	case n.Value == "any":
		*into = 1
	case err == nil && v >= 1 && v <= maxResolvers:
		*into = v
	default:
		r.report(n, c.path, "", "expected all, any or a number from 1 to %d, found %q", maxResolvers, n.Value)
	}
}

func (e *entry) readDomain(r *reader, c cursor) {
	e.is(c)
	d := &monitor.Domain{}
	e.m.Domain = d
	shorthand(r, c, d, domainKeys, func(c cursor) { r.domain(c, &d.Name) })
	if d.Name == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "name is missing")
	}
}

var domainKeys = keys[monitor.Domain]{
	{"name", "the name that is registered, such as example.com", func(r *reader, c cursor, d *monitor.Domain) { r.domain(c, &d.Name) }},
	{"server", "RDAP server, an https URL that domain/NAME is put after; https://rdap.org/ by default", func(r *reader, c cursor, d *monitor.Domain) {
		server := ""
		r.webURL(c, &server)
		switch u, err := url.Parse(server); {
		case server == "":
		case err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(server, "${"):
			r.report(c.node, c.path, "", "expected an https URL without user, query and secrets, such as https://rdap.example.net/v1/, found %q", shorten(server))
		default:
			d.Server = server
		}
	}},
	{"ca", "PEM certificates to trust instead of the system's", func(r *reader, c cursor, d *monitor.Domain) { r.certificates(c, &d.CA) }},
}

func (r *reader) domain(c cursor, into *string) {
	n := r.scalar(c, "a name")
	if n == nil {
		return
	}
	bare := strings.ToLower(strings.TrimSuffix(n.Value, "."))
	if _, err := netip.ParseAddr(bare); err == nil || len(bare) > 253 || !strings.Contains(bare, ".") || !hostName.MatchString(bare) {
		r.report(n, c.path, "", "expected a registered name such as example.com (others than ASCII as xn--…), found %q", shorten(n.Value))
		return
	}
	*into = bare
}

// Registries change by the day, and refuse who asks all the time.
const (
	usualDomainEvery = 6 * time.Hour
	minDomainEvery   = time.Hour
)

// domainEvery: a registry is not asked as often as the defaults say.
func (r *reader) domainEvery(e *entry) {
	e.m.Every = or(e.every, ptr(usualDomainEvery))
	if e.m.Every < minDomainEvery {
		r.report(e.everyNode, sibling(e.id.path, "every"), "", "a registry is asked once in %s at most, found %s", short(minDomainEvery), short(e.m.Every))
	}
}
