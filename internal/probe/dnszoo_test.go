package probe_test

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

type server = func(dns.ResponseWriter, *dns.Msg)

// noon is the clock of the tests that name times.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// runAt runs one check at noon, with the name servers where at says.
func runAt(t *testing.T, m monitor.Monitor, at func(string) string) monitor.Result {
	t.Helper()
	if m.Timeout == 0 {
		m.Timeout = 5 * time.Second
	}
	m.Private = true
	e := probe.Steady(probe.New(probe.Env{Now: func() time.Time { return noon }}, probe.Options{}))
	r := probe.NameServers(e, at).Run(t.Context(), []monitor.Check{{Monitor: m, Location: "here"}})[0]
	if r.Failure != nil {
		clean(t, r.Failure.Detail)
	}
	for _, answer := range r.Answers {
		clean(t, answer)
	}
	return r
}

// over answers over TLS.
func over(t *testing.T, c tls.Certificate, f server) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c}})
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(f), NotifyStartedFunc: func() { close(ready) }}
	go func() { _ = s.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { _ = s.Shutdown() })
	return l.Addr().String()
}

// zone answers from records, by name and type, as a server with authority; of
// other names it says that they do not exist.
func zone(records ...string) server {
	var all []dns.RR
	var soa dns.RR
	for _, text := range records {
		r, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		all = append(all, r)
		if r.Header().Rrtype == dns.TypeSOA {
			soa = r
		}
	}
	return func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		a.Authoritative = true
		known := false
		for _, r := range all {
			h := r.Header()
			if !strings.EqualFold(h.Name, q.Question[0].Name) {
				continue
			}
			known = true
			if h.Rrtype == q.Question[0].Qtype || h.Rrtype == dns.TypeCNAME {
				a.Answer = append(a.Answer, r)
			}
		}
		if !known {
			a.Rcode = dns.RcodeNameError
		}
		if len(a.Answer) == 0 && soa != nil {
			a.Ns = append(a.Ns, soa)
		}
		_ = w.WriteMsg(a)
	}
}

func change(f server, edit func(*dns.Msg)) server {
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

func TestRecordTypes(t *testing.T) {
	for _, c := range []struct{ kind, name, record, want string }{
		{"A", "a.test", "a.test. 60 IN A 192.0.2.1", "192.0.2.1"},
		{"AAAA", "a.test", "a.test. 60 IN AAAA 2001:db8::1", "2001:DB8:0::1"},
		{"CNAME", "a.test", "a.test. 60 IN CNAME B.test.", "b.test."},
		{"MX", "a.test", "a.test. 60 IN MX 10 Mail.a.test.", "10 MAIL.a.test"},
		{"MX", "a.test", "a.test. 60 IN MX 0 .", "0 ."},
		{"NS", "a.test", "a.test. 60 IN NS NS1.a.test.", "ns1.a.test"},
		{"TXT", "a.test", `a.test. 60 IN TXT "say \"hi\"; " "\195\188"`, `say "hi"; ü`},
		{"SOA", "a.test", "a.test. 60 IN SOA ns1.a.test. Host.a.test. 7 1 2 3 4", "ns1.a.test. host.a.test. 7 1 2 3 4"},
		{"SRV", "_sip._tcp.a.test", "_sip._tcp.a.test. 60 IN SRV 1 2 5060 Sip.a.test.", "1 2 5060 sip.a.test"},
		{"CAA", "a.test", `a.test. 60 IN CAA 0 issue "ca.test"`, `0 issue "ca.test"`},
		{"PTR", "192.0.2.1", "1.2.0.192.in-addr.arpa. 60 IN PTR a.test.", "a.test"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			d := &monitor.DNS{Name: c.name, Type: c.kind, Answers: []string{c.want}, Resolvers: []string{resolver(t, zone(c.record))}}
			want(t, runAt(t, monitor.Monitor{DNS: d}, nil), "up", "", "")
			wrong := *d
			wrong.Answers = []string{"other"}
			want(t, runAt(t, monitor.Monitor{DNS: &wrong}, nil), "down", "dns", "expected other")
		})
	}
}

