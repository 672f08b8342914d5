package zoo

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
)

// zone answers by name and type, with authority; of other names it says that they
// do not exist.
func zone(texts ...string) server {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		a.Authoritative = true
		known := false
		for _, text := range texts {
			r, err := dns.NewRR(text)
			if err != nil || !strings.EqualFold(r.Header().Name, q.Question[0].Name) {
				continue
			}
			if known = true; r.Header().Rrtype == q.Question[0].Qtype {
				a.Answer = append(a.Answer, r)
			}
		}
		if !known {
			a.Rcode = dns.RcodeNameError
		}
		if opt := q.IsEdns0(); opt != nil && w.RemoteAddr().Network() == "udp" {
			a.Truncate(int(opt.UDPSize()))
		}
		_ = w.WriteMsg(a)
	}
}

// zones is name servers of a zone, each asked itself.
func zones(c *cage) {
	const (
		soa  = "z.test. 60 IN SOA ns1.z.test. h.z.test. 7 1 2 3 60"
		here = "www.z.test. 60 IN A 192.0.2.10"
	)
	finder := []string{soa, "z.test. 60 IN NS ns1.z.test.", "z.test. 60 IN NS ns2.z.test.", "ns1.z.test. 60 IN A 192.0.2.1"}
	good := zone(soa, here)
	next := byte(2)
	// The second of two name servers misbehaves.
	put := func(name string, second server, says string) *Animal {
		ip := "192.0.2." + itoa(int(next))
		next++
		m := monitor.Monitor{DNS: &monitor.DNS{Name: "www.z.test", Type: "A", Authoritative: true,
			Resolvers: []string{c.resolver(zone(append(finder, "ns2.z.test. 60 IN A "+ip)...))}}}
		a := c.put(name, m, "dns", "1 of 2 name servers", says)
		a.NameServers = map[string]string{"192.0.2.1": c.resolver(good), ip: c.resolver(second)}
		return a
	}
	put("lame: no authority", edited(good, func(m *dns.Msg) { m.Authoritative = false }), "without authority: a lame delegation")
	put("lame: refuses", rcode(dns.RcodeRefused), "answers REFUSED: a lame delegation")
	put("lame: SERVFAIL", rcode(dns.RcodeServerFailure), "answers SERVFAIL: a lame delegation")
	put("another answer", zone(soa, "www.z.test. 60 IN A 192.0.2.99"), "").Monitor.DNS.Answers = []string{"192.0.2.10"}
	behind := put("another serial", zone(strings.Replace(soa, " 7 ", " 6 ", 1), here), "has 6")
	behind.Kind, behind.Phase, behind.Monitor.Expect = "expect", "serials_agree", []string{"serials_agree"}
	silent := put("silent", func(dns.ResponseWriter, *dns.Msg) {}, "")
	silent.Kind, silent.Monitor.Timeout = "timeout", Soon
	homeless := monitor.Monitor{DNS: &monitor.DNS{Name: "www.z.test", Type: "A", Authoritative: true, Resolvers: []string{c.resolver(zone(finder...))}}}
	c.put("lame: no address", homeless, "dns", "1 of 2 name servers", "ns2.z.test has no address: a lame delegation").NameServers =
		map[string]string{"192.0.2.1": c.all[0].NameServers["192.0.2.1"]}
	lost := monitor.Monitor{DNS: &monitor.DNS{Name: "www.z.test", Type: "A", Authoritative: true, Resolvers: []string{c.resolver(rcode(dns.RcodeNameError))}}}
	c.put("no name servers at all", lost, "dns", "127.0.0.1", "finds no name servers")
	// What points at name servers may not lead to where nobody may go.
	trap := monitor.Monitor{DNS: &monitor.DNS{Name: "www.t.test", Type: "A", Authoritative: true,
		Resolvers: []string{c.resolver(zone("t.test. 60 IN NS ns.t.test.", "ns.t.test. 60 IN A 169.254.169.253"))}}}
	c.put("a name server at a metadata address", trap, "blocked", "query to", "never checked")
	crowd := []string{soa}
	for i := range 200 {
		crowd = append(crowd, "z.test. 60 IN NS n"+itoa(i)+".z.test.")
	}
	many := monitor.Monitor{DNS: &monitor.DNS{Name: "www.z.test", Type: "A", Authoritative: true, Resolvers: []string{c.resolver(zone(crowd...))}}}
	c.put("two hundred name servers", many, "dns", "20 of 20 name servers", "has no address")
}
