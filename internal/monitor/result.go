package monitor

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

// Outcome is what one check found.
type Outcome string

// The outcomes. NotRun is no verdict about the target: Sonde could not check.
const (
	OutcomeUp       Outcome = "up"
	OutcomeDegraded Outcome = "degraded"
	OutcomeDown     Outcome = "down"
	OutcomeNotRun   Outcome = "not_run"
)

// Check is one run of a monitor that is asked for.
type Check struct {
	Monitor   Monitor
	Location  Location
	Scheduled time.Time
	Attempt   int // 0 a scheduled check, n the n-th re-check
}

// Result is the outcome of one check: one run of a monitor, from one location,
// for one scheduled time. (Monitor, Location, Scheduled, Attempt) is its key: a
// second result with the same key is a repeat.
type Result struct {
	Monitor   ID        `json:"monitor"`
	Location  Location  `json:"location"`
	Scheduled time.Time `json:"scheduled"`
	Attempt   int       `json:"attempt"` // 0 a scheduled check, n the n-th re-check
	Started   time.Time `json:"started"`

	Outcome      Outcome       `json:"outcome"`
	Failure      *Failure      `json:"failure"` // set unless up
	Timing       Timing        `json:"timing"`
	Address      string        `json:"address,omitempty"`  // ip:port that was spoken to
	Resolver     string        `json:"resolver,omitempty"` // who resolved it, where known
	Status       int           `json:"status,omitempty"`   // HTTP status; 0 where there was none
	Expectations []Expectation `json:"expectations,omitempty"`
	Certificate  *Certificate  `json:"certificate,omitempty"`
	Expires      time.Time     `json:"valid_until,omitzero"` // when the certificate chain's first part, or the registration, ends; zero: not known
	Issued       time.Time     `json:"valid_from,omitzero"`  // since when what ends then is valid; zero: not known
	Answers      []string      `json:"answers,omitempty"`    // of a DNS check; of a domain check, what the registry says
	TTL          int           `json:"ttl_s,omitempty"`      // of a DNS check: the largest TTL of all answers, in seconds
	Cutover      *Cutover      `json:"cutover,omitempty"`    // of a DNS check of several servers with a set of answers
	Body         string        `json:"body,omitempty"`       // first part of the answer, kept on failure only

	Screenshot []byte `json:"screenshot,omitempty"` // JPEG, of a journey: at the step that failed, or where one was asked for; kept apart from the result

	Hops      int             `json:"hops,omitempty"`      // HTTP requests made, redirects included
	Overall   *Timing         `json:"overall,omitempty"`   // the phases of all of these together, where Timing has those of the last; nil of one
	Trace     string          `json:"trace,omitempty"`     // trace id that the requests bore
	Steps     []StepResult    `json:"steps,omitempty"`     // of an HTTP check of several steps, those that were made
	Addresses []AddressResult `json:"addresses,omitempty"` // of a check of every address
}

// StepResult is what one step of a check found.
type StepResult struct {
	Name         string        `json:"name,omitempty"`
	Outcome      Outcome       `json:"outcome"`
	Failure      *Failure      `json:"failure,omitempty"` // set unless up
	Timing       Timing        `json:"timing"`
	Address      string        `json:"address,omitempty"`
	Status       int           `json:"status,omitempty"`
	Expectations []Expectation `json:"expectations,omitempty"`
}

// AddressResult is what the check of one of several addresses found.
type AddressResult struct {
	Address string   `json:"address"` // without a port
	Outcome Outcome  `json:"outcome"`
	Failure *Failure `json:"failure,omitempty"` // set unless up
	TotalMS float64  `json:"total_ms"`
}

// ID names a check in logs and messages: twelve letters and digits, derived from
// its key. What a check set off, from vote to message, bears its id.
func (r *Result) ID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "check\x00%s\x00%s\x00%d\x00%d", r.Monitor, r.Location, r.Scheduled.UnixMilli(), r.Attempt))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}

// FailureKind says what failed, in one word.
type FailureKind string

// The failure kinds.
const (
	FailDNS         FailureKind = "dns"         // the name did not resolve, or not to what was expected
	FailRefused     FailureKind = "refused"     // nothing listens there
	FailTimeout     FailureKind = "timeout"     // no answer in time; the detail names the phase
	FailReset       FailureKind = "reset"       // the connection was cut
	FailUnreachable FailureKind = "unreachable" // no way to the address
	FailTLS         FailureKind = "tls"         // the handshake failed
	FailCertificate FailureKind = "certificate" // the chain, name or dates are wrong
	FailHTTP        FailureKind = "http"        // the answer is not HTTP, or redirects without end
	FailSSH         FailureKind = "ssh"         // the answer is not SSH, or the key exchange went wrong
	FailGRPC        FailureKind = "grpc"        // the answer is not gRPC, or the service does not serve
	FailWebSocket   FailureKind = "websocket"   // no WebSocket was opened, or it was closed too soon or with another code
	FailBrowser     FailureKind = "browser"     // a step of a journey failed, or the page crashed
	FailBody        FailureKind = "body"        // the body broke off or is over the cap
	FailExpect      FailureKind = "expect"      // an expectation is false
	FailBlocked     FailureKind = "blocked"     // the address is not one that Sonde may speak to
	FailHeartbeat   FailureKind = "heartbeat"   // the ping is late, or said that the job failed
	FailDomain      FailureKind = "domain"      // the registration has ended, is about to, or is not known
	FailInternal    FailureKind = "internal"    // Sonde itself is at fault
	FailBusy        FailureKind = "busy"        // Sonde was too busy to tell; the check has no verdict
)

