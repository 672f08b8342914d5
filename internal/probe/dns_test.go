package probe_test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
)

// silentUDP is a socket that never answers.
func silentUDP(t testing.TB) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.LocalAddr().String()
}

// resolver answers over UDP and TCP at one port.
func resolver(t testing.TB, f func(w dns.ResponseWriter, q *dns.Msg)) string {
	t.Helper()
	for range 20 {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", u.LocalAddr().String())
		if err != nil {
			_ = u.Close()
			continue
		}
		for _, s := range []*dns.Server{{PacketConn: u, Handler: dns.HandlerFunc(f)}, {Listener: l, Handler: dns.HandlerFunc(f)}} {
			ready := make(chan struct{})
			s.NotifyStartedFunc = func() { close(ready) }
			go func() { _ = s.ActivateAndServe() }()
			<-ready
			t.Cleanup(func() { _ = s.Shutdown() })
		}
		return u.LocalAddr().String()
	}
	t.Fatal("no port is free for both")
	return ""
}

func records(q *dns.Msg, texts ...string) *dns.Msg {
	a := new(dns.Msg).SetReply(q)
	for _, text := range texts {
		r, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		a.Answer = append(a.Answer, r)
	}
	return a
}

func answering(texts ...string) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(records(q, texts...)) }
}

func rcode(code int) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(q, code)) }
}

func TestDNS(t *testing.T) {
	type server = func(dns.ResponseWriter, *dns.Msg)
	one := answering("a.test. 60 IN A 192.0.2.1")
	two := answering("a.test. 60 IN A 192.0.2.2")
	spoofed := func(change func(*dns.Msg)) server {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			bad := records(q, "a.test. 60 IN A 192.0.2.66")
			change(bad)
			_ = w.WriteMsg(bad)
			one(w, q)
		}
	}
	for _, c := range []struct {
		name    string
		servers []server
		kindOf  string
		answers []string
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"good", []server{one}, "A", nil, "up", "", ""},
		{"expected", []server{one, one}, "A", []string{"192.0.2.1"}, "up", "", ""},
		{"NXDOMAIN", []server{rcode(dns.RcodeNameError)}, "A", nil, "down", "dns", "NXDOMAIN"},
		{"SERVFAIL", []server{rcode(dns.RcodeServerFailure)}, "A", nil, "down", "dns", "SERVFAIL"},
		{"odd rcode", []server{rcode(14)}, "A", nil, "down", "dns", "14"},
		{"empty", []server{answering()}, "A", nil, "down", "dns", "no A record"},
		{"other type only", []server{answering("a.test. 60 IN CNAME b.test.")}, "A", nil, "down", "dns", "no A record"},
		{"wrong", []server{one}, "A", []string{"192.0.2.2"}, "down", "dns", "answers 192.0.2.1, expected 192.0.2.2"},
		{"too few", []server{one}, "A", []string{"192.0.2.1", "192.0.2.2"}, "down", "dns", "expected"},
		{"disagree", []server{one, two}, "A", []string{"192.0.2.1"}, "down", "dns", "answers 192.0.2.2"},
		{"both wrong", []server{one, two}, "A", []string{"192.0.2.3"}, "down", "dns", "2 of 2 resolvers"},
		{"one fails", []server{one, rcode(dns.RcodeRefused)}, "A", nil, "down", "dns", "REFUSED"},
		{"spoofed id", []server{spoofed(func(m *dns.Msg) { m.Id++ })}, "A", []string{"192.0.2.1"}, "up", "", ""},
		{"spoofed question", []server{spoofed(func(m *dns.Msg) { m.Question[0].Name = "b.test." })}, "A", []string{"192.0.2.1"}, "up", "", ""},
		{"spoofed type", []server{spoofed(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeTXT })}, "A", []string{"192.0.2.1"}, "up", "", ""},
		{"spoofed query", []server{spoofed(func(m *dns.Msg) { m.Response = false })}, "A", []string{"192.0.2.1"}, "up", "", ""},
		{"spoofed garbage", []server{func(w dns.ResponseWriter, q *dns.Msg) { _, _ = w.Write([]byte("xx")); one(w, q) }}, "A", []string{"192.0.2.1"}, "up", "", ""},
		{"truncated", []server{func(w dns.ResponseWriter, q *dns.Msg) {
			if w.RemoteAddr().Network() == "udp" {
				a := new(dns.Msg).SetReply(q)
				a.Truncated = true
				_ = w.WriteMsg(a)
				return
			}
			one(w, q)
		}}, "A", []string{"192.0.2.1"}, "up", "", ""},
		{"MX", []server{answering("a.test. 60 IN MX 10 Mail.a.test.")}, "MX", []string{"10 mail.a.test"}, "up", "", ""},
		{"TXT", []server{answering(`a.test. 60 IN TXT "v=spf1 " "-all"`)}, "TXT", []string{"v=spf1 -all"}, "up", "", ""},
		{"TXT keeps case", []server{answering(`a.test. 60 IN TXT "TokenABC"`)}, "TXT", []string{"tokenabc"}, "down", "dns", "TokenABC"},
		{"CAA", []server{answering(`a.test. 60 IN CAA 0 issue "ca.test"`)}, "CAA", []string{`0 issue "ca.test"`}, "up", "", ""},
		{"AAAA", []server{answering("a.test. 60 IN AAAA 2001:db8::1")}, "AAAA", []string{"2001:0db8:0::1"}, "up", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := &monitor.DNS{Name: "a.test", Type: c.kindOf, Answers: c.answers}
			for _, s := range c.servers {
				d.Resolvers = append(d.Resolvers, resolver(t, s))
			}
			want(t, run(t, monitor.Monitor{Private: true, Timeout: 3 * time.Second, DNS: d}), c.outcome, c.kind, c.detail)
		})
	}
	t.Run("timeout", func(t *testing.T) {
		d := &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{resolver(t, one), silentUDP(t)}}
		r := run(t, monitor.Monitor{Private: true, Timeout: 200 * time.Millisecond, DNS: d})
		want(t, r, "down", "timeout", "timeout in query")
		if !slices.Equal(r.Answers, []string{"192.0.2.1"}) {
			t.Errorf("answers %v", r.Answers)
		}
	})
}

