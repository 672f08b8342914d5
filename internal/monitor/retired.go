package monitor

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Retired is a monitor of an address that something was at before: people whose
// caches hold the old DNS answer are still sent there. No file names it; it comes of
// a change of the configuration (Retire), and counts for nothing.
type Retired struct {
	Monitor Monitor   `json:"monitor"` // in the shadow, and at that address
	Address string    `json:"address"` // an IP address, without a port
	Until   time.Time `json:"until"`   // exclusive
}

const (
	// RetiredFor is for how long an old address stays checked. Few DNS answers are
	// kept for longer.
	RetiredFor = 24 * time.Hour

	// MaxRetired is how many monitors of old addresses a configuration has at most.
	MaxRetired = 8
)

// place is an address, and whose: the host name that leads there, or the port where
// no name is known. One host leaving an address says nothing of others that stay.
type place struct {
	of string
	at netip.Addr
}

// Retire returns the monitors at addresses that a change of the configuration leaves
// behind, by id: those of monitors that were at another address before, and of host
// names of which DNS monitors no longer expect an address; and those of earlier changes
// whose time is not over. An address that is in use again has none. Before may be nil.
//
// What is paused, or in the shadow itself, leaves no such monitor: nobody is sent there.
// An address that is not given any more, in place of which no other is, may still be the
// right one, so it leaves none either.
func Retire(before, after *Config, now time.Time) []Retired {
	if before == nil {
		return nil
	}
	r := retirement{before: before, after: after, inUse: inUse(after), until: now.Add(RetiredFor)}
	for _, m := range before.Monitors {
		r.moved(m)
	}
	for _, m := range before.Monitors {
		r.unanswered(m)
	}
	earlier := slices.SortedStableFunc(slices.Values(before.Retired), func(a, b Retired) int { return b.Until.Compare(a.Until) })
	for _, old := range earlier {
		if at, _ := placeOf(old.Monitor); old.Until.After(now) {
			r.add(old.Monitor, at, old.Until)
		}
	}
	slices.SortFunc(r.out, func(a, b Retired) int { return compare(a.Monitor.ID, b.Monitor.ID) })
	return r.out
}

type retirement struct {
	before, after *Config
	inUse         map[place]bool // after the change
	until         time.Time
	out           []Retired // the newest first
}

// moved keeps a monitor that was at another address.
func (r *retirement) moved(m Monitor) {
	is, still := r.after.Monitor(m.ID)
	old, had := placeOf(m)
	fresh, has := placeOf(is)
	if !still || !had || !has || is.Kind() != m.Kind() || m.HTTP != nil && old.of != fresh.of || old.at == fresh.at || m.Shadow {
		return
	}
	m.ID, m.Name, m.Service = retiredID(m.ID, old.at), oldName(m.Name, old.at), is.Service
	r.add(m, old, r.until)
}

// unanswered keeps, of the addresses that a DNS monitor expected before, the first
// HTTP monitor of that name, at each.
func (r *retirement) unanswered(m Monitor) {
	is, still := r.after.Monitor(m.ID)
	if !still || m.DNS == nil || is.DNS == nil || len(is.DNS.Answers) == 0 || m.Paused || hostName(m.DNS.Name) != hostName(is.DNS.Name) {
		return
	}
	for _, old := range answersOf(m) {
		covered := slices.ContainsFunc(r.out, func(o Retired) bool { at, _ := placeOf(o.Monitor); return at == old })
		visitor, has := r.visitor(old.of)
		if covered || !has {
			continue
		}
		http := *visitor.HTTP
		http.Address, http.Resolver, http.Family = old.at.String(), "", ""
		http.Each, http.Needs, http.ShareDNS = false, 0, false
		visitor.HTTP = &http
		visitor.ID, visitor.Name = retiredID(visitor.ID, old.at), oldName(visitor.Name, old.at)
		r.add(visitor, old, r.until)
	}
}

// visitor is the first HTTP monitor of a host name that goes where DNS leads it, as it
// was before.
func (r *retirement) visitor(host string) (Monitor, bool) {
	for _, m := range r.before.Monitors {
		is, still := r.after.Monitor(m.ID)
		if still && m.HTTP != nil && m.HTTP.Address == "" && !m.Shadow && !m.Paused && hostOf(m.HTTP.URL) == host {
			m.Service = is.Service
			return m, true
		}
	}
	return Monitor{}, false
}

