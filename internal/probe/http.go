package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

const (
	maxHeader   = 64 << 10 // bytes of an answer's header
	keptBody    = 1 << 10  // bytes of the body kept with a failure
	textOfBody  = 64 << 10 // bytes of the body that expressions see as text
	dialTimeout = 30 * time.Second
)

var (
	errRedirects = errors.New("redirected without end")
	errScheme    = errors.New("redirected to a scheme that is not http or https")
)

// probeHTTP asks for a URL over a new connection, follows redirects, and reads
// the body up to the cap. Phases are those of the last hop; the total is of all.
func probeHTTP(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	trace := &hops{}
	transport, err := newTransport(m, env)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: classify(err, "before the request", monitor.FailInternal)}}
	}
	defer transport.CloseIdleConnections()
	request, err := newRequest(httptrace.WithClientTrace(ctx, trace.client()), m, env)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: fail(monitor.FailInternal, "the request cannot be made: %s", innermost(err))}}
	}
	c := http.Client{Transport: transport, CheckRedirect: redirects(m)}
	response, err := c.Do(request)
	if err != nil {
		if response != nil {
			_ = response.Body.Close()
		}
		o := trace.observation(env)
		o.Failure = requestFailure(err, trace)
		if wrong := (*tls.CertificateVerificationError)(nil); errors.As(err, &wrong) {
			o.Certificate = certificate(wrong.UnverifiedCertificates, env.Now())
		}
		return o
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, m.HTTP.MaxBody))
	trace.finished()
	o := trace.observation(env)
	o.Status = response.StatusCode
	o.Body = printableBody(body)
	if response.TLS != nil {
		o.Certificate = certificate(response.TLS.PeerCertificates, env.Now())
	}
	if err != nil {
		o.Failure = classify(err, fmt.Sprintf("body after %d bytes", len(body)), monitor.FailBody)
		return o
	}
	if len(m.Expect)+len(m.Warn) > 0 {
		o.Values = valuesOf(m, response, body)
	}
	return o
}

func newRequest(ctx context.Context, m monitor.Monitor, env *Env) (*http.Request, error) {
	var body io.Reader
	if m.HTTP.Body != "" {
		body = strings.NewReader(m.HTTP.Body)
	}
	request, err := http.NewRequestWithContext(ctx, m.HTTP.Method, m.HTTP.URL, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", UserAgent)
	for name, value := range m.HTTP.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	return request, nil
}

// newTransport makes a transport that is used once: no connection, look-up or
// TLS session of an earlier check is used again, and no proxy.
func newTransport(m monitor.Monitor, env *Env) (*http.Transport, error) {
	settings, err := client("", m.HTTP.CA, m.HTTP.Insecure, env.Now)
	if err != nil {
		return nil, err
	}
	// The resolver's own error would lose why its address is not spoken to.
	if server, err := netip.ParseAddrPort(monitor.WithPort(m.HTTP.Resolver, "53")); err == nil {
		if err := judgeAddress(server.Addr(), m.Private, env.InLambda); err != nil {
			return nil, err
		}
	}
	d := dialer(m, env, lookups(m, env, m.HTTP.Resolver))
	d.Timeout = dialTimeout
	own, err := url.Parse(m.HTTP.URL)
	if err != nil {
		return nil, fmt.Errorf("the URL cannot be read")
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(address); err == nil && m.HTTP.Address != "" && strings.EqualFold(host, own.Hostname()) {
				address = monitor.WithPort(m.HTTP.Address, port)
			}
			return d.DialContext(ctx, network, address)
		},
		TLSClientConfig: settings, ForceAttemptHTTP2: own.Scheme == "https", DisableKeepAlives: true,
		MaxResponseHeaderBytes: maxHeader, WriteBufferSize: 2 << 10, ReadBufferSize: 4 << 10,
	}, nil
}

// redirects follows up to so many; with none, the redirect is the answer.
func redirects(m monitor.Monitor) func(*http.Request, []*http.Request) error {
	most := m.HTTP.MaxRedirects
	return func(next *http.Request, before []*http.Request) error {
		switch {
		case most == 0:
			return http.ErrUseLastResponse
		case next.URL.Scheme != "http" && next.URL.Scheme != "https":
			return errScheme
		case len(before) > most:
			return errRedirects
		}
		forget(next, before[0], m.HTTP.Headers)
		return nil
	}
}

// forget takes out of a redirected request what is nobody else's business: the
// URL that led there, and, for another host, the monitor's own headers but those
// that say which content is wanted. net/http leaves out Authorization and Cookie
// only.
func forget(next, first *http.Request, own map[string]string) {
	next.Header.Del("Referer")
	if strings.EqualFold(next.URL.Host, first.URL.Host) {
		return
	}
	for name := range own {
		if name := http.CanonicalHeaderKey(name); name != "User-Agent" && !strings.HasPrefix(name, "Accept") && !strings.HasPrefix(name, "Content-") {
			next.Header.Del(name)
		}
	}
}

// requestFailure classifies what ended a request, with the phase it was in.
func requestFailure(err error, trace *hops) *monitor.Failure {
	phase, otherwise := trace.phase()
	switch {
	case errors.Is(err, errRedirects):
		return fail(monitor.FailHTTP, "redirected more often than max_redirects allows")
	case errors.Is(err, errScheme):
		return fail(monitor.FailHTTP, "%s", errScheme)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fail(monitor.FailTLS, "%s: the answer is not TLS but plain HTTP", phase)
	}
	return classify(err, phase, otherwise)
}

// valuesOf is what expressions may use of an answer. What none of them names is
// not made.
func valuesOf(m monitor.Monitor, response *http.Response, body []byte) expect.Values {
	v := expect.Values{"status": response.StatusCode, "cert_days": 0, "body": nil, "text": "", "headers": map[string]string(nil)}
	if mentions(m, "headers") {
		headers := make(map[string]string, len(response.Header))
		for name, values := range response.Header {
			headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
		v["headers"] = headers
	}
	if mentions(m, "text") {
		v["text"] = strings.ToValidUTF8(string(body[:min(len(body), textOfBody)]), "?")
	}
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); mentions(m, "body") && len(trimmed) > 0 && bytes.IndexByte([]byte(`{["-0123456789tfn`), trimmed[0]) >= 0 {
		var parsed any
		if json.Unmarshal(body, &parsed) == nil {
			v["body"] = parsed
		}
	}
	return v
}

// mentions reports whether an expression of the monitor may use a name.
func mentions(m monitor.Monitor, name string) bool {
	in := func(source string) bool { return strings.Contains(source, name) }
	return slices.ContainsFunc(m.Expect, in) || slices.ContainsFunc(m.Warn, in)
}

func printableBody(body []byte) string {
	return printable(string(body[:min(len(body), keptBody)]), keptBody)
}

// hops measures the phases of the hop that is under way. Dialing may run in
// several goroutines.
type hops struct {
	mu                                 sync.Mutex
	timing                             monitor.Timing
	host, address, at                  string
	dns, connect, tls, wrote, received time.Time
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
			mark(func(now time.Time) { h.at, h.wrote, h.address = "request", now, i.Conn.RemoteAddr().String() })
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { mark(func(now time.Time) { h.at, h.wrote = "answer", now }) },
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

func (h *hops) observation(*Env) Observation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Observation{Result: monitor.Result{Timing: h.timing, Address: h.address}}
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
