package probe

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// maxAddresses is how many addresses of one name are checked side by side.
const maxAddresses = 32

// probeEach checks every address that the host has, side by side, and makes one
// verdict of theirs: fewer working ones than needed are down, one that fails
// beside enough that work is degraded. Expectations are judged at each address.
// Everything else in the observation is that of the worst address.
func probeEach(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	start := time.Now()
	addresses, failure := addressesOf(ctx, m, env)
	looked := time.Since(start)
	if failure != nil {
		return Observation{Result: monitor.Result{Failure: failure, Resolver: resolverOf(m), Timing: monitor.Timing{DNS: looked}}}
	}
	seen := make([]Observation, len(addresses))
	var asking sync.WaitGroup
	for i, address := range addresses {
		asking.Go(func() { seen[i] = probeAddress(ctx, m, env, address) })
	}
	asking.Wait()
	return verdictOf(m, addresses, seen, looked)
}

// probeAddress checks one address. A bug is answered for here, because the
// engine cannot recover what another goroutine does.
func probeAddress(ctx context.Context, m monitor.Monitor, env *Env, address netip.Addr) (o Observation) {
	defer func() {
		if bug := recover(); bug != nil {
			o = notRun(printable(fmt.Sprintf("bug in the probe: %v", bug), maxDetail))
		}
	}()
	h := *m.HTTP
	h.Address = address.String()
	m.HTTP = &h
	start := time.Now()
	o = probeVisit(ctx, m, env)
	o.Timing.Total = time.Since(start)
	env.judge(m, &o, hiding(m, slices.Concat(env.secrets, o.secrets)))
	return o
}

func resolverOf(m monitor.Monitor) string {
	if m.HTTP.Resolver == "" {
		return "system"
	}
	return m.HTTP.Resolver
}

// addressesOf looks up all addresses of the URL's host, of the families that the
// monitor asks for, sorted.
func addressesOf(ctx context.Context, m monitor.Monitor, env *Env) ([]netip.Addr, *monitor.Failure) {
	own, err := url.Parse(m.HTTP.URL)
	if err != nil {
		return nil, fail(monitor.FailInternal, "the URL cannot be read")
	}
	host := own.Hostname()
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	phase := "look-up of " + host
	if server, err := netip.ParseAddrPort(monitor.WithPort(m.HTTP.Resolver, "53")); err == nil {
		if err := judgeAddress(server.Addr(), m.Private, env.InLambda); err != nil {
			return nil, classify(err, phase, monitor.FailDNS)
		}
	}
	network := map[string]string{"": "ip", "ipv4": "ip4", "ipv6": "ip6"}[m.HTTP.Family]
	found, err := lookups(m, env, m.HTTP.Resolver).LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, classify(err, phase, monitor.FailDNS)
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	slices.SortFunc(found, netip.Addr.Compare)
	found = slices.Compact(found)
	switch {
	case len(found) == 0:
		return nil, classify(errNoAddress, phase, monitor.FailDNS)
	case len(found) > maxAddresses:
		return nil, fail(monitor.FailDNS, "%s: the name has %d addresses, of which at most %d can be checked", phase, len(found), maxAddresses)
	}
	return found, nil
}

// verdictOf makes one observation of those of all addresses.
func verdictOf(m monitor.Monitor, addresses []netip.Addr, seen []Observation, looked time.Duration) Observation {
	worst, working := 0, 0
	var secrets, down, degraded []string
	var results []monitor.AddressResult
	for i := range seen {
		o, address := &seen[i], addresses[i].String()
		secrets = append(secrets, o.secrets...)
		results = append(results, monitor.AddressResult{Address: address, Outcome: o.Outcome, Failure: o.Failure, TotalMS: monitor.MS(o.Timing.Total)})
		if rank(o) > rank(&seen[worst]) {
			worst = i
		}
		switch {
		case o.Outcome == monitor.OutcomeUp:
			working++
		case o.Outcome == monitor.OutcomeDegraded:
			working++
			degraded = append(degraded, address+": "+o.Failure.Detail)
		default:
			down = append(down, address+": "+o.Failure.Detail)
		}
	}
	out := seen[worst]
	out.Addresses, out.Resolver, out.secrets = results, resolverOf(m), secrets
	out.Timing.DNS = looked
	need := m.HTTP.Needs
	if need == 0 || need > len(addresses) {
		need = len(addresses)
	}
	out.Outcome = monitor.OutcomeUp
	switch {
	case seen[worst].Failure != nil && seen[worst].Outcome == monitor.OutcomeNotRun:
		out.Outcome = monitor.OutcomeNotRun
		return out
	case working < need:
		out.Outcome = monitor.OutcomeDown
	case len(down)+len(degraded) > 0:
		out.Outcome = monitor.OutcomeDegraded
	default:
		return out
	}
	out.Failure = fail(seen[worst].Failure.Kind, "%d of %d addresses from resolver %s work, %d needed; %s", working, len(addresses), out.Resolver,
		need, strings.Join(faults(down, degraded), "; "))
	out.Failure.Warn = seen[worst].Failure.Warn
	return out
}

// faults puts the addresses first where their details would not all be seen.
func faults(down, degraded []string) []string {
	all := slices.Concat(down, degraded)
	if len(all) < 3 {
		return all
	}
	names := make([]string, len(all))
	for i, one := range all {
		names[i], _, _ = strings.Cut(one, ": ")
	}
	return []string{"failing: " + strings.Join(names, ", "), all[0]}
}

// rank orders outcomes by what the whole check is shown as.
func rank(o *Observation) int {
	return map[monitor.Outcome]int{monitor.OutcomeUp: 0, monitor.OutcomeDegraded: 1, monitor.OutcomeDown: 2, monitor.OutcomeNotRun: 3}[o.Outcome]
}
