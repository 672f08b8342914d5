package monitor

import (
	"net"
	"net/url"
	"strings"
	"time"
)

// ID names a monitor: a lower-case letter or digit, then up to 62 lower-case
// letters, digits and hyphens. It is unique in a configuration.
type ID string

// Kind is the protocol of a monitor.
type Kind string

// The kinds of monitor.
const (
	KindHTTP      Kind = "http"
	KindTCP       Kind = "tcp"
	KindTLS       Kind = "tls"
	KindUDP       Kind = "udp"
	KindSSH       Kind = "ssh"
	KindDNS       Kind = "dns"
	KindDomain    Kind = "domain"
	KindHeartbeat Kind = "heartbeat"
)

// Monitor is one thing watched.
type Monitor struct {
	ID      ID        `json:"id"`
	Name    string    `json:"name"`    // for people; the id where the file gives none
	Service ServiceID `json:"service"` // the one service it belongs to

	Every   time.Duration `json:"every"`   // from one scheduled check to the next; at least MinEvery
	Timeout time.Duration `json:"timeout"` // for one check, everything included; less than Every

	// Confirm is how many failing results in a row each needed location must
	// report before an outage counts, Recover how many good ones end it. Both
	// are at least 1. Recheck is the wait before a re-check is repeated; the
	// first one is made at once.
	Confirm int           `json:"confirm"`
	Recover int           `json:"recover"`
	Recheck time.Duration `json:"recheck"`

	// Quorum is how many locations must agree; 0 is more than half of them.
	Quorum    int        `json:"quorum,omitempty"`
	Locations []Location `json:"locations"` // where it is checked from; at least one

	Private bool `json:"private,omitempty"` // private and loopback addresses are allowed
	Paused  bool `json:"paused,omitempty"`  // not checked

	Expect []string `json:"expect,omitempty"` // expressions; a false one is down
	Warn   []string `json:"warn,omitempty"`   // expressions; a false one is degraded

	// Exactly one of these is set, and says the kind.
	HTTP      *HTTP      `json:"http,omitempty"`
	TCP       *TCP       `json:"tcp,omitempty"`
	TLS       *TLS       `json:"tls,omitempty"`
	UDP       *UDP       `json:"udp,omitempty"`
	SSH       *SSH       `json:"ssh,omitempty"`
	DNS       *DNS       `json:"dns,omitempty"`
	Domain    *Domain    `json:"domain,omitempty"`
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
}

// MinEvery is the shortest interval that a monitor may have.
const MinEvery = 5 * time.Second

// HTTP asks for one URL, or for several in a row, over fresh connections with
// fresh lookups.
type HTTP struct {
	// The one request, as in Request. With steps, URL is that of the first,
	// and the others are empty.
	URL     string              `json:"url"`
	Method  string              `json:"method"`
	Headers map[string]string   `json:"headers,omitempty"`
	Body    string              `json:"body,omitempty"`
	JSON    string              `json:"json,omitempty"`
	Form    map[string][]string `json:"form,omitempty"`
	Auth    *Auth               `json:"auth,omitempty"`

	Steps []Step `json:"steps,omitempty"`

	// Address pins the connection to an IP address, with a port or without
	// one; Host header and SNI stay those of the URL. Redirects to another
	// host are not pinned.
	Address  string `json:"address,omitempty"`
	Resolver string `json:"resolver,omitempty"` // ip or ip:port of the DNS server to ask; the system's by default

	// Each checks every address of the URL's host, side by side; Needs is how
	// many of them must work, all where it is 0.
	Each  bool `json:"each,omitempty"`
	Needs int  `json:"needs,omitempty"`

	MaxRedirects int    `json:"max_redirects"`       // 0: a redirect is the answer
	SameHost     bool   `json:"same_host,omitempty"` // a redirect to another host is a failure
	MaxBody      int64  `json:"max_body"`            // bytes read of the body at most, after inflation
	Insecure     bool   `json:"insecure,omitempty"`  // the certificate is read but not verified
	CA           string `json:"ca,omitempty"`        // PEM certificates trusted instead of the system's

	Version     string      `json:"version,omitempty"` // 1.1 or 2; either where empty
	Family      string      `json:"family,omitempty"`  // ipv4 or ipv6; either where empty
	MinTLS      string      `json:"min_tls,omitempty"` // 1.0, 1.1, 1.2 or 1.3; 1.2 where empty
	ClientCert  *ClientCert `json:"client_cert,omitempty"`
	Traceparent bool        `json:"traceparent,omitempty"` // send a new W3C trace context with every request
}

// TCP opens a connection, and may hold a dialogue over it.
type TCP struct {
	Address  string `json:"address"`            // host:port
	Dialogue []Turn `json:"dialogue,omitempty"` // in order; none: being connected is enough
	TLS      bool   `json:"tls,omitempty"`      // shake hands first; the chain must verify
	CA       string `json:"ca,omitempty"`       // PEM certificates trusted instead of the system's
}

