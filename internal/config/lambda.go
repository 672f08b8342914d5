package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// elsewhere is what to do about what Lambda cannot.
const elsewhere = "a machine of yours with `sonde up`, for which `sonde validate --local` judges a file"

// fromLambda refuses what a function in Lambda, outside a VPC, could never reach:
// every check would be a timeout.
//   - Port 25: AWS blocks it (AWS Knowledge Center, "How do I remove the
//     restriction on port 25 from my Amazon EC2 instance or Lambda function?").
//   - ICMP: the sandbox lets no process open a socket for it.
//   - IPv6: a function has no address of it (Lambda Developer Guide, "Giving
//     Lambda functions access to resources in an Amazon VPC": IPv6 is for
//     dual-stack subnets).
func (r *reader) fromLambda(e *entry) {
	at := slices.IndexFunc(e.m.Locations, func(l monitor.Location) bool { return l != monitor.Local })
	if at < 0 || len(e.kinds) == 0 {
		return
	}
	kind, location := e.kinds[0], e.m.Locations[at]
	if e.m.Kind() == monitor.KindICMP {
		r.report(kind.node, kind.path, "use "+elsewhere, "ICMP is not possible from Lambda, where %s checks", location)
		return
	}
	if address := sixes(e.m); address != "" {
		r.report(kind.node, kind.path, "use "+elsewhere, "IPv6 is not possible from Lambda, where %s checks: found %s", location, address)
	}
	if _, port, _ := net.SplitHostPort(e.m.Target()); port == "25" && e.m.UDP == nil {
		r.report(kind.node, kind.path, "check port 587 or 465, or use "+elsewhere,
			"AWS blocks port 25 from Lambda, so %s can never reach it", location)
	}
}

// sixes is what of a monitor needs IPv6; empty if nothing does.
func sixes(m monitor.Monitor) string {
	var places []string
	switch {
	case m.HTTP != nil:
		if m.HTTP.Family == "ipv6" {
			return "family: ipv6"
		}
		places = append(places, m.HTTP.Address, m.HTTP.Resolver, m.HTTP.URL)
		for _, s := range m.HTTP.Steps {
			places = append(places, s.URL)
		}
	case m.WebSocket != nil:
		places = append(places, m.WebSocket.URL)
	case m.Browser != nil:
		places = append(places, m.Browser.URL)
	case m.DNS != nil:
		places = append(places, m.DNS.Resolvers...)
	case m.TCP != nil, m.TLS != nil, m.UDP != nil, m.SSH != nil, m.GRPC != nil:
		places = append(places, strings.TrimSpace(strings.SplitN(m.Target(), " ", 2)[0]))
	}
	for _, place := range places {
		if isSix(place) {
			return place
		}
	}
	return ""
}

// isSix reports whether a URL, an address or a host with a port names an IPv6
// address.
func isSix(place string) bool {
	host := place
	if u, err := url.Parse(place); err == nil && u.Host != "" {
		host = u.Host
	}
	if inner, _, err := net.SplitHostPort(host); err == nil {
		host = inner
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().Is6()
}