// add keeps a monitor at an old address, if it can be checked, the address is not in
// use, and there is room.
func (r *retirement) add(m Monitor, at place, until time.Time) {
	m.Shadow = true
	m.Locations = slices.DeleteFunc(slices.Clone(m.Locations), func(l Location) bool {
		return !slices.Contains(r.after.Locations, l) || at.at.Is6() && l != Local // Lambda has no IPv6
	})
	_, taken := r.after.Monitor(m.ID)
	_, known := r.after.Service(m.Service)
	again := slices.ContainsFunc(r.out, func(o Retired) bool { return o.Monitor.ID == m.ID })
	if taken || !known || again || r.inUse[at] || m.Paused || len(m.Locations) == 0 || len(r.out) == MaxRetired {
		return
	}
	r.out = append(r.out, Retired{Monitor: m, Address: at.at.String(), Until: until})
}

// inUse is where a configuration says that things are.
func inUse(cfg *Config) map[place]bool {
	all := map[place]bool{}
	for _, m := range cfg.Monitors {
		if at, has := placeOf(m); has {
			all[at] = true
		}
		for _, at := range answersOf(m) {
			all[at] = true
		}
	}
	return all
}

// placeOf is the address that a monitor is given by number, whatever DNS says.
func placeOf(m Monitor) (place, bool) {
	switch {
	case m.HTTP != nil && m.HTTP.Address != "":
		host, _, err := net.SplitHostPort(m.HTTP.Address)
		if err != nil {
			host = m.HTTP.Address
		}
		return at(hostOf(m.HTTP.URL), host)
	case m.TCP != nil:
		host, port, _ := net.SplitHostPort(m.TCP.Address)
		return at(":"+port, host)
	case m.TLS != nil:
		host, port, _ := net.SplitHostPort(m.TLS.Address)
		return at(cmp.Or(hostName(m.TLS.ServerName), ":"+port), host)
	}
	return place{}, false
}

// answersOf is the addresses that a DNS monitor expects of its name.
func answersOf(m Monitor) []place {
	if m.DNS == nil || m.DNS.Type != "A" && m.DNS.Type != "AAAA" {
		return nil
	}
	var out []place
	for _, answer := range m.DNS.Answers {
		if p, is := at(hostName(m.DNS.Name), answer); is {
			out = append(out, p)
		}
	}
	return out
}

func at(of, address string) (place, bool) {
	ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
	return place{of, ip.Unmap()}, err == nil && ip.Zone() == ""
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return hostName(u.Hostname())
}

// hostName is a name as names are compared.
func hostName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// retiredID is an id, in the form of ids: "lb-primary-203-0-113-10". It stands in keys,
// URLs and labels, as all of them do.
func retiredID(of ID, at netip.Addr) ID {
	id := string(of) + "-" + strings.NewReplacer(".", "-", ":", "-").Replace(at.String())
	if len(id) <= maxID {
		return ID(id)
	}
	sum := sha256.Sum256([]byte(id))
	return ID(id[:maxID-9] + "-" + hex.EncodeToString(sum[:4]))
}

// maxID is how long an id may be; see ID.
const maxID = 63

func oldName(name string, at netip.Addr) string { return name + " (old address " + at.String() + ")" }

// InForce is what is checked at a time: the configuration with the monitors at old
// addresses whose time is not over, each a member of its service, of which it needs
// no more than before. It is the configuration itself where there are none. It is not to
// be asked of its own result.
func (c *Config) InForce(now time.Time) *Config {
	if len(c.Retired) == 0 {
		return c
	}
	out := *c
	out.Retired = slices.DeleteFunc(slices.Clone(c.Retired), func(r Retired) bool { return !now.Before(r.Until) })
	out.Monitors, out.Services = slices.Clone(c.Monitors), slices.Clone(c.Services)
	for _, r := range out.Retired {
		out.Monitors = append(out.Monitors, r.Monitor)
		i := slices.IndexFunc(out.Services, func(s Service) bool { return s.ID == r.Monitor.Service })
		if i >= 0 {
			out.Services[i].Monitors = append(slices.Clip(out.Services[i].Monitors), r.Monitor.ID)
		}
	}
	slices.SortFunc(out.Monitors, func(a, b Monitor) int { return compare(a.ID, b.ID) })
	return &out
}

// IsRetired reports whether a monitor is one at an old address.
func (c *Config) IsRetired(id ID) bool {
	return slices.ContainsFunc(c.Retired, func(r Retired) bool { return r.Monitor.ID == id })
}