// Failure is why a check is not up.
type Failure struct {
	Kind   FailureKind `json:"kind"`
	Detail string      `json:"detail"`         // one line of printable text, at most 300 bytes, no secrets
	Warn   bool        `json:"warn,omitempty"` // the expectation that is false is one of warn:
}

// String is the failure as people read it: after the key of monitors.yaml that the
// expectation stands under, or the kind.
func (f Failure) String() string {
	if f.Warn {
		return "warn: " + f.Detail
	}
	return string(f.Kind) + ": " + f.Detail
}

// Expectation is one expression of the monitor, judged.
type Expectation struct {
	Expr  string `json:"expr"`
	OK    bool   `json:"ok"`
	Warn  bool   `json:"warn,omitempty"`  // from warn: false means degraded
	Shown string `json:"shown,omitempty"` // the values it was judged on: "status was 503"
}

// Cutover is how far a set of answers has come, among the servers asked.
type Cutover struct {
	Share  float64   `json:"share"`         // of them that answer with the set, 0 to 1
	Behind []Behind  `json:"behind"`        // the others, in the order asked; at most 50
	Ends   time.Time `json:"ends,omitzero"` // when the longest TTL of an old answer runs out; zero if none is known
}

// Behind is a server that does not answer with the set.
type Behind struct {
	Server string `json:"server"`
	Says   string `json:"says"` // one line of printable text, at most 300 bytes
}

// Certificate is the leaf that the target showed.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before,omitzero"` // of the one that is the first of the chain to end
	NotAfter  time.Time `json:"not_after"`           // the earliest of the chain
	Days      int       `json:"days"`                // whole days left when checked; negative after expiry

	// Chain is every certificate that was sent, the leaf first, at most
	// MaxChain; of a tls monitor only.
	Chain []Link `json:"chain,omitempty"`
}

// MaxChain is how many certificates of a chain are kept.
const MaxChain = 10

// Link is one certificate of a chain.
type Link struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names,omitempty"` // DNS names and IP addresses, at most 100 and at most 4 KiB
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

// Timing is how long each phase took. A phase that did not happen is zero.
type Timing struct {
	Token    time.Duration // fetching an OAuth2 token, before the request
	DNS      time.Duration
	Connect  time.Duration
	TLS      time.Duration
	Request  time.Duration // from the connection to the request sent
	TTFB     time.Duration // from the request sent to the first byte of the answer
	Transfer time.Duration // from the first byte to the last
	Total    time.Duration // from the start of the check to its end, redirects included
	Delay    time.Duration // of Total: for how long the prober itself did not get its turn; kept of bad results only
}

type timingJSON struct {
	Token    float64 `json:"token_ms,omitempty"`
	DNS      float64 `json:"dns_ms"`
	Connect  float64 `json:"connect_ms"`
	TLS      float64 `json:"tls_ms"`
	Request  float64 `json:"request_ms,omitempty"`
	TTFB     float64 `json:"ttfb_ms"`
	Transfer float64 `json:"transfer_ms"`
	Total    float64 `json:"total_ms"`
	Delay    float64 `json:"delay_ms,omitempty"`
}

// MarshalJSON writes milliseconds with up to three decimals.
func (t Timing) MarshalJSON() ([]byte, error) {
	return json.Marshal(timingJSON{MS(t.Token), MS(t.DNS), MS(t.Connect), MS(t.TLS), MS(t.Request), MS(t.TTFB), MS(t.Transfer), MS(t.Total), MS(t.Delay)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Timing) UnmarshalJSON(text []byte) error {
	var v timingJSON
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	*t = Timing{fromMS(v.Token), fromMS(v.DNS), fromMS(v.Connect), fromMS(v.TLS), fromMS(v.Request), fromMS(v.TTFB), fromMS(v.Transfer), fromMS(v.Total), fromMS(v.Delay)}
	return nil
}

// MS is d in milliseconds, rounded to whole microseconds.
func MS(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

func fromMS(ms float64) time.Duration { return time.Duration(math.Round(ms*1e3)) * time.Microsecond }
