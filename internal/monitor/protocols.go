package monitor

import (
	"time"

	"github.com/sondehq/sonde/internal/cron"
	"github.com/sondehq/sonde/internal/zone"
)

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

// GRPC asks a server for its health (grpc.health.v1.Health/Check, GRPC Health
// Checking Protocol). Anything but SERVING is down.
type GRPC struct {
	Address    string            `json:"address"`               // host:port
	Service    string            `json:"service,omitempty"`     // the server as a whole where empty
	Plaintext  bool              `json:"plaintext,omitempty"`   // HTTP/2 without TLS
	Metadata   map[string]string `json:"metadata,omitempty"`    // sent with the call, names in lower case
	ServerName string            `json:"server_name,omitempty"` // SNI, name to verify and authority; the host by default
	CA         string            `json:"ca,omitempty"`          // PEM certificates trusted instead of the system's
	ClientCert *ClientCert       `json:"client_cert,omitempty"`
}

// WebSocket opens a WebSocket (RFC 6455), and may hold a dialogue over it: each
// expectation is over one message.
type WebSocket struct {
	URL          string            `json:"url"` // ws or wss
	Headers      map[string]string `json:"headers,omitempty"`
	Subprotocols []string          `json:"subprotocols,omitempty"` // the server must choose one of them
	Dialogue     []Turn            `json:"dialogue,omitempty"`     // in order; none: being open is enough

	// CloseCode is the status code with which the server must close, after the
	// dialogue; 0: Sonde closes.
	CloseCode int    `json:"close_code,omitempty"`
	CA        string `json:"ca,omitempty"` // PEM certificates trusted instead of the system's
}

// ICMP sends echo requests. Not from Lambda, which has no way to.
type ICMP struct {
	Address string `json:"address"`          // host or IP address
	Count   int    `json:"count"`            // requests, one after the other; at least 1
	Family  string `json:"family,omitempty"` // ipv4 or ipv6; either where empty
}

// Heartbeat expects to be pinged: every so often, or at the times of a cron
// expression. Exactly one of Every and Cron is set.
type Heartbeat struct {
	Every    time.Duration `json:"every,omitempty"`     // from one ping to the next
	Cron     string        `json:"cron,omitempty"`      // five fields: when the job begins
	TimeZone string        `json:"time_zone,omitempty"` // IANA zone of Cron
	Grace    time.Duration `json:"grace"`               // how much later a ping may be
	MaxRun   time.Duration `json:"max_run,omitempty"`   // from /start to the end; 0: until the next ping is due
}

// Rhythm is how often it is pinged, for people.
func (h *Heartbeat) Rhythm() string {
	if h.Cron != "" {
		return "at " + h.Cron + " " + h.TimeZone
	}
	return "every " + h.Every.String()
}

// Schedule is when the job begins, of a heartbeat with Cron. The error says what
// is wrong with the expression or the zone.
func (h *Heartbeat) Schedule() (cron.Schedule, error) {
	in, err := zone.Load(h.TimeZone)
	if err != nil {
		return cron.Schedule{}, err
	}
	return cron.Parse(h.Cron, in)
}

// early is how much before its time a ping of a cron job may come and count for
// it: clocks differ.
const early = time.Minute

// Due is when the next ping is due, grace not counted, after the last sign of
// life; zero if never.
func (h *Heartbeat) Due(last time.Time) time.Time {
	if h.Cron == "" {
		return last.Add(h.Every)
	}
	schedule, err := h.Schedule()
	if err != nil {
		return time.Time{} // config refuses it
	}
	due, _ := schedule.Next(last.Add(early))
	return due
}
