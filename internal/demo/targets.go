package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// webServer is one HTTPS server that can die and come back at its address.
type webServer struct {
	name    string
	address string // ip:port
	handler http.Handler
	cert    atomic.Pointer[tls.Certificate]

	mu     sync.Mutex
	server *http.Server
}

// start listens at the server's address; a server that runs goes on.
func (w *webServer) start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		return fmt.Errorf("start %s: %w", w.name, err)
	}
	w.address = listener.Addr().String()
	w.server = &http.Server{
		Handler: w.handler, ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // hand-shakes that break off are what the demo is about
		TLSConfig: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return w.cert.Load(), nil
		}},
	}
	go func(server *http.Server) { _ = server.ServeTLS(listener, "", "") }(w.server)
	return nil
}

// kill closes the listener and every connection, as a machine does that loses
// power behind a working network: connections are refused.
func (w *webServer) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server != nil {
		_ = w.server.Close()
		w.server = nil
	}
}

func health(name string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"status":"ok","server":%q}`+"\n", name)
	})
	return mux
}

// slowPage answers after a delay that can be changed.
type slowPage struct{ delay atomic.Int64 }

func (s *slowPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(time.Duration(s.delay.Load())):
	case <-r.Context().Done():
		return
	}
	_, _ = io.WriteString(w, "the report is ready\n")
}

// tcpService accepts connections and says a line.
type tcpService struct {
	listener net.Listener
	done     chan struct{}
}

func newTCPService() (*tcpService, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start TCP service: %w", err)
	}
	t := &tcpService{listener, make(chan struct{})}
	go func() {
		defer close(t.done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "220 queue ready\r\n")
			_ = conn.Close()
		}
	}()
	return t, nil
}

func (t *tcpService) close() {
	_ = t.listener.Close()
	<-t.done
}

// nameServer answers A queries for one name.
type nameServer struct {
	server  *dns.Server
	address string
	answer  atomic.Value // []string of addresses
}

// nameTTL is the TTL of the demo's record, in seconds.
const nameTTL = 20

func newNameServer(name string, addresses ...string) (*nameServer, error) {
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start DNS server: %w", err)
	}
	n := &nameServer{address: packets.LocalAddr().String()}
	n.point(addresses...)
	mux := dns.NewServeMux()
	mux.HandleFunc(dns.Fqdn(name), n.serve)
	started := make(chan struct{})
	n.server = &dns.Server{PacketConn: packets, Handler: mux, NotifyStartedFunc: func() { close(started) }}
	go func() { _ = n.server.ActivateAndServe() }()
	<-started
	return n, nil
}

func (n *nameServer) point(addresses ...string) { n.answer.Store(addresses) }

func (n *nameServer) serve(w dns.ResponseWriter, q *dns.Msg) {
	reply := new(dns.Msg).SetReply(q)
	reply.Authoritative = true
	if len(q.Question) == 1 && q.Question[0].Qtype == dns.TypeA {
		for _, address := range n.answer.Load().([]string) {
			reply.Answer = append(reply.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: nameTTL},
				A:   net.ParseIP(address),
			})
		}
	}
	_ = w.WriteMsg(reply)
}

func (n *nameServer) close() { _ = n.server.Shutdown() }

// beat pings a heartbeat URL until ctx ends. What goes wrong is not its
// business: a heartbeat that does not arrive is what Sonde must notice.
func beat(ctx context.Context, url string, every time.Duration, silent *atomic.Bool) {
	client := &http.Client{Timeout: 2 * time.Second}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if !silent.Load() {
			if request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil); err == nil {
				if response, err := client.Do(request); err == nil {
					_ = response.Body.Close()
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// bindable reports whether this system lets a server listen at a loopback
// address; Linux has all of 127.0.0.0/8, macOS only 127.0.0.1.
func bindable(ip string) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return false
	}
	return errors.Join(listener.Close()) == nil
}