// TestDNSFailures: each has words of its own.
func TestDNSFailures(t *testing.T) {
	truncating := change(answering("a.test. 60 IN A 192.0.2.1"), func(m *dns.Msg) { m.Truncated, m.Answer = true, nil })
	overUDP := func(f, then server) server {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			if w.RemoteAddr().Network() == "udp" {
				f(w, q)
				return
			}
			then(w, q)
		}
	}
	loop := zone("a.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME a.test.")
	for _, c := range []struct {
		name   string
		server server
		kind   monitor.FailureKind
		detail string
	}{
		{"NXDOMAIN", rcode(dns.RcodeNameError), "dns", "answers NXDOMAIN"},
		{"SERVFAIL", rcode(dns.RcodeServerFailure), "dns", "answers SERVFAIL"},
		{"REFUSED", rcode(dns.RcodeRefused), "dns", "answers REFUSED"},
		{"empty", answering(), "dns", "has no A record for a.test"},
		{"alias to nothing", answering("a.test. 60 IN CNAME b.test."), "dns", "an alias of b.test"},
		{"record of another name", answering("b.test. 60 IN A 192.0.2.1"), "dns", "has no A record"},
		{"loop in one answer", answering("a.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME a.test."), "dns", "CNAME loop"},
		{"loop to itself", answering("a.test. 60 IN CNAME a.test."), "dns", "CNAME loop"},
		{"loop that is found by asking", loop, "dns", "CNAME loop"},
		{"loop behind SERVFAIL", func(w dns.ResponseWriter, q *dns.Msg) {
			if q.Question[0].Qtype == dns.TypeA {
				rcode(dns.RcodeServerFailure)(w, q)
				return
			}
			loop(w, q)
		}, "dns", "CNAME loop"},
		{"truncated", truncating, "dns", "truncates its answer"},
		{"truncated, no TCP", overUDP(truncating, func(w dns.ResponseWriter, _ *dns.Msg) { _ = w.Close() }), "reset", "whose answer over UDP is truncated"},
		{"spoofed", change(answering("a.test. 60 IN A 192.0.2.66"), func(m *dns.Msg) { m.Id++ }), "dns", "another id"},
		{"spoofed over TCP", overUDP(truncating, change(answering("a.test. 60 IN A 192.0.2.66"), func(m *dns.Msg) { m.Id++ })), "dns", "another id"},
		{"silent", func(dns.ResponseWriter, *dns.Msg) {}, "timeout", "timeout in query to 127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{resolver(t, c.server)}}
			want(t, runAt(t, monitor.Monitor{Timeout: time.Second, DNS: d}, nil), "down", c.kind, c.detail)
		})
	}
}

