package probe

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// hops measures the phases of the hop that is under way. Dialing may run in
// several goroutines.
type hops struct {
	mu                                      sync.Mutex
	timing                                  monitor.Timing
	count                                   int // requests, redirects included
	host, address, at                       string
	dns, connect, tls, got, wrote, received time.Time
}

func (h *hops) client() *httptrace.ClientTrace {
	mark := func(do func(now time.Time)) {
		now := time.Now()
		h.mu.Lock()
		defer h.mu.Unlock()
		do(now)
	}
	return &httptrace.ClientTrace{
		GetConn: func(hostPort string) {
			mark(func(time.Time) {
				h.timing, h.address, h.at, h.received = monitor.Timing{}, "", "connect", time.Time{}
				h.count++
				h.host, _, _ = net.SplitHostPort(hostPort)
			})
		},
		DNSStart: func(i httptrace.DNSStartInfo) { mark(func(now time.Time) { h.dns, h.at = now, "dns" }) },
		DNSDone: func(i httptrace.DNSDoneInfo) {
			mark(func(now time.Time) {
				h.timing.DNS = now.Sub(h.dns)
				if i.Err == nil {
					h.at = "connect"
				}
			})
		},
		ConnectStart: func(_, address string) {
			mark(func(now time.Time) {
				if h.at == "connect" {
					h.connect, h.address = now, address
				}
			})
		},
		ConnectDone: func(_, address string, err error) {
			mark(func(now time.Time) {
				if err == nil {
					h.timing.Connect, h.address = now.Sub(h.connect), address
				}
			})
		},
		TLSHandshakeStart: func() { mark(func(now time.Time) { h.tls, h.at = now, "tls" }) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			mark(func(now time.Time) {
				h.timing.TLS = now.Sub(h.tls)
				if err == nil {
					h.at = "request"
				}
			})
		},
		GotConn: func(i httptrace.GotConnInfo) {
			mark(func(now time.Time) {
				h.at, h.got, h.wrote, h.address = "request", now, now, i.Conn.RemoteAddr().String()
			})
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			mark(func(now time.Time) { h.at, h.wrote, h.timing.Request = "answer", now, now.Sub(h.got) })
		},
		GotFirstResponseByte: func() {
			mark(func(now time.Time) { h.timing.TTFB, h.received, h.at = now.Sub(h.wrote), now, "header" })
		},
	}
}

// finished ends the transfer.
func (h *hops) finished() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.received.IsZero() {
		h.timing.Transfer = time.Since(h.received)
	}
}

func (h *hops) observation() Observation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Observation{Result: monitor.Result{Timing: h.timing, Address: h.address, Hops: h.count}}
}

// phase names what was under way, and the kind of a failure that says nothing
// of itself.
func (h *hops) phase() (string, monitor.FailureKind) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch h.at {
	case "dns":
		return "look-up of " + h.host, monitor.FailDNS
	case "tls":
		return "TLS hand-shake with " + h.address, monitor.FailTLS
	case "request":
		return "request to " + h.address, monitor.FailHTTP
	case "answer":
		return "waiting for the first byte from " + h.address, monitor.FailHTTP
	case "header":
		return "answer of " + h.address, monitor.FailHTTP
	}
	return strings.TrimSuffix("connect to "+strings.TrimSpace(h.address), " to "), monitor.FailUnreachable
}
