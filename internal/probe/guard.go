package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// blocked is why an address is not spoken to.
type blocked struct {
	address netip.Addr
	why     string
}

func (b *blocked) Error() string { return fmt.Sprintf("%s is %s", b.address, b.why) }

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// Ranges of the IANA special-purpose address registries.
var (
	private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7")
	never   = prefixes("169.254.0.0/16", "fe80::/10", "0.0.0.0/8", "240.0.0.0/4", "fd00:ec2::/32",
		"64:ff9b:1::/48", "2002::/16", "2001::/32") // the last three hold IPv4 addresses of somebody's choice
	embedded = prefixes("64:ff9b::/96", "::/96") // an IPv4 address in the last four bytes
)

// judgeAddress is the guard: link-local and metadata addresses never; loopback and
// private ranges only for monitors that say so; in Lambda loopback never, since
// the function's runtime API listens there. An IPv4 address inside an IPv6 one is
// judged as what it is.
func judgeAddress(address netip.Addr, allowPrivate, inLambda bool) error {
	a := address.Unmap().WithZone("")
	for _, p := range embedded {
		if p.Contains(a) && a != netip.IPv6Loopback() && a != netip.IPv6Unspecified() {
			b := a.As16()
			a = netip.AddrFrom4([4]byte(b[12:]))
		}
	}
	switch {
	case a.IsUnspecified(), a.IsMulticast(), within(a, never):
		return &blocked{a, "a link-local, metadata or reserved address, which is never checked"}
	case a.IsLoopback() && inLambda:
		return &blocked{a, "a loopback address: inside Lambda these are the function's own"}
	case a.IsLoopback() && !allowPrivate:
		return &blocked{a, "a loopback address: set private: true on the monitor to allow it"}
	case within(a, private) && !allowPrivate:
		return &blocked{a, "a private address: set private: true on the monitor to allow it"}
	}
	return nil
}

func within(a netip.Addr, ranges []netip.Prefix) bool {
	for _, p := range ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// dialer connects under the guard. The control function sees the address that
// is really connected to, after every lookup.
func dialer(m monitor.Monitor, env *Env, resolver *net.Resolver) *net.Dialer {
	return &net.Dialer{
		Resolver: resolver, KeepAlive: -1,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("judge address %q: %w", address, err)
			}
			return judgeAddress(ap.Addr(), m.Private, env.InLambda)
		},
	}
}

// lookups asks one DNS server, itself under the guard; the system's resolver
// where none is named, which is always allowed.
func lookups(m monitor.Monitor, env *Env, server string) *net.Resolver {
	d := &net.Dialer{}
	if server != "" {
		d = dialer(m, env, nil)
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if server != "" {
			address = monitor.WithPort(server, "53")
		}
		conn, err := d.DialContext(ctx, network, address)
		if err == nil { // net would wait for the answer for seconds after the check has ended
			context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		}
		return conn, err
	}}
}

var errNoAddress = errors.New("the name has no address that can be reached from here")