// Turn is one turn of a dialogue: something is sent, then something expected.
// At least one of its fields is set; of each pair at most one.
type Turn struct {
	Send    string `json:"send,omitempty"`
	SendHex string `json:"send_hex,omitempty"` // bytes in hex

	// Expect is a regular expression over what has come and no step before has
	// used up; ^ and $ are the ends of lines. ExpectHex is bytes that must be in
	// it, in hex.
	Expect    string `json:"expect,omitempty"`
	ExpectHex string `json:"expect_hex,omitempty"`
}

// UDP sends one datagram and waits for one.
type UDP struct {
	Address string `json:"address"` // host:port
	Send    string `json:"send,omitempty"`
	SendHex string `json:"send_hex,omitempty"` // bytes in hex; at most one of both is set
	Expect  string `json:"expect,omitempty"`   // regular expression over the answer; any answer where empty
}

// SSH reads the banner and the host key, and logs nobody in.
type SSH struct {
	Address     string `json:"address"`               // host:port
	Fingerprint string `json:"fingerprint,omitempty"` // "SHA256:..." of one host key; any where empty
}

// TLS opens a connection, shakes hands and judges the certificate chain.
type TLS struct {
	Address    string `json:"address"`               // host:port
	ServerName string `json:"server_name,omitempty"` // SNI and name to verify; the host by default
	CA         string `json:"ca,omitempty"`          // PEM certificates trusted instead of the system's

	StartTLS   string      `json:"starttls,omitempty"`    // protocol that is spoken before the hand-shake; one of StartTLS
	MinVersion string      `json:"min_version,omitempty"` // oldest version that is good: "1.0" to "1.3"; "1.2" where empty
	ClientCert *ClientCert `json:"client_cert,omitempty"` // shown to a server that asks for one
}

// StartTLS is the protocols that can go over to TLS after they began plainly.
var StartTLS = []string{"smtp", "imap", "pop3", "ftp", "ldap", "postgres", "mysql"}

// DNS asks every resolver, or every name server of the zone, for one name.
type DNS struct {
	Name string `json:"name"` // for PTR also an IP address
	Type string `json:"type"` // A, AAAA, CNAME, MX, NS, TXT, SOA, SRV, CAA or PTR

	// Resolvers are ip or ip:port, asked over UDP, and tls://host or
	// tls://host:port, asked over TLS; the system's where empty.
	Resolvers []string `json:"resolvers,omitempty"`

	// Authoritative asks every address of every name server of the zone; the
	// resolvers only find them.
	Authoritative bool `json:"authoritative,omitempty"`

	RCode    string   `json:"rcode,omitempty"`    // what must be answered; NOERROR, with a record, where empty
	Answers  []string `json:"answers,omitempty"`  // the set to answer with; any answer where empty
	Contains []string `json:"contains,omitempty"` // answers that must be among those given
	Matches  []string `json:"matches,omitempty"`  // regular expressions; every answer must match one of them
	Needs    int      `json:"needs,omitempty"`    // how many of the asked must answer as expected; 0 is all
	CA       string   `json:"ca,omitempty"`       // PEM certificates trusted instead of the system's, over TLS
}

// Domain asks by RDAP until when a name is registered.
type Domain struct {
	Name   string `json:"name"`             // in ASCII: xn--… for others
	Server string `json:"server,omitempty"` // https URL that "domain/NAME" is put after; rdap.org, which knows the registries, where empty
	CA     string `json:"ca,omitempty"`     // PEM certificates trusted instead of the system's
}

// Heartbeat expects to be pinged.
type Heartbeat struct {
	Every time.Duration `json:"every"` // from one ping to the next
	Grace time.Duration `json:"grace"` // how much later a ping may be
}

// Kind is the protocol that is set; empty where none is.
func (m Monitor) Kind() Kind {
	switch {
	case m.HTTP != nil:
		return KindHTTP
	case m.TCP != nil:
		return KindTCP
	case m.TLS != nil:
		return KindTLS
	case m.UDP != nil:
		return KindUDP
	case m.SSH != nil:
		return KindSSH
	case m.DNS != nil:
		return KindDNS
	case m.Domain != nil:
		return KindDomain
	case m.Heartbeat != nil:
		return KindHeartbeat
	}
	return ""
}

// Target is what is watched, for people: a URL without user information and
// query, an address, a name and record type. It holds no secret.
func (m Monitor) Target() string {
	switch m.Kind() {
	case KindHTTP:
		return targetURL(m.HTTP.URL)
	case KindTCP:
		return m.TCP.Address
	case KindTLS:
		return m.TLS.Address
	case KindUDP:
		return m.UDP.Address
	case KindSSH:
		return m.SSH.Address
	case KindDNS:
		return m.DNS.Name + " " + m.DNS.Type
	case KindDomain:
		return m.Domain.Name + " registration"
	case KindHeartbeat:
		return "heartbeat every " + m.Heartbeat.Every.String()
	}
	return ""
}

func targetURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Need is how many locations must agree on a verdict about this monitor: its
// Quorum, or more than half of its locations, never more than there are.
func (m Monitor) Need() int {
	n := max(len(m.Locations), 1)
	if m.Quorum > 0 {
		return min(m.Quorum, n)
	}
	return n/2 + 1
}

// WithPort returns address as host:port, with the default port where the
// address has none. IPv6 addresses may stand with or without brackets.
func WithPort(address, port string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), port)
}
