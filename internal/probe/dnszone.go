package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
)

// maxNameServers bounds what a zone may make a check ask; thirteen is the most
// that is in use.
const maxNameServers = 20

// maxNameServerAddresses is how many addresses of each name server are asked, of
// a family.
const maxNameServerAddresses = 4

// nameServers finds the name servers of the monitor's zone, every address of
// each, through the first resolver that knows.
func (a asker) nameServers(ctx context.Context, resolvers []server) ([]server, *monitor.Failure) {
	var first *monitor.Failure
	for i, r := range resolvers {
		share, cancel := shareOf(ctx, len(resolvers)-i)
		zone, names, failure := a.zone(share, r)
		cancel()
		if failure == nil {
			return a.addresses(ctx, r, zone, names), nil
		}
		if first == nil {
			first = failure
		}
	}
	return nil, first
}

// shareOf is a part of the time that is left, half of it at most: the name
// servers are still to be asked.
func shareOf(ctx context.Context, parts int) (context.Context, context.CancelFunc) {
	deadline, has := ctx.Deadline()
	if !has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(parts+1))
}

// zone finds the closest name, from the monitor's upwards, that has name servers.
func (a asker) zone(ctx context.Context, r server) (zone string, names []string, failure *monitor.Failure) {
	name := dns.CanonicalName(queryName(a.m.DNS))
	for name != "." {
		answer, failure := a.ask(ctx, r, name, dns.TypeNS)
		if failure != nil {
			return "", nil, failure
		}
		if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
			return "", nil, fail(monitor.FailDNS, "%s answers %s for the name servers of %s", r.label, rcodeName(answer.Rcode), name)
		}
		if found := recordsOf(answer, dns.TypeNS); len(found.texts) > 0 && found.alias == "" {
			return name, found.texts[:min(len(found.texts), maxNameServers)], nil
		}
		name = above(name, soaOf(answer.Ns))
	}
	return "", nil, fail(monitor.FailDNS, "%s finds no name servers for %s or any name above it", r.label, a.m.DNS.Name)
}

// above is the next name to try: the zone that an SOA record says it is in, or
// one label less. It is always shorter.
func above(name string, soa *dns.SOA) string {
	if soa != nil {
		if zone := dns.CanonicalName(soa.Hdr.Name); zone != name && dns.IsSubDomain(zone, name) {
			return zone
		}
	}
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}

// addresses looks up all name servers side by side. One without an address stays
// among them, with its fault.
func (a asker) addresses(ctx context.Context, r server, zone string, names []string) []server {
	found := make([][]server, len(names))
	var asking sync.WaitGroup
	for i, name := range names {
		asking.Go(func() { found[i] = a.addressesOf(ctx, r, zone, name) })
	}
	asking.Wait()
	return slices.Concat(found...)
}

func (a asker) addressesOf(ctx context.Context, r server, zone, name string) []server {
	share, cancel := shareOf(ctx, 1)
	defer cancel()
	var out []server
	var fault *monitor.Failure
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, failure := a.ask(share, r, name, kind)
		if failure != nil {
			fault = failure
			continue
		}
		found := recordsOf(answer, kind).texts
		for _, ip := range found[:min(len(found), maxNameServerAddresses)] {
			out = append(out, server{label: fmt.Sprintf("%s (%s)", name, ip), address: a.env.nameServerAt(ip), zone: strings.TrimSuffix(zone, ".")})
		}
	}
	if len(out) > 0 {
		return out
	}
	if fault == nil {
		fault = fail(monitor.FailDNS, "%s has no address: a lame delegation of %s", name, zone)
	}
	return []server{{label: name, zone: zone, fault: fault}}
}

// nameServerAt is where a name server with this address listens.
func (e *Env) nameServerAt(ip string) string {
	if e.nameServer != nil {
		return e.nameServer(ip)
	}
	return net.JoinHostPort(ip, "53")
}

// withoutMissingIPv6 leaves out IPv6 addresses if none of them has a way from
// here: many places have no IPv6, Lambda among them.
func withoutMissingIPv6(replies []reply) []reply {
	isIPv6 := func(r reply) bool {
		a, err := netip.ParseAddrPort(r.address)
		return err == nil && a.Addr().Is6()
	}
	isReached := func(r reply) bool {
		return isIPv6(r) && (r.failure == nil || r.failure.Kind != monitor.FailUnreachable)
	}
	if slices.ContainsFunc(replies, isReached) || !slices.ContainsFunc(replies, func(r reply) bool { return !isIPv6(r) }) {
		return replies
	}
	return slices.DeleteFunc(replies, isIPv6)
}