func TestDNSExpected(t *testing.T) {
	two := answering("a.test. 60 IN A 192.0.2.1", "a.test. 300 IN A 192.0.2.2")
	secure := change(two, func(m *dns.Msg) { m.AuthenticatedData = true })
	onlyDO := func(w dns.ResponseWriter, q *dns.Msg) {
		change(two, func(m *dns.Msg) { m.AuthenticatedData = q.IsEdns0().Do() && q.AuthenticatedData })(w, q)
	}
	for _, c := range []struct {
		name    string
		servers []server
		dns     monitor.DNS
		expect  string
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"rcode", []server{rcode(dns.RcodeNameError)}, monitor.DNS{RCode: "NXDOMAIN"}, "", "up", "", ""},
		{"rcode, not", []server{two}, monitor.DNS{RCode: "NXDOMAIN"}, "", "down", "dns", "answers NOERROR for a.test A, expected NXDOMAIN"},
		{"equals", []server{two}, monitor.DNS{Answers: []string{"192.0.2.2", "192.0.2.1"}}, "", "up", "", ""},
		{"contains", []server{two}, monitor.DNS{Contains: []string{"192.0.2.2"}}, "", "up", "", ""},
		{"contains, not", []server{two}, monitor.DNS{Contains: []string{"192.0.2.3"}}, "", "down", "dns", "without 192.0.2.3"},
		{"matches", []server{two}, monitor.DNS{Matches: []string{`^192\.0\.2\.1$`, `\.2$`}}, "", "up", "", ""},
		{"matches, not", []server{two}, monitor.DNS{Matches: []string{`\.1$`}}, "", "down", "dns", "192.0.2.2 matches none"},
		{"ttl", []server{two}, monitor.DNS{}, "ttl == 300", "up", "", ""},
		{"ttl, not", []server{two}, monitor.DNS{}, "ttl <= 60", "down", "expect", "ttl was 300"},
		{"no ttl of 32 bits", []server{answering("a.test. 4294967295 IN A 192.0.2.1")}, monitor.DNS{}, "ttl == 0", "up", "", ""},
		{"ad", []server{secure, secure}, monitor.DNS{}, "ad", "up", "", ""},
		{"ad, not all", []server{secure, two}, monitor.DNS{}, "ad", "down", "expect", "ad was false"},
		{"ad, asked for", []server{onlyDO}, monitor.DNS{}, "ad", "up", "", ""},
		{"any", []server{two, rcode(dns.RcodeRefused)}, monitor.DNS{Needs: 1}, "", "up", "", ""},
		{"two of three", []server{two, rcode(dns.RcodeRefused), two}, monitor.DNS{Needs: 2}, "", "up", "", ""},
		{"three of three", []server{two, rcode(dns.RcodeRefused), two}, monitor.DNS{}, "", "down", "dns", "1 of 3 resolvers: "},
		{"too few", []server{rcode(dns.RcodeRefused), rcode(dns.RcodeRefused), two}, monitor.DNS{Needs: 2}, "", "down", "dns", "2 of 3 resolvers, 2 must be right"},
		{"share", []server{two, rcode(dns.RcodeRefused)}, monitor.DNS{Needs: 1}, "share == 1", "down", "expect", "answers REFUSED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := monitor.Monitor{DNS: &c.dns}
			m.DNS.Name, m.DNS.Type = "a.test", "A"
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			for _, s := range c.servers {
				m.DNS.Resolvers = append(m.DNS.Resolvers, resolver(t, s))
			}
			want(t, runAt(t, m, nil), c.outcome, c.kind, c.detail)
		})
	}
}

// TestCutover: three resolvers, of which one has the new address.
func TestCutover(t *testing.T) {
	fresh := resolver(t, answering("a.test. 60 IN A 192.0.2.2"))
	old := resolver(t, answering("a.test. 900 IN A 192.0.2.1"))
	older := resolver(t, answering("a.test. 1800 IN CNAME b.test.", "b.test. 30 IN A 192.0.2.1"))
	d := &monitor.DNS{Name: "a.test", Type: "A", Answers: []string{"192.0.2.2"}, Resolvers: []string{fresh, old, older}}
	r := runAt(t, monitor.Monitor{DNS: d}, nil)
	want(t, r, "down", "dns", "2 of 3 resolvers, the last old answer runs out at 2026-03-01 12:30:00 UTC: "+old+" answers 192.0.2.1, expected 192.0.2.2; "+older)
	c := r.Cutover
	if c == nil || c.Share < 0.33 || c.Share > 0.34 || !c.Ends.Equal(noon.Add(30*time.Minute)) || len(c.Behind) != 2 ||
		c.Behind[0].Server != old || !strings.Contains(c.Behind[1].Says, "answers 192.0.2.1") {
		t.Errorf("cut-over %+v", c)
	}
	d.Needs = 1
	r = runAt(t, monitor.Monitor{DNS: d, Warn: []string{"share == 1"}}, nil)
	want(t, r, "degraded", "expect", "runs out at 2026-03-01 12:30:00 UTC; "+old)
	d.Resolvers = []string{fresh, fresh}
	if r = runAt(t, monitor.Monitor{DNS: d}, nil); r.Outcome != "up" || r.Cutover.Share != 1 || len(r.Cutover.Behind) != 0 || !r.Cutover.Ends.IsZero() {
		t.Errorf("all fresh: %s, %+v", r.Outcome, r.Cutover)
	}
	// That a name does not exist is kept too (RFC 2308).
	d.Resolvers = []string{fresh, resolver(t, zone("test. 600 IN SOA ns.test. h.test. 1 2 3 4 120"))}
	if r = runAt(t, monitor.Monitor{DNS: d}, nil); r.Cutover == nil || !r.Cutover.Ends.Equal(noon.Add(2*time.Minute)) {
		t.Errorf("does not exist: %+v", r.Cutover)
	}
}

