package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
)

// wire carries the requests of one check, each over a connection of its own and
// in the goroutine that asks: no switch between goroutines is measured as the
// target's time, and none is left running. (Transport of net/http is made for
// connections that are kept: each has two goroutines.) HTTP/2 is left to
// net/http, over a connection that is made here.
type wire struct {
	dial     func(ctx context.Context, host, port string) (net.Conn, error)
	settings *tls.Config
	plain2   bool // HTTP/2 without TLS
	upgrades bool // an answer may go over to another protocol

	mu   sync.Mutex
	over bool
	kept []net.Conn // by HTTP/2, until the check is over
}

// under is the wire for the requests that one trace measures.
func (w *wire) under(trace *hops) http.RoundTripper { return asking{w, trace} }

// close ends what HTTP/2 has kept.
func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for _, conn := range w.kept {
		_ = conn.Close()
	}
}

// keep keeps a connection until the check is over.
func (w *wire) keep(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		_ = conn.Close()
	}
	w.kept = append(w.kept, conn)
}

type asking struct {
	wire  *wire
	trace *hops
}

// RoundTrip implements http.RoundTripper.
func (a asking) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.ask(r)
	if err != nil && r.Body != nil {
		_ = r.Body.Close()
	}
	return response, err
}

func (a asking) ask(r *http.Request) (*http.Response, error) {
	if err := sendable(r.Header); err != nil {
		return nil, err
	}
	host, port, err := hostPort(r.URL)
	if err != nil {
		return nil, err
	}
	a.trace.hop(host)
	l, err := a.connect(r, host, port)
	if err != nil {
		return nil, err
	}
	a.trace.connected()
	if a.wire.plain2 && l.tls == nil || l.tls != nil && l.tls.NegotiatedProtocol == "h2" {
		return a.http2(r, l, host, port)
	}
	response, err := l.exchange(r, a.trace)
	if err == nil && response.StatusCode == http.StatusSwitchingProtocols && !a.wire.upgrades {
		err = errSwitch
	}
	if err != nil {
		l.drop()
		return nil, err
	}
	return response, nil
}

// sendable refuses headers that no server could read as they are meant.
func sendable(h http.Header) error {
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			return errors.New("a header's name holds characters that cannot be sent")
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return errors.New("the header " + name + " holds characters that cannot be sent")
			}
		}
	}
	return nil
}

// connect dials, and shakes hands where the URL says https.
func (a asking) connect(r *http.Request, host, port string) (*line, error) {
	conn, err := a.wire.dial(a.trace.dialing(r.Context()), host, port)
	if err != nil {
		return nil, err
	}
	a.trace.dialed(conn)
	l := &line{conn: conn, raw: conn, stop: bounded(r.Context(), conn)}
	if r.URL.Scheme != "https" {
		return l, nil
	}
	settings := a.wire.settings.Clone()
	settings.ServerName = cmp.Or(settings.ServerName, host)
	secure := tls.Client(conn, settings)
	a.trace.shaking()
	err = secure.Handshake()
	a.trace.shaken(err)
	if err != nil {
		l.drop()
		return nil, err
	}
	state := secure.ConnectionState()
	l.conn, l.tls = secure, &state
	return l, nil
}

// hostPort is what a URL says to connect to: names in ASCII, as in DNS.
func hostPort(u *url.URL) (host, port string, err error) {
	host, port = u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	switch {
	case host == "":
		return "", "", errors.New("the URL names no host")
	case strings.ContainsFunc(host, func(c rune) bool { return c > '~' }):
		host, err = ascii(host)
	}
	return host, port, err
}

// ascii is a name as DNS has it. net/http keeps its tables of such names to
// itself, and they are too large to have twice; but it writes the name.
func ascii(host string) (string, error) {
	var out strings.Builder
	if err := (&http.Request{Method: http.MethodGet, URL: &url.URL{Host: host, Path: "/"}}).Write(&out); err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(out.String(), "\r\nHost: ")
	host, _, _ = strings.Cut(rest, "\r\n")
	return host, nil
}

// http2 hands a connection over to net/http, and makes it another one where the
// server refuses a request on the first and wants it again (RFC 9113, 8.7).
func (a asking) http2(r *http.Request, l *line, host, port string) (*http.Response, error) {
	l.stop()
	a.wire.keep(l.raw) // net/http takes none from a check that has just ended
	first := l
	given := func(context.Context, string, string) (net.Conn, error) {
		next := first
		if first = nil; next == nil {
			var err error
			a.trace.again()
			if next, err = a.connect(r, host, port); err != nil {
				return nil, err
			}
			a.trace.connected()
			next.stop()
			a.wire.keep(next.raw)
		}
		return next.conn, nil
	}
	t := &http.Transport{
		DialContext: given, DialTLSContext: given, Protocols: &http.Protocols{},
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
	}
	t.Protocols.SetHTTP2(l.tls != nil)
	t.Protocols.SetUnencryptedHTTP2(l.tls == nil)
	return t.RoundTrip(r.WithContext(a.trace.asking(r.Context())))
}
