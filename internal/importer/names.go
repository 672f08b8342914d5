package importer

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxID is how long an id may be.
const maxID = 63

// slug is a text as an id: lower-case ASCII letters, digits and single hyphens;
// empty if nothing of it is left.
func slug(text string) string {
	var b strings.Builder
	gap := false
	for _, c := range norm.NFD.String(strings.ReplaceAll(strings.ToLower(text), "ß", "ss")) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(c)
		case unicode.Is(unicode.Mn, c), c == '\'': // ü is u and a mark
		default:
			gap = true
		}
		if b.Len() >= maxID {
			break
		}
	}
	text = b.String()
	return strings.TrimRight(text[:min(len(text), maxID)], "-")
}

// id is a free id: the first of the texts that makes one, then with a number.
func (b *builder) id(texts ...string) string {
	first := ""
	for _, text := range texts {
		id := slug(text)
		if id != "" && !b.ids[id] {
			b.ids[id] = true
			return id
		}
		if first == "" {
			first = id
		}
	}
	if first == "" {
		first = "monitor"
	}
	if !b.ids[first] {
		b.ids[first] = true
		return first
	}
	for n := max(b.numbers[first], 2); ; n++ {
		end := "-" + strconv.Itoa(n)
		id := strings.TrimRight(first[:min(len(first), maxID-len(end))], "-") + end
		if !b.ids[id] {
			b.ids[id], b.numbers[first] = true, n+1
			return id
		}
	}
}

// variable is a free name of an environment variable.
func (b *builder) variable(parts ...string) string {
	name := strings.ToUpper(strings.ReplaceAll(slug(strings.Join(parts, "-")), "-", "_"))
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "SECRET_" + name
	}
	free := name
	for n := 2; b.variables[free]; n++ {
		free = name + "_" + strconv.Itoa(n)
	}
	b.variables[free] = true
	return free
}

// Ranges that the prober takes for private, too (RFC 6598, RFC 2544).
var (
	shared     = netip.MustParsePrefix("100.64.0.0/10")
	benchmarks = netip.MustParsePrefix("198.18.0.0/15")
)

// isPrivate reports whether a host, with or without a port, is one that no
// prober reaches unless the monitor allows private addresses.
func isPrivate(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap()
		return a.IsPrivate() || a.IsLoopback() || shared.Contains(a) || benchmarks.Contains(a)
	}
	for _, end := range []string{".local", ".internal", ".localhost", ".lan", ".home", ".ts.net", ".svc", ".svc.cluster.local", ".home.arpa"} {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	return host != "" && !strings.ContainsAny(host, ".$") // a name of the network's own
}