// TestDNSInParallel: two resolvers that wait for each other are both asked.
func TestDNSInParallel(t *testing.T) {
	met, both := make(chan struct{}), atomic.Int32{}
	meeting := func(w dns.ResponseWriter, q *dns.Msg) {
		if both.Add(1) == 2 {
			close(met)
		}
		<-met
		answering("a.test. 60 IN A 192.0.2.1")(w, q)
	}
	d := &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{resolver(t, meeting), resolver(t, meeting)}}
	want(t, runAt(t, monitor.Monitor{DNS: d}, nil), "up", "", "")
}

func TestDNSOverTLS(t *testing.T) {
	one := answering("a.test. 60 IN A 192.0.2.1")
	for _, c := range []struct {
		name, certified string
		trusted         bool
		outcome         monitor.Outcome
		kind            monitor.FailureKind
		detail          string
	}{
		{"good", "127.0.0.1", true, "up", "", ""},
		{"wrong name", "dns.example.com", true, "down", "certificate", "for dns.example.com, not for 127.0.0.1"},
		{"not trusted", "127.0.0.1", false, "down", "certificate", "TLS hand-shake with tls://127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := issue(t, issueOptions{names: []string{c.certified}})
			d := &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{"tls://" + over(t, i.certificate, one)}, CA: i.ca}
			if !c.trusted {
				d.CA = issue(t, issueOptions{names: []string{"127.0.0.1"}}).ca
			}
			r := newEngine().Run(t.Context(), []monitor.Check{{Monitor: monitor.Monitor{Private: true, Timeout: 5 * time.Second, DNS: d}}})[0]
			want(t, r, c.outcome, c.kind, c.detail)
			if c.outcome == "up" && !slices.Equal(r.Answers, []string{"192.0.2.1"}) {
				t.Errorf("answers %v", r.Answers)
			}
		})
	}
	t.Run("by name", func(t *testing.T) {
		i := issue(t, issueOptions{names: []string{"localhost"}})
		_, port, _ := net.SplitHostPort(over(t, i.certificate, one))
		d := &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{"tls://localhost:" + port}, CA: i.ca}
		want(t, run(t, monitor.Monitor{Private: true, DNS: d}), "up", "", "")
	})
	t.Run("plain", func(t *testing.T) {
		d := &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{"tls://" + resolver(t, one)}}
		r := runAt(t, monitor.Monitor{DNS: d, Timeout: 200 * time.Millisecond}, nil)
		if r.Outcome != "down" {
			t.Errorf("a server without TLS is %s", r.Outcome)
		}
	})
	t.Run("blocked", func(t *testing.T) {
		d := &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{"tls://127.0.0.1:1", "tls://169.254.169.254"}}
		want(t, run(t, monitor.Monitor{DNS: d}), "down", "blocked", "2 of 2")
	})
}

