package zoo

import (
	"net"
	"strings"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
)

type server = func(dns.ResponseWriter, *dns.Msg)

// resolver answers over UDP and TCP at one port.
func (c *cage) resolver(f server) string {
	c.Helper()
	for range 20 {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		c.must(err)
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
			c.Cleanup(func() { _ = s.Shutdown() })
		}
		return u.LocalAddr().String()
	}
	c.Fatal("no port is free for UDP and TCP")
	return ""
}

// records answers with records of the form of zone files, whatever is asked.
func records(texts ...string) server {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		for _, text := range texts {
			if r, err := dns.NewRR(text); err == nil {
				a.Answer = append(a.Answer, r)
			}
		}
		_ = w.WriteMsg(a)
	}
}

func rcode(code int) server {
	return func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(q, code)) }
}

// edited changes what a server answers.
func edited(f server, edit func(*dns.Msg)) server {
	return func(w dns.ResponseWriter, q *dns.Msg) { f(editing{w, edit}, q) }
}

type editing struct {
	dns.ResponseWriter
	edit func(*dns.Msg)
}

func (e editing) WriteMsg(m *dns.Msg) error {
	e.edit(m)
	return e.ResponseWriter.WriteMsg(m)
}

// raw answers with bytes, behind the id and flags of an answer.
func raw(bytes string) server {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		_, _ = w.Write([]byte(string([]byte{byte(q.Id >> 8), byte(q.Id), 0x81, 0x80}) + bytes))
	}
}

func overUDP(f, then server) server {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		if w.RemoteAddr().Network() == "udp" {
			f(w, q)
			return
		}
		then(w, q)
	}
}

