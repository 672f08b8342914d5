package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// Limits of what is told to every visitor's browser.
const (
	maxOrigins  = 20
	maxBrowsers = 5 // old or new addresses of a service: each visitor tries them all
)

var browserKeys = keys[monitor.BrowserCheck]{
	{"url", "the address that everybody uses; https", func(r *reader, c cursor, b *monitor.BrowserCheck) { r.publicURL(c, &b.URL) }},
	{"old", "addresses under names that still lead to the old place", func(r *reader, c cursor, b *monitor.BrowserCheck) { r.publicURLs(c, &b.Old) }},
	{"new", "addresses under names that lead straight to the new place", func(r *reader, c cursor, b *monitor.BrowserCheck) { r.publicURLs(c, &b.New) }},
}

func (s *service) readBrowser(r *reader, c cursor) {
	var b monitor.BrowserCheck
	if !r.mapping(c.node, c.path, func(c cursor) { browserKeys.read(r, c, &b) }) {
		return
	}
	if b.URL == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "url is missing: what everybody uses, such as https://app.example.com/health")
	}
	s.s.Browser = &b
}

// publicURLs reads addresses, each once.
func (r *reader) publicURLs(c cursor, into *[]string) {
	r.list(c, true, func(one cursor) {
		address := ""
		r.publicURL(one, &address)
		switch {
		case address == "":
		case slices.Contains(*into, address):
			r.report(one.node, one.path, "", "%s is there twice", address)
		default:
			*into = append(*into, address)
		}
	})
	if len(*into) > maxBrowsers {
		r.report(c.node, c.path, "", "%d addresses are more than %d: each visitor tries them all", len(*into), maxBrowsers)
	}
}

// publicURL reads an address that every visitor is told.
func (r *reader) publicURL(c cursor, into *string) {
	n := r.scalar(c, "an https URL")
	if n == nil {
		return
	}
	if strings.Contains(n.Value, "${") {
		r.report(n, c.path, "", "every visitor is told this address: it may hold no secret")
		return
	}
	u, err := url.Parse(n.Value)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || strings.ContainsAny(n.Value, " \t\r\n\"'<>\\"):
		hint := ""
		if !strings.Contains(n.Value, ":") {
			hint = `did you mean "https://` + n.Value + `"?`
		}
		r.report(n, c.path, hint, "expected a URL such as https://app.example.com/health, found %q", n.Value)
	case u.Scheme != "https":
		r.report(n, c.path, `did you mean "https://`+u.Host+u.RequestURI()+`"?`, "expected an https URL: browsers load nothing else from a page that is https; found %q", n.Value)
	case u.User != nil || u.Fragment != "":
		r.report(n, c.path, "", "every visitor is told this address: expected it without user, password and fragment")
	case !hostForm(u.Host):
		r.report(n, c.path, "", "expected a host of letters, digits, dots and hyphens, found %q", u.Host)
	case blockedByBrowsers(u):
		r.report(n, c.path, "", "browsers do not connect to port %s (Fetch Standard, 2.9)", u.Port())
	default:
		*into = n.Value
	}
}

// blockedPorts are those of other protocols, which no browser connects to (Fetch
// Standard, 2.9 "Port blocking"; Chromium fails with ERR_UNSAFE_PORT).
var blockedPorts = [...]string{
	"0", "1", "7", "9", "11", "13", "15", "17", "19", "20", "21", "22", "23", "25", "37", "42", "43", "53", "69", "77", "79",
	"87", "95", "101", "102", "103", "104", "109", "110", "111", "113", "115", "117", "119", "123", "135", "137", "139", "143",
	"161", "179", "389", "427", "465", "512", "513", "514", "515", "526", "530", "531", "532", "540", "548", "554", "556", "563",
	"587", "601", "636", "989", "990", "993", "995", "1719", "1720", "1723", "2049", "3659", "4045", "4190", "5060", "5061",
	"6000", "6566", "6665", "6666", "6667", "6668", "6669", "6679", "6697", "10080",
}

func blockedByBrowsers(u *url.URL) bool { return slices.Contains(blockedPorts[:], u.Port()) }

// visited reads a URL that a browser goes to.
func (r *reader) visited(c cursor, into *string) {
	r.webURL(c, into)
	if u, err := url.Parse(*into); err == nil && blockedByBrowsers(u) {
		r.report(c.node, c.path, "", "browsers do not connect to port %s (Fetch Standard, 2.9)", u.Port())
	}
}

// origins reads origins of web pages.
func (r *reader) origins(c cursor, into *[]string) {
	r.list(c, true, func(one cursor) {
		n := r.scalar(one, "an origin such as https://www.example.com")
		if n == nil {
			return
		}
		u, err := url.Parse(n.Value)
		switch {
		case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || !hostForm(strings.TrimPrefix(u.Host, "*.")):
			r.report(n, one.path, "", "expected an origin such as https://www.example.com, found %q", n.Value)
		case n.Value != u.Scheme+"://"+u.Host:
			r.report(n, one.path, `did you mean "`+u.Scheme+"://"+u.Host+`"?`, "an origin is scheme, host and port only, found %q", n.Value)
		case slices.Contains(*into, n.Value):
			r.report(n, one.path, "", "%s is there twice", n.Value)
		default:
			*into = append(*into, n.Value)
		}
	})
	if len(*into) > maxOrigins {
		r.report(c.node, c.path, "", "%d origins are more than %d", len(*into), maxOrigins)
	}
}

// hostForm reports whether host, with or without a port, can stand in a
// Content-Security-Policy as it is.
func hostForm(host string) bool {
	return host != "" && strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == "" && !strings.HasPrefix(host, ".")
}