// TestAuthoritative: every name server of the zone is asked itself.
func TestAuthoritative(t *testing.T) {
	const soa = "a.test. 60 IN SOA ns1.a.test. h.a.test. 7 1 2 3 60"
	finder := zone(soa, "a.test. 60 IN NS ns1.a.test.", "a.test. 60 IN NS ns2.a.test.", "www.a.test. 60 IN A 192.0.2.99",
		"ns1.a.test. 60 IN A 192.0.2.1", "ns2.a.test. 60 IN A 192.0.2.2")
	homeless := zone(soa, "a.test. 60 IN NS ns1.a.test.", "a.test. 60 IN NS ns3.a.test.", "ns1.a.test. 60 IN A 192.0.2.1")
	good := zone(soa, "www.a.test. 60 IN A 192.0.2.10")
	behind := zone(strings.Replace(soa, " 7 ", " 6 ", 1), "www.a.test. 600 IN A 192.0.2.9")
	for _, c := range []struct {
		name        string
		finder      server
		first, next server
		dns         monitor.DNS
		expect      string
		outcome     monitor.Outcome
		kind        monitor.FailureKind
		detail      string
	}{
		{"good", finder, good, good, monitor.DNS{Answers: []string{"192.0.2.10"}}, "share == 1 && serials_agree", "up", "", ""},
		{"one behind", finder, good, behind, monitor.DNS{Answers: []string{"192.0.2.10"}}, "", "down", "dns",
			"1 of 2 name servers, the last old answer runs out at 2026-03-01 12:10:00 UTC: ns2.a.test (192.0.2.2) answers 192.0.2.9"},
		{"serials", finder, good, behind, monitor.DNS{}, "serials_agree", "down", "expect", "ns1.a.test (192.0.2.1) has 7, ns2.a.test (192.0.2.2) has 6"},
		{"serials of SOA", finder, good, behind, monitor.DNS{Name: "a.test", Type: "SOA"}, "serials_agree", "down", "expect", "has 7, ns2.a.test (192.0.2.2) has 6"},
		{"lame: no authority", finder, good, change(good, func(m *dns.Msg) { m.Authoritative = false }), monitor.DNS{}, "", "down", "dns", "without authority: a lame delegation"},
		{"lame: refuses", finder, good, rcode(dns.RcodeRefused), monitor.DNS{}, "", "down", "dns", "answers REFUSED: a lame delegation, it does not serve a.test"},
		{"lame: no address", homeless, good, good, monitor.DNS{}, "", "down", "dns", "ns3.a.test has no address: a lame delegation"},
		{"any", finder, good, rcode(dns.RcodeRefused), monitor.DNS{Needs: 1}, "", "up", "", ""},
		{"does not exist", finder, good, good, monitor.DNS{Name: "x.y.a.test", RCode: "NXDOMAIN"}, "", "up", "", ""},
		{"no zone", rcode(dns.RcodeNameError), good, good, monitor.DNS{}, "", "down", "dns", "finds no name servers for www.a.test"},
		{"no resolver", rcode(dns.RcodeServerFailure), good, good, monitor.DNS{}, "", "down", "dns", "answers SERVFAIL for the name servers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// Who asks a name server for recursion took it for a resolver.
			noRecursion := func(f server) server {
				return func(w dns.ResponseWriter, q *dns.Msg) {
					if q.RecursionDesired {
						rcode(dns.RcodeNotImplemented)(w, q)
						return
					}
					f(w, q)
				}
			}
			at := map[string]string{"192.0.2.1": resolver(t, noRecursion(c.first)), "192.0.2.2": resolver(t, noRecursion(c.next))}
			m := monitor.Monitor{DNS: &c.dns}
			m.DNS.Authoritative, m.DNS.Resolvers = true, []string{resolver(t, c.finder)}
			if m.DNS.Name == "" {
				m.DNS.Name = "www.a.test"
			}
			if m.DNS.Type == "" {
				m.DNS.Type = "A"
			}
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			want(t, runAt(t, m, func(ip string) string { return at[ip] }), c.outcome, c.kind, c.detail)
		})
	}
	t.Run("blocked", func(t *testing.T) {
		inside := zone(soa, "a.test. 60 IN NS ns1.a.test.", "ns1.a.test. 60 IN A 169.254.169.254")
		d := &monitor.DNS{Name: "a.test", Type: "A", Authoritative: true, Resolvers: []string{resolver(t, inside)}}
		want(t, runAt(t, monitor.Monitor{DNS: d}, nil), "down", "blocked", "169.254.169.254")
	})
	t.Run("second resolver", func(t *testing.T) {
		at := resolver(t, good)
		d := &monitor.DNS{Name: "www.a.test", Type: "A", Authoritative: true, Resolvers: []string{closed(t), resolver(t, finder)}}
		want(t, runAt(t, monitor.Monitor{DNS: d}, func(string) string { return at }), "up", "", "")
	})
}

// closed is a UDP port at which nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().String()
}
