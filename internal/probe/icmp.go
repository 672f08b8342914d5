package probe

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// Local is the probes that only a machine of one's own can run, for Options.More.
var Local = map[monitor.Kind]Func{monitor.KindICMP: ICMP}

// ICMP sends echo requests, one after the other, and is up if one is answered.
// It is for Options.More: in Lambda nobody may. It needs no root where the system
// lets anybody ping: macOS does, and Linux for the groups of
// net.ipv4.ping_group_range.
func ICMP(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	o := Observation{Values: expect.Values{"loss": 1.0, "rtt_ms": 0.0}}
	start := time.Now()
	address, failure := pingTarget(ctx, m, env)
	o.Timing.DNS = time.Since(start)
	if failure != nil {
		o.Failure = failure
		return o
	}
	if _, err := netip.ParseAddr(m.ICMP.Address); err == nil {
		o.Timing.DNS = 0
	}
	o.Address = address.String()
	p, err := listenICMP(address)
	if err != nil {
		return notRun("this system does not let Sonde ping: run it as root, or allow it with sysctl net.ipv4.ping_group_range='0 2147483647'")
	}
	defer func() { _ = p.conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = p.conn.SetReadDeadline(time.Unix(1, 0)) })()
	o.Timing.TTFB, o.Values["loss"], o.Failure = p.series(ctx, m.ICMP.Count)
	o.Values["rtt_ms"] = monitor.MS(o.Timing.TTFB)
	return o
}

// pingTarget finds the address, which the guard must let pass: what has no
// connection has no dialer that asks it.
func pingTarget(ctx context.Context, m monitor.Monitor, env *Env) (netip.Addr, *monitor.Failure) {
	addresses := []netip.Addr{}
	if a, err := netip.ParseAddr(m.ICMP.Address); err == nil {
		addresses = append(addresses, a)
	} else {
		network := map[string]string{"ipv4": "ip4", "ipv6": "ip6"}[m.ICMP.Family]
		if network == "" {
			network = "ip"
		}
		addresses, err = lookups(m, env, "").LookupNetIP(ctx, network, m.ICMP.Address)
		if err != nil || len(addresses) == 0 {
			return netip.Addr{}, classify(err, "look-up of "+m.ICMP.Address, monitor.FailDNS)
		}
	}
	first := addresses[0].Unmap()
	if err := judgeAddress(first, m.Private, env.InLambda); err != nil {
		return first, classify(err, "before the ping", monitor.FailBlocked)
	}
	return first, nil
}

// pinger sends echo requests to one address.
type pinger struct {
	conn  *icmp.PacketConn
	to    net.Addr
	kind  icmp.Type
	reply icmp.Type
	proto int    // IANA protocol number
	mark  []byte // tells its answers from those to others: the system may change the id
}

// listenICMP opens a socket that needs no rights, or else one that does.
func listenICMP(address netip.Addr) (*pinger, error) {
	p := &pinger{kind: ipv4.ICMPTypeEcho, reply: ipv4.ICMPTypeEchoReply, proto: 1, mark: make([]byte, 16)}
	free, raw, any := "udp4", "ip4:icmp", "0.0.0.0"
	if address.Is6() {
		p.kind, p.reply, p.proto = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, 58
		free, raw, any = "udp6", "ip6:ipv6-icmp", "::"
	}
	_, _ = rand.Read(p.mark)
	ip := net.IP(address.AsSlice())
	p.to = &net.UDPAddr{IP: ip, Zone: address.Zone()}
	conn, err := icmp.ListenPacket(free, any)
	if err != nil {
		p.to = &net.IPAddr{IP: ip, Zone: address.Zone()}
		conn, err = icmp.ListenPacket(raw, any)
	}
	p.conn = conn
	return p, err
}

// apart is the time between two requests.
const apart = 50 * time.Millisecond

// series sends so many requests, each with its share of the time that is left.
// It returns the mean time of the answers, the share that had none, and a failure
// if none had one.
func (p *pinger) series(ctx context.Context, count int) (time.Duration, float64, *monitor.Failure) {
	var sum time.Duration
	answered := 0
	var failure *monitor.Failure
	for i := range count {
		until := time.Now().Add(time.Second)
		if deadline, has := ctx.Deadline(); has {
			until = time.Now().Add(time.Until(deadline) / time.Duration(count-i))
		}
		took, err := p.ping(i, until)
		if err != nil {
			failure = classify(err, "waiting for an echo from "+p.host(), monitor.FailUnreachable)
			continue
		}
		sum += took
		answered++
		if i < count-1 && !rest(ctx, apart) {
			break
		}
	}
	if answered == 0 {
		return 0, 1, failure
	}
	return sum / time.Duration(answered), 1 - float64(answered)/float64(count), nil
}

func (p *pinger) host() string {
	switch to := p.to.(type) {
	case *net.UDPAddr:
		return to.IP.String()
	case *net.IPAddr:
		return to.IP.String()
	}
	return p.to.String()
}

// rest waits, and reports false if ctx ended before.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (p *pinger) ping(number int, until time.Time) (time.Duration, error) {
	data := binary.BigEndian.AppendUint16(append([]byte{}, p.mark...), uint16(number))
	out, err := (&icmp.Message{Type: p.kind, Body: &icmp.Echo{ID: int(binary.BigEndian.Uint16(p.mark)), Seq: number + 1, Data: data}}).Marshal(nil)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err := p.conn.WriteTo(out, p.to); err != nil {
		return 0, err
	}
	if err := p.conn.SetReadDeadline(until); err != nil {
		return 0, err
	}
	in := make([]byte, 1500)
	for {
		n, _, err := p.conn.ReadFrom(in)
		if err != nil {
			return 0, err
		}
		answer, err := icmp.ParseMessage(p.proto, in[:n])
		if err != nil || answer.Type != p.reply {
			continue
		}
		if echo, is := answer.Body.(*icmp.Echo); is && string(echo.Data) == string(data) {
			return time.Since(start), nil
		}
		if time.Now().After(until) { // whoever floods us ends nothing
			return 0, os.ErrDeadlineExceeded
		}
	}
}
