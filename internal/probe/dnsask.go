package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
)

// server is one that is asked.
type server struct {
	label   string // for people: ip:port, tls://host:port, ns1.example.com (192.0.2.1)
	address string // host:port
	secure  bool   // over TLS
	system  bool   // the machine's own resolver, which is always allowed
	zone    string // that it must serve; empty for a resolver

	fault *monitor.Failure // why it cannot be asked at all
}

// asker asks servers for one check.
type asker struct {
	m       monitor.Monitor
	env     *Env
	do      bool // ask for DNSSEC records: some resolvers set AD only then
	serials bool // find the SOA serial of each server
}

// maxDatagram is the size of an answer over UDP that crosses any path unbroken (DNS
// flag day 2020).
const maxDatagram = 1232

// ask asks over UDP, and over TCP if the answer is cut off; or over TLS.
func (a asker) ask(ctx context.Context, s server, name string, kind uint16) (*dns.Msg, *monitor.Failure) {
	query := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	query.RecursionDesired = s.zone == ""
	query.AuthenticatedData = true // wants to know of AD (RFC 6840, 5.7)
	query.SetEdns0(maxDatagram, a.do)
	networks := []string{"udp", "tcp"}
	if s.secure {
		networks = []string{"tls"}
	}
	phase := "query to " + s.label
	for _, network := range networks {
		conn, failure := a.connect(ctx, s, network, phase)
		if failure != nil {
			return nil, failure
		}
		answer, strange, err := exchange(ctx, query, conn, network)
		_ = conn.Close()
		switch {
		case err != nil && strange > 0:
			return nil, fail(monitor.FailDNS, "%s: %d answers came with another id or to another question, and none to ours: somebody may be guessing (spoofing)", phase, strange)
		case err != nil:
			return nil, classify(err, phase, monitor.FailDNS)
		case !answer.Truncated:
			return answer, nil
		}
		phase = "query over TCP to " + s.label + ", whose answer over UDP is truncated"
	}
	return nil, fail(monitor.FailDNS, "%s truncates its answer also where there is room for it", s.label)
}

// connect opens a connection under the guard; over TLS with a certificate for
// the name or address that the resolver was written with.
func (a asker) connect(ctx context.Context, s server, network, phase string) (net.Conn, *monitor.Failure) {
	guard := a.m
	guard.Private = a.m.Private || s.system
	if network != "tls" {
		conn, err := dialer(guard, a.env, nil).DialContext(ctx, network, s.address)
		if err != nil {
			return nil, classify(err, phase, monitor.FailDNS)
		}
		return conn, nil
	}
	host, _, _ := net.SplitHostPort(s.address)
	settings, err := client(strings.TrimSuffix(host, "."), a.m.DNS.CA, false, a.env.Now)
	if err != nil {
		return nil, fail(monitor.FailInternal, "%s", err)
	}
	conn, o := dial(ctx, guard, a.env, "tcp", s.address)
	if conn == nil {
		return nil, o.Failure
	}
	wrapped := tls.Client(conn, settings)
	if err := wrapped.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, classify(err, "TLS hand-shake with "+s.label, monitor.FailTLS)
	}
	return wrapped, nil
}

// maxStrange is how many messages that are not ours are read of a stream.
const maxStrange = 10

// exchange sends a query and waits for its answer. What has another id or
// question is not ours; it is counted. Datagrams are waited for until ctx ends,
// since the right one may still come.
func exchange(ctx context.Context, query *dns.Msg, conn net.Conn, network string) (answer *dns.Msg, strange int, err error) {
	if deadline, has := ctx.Deadline(); has {
		_ = conn.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	c := &dns.Conn{Conn: conn, UDPSize: 4096}
	if err := c.WriteMsg(query); err != nil {
		return nil, 0, err
	}
	for {
		answer, err := c.ReadMsg()
		socket := (*net.OpError)(nil)
		switch {
		case err != nil && network == "udp" && !errors.As(err, &socket) && (answer == nil || answer.Id != query.Id):
		case err != nil:
			return nil, strange, err
		case isAnswer(answer, query):
			return answer, strange, nil
		}
		strange++
		if network != "udp" && strange >= maxStrange {
			return nil, strange, errStrange
		}
	}
}

var errStrange = errors.New("answers to other questions only")

func isAnswer(answer, query *dns.Msg) bool {
	return answer.Id == query.Id && answer.Response && len(answer.Question) == 1 &&
		answer.Question[0].Qtype == query.Question[0].Qtype && strings.EqualFold(answer.Question[0].Name, query.Question[0].Name)
}
