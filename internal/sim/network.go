package sim

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// network is the targets of a scenario: what is down, slow or about to expire, by
// the names that events give them, and what resolvers answer.
type network struct {
	start   time.Time
	cfg     *monitor.Config // in force
	down    map[string]*breakage
	slow    map[string]*slowness
	expires map[string]time.Time // certificates
	names   map[string]*record

	pings    map[monitor.ID]monitor.Ping        // of heartbeats
	answers  map[monitor.ID]map[string]resolves // what DNS monitors found last, by resolver
	turned   bool                               // answers have changed
	programs map[programKey]*expect.Program
}

// breakage is how a target is down, from where it looks so, and what of it works.
type breakage struct {
	with  failing
	from  []monitor.Location // empty: from everywhere
	spare map[string]bool    // what is up again of it, by name
}

// slowness is by how much a target is slower, and what of it is not.
type slowness struct {
	by    time.Duration
	spare map[string]bool
}

// resolves is what a resolver said last, and whether that is what is expected.
type resolves struct {
	says string
	good bool
}

// record is what resolvers say of a name.
type record struct {
	addresses, before []string
	ttl               time.Duration
	changed           time.Time
}

func newNetwork(start time.Time) *network {
	return &network{start: start, down: map[string]*breakage{}, slow: map[string]*slowness{}, expires: map[string]time.Time{}, names: map[string]*record{},
		pings: map[monitor.ID]monitor.Ping{}, answers: map[monitor.ID]map[string]resolves{}, programs: map[programKey]*expect.Program{}}
}

// move gives a name other addresses: resolvers that hold the old ones keep them
// until their TTL is over.
func (n *network) move(name string, addresses []string, ttl time.Duration, now time.Time) {
	r, known := n.names[name]
	if !known {
		n.names[name] = &record{addresses: addresses, ttl: ttl}
		return
	}
	before := r.addresses
	n.names[name] = &record{addresses: addresses, before: before, ttl: r.ttl, changed: now}
	if ttl > 0 {
		n.names[name].ttl = ttl
	}
}

// says is what a resolver answers. Each got the old record at a time of its own.
func (r *record) says(resolver string, now time.Time) (addresses []string, until time.Time) {
	if r.changed.IsZero() {
		return r.addresses, time.Time{}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(resolver))
	until = r.changed.Add(time.Duration(h.Sum64() % uint64(max(r.ttl, 1))))
	if now.Before(until) {
		return r.before, until
	}
	return r.addresses, time.Time{}
}

// left is the TTL of a resolver's answer: it asks anew whenever it has run out, at
// times of its own.
func (r *record) left(resolver string, now time.Time) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(resolver))
	ttl := max(r.ttl, time.Second)
	phase := time.Duration(h.Sum64() % uint64(ttl))
	return ttl - (time.Duration(now.UnixNano())+phase)%ttl
}

// handles are the names by which events may mean a monitor: its id, its service,
// its host, and the star that means all.
func handles(m monitor.Monitor) []string {
	all := []string{string(m.ID), "*"}
	if string(m.Service) != string(m.ID) {
		all = append(all, string(m.Service))
	}
	if host := hostOf(m); host != "" {
		all = append(all, host)
	}
	return all
}

func hostOf(m monitor.Monitor) string {
	switch m.Kind() {
	case monitor.KindHTTP:
		if u, err := url.Parse(m.HTTP.URL); err == nil {
			return u.Hostname()
		}
	case monitor.KindDNS, monitor.KindDomain, monitor.KindHeartbeat:
		return "" // the name may be that of a site: the two break apart
	}
	if u, err := url.Parse(m.Target()); err == nil && u.Host != "" {
		return u.Hostname()
	}
	host, _, err := net.SplitHostPort(m.Target())
	if err != nil {
		return m.Target() // of a ping
	}
	return host
}

// addressesOf is where a monitor speaks to.
func (n *network) addressesOf(m monitor.Monitor) []string {
	if m.HTTP != nil && m.HTTP.Address != "" {
		if ap, err := netip.ParseAddrPort(m.HTTP.Address); err == nil {
			return []string{ap.Addr().String()}
		}
		return []string{m.HTTP.Address}
	}
	host := hostOf(m)
	if r, known := n.names[host]; known {
		return r.addresses
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{host}
	}
	return nil
}

// find implements Targets.
func (n *network) find(c monitor.Check, now time.Time) monitor.Result {
	m := c.Monitor
	if m.Heartbeat != nil {
		return n.listen(m, now)
	}
	r := monitor.Result{Outcome: monitor.OutcomeUp, Timing: healthy(c)}
	if b := n.breaks(m, c.Location); b != nil {
		if addresses := n.addressesOf(m); len(addresses) > 0 && m.DNS == nil && b.isAt() {
			r.Address = net.JoinHostPort(addresses[0], portOf(m)) // as a probe notes it
		}
		broken := b.result(r, m)
		if broken.Failure.Kind == monitor.FailExpect { // it is spoken to: a certificate comes first
			if ended, is := n.ended(r, m, handles(m), now); is {
				return ended
			}
		}
		return broken
	}
	if m.DNS != nil {
		return n.ask(r, c, now)
	}
	addresses := n.addressesOf(m)
	if len(addresses) > 0 {
		if r = n.speak(r, c, addresses); r.Outcome == monitor.OutcomeDown {
			return r
		}
	}
	return n.judge(r, m, append(handles(m), addresses...), now)
}

