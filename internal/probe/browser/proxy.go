package browser

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// dial connects under the guard of a monitor.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// proxy is what a browser asks the network through: it connects where the guard
// lets it, and remembers where it did not.
type proxy struct {
	server    *http.Server
	transport *http.Transport
	dial      dial
	address   string

	mu      sync.Mutex
	refused map[string]*monitor.Failure // by host:port
	tunnels map[net.Conn]bool
}

// classify makes a failure of a connection that could not be made.
type classify func(err error, address string) *monitor.Failure

func startProxy(d dial, why classify) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p := &proxy{address: l.Addr().String(), refused: map[string]*monitor.Failure{}, tunnels: map[net.Conn]bool{}}
	p.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d(ctx, network, address)
		if err != nil {
			p.mu.Lock()
			p.refused[address] = why(err, address)
			p.mu.Unlock()
		}
		return conn, err
	}
	p.transport = &http.Transport{DialContext: p.dial, DisableCompression: true, MaxIdleConnsPerHost: 6}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = p.server.Serve(l) }()
	return p, nil
}

// close ends every connection.
func (p *proxy) close() {
	_ = p.server.Close()
	p.transport.CloseIdleConnections()
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.tunnels {
		_ = conn.Close()
	}
}

// why is what kept a host from being spoken to; nil if nothing did.
func (p *proxy) why(host, port string) *monitor.Failure {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused[net.JoinHostPort(host, port)]
}

// ServeHTTP implements http.Handler: CONNECT for everything over TLS and
// WebSockets, the rest request by request.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		p.tunnel(w, r)
		return
	}
	if !r.URL.IsAbs() || r.URL.Scheme != "http" {
		http.Error(w, "this is a proxy", http.StatusBadRequest)
		return
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.Header.Del("Proxy-Connection")
	out.Header.Del("Proxy-Authorization")
	answer, err := p.transport.RoundTrip(out)
	if err != nil { // an answer of ours would look like one of the target's
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
		return
	}
	defer func() { _ = answer.Body.Close() }()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	if _, err := io.Copy(flushing{w}, answer.Body); err != nil {
		panic(http.ErrAbortHandler) // what broke off must not look complete
	}
}

// flushing hands on at once what comes in pieces.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(piece []byte) (int, error) {
	n, err := f.ResponseWriter.Write(piece)
	_ = http.NewResponseController(f.ResponseWriter).Flush()
	return n, err
}

func (p *proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	there, err := p.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, "the target cannot be reached", http.StatusBadGateway)
		return
	}
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = there.Close()
		return
	}
	p.mu.Lock()
	p.tunnels[here], p.tunnels[there] = true, true
	p.mu.Unlock()
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	var both sync.WaitGroup
	copyTo := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from)
		_ = here.Close()
		_ = there.Close()
	}
	both.Go(func() { copyTo(there, buffered) })
	both.Go(func() { copyTo(here, there) })
	both.Wait()
	p.mu.Lock()
	delete(p.tunnels, here)
	delete(p.tunnels, there)
	p.mu.Unlock()
}
