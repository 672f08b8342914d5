package probe_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/sondehq/sonde/internal/monitor"
)

// TestEarlyAnswer: a server that turns a large body down does not read it; what it
// says counts, and not that the rest could not be sent.
func TestEarlyAnswer(t *testing.T) {
	for name, size := range map[string]int{"sent in one go": 10 << 10, "being sent": 64 << 20} {
		t.Run(name, func(t *testing.T) {
			answered := make(chan struct{})
			address := serveOnce(t, func(c net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
				<-answered
			})
			m := httpMonitor("http://" + address + "/")
			m.HTTP.Method, m.HTTP.Body = http.MethodPost, strings.Repeat("x", size)
			m.Expect = []string{`status == 413`, `text == "no"`}
			r := engineOf(1).Run(t.Context(), []monitor.Check{{Monitor: m}})[0]
			close(answered)
			if diff := cmp.Diff([]any{r.Outcome, r.Failure}, []any{monitor.OutcomeUp, (*monitor.Failure)(nil)}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestInternationalName: what is looked up and asked for is the name in ASCII.
func TestInternationalName(t *testing.T) {
	looked := make(chan string, 100)
	m := httpMonitor("http://b\u00fccher.test/")
	m.HTTP.Resolver = resolver(t, func(w dns.ResponseWriter, q *dns.Msg) {
		looked <- q.Question[0].Name
		zone()(w, q)
	})
	_ = engineOf(1).Run(t.Context(), []monitor.Check{{Monitor: m}})
	if got, want := <-looked, "xn--bcher-kva.test."; got != want {
		t.Errorf("got a look-up of %s, want %s", got, want)
	}
}

// serveOnce is a server of one connection.
func serveOnce(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		serve(c)
	}()
	return l.Addr().String()
}

// TestInternationalNamePinned: an address of one's own holds for such a name too.
func TestInternationalNamePinned(t *testing.T) {
	address := serveOnce(t, func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err != nil || r.Host != "xn--bcher-kva.test" {
			t.Errorf("asked for %+v, %v", r, err)
		}
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
	})
	m := httpMonitor("http://b\u00fccher.test/")
	m.HTTP.Address = address
	if r := engineOf(1).Run(t.Context(), []monitor.Check{{Monitor: m}})[0]; r.Outcome != monitor.OutcomeUp || r.Address != address {
		t.Errorf("%s at %s: %+v", r.Outcome, r.Address, r.Failure)
	}
}

// TestAskedAgain: a server that sends a request over HTTP/2 to another connection
// (RFC 9113, 6.8) has not redirected it.
func TestAskedAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var connections atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			last := connections.Add(1) > 1
			go func() {
				defer func() { _ = c.Close() }()
				_, _ = io.CopyN(io.Discard, c, int64(len(http2.ClientPreface)))
				framer := http2.NewFramer(c, c)
				_ = framer.WriteSettings()
				for {
					frame, err := framer.ReadFrame()
					if err != nil {
						return
					}
					if _, is := frame.(*http2.HeadersFrame); !is {
						continue
					}
					if !last {
						_ = framer.WriteGoAway(0, http2.ErrCodeNo, nil)
						continue
					}
					var block bytes.Buffer
					_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
					_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
				}
			}()
		}
	}()
	m := httpMonitor("http://" + l.Addr().String() + "/")
	m.HTTP.Version = "2"
	r := engineOf(1).Run(t.Context(), []monitor.Check{{Monitor: m}})[0]
	if connections.Load() != 2 {
		t.Fatalf("%d connections, want 2: %+v", connections.Load(), r.Failure)
	}
	if r.Outcome != monitor.OutcomeUp || r.Hops != 1 || r.Overall != nil {
		t.Errorf("%s after %d requests, together %+v: %+v", r.Outcome, r.Hops, r.Overall, r.Failure)
	}
}
