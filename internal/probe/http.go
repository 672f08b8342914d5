package probe

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

const (
	maxHeader   = 64 << 10 // bytes of an answer's header
	dialTimeout = 30 * time.Second
)

var (
	errRedirects = errors.New("redirected without end")
	errScheme    = errors.New("redirected to a scheme that is not http or https")
	errSwitch    = errors.New("it is 101, and goes over to another protocol, which nobody asked for")

	errClientCert = errors.New("client_cert holds no certificate and its key in PEM form")
)

// elsewhere is a redirect that same-host does not follow.
type elsewhere struct{ host string }

func (e *elsewhere) Error() string {
	return "redirected to another host, " + e.host + ", which same-host forbids"
}

// probeHTTP asks for a URL, or for several in a row, over new connections. With
// each, it does so at every address of the host.
func probeHTTP(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	if m.HTTP.Each && m.HTTP.Address == "" {
		return probeEach(ctx, m, env)
	}
	return probeVisit(ctx, m, env)
}

// probeVisit is one visitor: one set of cookies, one trace.
func probeVisit(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	w, err := newWire(m, env)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: classify(err, "before the request", monitor.FailInternal)}}
	}
	defer w.close()
	jar, _ := cookiejar.New(nil) // without options, it has no error
	v := &visit{m: m, env: env, wire: w, jar: jar}
	if m.HTTP.Traceparent {
		v.trace = randomHex(16)
	}
	var o Observation
	if len(m.HTTP.Steps) > 0 {
		o = v.steps(ctx)
	} else {
		o = v.ask(ctx, m.HTTP.Requests()[0].Request, slices.Concat(m.Expect, m.Warn))
	}
	o.Trace = v.trace
	return o
}

// visit is what the requests of one check share.
type visit struct {
	m       monitor.Monitor
	env     *Env
	wire    *wire
	jar     *cookiejar.Jar
	trace   string            // id; empty where none is sent
	saved   map[string]string // by earlier steps
	secrets []string          // tokens, and what was saved that may not be shown
}

// ask makes one request, follows redirects, and reads the body up to the cap.
// Phases are those of the last hop. The expressions say which values are wanted.
func (v *visit) ask(ctx context.Context, r monitor.Request, wanted []string) Observation {
	token, took, failure := v.token(ctx, r)
	if failure != nil {
		return Observation{Result: monitor.Result{Failure: failure, Timing: monitor.Timing{Token: took}}}
	}
	trace := &hops{}
	request, err := v.request(ctx, r, token)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: fail(monitor.FailInternal, "the request cannot be made: %s", innermost(err))}}
	}
	o := v.do(request, r, trace, wanted)
	o.Timing.Token, o.secrets = took, v.secrets
	if o.Status == http.StatusUnauthorized && r.Auth != nil && r.Auth.OAuth2 != nil {
		v.env.tokens.forget(tokenKey(v.m.ID, r.Auth.OAuth2))
	}
	return o
}

func (v *visit) do(request *http.Request, r monitor.Request, trace *hops, wanted []string) Observation {
	c := http.Client{Transport: v.wire.under(trace), CheckRedirect: redirects(v.m, r.Headers), Jar: v.jar}
	response, err := c.Do(request)
	if err != nil {
		if response != nil {
			_ = response.Body.Close()
		}
		o := trace.observation()
		o.Failure = requestFailure(err, trace)
		o.Certificate = unverified(err, v.env.Now())
		return o
	}
	defer func() { _ = response.Body.Close() }()
	body, err := readBody(response, v.m.HTTP.MaxBody)
	trace.finished()
	o := trace.observation()
	o.Status = response.StatusCode
	o.Body = printableBody(body)
	if response.TLS != nil {
		o.Certificate = certificate(response.TLS.PeerCertificates, v.env.Now())
	}
	switch {
	case err != nil:
		o.Failure = classify(err, fmt.Sprintf("body after %d bytes", len(body)), monitor.FailBody)
	case v.m.HTTP.Version == "2" && response.ProtoMajor != 2:
		o.Failure = fail(monitor.FailHTTP, "answer of %s: it is HTTP/%d.%d, not HTTP/2", o.Address, response.ProtoMajor, response.ProtoMinor)
	case len(wanted) > 0:
		var note string
		o.Values, note = valuesOf(wanted, response, body)
		o.Notes = map[string]string{"body": note}
		if mentions(wanted, "cookies") {
			o.Values["cookies"] = cookiesFor(v.jar, response)
		}
	}
	return o
}

func cookiesFor(jar *cookiejar.Jar, response *http.Response) map[string]string {
	out := map[string]string{}
	for _, c := range jar.Cookies(response.Request.URL) {
		out[c.Name] = c.Value
	}
	return out
}