// resolvers is DNS.
func resolvers(c *cage) {
	one := records("a.test. 60 IN A 192.0.2.1")
	ask := func(f server) monitor.Monitor {
		return monitor.Monitor{DNS: &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{c.resolver(f)}}}
	}
	text := func(f server) monitor.Monitor {
		m := ask(f)
		m.DNS.Type, m.DNS.Contains = "TXT", []string{"fine"}
		return m
	}
	cutOff := edited(one, func(m *dns.Msg) { m.Truncated, m.Answer = true, nil })
	other := edited(records("a.test. 60 IN A 192.0.2.66"), func(m *dns.Msg) { m.Id++ })
	c.put("NXDOMAIN", ask(rcode(dns.RcodeNameError)), "dns", "127.0.0.1", "answers NXDOMAIN")
	c.put("SERVFAIL", ask(rcode(dns.RcodeServerFailure)), "dns", "127.0.0.1", "answers SERVFAIL")
	c.put("REFUSED", ask(rcode(dns.RcodeRefused)), "dns", "127.0.0.1", "answers REFUSED")
	c.put("a code of no name", ask(rcode(13)), "dns", "127.0.0.1", "answers")
	c.put("empty", ask(records()), "dns", "127.0.0.1", "has no A record for a.test")
	c.put("truncated", ask(cutOff), "dns", "127.0.0.1", "truncates its answer")
	c.put("truncated, and no TCP", ask(overUDP(cutOff, func(w dns.ResponseWriter, _ *dns.Msg) { _ = w.Close() })), "reset", "query over TCP", "")
	c.put("truncated, and silent over TCP", ask(overUDP(cutOff, func(dns.ResponseWriter, *dns.Msg) {})), "timeout", "query over TCP", "")
	c.put("spoofed", shortly(ask(other)), "dns", "query to", "another id")
	c.put("spoofed without end", shortly(ask(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		a.Id++
		for range 20_000 {
			_ = w.WriteMsg(a)
		}
	})), "dns", "query to", "another id")
	c.put("spoofed over TCP", shortly(ask(overUDP(cutOff, other))), "dns", "query", "another id")
	c.put("spoofed, then true", ask(func(w dns.ResponseWriter, q *dns.Msg) { other(w, q); one(w, q) }), "", "", "")
	c.put("another question", shortly(ask(edited(one, func(m *dns.Msg) { m.Question[0].Name = "b.test." }))), "dns", "query to", "another question")
	c.put("silent", ask(func(dns.ResponseWriter, *dns.Msg) {}), "timeout", "query to", "")
	c.put("refuses", monitor.Monitor{DNS: &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{c.closed()}}}, "refused", "query to", "connection refused")
	c.put("CNAME loop", ask(records("a.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME a.test.")), "dns", "127.0.0.1", "CNAME loop")
	c.put("CNAME to itself", ask(records("a.test. 60 IN CNAME a.test.")), "dns", "127.0.0.1", "CNAME loop")
	c.put("CNAME to nothing", ask(records("a.test. 60 IN CNAME b.test.")), "dns", "127.0.0.1", "an alias of b.test")
	c.put("ever new aliases", ask(func(w dns.ResponseWriter, q *dns.Msg) {
		records(q.Question[0].Name+" 60 IN CNAME x"+q.Question[0].Name)(w, q)
	}), "dns", "127.0.0.1", "")
	chain := make([]string, 1500)
	for i := range chain { // the last first: each has to be looked for
		chain[len(chain)-1-i] = "n" + itoa(i) + ".test. 60 IN CNAME n" + itoa(i+1) + ".test."
	}
	chain[len(chain)-1] = "a.test. 60 IN CNAME n1.test."
	c.put("a chain of aliases", ask(overUDP(cutOff, records(chain...))), "dns", "127.0.0.1", "an alias of n1500.test")
	c.put("a record of another name", ask(records("b.test. 60 IN A 192.0.2.1")), "dns", "127.0.0.1", "has no A record")
	c.put("only a header", shortly(ask(raw(""))), "dns", "query to", "")
	c.put("a name that points to itself", ask(raw("\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x04test\x00\x00\x01\x00\x01\xc0\x18\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01")), "dns", "query to", "")
	c.put("65535 records declared", ask(raw("\x00\x01\xff\xff\xff\xff\xff\xff\x01a\x04test\x00\x00\x01\x00\x01")), "dns", "127.0.0.1", "has no A record")
	c.put("binary noise", shortly(ask(func(w dns.ResponseWriter, _ *dns.Msg) { _, _ = w.Write([]byte(noise(400))) })), "dns", "query to", "")
	c.put("a text that hurts", text(records(`a.test. 60 IN TXT "\027[31m\000\007\155\255\195" "</script>\013\010Bcc: x"`)), "dns", "127.0.0.1", "without fine")
	c.put("a text without end", text(overUDP(cutOff, records("a.test. 60 IN TXT"+strings.Repeat(` "`+strings.Repeat("a", 250)+`"`, 200)))), "dns", "127.0.0.1", "aaaa")
	many := make([]string, 2000)
	for i := range many {
		many[i] = "a.test. 60 IN A 10.0." + itoa(i/250) + "." + itoa(i%250)
	}
	flood := ask(overUDP(cutOff, records(many...)))
	flood.DNS.Contains = []string{"192.0.2.1"}
	c.put("two thousand addresses", flood, "dns", "127.0.0.1", "10.0.0.0")
	apart := ask(one)
	apart.DNS.Answers = []string{"192.0.2.1"}
	apart.DNS.Resolvers = append(apart.DNS.Resolvers, c.resolver(records("a.test. 900 IN A 192.0.2.9")))
	c.put("resolvers that disagree", apart, "dns", "1 of 2 resolvers", "answers 192.0.2.9, expected 192.0.2.1")
	plain := ask(one)
	plain.DNS.Resolvers[0] = "tls://" + plain.DNS.Resolvers[0]
	c.put("DNS over TLS without TLS", shortly(plain), "timeout", "", "")
	web := func(f server) monitor.Monitor {
		m := get("a.test")
		m.HTTP.Resolver = c.resolver(f)
		return m
	}
	c.put("NXDOMAIN (http)", web(rcode(dns.RcodeNameError)), "dns", "look-up of a.test", "does not exist")
	c.put("SERVFAIL (http)", web(rcode(dns.RcodeServerFailure)), "dns", "look-up of a.test", "")
	c.put("silent (http)", web(func(dns.ResponseWriter, *dns.Msg) {}), "timeout", "look-up of a.test", "")
	c.put("binary noise (http)", web(func(w dns.ResponseWriter, _ *dns.Msg) { _, _ = w.Write([]byte(noise(400))) }), "timeout", "look-up of a.test", "")
	c.put("a metadata address (http)", web(records("a.test. 60 IN A 169.254.169.254")), "blocked", "connect to 169.254.169.254", "never checked")
	rebound := 0
	name := web(func(w dns.ResponseWriter, q *dns.Msg) {
		if q.Question[0].Qtype != dns.TypeA {
			records()(w, q)
		} else if rebound++; rebound == 1 {
			records("a.test. 0 IN A 127.0.0.1")(w, q)
		} else {
			records("a.test. 0 IN A 169.254.169.254")(w, q)
		}
	})
	_, port, err := net.SplitHostPort(c.serve(says(moved("/"))))
	c.must(err)
	name.HTTP.URL = "http://a.test:" + port + "/"
	c.put("rebound between two requests", name, "blocked", "connect to 169.254.169.254", "never checked")
}

// shortly gives a check little time: it waits for what may still come.
func shortly(m monitor.Monitor) monitor.Monitor {
	m.Timeout = Soon
	return m
}