// breaks is what makes a monitor fail from a location, by one of its names; nil if
// nothing does.
func (n *network) breaks(m monitor.Monitor, location monitor.Location) *breakage {
	if len(n.down) == 0 {
		return nil
	}
	names := handles(m)
	for _, name := range names {
		if b, is := n.down[name]; is && b.holds(location) && !spares(b.spare, names) {
			return b
		}
	}
	return nil
}

// spares reports whether one of a monitor's names is excepted.
func spares(spare map[string]bool, names []string) bool {
	return len(spare) > 0 && slices.ContainsFunc(names, func(name string) bool { return spare[name] })
}

func (b *breakage) holds(location monitor.Location) bool {
	return len(b.from) == 0 || slices.Contains(b.from, location)
}

// result is the result of a check of what is broken.
func (b *breakage) result(r monitor.Result, m monitor.Monitor) monitor.Result {
	failure, outcome := b.with.of(m)
	r.Outcome, r.Failure = outcome, &failure
	return r
}

// isAt reports whether it fails where the target is: not before an address is known.
func (b *breakage) isAt() bool { return b.with.name != "dns" }

func broken(r monitor.Result, f monitor.Failure) monitor.Result {
	r.Outcome, r.Failure = monitor.OutcomeDown, &f
	return r
}

// healthy is how long a check takes whose target is well.
func healthy(c monitor.Check) monitor.Timing {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, c.Monitor.ID, c.Location, c.Scheduled.Unix())
	jitter := time.Duration(h.Sum64()%9000) * time.Microsecond
	t := monitor.Timing{DNS: 2 * time.Millisecond, Connect: 11 * time.Millisecond, TLS: 18 * time.Millisecond, TTFB: 31*time.Millisecond + jitter, Transfer: 2 * time.Millisecond}
	t.Total = t.DNS + t.Connect + t.TLS + t.TTFB + t.Transfer
	return t
}

// speak tries the addresses: the first, or, where the monitor says so, each.
func (n *network) speak(r monitor.Result, c monitor.Check, addresses []string) monitor.Result {
	each := c.Monitor.HTTP != nil && c.Monitor.HTTP.Each
	if !each {
		addresses = addresses[:1]
	}
	var bad []string
	var first monitor.Failure
	for _, a := range addresses {
		one := monitor.AddressResult{Address: a, Outcome: monitor.OutcomeUp, TotalMS: monitor.MS(r.Timing.Total)}
		if b, is := n.down[a]; is && b.holds(c.Location) {
			failure, outcome := b.with.of(c.Monitor)
			one.Outcome, one.Failure = outcome, &failure
			if first.Kind == "" {
				first.Kind, first.Warn = failure.Kind, failure.Warn
			}
			bad = append(bad, a+": "+failure.Detail)
		}
		if each {
			r.Addresses = append(r.Addresses, one)
		}
	}
	r.Address = net.JoinHostPort(addresses[0], portOf(c.Monitor))
	if len(bad) == 0 {
		return r
	}
	first.Detail = strings.Join(bad, "; ")
	r = broken(r, first)
	if each && c.Monitor.HTTP.Needs > 0 && len(addresses)-len(bad) >= c.Monitor.HTTP.Needs {
		r.Outcome = monitor.OutcomeDegraded
	}
	return r
}

func portOf(m monitor.Monitor) string {
	if m.HTTP != nil {
		if u, err := url.Parse(m.HTTP.URL); err == nil {
			return cmp.Or(u.Port(), map[string]string{"http": "80"}[u.Scheme], "443")
		}
	}
	if _, port, err := net.SplitHostPort(m.Target()); err == nil {
		return port
	}
	return "443"
}

// ask asks every resolver of a DNS monitor.
func (n *network) ask(r monitor.Result, c monitor.Check, now time.Time) monitor.Result {
	m := c.Monitor
	known, has := n.names[m.DNS.Name]
	if !has {
		return n.judge(r, m, handles(m), now)
	}
	resolvers := m.DNS.Resolvers
	if len(resolvers) == 0 {
		resolvers = []string{"system@" + string(c.Location)}
	}
	cut := monitor.Cutover{Behind: []monitor.Behind{}}
	for _, resolver := range resolvers {
		says, until := known.says(resolver, now)
		r.Answers = append(r.Answers, says...)
		good := len(m.DNS.Answers) == 0 || sameSet(says, m.DNS.Answers)
		n.answered(m.ID, resolver, resolves{strings.Join(says, ", "), good})
		if good {
			continue
		}
		cut.Behind = append(cut.Behind, monitor.Behind{Server: resolver, Says: strings.Join(says, ", ")})
		if until.After(cut.Ends) {
			cut.Ends = until
		}
	}
	r.TTL = int(known.left(resolvers[0], now) / time.Second)
	slices.Sort(r.Answers)
	r.Answers = slices.Compact(r.Answers)
	good := len(resolvers) - len(cut.Behind)
	if len(m.DNS.Answers) > 0 && len(resolvers) > 1 {
		cut.Share = float64(good) / float64(len(resolvers))
		r.Cutover = &cut
	}
	needs := m.DNS.Needs
	if needs == 0 {
		needs = len(resolvers)
	}
	if good < needs {
		b := cut.Behind[0]
		return broken(r, monitor.Failure{Kind: monitor.FailDNS, Detail: fmt.Sprintf("%d of %d resolvers answer as expected; %s says %s", good, len(resolvers), b.Server, b.Says)})
	}
	return n.judge(r, m, handles(m), now)
}

// answered notes what a resolver said.
func (n *network) answered(id monitor.ID, resolver string, said resolves) {
	if n.answers[id] == nil {
		n.answers[id] = map[string]resolves{}
	}
	if n.answers[id][resolver] != said {
		n.answers[id][resolver], n.turned = said, true
	}
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
