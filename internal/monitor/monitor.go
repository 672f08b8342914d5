package monitor

import (
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"
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
	KindGRPC      Kind = "grpc"
	KindWebSocket Kind = "websocket"
	KindICMP      Kind = "icmp"
	KindBrowser   Kind = "browser"
	KindHeartbeat Kind = "heartbeat"
)

// Kinds is all of them, in the order they are named to people.
var Kinds = []Kind{KindHTTP, KindTCP, KindTLS, KindUDP, KindSSH, KindDNS, KindDomain, KindGRPC, KindWebSocket, KindICMP, KindBrowser, KindHeartbeat}

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
	Window  int           `json:"window,omitempty"` // Confirm of the last so many results are enough; 0: in a row
	Recover int           `json:"recover"`
	Recheck time.Duration `json:"recheck"`

	// Quorum is how many locations must agree; 0 is more than half of them.
	Quorum    int        `json:"quorum,omitempty"`
	Locations []Location `json:"locations"` // where it is checked from; at least one

	// Flapping is how many changes within how long make it one that keeps
	// changing; 0 changes: never.
	Flapping Flap `json:"flapping,omitzero"`

	// Expiry is how many days before a certificate or registration ends people are
	// told, most first; nil: as usual, which is 30, 14, 7, 3 and 1; empty: never, nor
	// when it has ended.
	Expiry []int `json:"expiry,omitzero"`

	Shadow  bool `json:"shadow,omitempty"`  // checked and shown, and counts for nothing
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
	GRPC      *GRPC      `json:"grpc,omitempty"`
	WebSocket *WebSocket `json:"websocket,omitempty"`
	ICMP      *ICMP      `json:"icmp,omitempty"`
	Browser   *Browser   `json:"browser,omitempty"`
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
}

// Flap bounds how often a monitor may change before it is said to flap.
type Flap struct {
	Changes int           `json:"changes"`
	Within  time.Duration `json:"within"` // it is steady again after as long without a change
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

	// ShareDNS lets the checks of one batch share what DNS says of the host:
	// fewer questions, and one answer for all of them.
	ShareDNS bool `json:"share_dns,omitempty"`

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
	Sampled     bool        `json:"sampled,omitempty"`     // and ask that the trace be recorded
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
	case m.GRPC != nil:
		return KindGRPC
	case m.WebSocket != nil:
		return KindWebSocket
	case m.ICMP != nil:
		return KindICMP
	case m.Browser != nil:
		return KindBrowser
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
	case KindGRPC:
		return strings.TrimSpace(m.GRPC.Address + " " + m.GRPC.Service)
	case KindBrowser:
		return targetURL(m.Browser.URL)
	case KindWebSocket:
		return targetURL(m.WebSocket.URL)
	case KindICMP:
		return m.ICMP.Address
	case KindHeartbeat:
		return "heartbeat " + m.Heartbeat.Rhythm()
	}
	return ""
}

func targetURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment = nil, "", false, ""
	if u.Host == "" || strings.ContainsFunc(u.Host, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return u.String()
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath() // a name as people write it
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
