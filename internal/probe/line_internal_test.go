package probe

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestUnwritable: a request that cannot be written has no answer to wait for.
func TestUnwritable(t *testing.T) {
	for name, size := range map[string]int64{"sent in one go": 100, "being sent": 100 << 10} {
		t.Run(name, func(t *testing.T) {
			client, server := tcpPair(t)
			go func() { _, _ = server.Read(make([]byte, 1)) }()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.com/", strings.NewReader("too short"))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = size
			l := &line{conn: client, raw: client, stop: func() bool { return true }}
			_, err = l.exchange(r, &hops{})
			if err == nil || !strings.Contains(err.Error(), "ContentLength") {
				t.Errorf("got %v, want what is wrong with the request", err)
			}
		})
	}
}

// mute takes nothing that is written to it until it is closed, whatever the
// deadline.
type mute struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

func (m *mute) Write([]byte) (int, error) { <-m.closed; return 0, net.ErrClosed }
func (m *mute) Close() error              { m.once.Do(func() { close(m.closed) }); return m.Conn.Close() }

// TestGoodBye: a peer that reads nothing does not keep a line open.
func TestGoodBye(t *testing.T) {
	client, server := tcpPair(t)
	leaf, key := pair(t, 1, nil, nil)
	go func() {
		_ = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}}).Handshake()
	}()
	raw := &switched{Conn: client}
	conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	silent := &mute{Conn: client, closed: make(chan struct{})}
	raw.Conn = silent
	_ = upgraded{&line{conn: conn, raw: silent, stop: func() bool { return true }}}.Close()
	<-silent.closed
}

// switched is a connection that can become another.
type switched struct{ net.Conn }

// TestTwoAddresses: of addresses that are tried at the same time, what is told is
// the one that answered first, and how long that took.
func TestTwoAddresses(t *testing.T) {
	client, _ := tcpPair(t)
	won, lost := client.RemoteAddr().String(), "[2001:db8::1]:80"
	h := &hops{}
	h.hop("example.com")
	trace := httptrace.ContextClientTrace(h.dialing(t.Context()))
	trace.ConnectStart("tcp", won)
	trace.ConnectStart("tcp", lost)
	trace.ConnectDone("tcp", won, nil)
	trace.ConnectDone("tcp", lost, nil)
	h.dialed(client)
	if o := h.observation().Result; o.Address != won || o.Timing.Connect != h.tries[0].took {
		t.Errorf("%s in %s, want %s in %s", o.Address, o.Timing.Connect, won, h.tries[0].took)
	}
}

// tcpPair is the two ends of a connection.
func tcpPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if client, err = net.DialTimeout("tcp", l.Addr().String(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}
