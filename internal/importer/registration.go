package importer

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// registered is the name of a host that is registered, such as example.com; empty
// for addresses and names of no registry.
func registered(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if u, err := url.Parse("//" + host); err != nil || u.Hostname() == "" {
		return ""
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ""
	}
	name, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(host))
	if err != nil {
		return ""
	}
	return name
}

// registration adds a monitor of the registration of a host's name, once; its
// warning is the strictest that was asked for.
func (s *source) registration(o *object, host string, days int) bool {
	name := registered(host)
	if name == "" {
		return false
	}
	e := s.domains[name]
	if e == nil {
		e = &entry{ID: s.id("domain-" + name), Name: "Registration of " + name, Domain: name, from: s, node: o.at, path: o.path}
		s.domains[name] = e
		s.add(e)
	}
	worst := days
	for _, x := range e.Warn {
		if n, err := strconv.Atoi(strings.TrimPrefix(x, "days >= ")); err == nil {
			worst = max(worst, n)
		}
	}
	e.Warn = []string{"days >= " + strconv.Itoa(worst)}
	return true
}