// TestResolver: HTTP asks the resolver it is given.
func TestResolver(t *testing.T) {
	target := serve(t, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	_, port, _ := net.SplitHostPort(target)
	for _, c := range []struct {
		name    string
		server  func(dns.ResponseWriter, *dns.Msg)
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"good", answering("a.test. 60 IN A 127.0.0.1"), "up", "", ""},
		{"metadata", answering("a.test. 60 IN A 169.254.169.254"), "down", "blocked", "169.254.169.254"},
		{"NXDOMAIN", rcode(dns.RcodeNameError), "down", "dns", "does not exist"},
		{"SERVFAIL", rcode(dns.RcodeServerFailure), "down", "dns", "look-up of a.test"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := httpMonitor(fmt.Sprintf("http://a.test:%s/", port))
			m.HTTP.Resolver = resolver(t, func(w dns.ResponseWriter, q *dns.Msg) {
				if q.Question[0].Qtype == dns.TypeAAAA && c.outcome != "down" {
					_ = w.WriteMsg(new(dns.Msg).SetReply(q))
					return
				}
				if q.Question[0].Qtype == dns.TypeAAAA && c.kind == "blocked" {
					_ = w.WriteMsg(new(dns.Msg).SetReply(q))
					return
				}
				c.server(w, q)
			})
			r := run(t, m)
			want(t, r, c.outcome, c.kind, c.detail)
			if c.kind == "" && r.Timing.DNS <= 0 {
				t.Errorf("timing %+v", r.Timing)
			}
		})
	}
}
