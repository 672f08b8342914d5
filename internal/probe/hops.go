package probe

import (
	"cmp"
	"context"
	"net"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// hops measures the phases of the hop that is under way. Dialing may run in
// several goroutines.
type hops struct {
	mu                             sync.Mutex
	timing, earlier                monitor.Timing // of this hop, and of those before it together
	count                          int            // requests, redirects included
	host, address, at              string
	dns, tls, got, wrote, received time.Time
	tries                          []try
}

// try is the attempt at one address.
type try struct {
	address string
	began   time.Time
	took    time.Duration
}

// mark notes something that happens now.
func (h *hops) mark(do func(now time.Time)) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	do(now)
}

// hop begins one: a request, or a redirect that is followed.
func (h *hops) hop(host string) {
	h.again()
	h.mark(func(time.Time) {
		h.count++
		h.host = host
	})
}

// again begins the hop that is under way once more: its server wants the request
// on another connection.
func (h *hops) again() {
	h.mark(func(time.Time) {
		h.earlier = sumOf(h.earlier, h.timing)
		h.timing, h.address, h.at, h.received, h.tries = monitor.Timing{}, "", "connect", time.Time{}, h.tries[:0]
	})
}

// dialing lets net tell of look-ups and connections.
func (h *hops) dialing(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { h.mark(func(now time.Time) { h.dns, h.at = now, "dns" }) },
		DNSDone: func(i httptrace.DNSDoneInfo) {
			h.mark(func(now time.Time) {
				h.timing.DNS = now.Sub(h.dns)
				if i.Err == nil {
					h.at = "connect"
				}
			})
		},
		ConnectStart: func(_, address string) {
			h.mark(func(now time.Time) {
				if h.at == "connect" {
					h.address = address
					h.tries = append(h.tries, try{address: address, began: now})
				}
			})
		},
		ConnectDone: func(_, address string, err error) {
			h.mark(func(now time.Time) {
				for i, t := range h.tries {
					if err == nil && t.address == address {
						h.tries[i].took = now.Sub(t.began)
					}
				}
			})
		},
	})
}

// dialed ends dialing: of the addresses that were tried at once, one has answered
// first.
func (h *hops) dialed(conn net.Conn) {
	h.mark(func(time.Time) {
		h.at, h.address = "request", conn.RemoteAddr().String()
		for _, t := range h.tries {
			if t.address == h.address || len(h.tries) == 1 {
				h.timing.Connect = t.took
			}
		}
	})
}

func (h *hops) shaking() { h.mark(func(now time.Time) { h.tls, h.at = now, "tls" }) }

func (h *hops) shaken(err error) {
	h.mark(func(now time.Time) {
		h.timing.TLS = now.Sub(h.tls)
		if err == nil {
			h.at = "request"
		}
	})
}

func (h *hops) connected() {
	h.mark(func(now time.Time) { h.at, h.got, h.wrote = "request", now, now })
}

// asking lets net/http tell of a request over HTTP/2.
func (h *hops) asking(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest:         func(httptrace.WroteRequestInfo) { h.sent() },
		GotFirstResponseByte: h.answered,
	})
}

// sent ends the request, unless its answer has come before.
func (h *hops) sent() {
	h.mark(func(now time.Time) {
		if h.received.IsZero() {
			h.at, h.wrote, h.timing.Request = "answer", now, now.Sub(h.got)
		}
	})
}

func (h *hops) answered() {
	h.mark(func(now time.Time) { h.timing.TTFB, h.received, h.at = now.Sub(h.wrote), now, "header" })
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
	r := monitor.Result{Timing: h.timing, Address: h.address, Hops: h.count}
	if h.count > 1 {
		all := sumOf(h.earlier, h.timing)
		r.Overall = &all
	}
	return Observation{Result: r}
}

// sumOf adds up the phases of two hops.
func sumOf(a, b monitor.Timing) monitor.Timing {
	return monitor.Timing{
		DNS: a.DNS + b.DNS, Connect: a.Connect + b.Connect, TLS: a.TLS + b.TLS, Request: a.Request + b.Request,
		TTFB: a.TTFB + b.TTFB, Transfer: a.Transfer + b.Transfer,
	}
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
	return "connect to " + cmp.Or(h.address, h.host), monitor.FailUnreachable
}
