package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// reply is what one resolver said.
type reply struct {
	resolver string
	answers  []string
	rcode    string
	took     time.Duration
	failure  *monitor.Failure
}

// probeDNS asks every resolver side by side. All must answer, with the expected
// set where there is one.
func probeDNS(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	servers := m.DNS.Resolvers
	system := len(servers) == 0
	if system {
		config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil || len(config.Servers) == 0 {
			return notRun("the system names no resolver: name some with resolvers")
		}
		servers = config.Servers[:1]
	}
	replies := make([]reply, len(servers))
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() { replies[i] = ask(ctx, m, env, monitor.WithPort(server, "53"), system) })
	}
	asking.Wait()
	return gather(m, replies)
}

// gather makes one observation of what all resolvers said.
func gather(m monitor.Monitor, replies []reply) Observation {
	var o Observation
	worst := "NOERROR"
	var faults []string
	for _, r := range replies {
		o.Timing.DNS = max(o.Timing.DNS, r.took)
		o.Answers = append(o.Answers, r.answers...)
		if r.rcode != "" && r.rcode != "NOERROR" {
			worst = r.rcode
		}
		if r.failure != nil {
			if o.Failure == nil {
				o.Failure = r.failure
			}
			faults = append(faults, r.failure.Detail)
		}
	}
	slices.Sort(o.Answers)
	o.Answers = slices.Compact(o.Answers)
	if len(faults) > 1 {
		o.Failure = fail(o.Failure.Kind, "%d of %d resolvers: %s", len(faults), len(replies), strings.Join(faults, "; "))
	}
	if len(replies) == 1 {
		o.Address, o.Resolver = replies[0].resolver, replies[0].resolver
	}
	o.Values = expect.Values{"answers": o.Answers, "rcode": worst}
	return o
}

// ask asks one resolver over UDP, and over TCP if the answer is cut off.
func ask(ctx context.Context, m monitor.Monitor, env *Env, server string, system bool) (r reply) {
	r.resolver = server
	query := new(dns.Msg).SetQuestion(dns.Fqdn(m.DNS.Name), dns.StringToType[m.DNS.Type])
	query.SetEdns0(1232, false)
	guard := m
	guard.Private = m.Private || system
	start := time.Now()
	defer func() { r.took = time.Since(start) }()
	for _, network := range []string{"udp", "tcp"} {
		answer, err := exchange(ctx, query, dialer(guard, env, nil), network, server)
		if err != nil {
			r.failure = classify(err, "query to "+server, monitor.FailDNS)
			return r
		}
		if answer.Truncated && network == "udp" {
			continue
		}
		r.rcode = rcodeName(answer.Rcode)
		r.answers = answersOf(answer, dns.StringToType[m.DNS.Type])
		r.failure = judgeReply(m, r)
		return r
	}
	return r
}

func exchange(ctx context.Context, query *dns.Msg, d *net.Dialer, network, server string) (*dns.Msg, error) {
	conn, err := d.DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if deadline, has := ctx.Deadline(); has {
		_ = conn.SetDeadline(deadline)
	}
	c := &dns.Conn{Conn: conn, UDPSize: 4096}
	if err := c.WriteMsg(query); err != nil {
		return nil, err
	}
	for {
		answer, err := c.ReadMsg()
		// A datagram that is no message, or has another id, is not ours.
		socket := (*net.OpError)(nil)
		if err != nil && network == "udp" && !errors.As(err, &socket) && (answer == nil || answer.Id != query.Id) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// One with another id or question is not ours: somebody guesses.
		if answer.Id == query.Id && answer.Response && len(answer.Question) == 1 &&
			answer.Question[0].Qtype == query.Question[0].Qtype && strings.EqualFold(answer.Question[0].Name, query.Question[0].Name) {
			return answer, nil
		}
	}
}

// judgeReply compares one resolver's answer with what the monitor expects.
func judgeReply(m monitor.Monitor, r reply) *monitor.Failure {
	switch {
	case r.rcode != "NOERROR":
		return fail(monitor.FailDNS, "%s answers %s for %s %s", r.resolver, r.rcode, m.DNS.Name, m.DNS.Type)
	case len(r.answers) == 0:
		return fail(monitor.FailDNS, "%s has no %s record for %s", r.resolver, m.DNS.Type, m.DNS.Name)
	case len(m.DNS.Answers) == 0:
		return nil
	}
	want := make([]string, len(m.DNS.Answers))
	for i, a := range m.DNS.Answers {
		want[i] = normalOf(m.DNS.Type, a)
	}
	slices.Sort(want)
	if !slices.Equal(slices.Compact(want), r.answers) {
		return fail(monitor.FailDNS, "%s answers %s, expected %s", r.resolver, strings.Join(r.answers, ", "), strings.Join(want, ", "))
	}
	return nil
}

// answersOf writes the records of the type asked for as people write them,
// sorted.
func answersOf(answer *dns.Msg, want uint16) []string {
	var out []string
	for _, record := range answer.Answer {
		if record.Header().Rrtype == want {
			out = append(out, normalOf(dns.TypeToString[want], valueOf(record)))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func valueOf(record dns.RR) string {
	switch r := record.(type) {
	case *dns.A:
		return r.A.String()
	case *dns.AAAA:
		return r.AAAA.String()
	case *dns.CNAME:
		return r.Target
	case *dns.NS:
		return r.Ns
	case *dns.PTR:
		return r.Ptr
	case *dns.MX:
		return fmt.Sprintf("%d %s", r.Preference, r.Mx)
	case *dns.SRV:
		return fmt.Sprintf("%d %d %d %s", r.Priority, r.Weight, r.Port, r.Target)
	case *dns.TXT:
		return strings.Join(r.Txt, "")
	}
	return strings.TrimPrefix(record.String(), record.Header().String())
}

// rcodeName names a code, also one without a name.
func rcodeName(code int) string {
	if name, has := dns.RcodeToString[code]; has {
		return name
	}
	return fmt.Sprintf("RCODE%d", code)
}

// normalOf is normal, but for texts, in which case and dots count.
func normalOf(kind, text string) string {
	if kind == "TXT" {
		return text
	}
	return normal(text)
}

// normal makes answers comparable: names in lower case without the last dot, IP
// addresses in their shortest form. Texts that are not names stay.
func normal(text string) string {
	if ip := net.ParseIP(text); ip != nil {
		return ip.String()
	}
	if strings.HasSuffix(text, ".") || !strings.ContainsAny(text, " =\"") {
		return strings.ToLower(strings.TrimSuffix(text, "."))
	}
	return text
}
