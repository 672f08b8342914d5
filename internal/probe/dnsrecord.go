package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
)

// found is what an answer holds of the type asked for.
type found struct {
	texts []string // as people write them, sorted, each once
	ttl   uint32   // seconds, the largest of these records
	keeps uint32   // seconds, the largest of these and of the aliases that lead there; for no records, that of their absence
	alias string   // where the aliases lead; empty if there are none
	loops bool     // they lead nowhere
}

// recordsOf follows the aliases of an answer to the records asked for.
func recordsOf(answer *dns.Msg, kind uint16) (f found) {
	owner := answer.Question[0].Name
	seen := map[string]bool{}
	for kind != dns.TypeCNAME {
		at := slices.IndexFunc(answer.Answer, func(r dns.RR) bool {
			_, is := r.(*dns.CNAME)
			return is && strings.EqualFold(r.Header().Name, owner)
		})
		if at < 0 {
			break
		}
		if seen[strings.ToLower(owner)] {
			f.loops = true
			return f
		}
		seen[strings.ToLower(owner)] = true
		alias := answer.Answer[at].(*dns.CNAME)
		owner, f.keeps = alias.Target, max(f.keeps, seconds(alias.Hdr.Ttl))
		f.alias = normalOf("CNAME", owner)
	}
	for _, record := range answer.Answer {
		h := record.Header()
		if h.Rrtype == kind && strings.EqualFold(h.Name, owner) {
			f.texts = append(f.texts, normalOf(dns.TypeToString[kind], valueOf(record)))
			f.ttl = max(f.ttl, seconds(h.Ttl))
		}
	}
	f.keeps = max(f.keeps, f.ttl)
	if soa := soaOf(answer.Ns); soa != nil && len(f.texts) == 0 {
		f.keeps = max(f.keeps, min(seconds(soa.Hdr.Ttl), seconds(soa.Minttl))) // RFC 2308, 5
	}
	slices.Sort(f.texts)
	f.texts = slices.Compact(f.texts)
	return f
}

// seconds is a TTL; one with the highest bit set is zero (RFC 2181, 8).
func seconds(ttl uint32) uint32 {
	if ttl > 1<<31-1 {
		return 0
	}
	return ttl
}

func soaOf(records []dns.RR) *dns.SOA {
	for _, r := range records {
		if soa, is := r.(*dns.SOA); is {
			return soa
		}
	}
	return nil
}

func valueOf(record dns.RR) string {
	switch r := record.(type) {
	case *dns.A:
		return r.A.String()
	case *dns.AAAA:
		return r.AAAA.String()
	case *dns.CNAME:
		return r.Target
	case *dns.NS:
		return r.Ns
	case *dns.PTR:
		return r.Ptr
	case *dns.MX:
		return fmt.Sprintf("%d %s", r.Preference, r.Mx)
	case *dns.SRV:
		return fmt.Sprintf("%d %d %d %s", r.Priority, r.Weight, r.Port, r.Target)
	case *dns.SOA:
		return fmt.Sprintf("%s %s %d %d %d %d %d", r.Ns, r.Mbox, r.Serial, r.Refresh, r.Retry, r.Expire, r.Minttl)
	case *dns.TXT:
		return unescape(strings.Join(r.Txt, ""))
	}
	return strings.TrimPrefix(record.String(), record.Header().String())
}

// unescape undoes what the library does to texts: \" and \\, and \DDD for a byte
// (RFC 1035, 5.1).
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		if i+3 < len(text) {
			if code, err := strconv.ParseUint(text[i+1:i+4], 10, 8); err == nil {
				out.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		i++
		out.WriteByte(text[i])
	}
	return out.String()
}

// rcodeName names a code, also one without a name.
func rcodeName(code int) string {
	if name, has := dns.RcodeToString[code]; has {
		return name
	}
	return fmt.Sprintf("RCODE%d", code)
}

// normals makes a set comparable: sorted, each once.
func normals(kind string, texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = normalOf(kind, text)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// normalOf makes answers comparable: names in lower case without the last dot, IP
// addresses in their shortest form. In TXT and CAA case and dots count.
func normalOf(kind, text string) string {
	switch kind {
	case "TXT", "CAA":
		return text
	case "A", "AAAA":
		if ip := net.ParseIP(text); ip != nil {
			return ip.String()
		}
	}
	fields := strings.Fields(strings.ToLower(text))
	for i, field := range fields {
		if field != "." {
			fields[i] = strings.TrimSuffix(field, ".")
		}
	}
	return strings.Join(fields, " ")
}

// queryName is what is asked for: an address is looked up backwards.
func queryName(d *monitor.DNS) string {
	if address, err := netip.ParseAddr(d.Name); err == nil && d.Type == "PTR" {
		if name, err := dns.ReverseAddr(address.Unmap().WithZone("").String()); err == nil {
			return name
		}
	}
	return d.Name
}

// maxAliases is how far aliases are followed, one query each.
const maxAliases = 12

// loops follows aliases one by one: most resolvers say no more of a loop than
// SERVFAIL.
func (a asker) loops(ctx context.Context, s server) bool {
	if a.m.DNS.Type == "CNAME" {
		return false
	}
	name := dns.CanonicalName(queryName(a.m.DNS))
	seen := map[string]bool{}
	for range maxAliases {
		if seen[name] {
			return true
		}
		seen[name] = true
		answer, failure := a.ask(ctx, s, name, dns.TypeCNAME)
		if failure != nil {
			return false
		}
		next := recordsOf(answer, dns.TypeCNAME)
		if len(next.texts) != 1 {
			return false
		}
		name = dns.CanonicalName(next.texts[0])
	}
	return false
}

// serial is the SOA serial that a server has of the zone; empty if it has none.
func (a asker) serial(ctx context.Context, s server, answer *dns.Msg) string {
	if a.m.DNS.Type != "SOA" {
		name := s.zone
		if name == "" {
			name = queryName(a.m.DNS)
		}
		var failure *monitor.Failure
		if answer, failure = a.ask(ctx, s, name, dns.TypeSOA); failure != nil {
			return ""
		}
	}
	for _, section := range [][]dns.RR{answer.Answer, answer.Ns} {
		if soa := soaOf(section); soa != nil {
			return strconv.FormatUint(uint64(soa.Serial), 10)
		}
	}
	return ""
}

// uses reports whether an expression of the monitor may use a value.
func uses(m monitor.Monitor, name string) bool {
	return slices.ContainsFunc(slices.Concat(m.Expect, m.Warn), func(source string) bool { return holdsWord(source, name) })
}

// holdsWord reports whether a text holds a word, not only as a part of another.
func holdsWord(text, word string) bool {
	isNone := func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) }
	return slices.Contains(strings.FieldsFunc(text, isNone), word)
}