// request makes a request. What the monitor's headers say goes before what comes
// from the body and from auth.
func (v *visit) request(ctx context.Context, r monitor.Request, token string) (*http.Request, error) {
	body, kind := content(r)
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, from)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", UserAgent)
	request.Header.Set("Accept-Encoding", "gzip, deflate")
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if v.trace != "" { // W3C Trace Context, 3.2: version, trace, parent, flags
		flags := "-00"
		if v.m.HTTP.Sampled {
			flags = "-01"
		}
		request.Header.Set("Traceparent", "00-"+v.trace+"-"+randomHex(8)+flags)
	}
	switch a := r.Auth; {
	case a == nil:
	case a.Basic != nil:
		request.SetBasicAuth(a.Basic.User, a.Basic.Password)
	case token != "":
		request.Header.Set("Authorization", "Bearer "+token)
	case a.Bearer != "":
		request.Header.Set("Authorization", "Bearer "+a.Bearer)
	}
	for name, value := range r.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	return request, nil
}

// content is the body, and its type where the form of the body says it.
func content(r monitor.Request) (body, kind string) {
	switch {
	case r.JSON != "":
		return r.JSON, "application/json"
	case r.Form != nil:
		return url.Values(r.Form).Encode(), "application/x-www-form-urlencoded"
	}
	return r.Body, ""
}

// randomHex is so many random bytes in hex. crypto/rand.Read has no error.
func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// newWire is for one check: no connection, look-up or TLS session of an earlier
// one is used again, and no proxy.
func newWire(m monitor.Monitor, env *Env) (*wire, error) {
	settings, err := client("", m.HTTP.CA, m.HTTP.Insecure, env.Now)
	if err != nil {
		return nil, err
	}
	settings.MinVersion = tlsVersions[m.HTTP.MinTLS]
	if c := m.HTTP.ClientCert; c != nil {
		pair, err := tls.X509KeyPair([]byte(c.Cert), []byte(c.Key))
		if err != nil {
			return nil, errClientCert
		}
		settings.Certificates = []tls.Certificate{pair}
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
	ownHost, _, _ := hostPort(own)
	settings.NextProtos = offers(m.HTTP.Version)
	return &wire{settings: settings, plain2: m.HTTP.Version == "2", dial: func(ctx context.Context, host, port string) (net.Conn, error) {
		network, address := family("tcp", m.HTTP.Family), net.JoinHostPort(host, port)
		if m.HTTP.ShareDNS && m.HTTP.Address == "" {
			return dialShared(ctx, d, question{m.HTTP.Resolver, network, host}, port)
		}
		if m.HTTP.Address != "" && strings.EqualFold(host, ownHost) {
			address = monitor.WithPort(m.HTTP.Address, port)
		}
		return d.DialContext(ctx, network, address)
	}}, nil
}

var tlsVersions = map[string]uint16{
	"": tls.VersionTLS12, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

// family narrows a network such as tcp.
func family(network, name string) string {
	switch name {
	case "ipv4":
		return network + "4"
	case "ipv6":
		return network + "6"
	}
	return network
}

// offers is what may be spoken over TLS: nothing is said of HTTP/1.1 alone.
func offers(version string) []string {
	switch version {
	case "1.1":
		return nil
	case "2":
		return []string{"h2"}
	}
	return []string{"h2", "http/1.1"}
}

// redirects follows up to so many; with none, the redirect is the answer.
func redirects(m monitor.Monitor, own map[string]string) func(*http.Request, []*http.Request) error {
	most := m.HTTP.MaxRedirects
	return func(next *http.Request, before []*http.Request) error {
		switch {
		case most == 0:
			return http.ErrUseLastResponse
		case next.URL.Scheme != "http" && next.URL.Scheme != "https":
			return errScheme
		case m.HTTP.SameHost && !strings.EqualFold(next.URL.Host, before[0].URL.Host):
			return &elsewhere{next.URL.Host}
		case len(before) > most:
			return errRedirects
		}
		forget(next, before[0], own)
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
	next.Header.Del("Authorization")
	next.Header.Del("Traceparent")
	for name := range own {
		if name := http.CanonicalHeaderKey(name); name != "User-Agent" && !strings.HasPrefix(name, "Accept") && !strings.HasPrefix(name, "Content-") {
			next.Header.Del(name)
		}
	}
}

// requestFailure classifies what ended a request, with the phase it was in.
func requestFailure(err error, trace *hops) *monitor.Failure {
	var away *elsewhere
	var family *net.AddrError
	phase, otherwise := trace.phase()
	switch {
	case errors.Is(err, errRedirects):
		return fail(monitor.FailHTTP, "redirected more often than max_redirects allows")
	case errors.Is(err, errScheme):
		return fail(monitor.FailHTTP, "%s", errScheme)
	case errors.As(err, &away):
		return fail(monitor.FailHTTP, "%s", away)
	case errors.As(err, &family) && strings.HasPrefix(family.Err, "no suitable address"):
		return fail(monitor.FailDNS, "look-up of %s: the name has no address of the family that is asked for", trace.host)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fail(monitor.FailTLS, "%s: the answer is not TLS but plain HTTP", phase)
	case isLongHeader(err):
		return fail(monitor.FailHTTP, "%s: the header is longer than %d KiB", phase, maxHeader>>10)
	}
	return classify(err, phase, otherwise)
}

// isLongHeader: net/http's HTTP/2 has no error of its own for it. The cap is on
// all that comes before the body, interim answers included.
func isLongHeader(err error) bool {
	return errors.Is(err, errLongHeader) || strings.Contains(err.Error(), "response header list larger than")
}
