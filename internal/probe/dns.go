package probe

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// probeDNS asks every resolver side by side, or every name server of the zone.
// As many as the monitor needs must answer as it expects.
func probeDNS(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	servers := resolversOf(m)
	if len(servers) == 0 {
		return notRun("the system names no resolver: name some with resolvers")
	}
	a := asker{m: m, env: env, do: uses(m, "ad"), serials: m.DNS.Type == "SOA" || uses(m, "serials_agree")}
	start := time.Now()
	if m.DNS.Authoritative {
		found, failure := a.nameServers(ctx, servers)
		if failure != nil {
			o := Observation{Result: monitor.Result{Failure: failure}}
			o.Timing.DNS = time.Since(start)
			return o
		}
		servers = found
	}
	replies := make([]reply, len(servers))
	var asking sync.WaitGroup
	for i, s := range servers {
		asking.Go(func() { replies[i] = a.reply(ctx, s) })
	}
	asking.Wait()
	if m.DNS.Authoritative {
		replies = withoutMissingIPv6(replies)
	}
	return gather(m, env.Now(), replies)
}

// resolversOf is the resolvers of a monitor, or the system's first.
func resolversOf(m monitor.Monitor) []server {
	if len(m.DNS.Resolvers) == 0 {
		config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil || len(config.Servers) == 0 {
			return nil
		}
		address := monitor.WithPort(config.Servers[0], "53")
		return []server{{label: address, address: address, system: true}}
	}
	var out []server
	for _, r := range m.DNS.Resolvers {
		s := server{address: monitor.WithPort(r, "53")}
		if host, secure := strings.CutPrefix(r, "tls://"); secure {
			s = server{label: "tls://", address: monitor.WithPort(host, "853"), secure: true} // RFC 7858, 3.1
		}
		s.label += s.address
		out = append(out, s)
	}
	return out
}

// reply is what one server said.
type reply struct {
	server
	answers []string
	rcode   string // empty if there was no answer
	ttl     uint32 // seconds, the largest of the records asked for
	keeps   uint32 // seconds for which a cache may keep this answer
	ad      bool
	serial  string
	took    time.Duration
	says    string           // what it says, for one who expects something else
	failure *monitor.Failure // nil if it answers as expected
}

// refuse notes what a server says instead of what is expected.
func (r *reply) refuse(format string, args ...any) {
	r.says = fmt.Sprintf(format, args...)
	r.failure = fail(monitor.FailDNS, "%s %s", r.label, r.says)
}

// reply asks one server, and judges what it says.
func (a asker) reply(ctx context.Context, s server) (r reply) {
	r.server = s
	start := time.Now()
	defer func() { r.took = time.Since(start) }()
	if s.fault != nil {
		r.failure, r.says = s.fault, s.fault.Detail
		return r
	}
	kind := dns.StringToType[a.m.DNS.Type]
	answer, failure := a.ask(ctx, s, queryName(a.m.DNS), kind)
	if failure != nil {
		r.failure, r.says = failure, failure.Detail
		return r
	}
	found := recordsOf(answer, kind)
	r.rcode, r.answers, r.ad = rcodeName(answer.Rcode), found.texts, answer.AuthenticatedData
	r.ttl, r.keeps = found.ttl, found.keeps
	a.judgeReply(ctx, &r, answer, found)
	if a.serials {
		r.serial = a.serial(ctx, s, answer)
	}
	return r
}

// judgeReply compares one server's answer with what the monitor expects.
func (a asker) judgeReply(ctx context.Context, r *reply, answer *dns.Msg, found found) {
	d := a.m.DNS
	wanted := "NOERROR"
	if d.RCode != "" {
		wanted = d.RCode
	}
	switch {
	case r.zone != "" && r.rcode != wanted && isLame(answer):
		r.refuse("answers %s: a lame delegation, it does not serve %s", r.rcode, r.zone)
	case r.zone != "" && !answer.Authoritative && (r.rcode == "NOERROR" || r.rcode == "NXDOMAIN"):
		r.refuse("answers without authority: a lame delegation, it does not serve %s", r.zone)
	case found.loops || r.rcode != wanted && r.rcode == "SERVFAIL" && a.loops(ctx, r.server):
		r.refuse("has a CNAME loop for %s", d.Name)
	case r.rcode != wanted:
		r.refuse("answers %s for %s %s", r.rcode, d.Name, d.Type)
		if d.RCode != "" {
			r.refuse("answers %s for %s %s, expected %s", r.rcode, d.Name, d.Type, wanted)
		}
	case wanted != "NOERROR":
	case len(r.answers) == 0 && found.alias != "" && a.loops(ctx, r.server):
		r.refuse("has a CNAME loop for %s", d.Name)
	case len(r.answers) == 0 && found.alias != "":
		r.refuse("has no %s record for %s, an alias of %s", d.Type, d.Name, found.alias)
	case len(r.answers) == 0:
		r.refuse("has no %s record for %s", d.Type, d.Name)
	default:
		if wrong := mismatch(d, r.answers); wrong != "" {
			r.refuse("answers %s, %s", strings.Join(r.answers, ", "), wrong)
		}
	}
}

// isLame: codes of a server that was named for a zone and knows nothing of it.
func isLame(answer *dns.Msg) bool {
	return answer.Rcode == dns.RcodeRefused || answer.Rcode == dns.RcodeServerFailure || answer.Rcode == dns.RcodeNotAuth
}

// mismatch says what is wrong with a set of answers, sorted; empty if nothing is.
func mismatch(d *monitor.DNS, answers []string) string {
	if len(d.Answers) > 0 {
		if want := normals(d.Type, d.Answers); !slices.Equal(want, answers) {
			return "expected " + strings.Join(want, ", ")
		}
	}
	for _, one := range normals(d.Type, d.Contains) {
		if !slices.Contains(answers, one) {
			return "without " + one
		}
	}
	if len(d.Matches) == 0 {
		return ""
	}
	for _, answer := range answers {
		if !slices.ContainsFunc(d.Matches, func(expression string) bool {
			form, err := regexp.Compile(expression)
			return err == nil && form.MatchString(answer)
		}) {
			return fmt.Sprintf("of which %s matches none of %s", answer, strings.Join(d.Matches, ", "))
		}
	}
	return ""
}

// Bounds of what a result keeps: an answer over TCP may have 64 KiB.
const (
	maxAnswers = 50
	maxAnswer  = 300 // bytes
	maxBehind  = 50
)

// gather makes one observation of what all servers said.
func gather(m monitor.Monitor, now time.Time, replies []reply) Observation {
	var o Observation
	var all []string
	var faults []reply
	worst, ttl, answered, validated := "NOERROR", uint32(0), 0, 0
	for _, r := range replies {
		o.Timing.DNS = max(o.Timing.DNS, r.took)
		all = append(all, r.answers...)
		ttl = max(ttl, r.ttl)
		if r.rcode != "" {
			answered++
		}
		if r.ad {
			validated++
		}
		if r.rcode != "" && r.rcode != "NOERROR" {
			worst = r.rcode
		}
		if r.failure != nil {
			faults = append(faults, r)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	o.Answers, o.TTL = shownAnswers(all), int(ttl)
	if len(replies) == 1 {
		o.Address, o.Resolver = replies[0].address, replies[0].label
	}
	c := cutoverOf(now, replies, faults)
	if len(m.DNS.Answers) > 0 && (len(replies) > 1 || m.DNS.Authoritative) {
		o.Cutover = c
	}
	o.Failure = dnsVerdict(m, replies, faults, o.Cutover)
	agree, serials := serialsOf(replies)
	o.Values = expect.Values{
		"answers": all, "rcode": worst, "ttl": int(ttl), "share": c.Share,
		"ad": answered > 0 && validated == answered, "serials_agree": agree,
	}
	o.Notes = map[string]string{"share": behind(c), "serials_agree": printable(serials, maxDetail)}
	return o
}

func shownAnswers(all []string) []string {
	out := make([]string, min(len(all), maxAnswers))
	for i := range out {
		out[i] = printable(all[i], maxAnswer)
	}
	return out
}

// dnsVerdict makes one failure of those of all servers, unless enough are right.
func dnsVerdict(m monitor.Monitor, replies, faults []reply, c *monitor.Cutover) *monitor.Failure {
	need := len(replies)
	if m.DNS.Needs > 0 {
		need = min(m.DNS.Needs, need)
	}
	right := len(replies) - len(faults)
	if right >= need && len(replies) > 0 {
		return nil
	}
	if len(faults) == 1 && len(replies) == 1 {
		return faults[0].failure
	}
	what := "resolvers"
	if m.DNS.Authoritative {
		what = "name servers"
	}
	head := fmt.Sprintf("%d of %d %s", len(faults), len(replies), what)
	if need < len(replies) {
		head += fmt.Sprintf(", %d must be right", need)
	}
	if c != nil && !c.Ends.IsZero() {
		head += ", the last old answer runs out at " + c.Ends.Format(shownTime)
	}
	var details []string
	for _, r := range faults {
		details = append(details, r.failure.Detail)
	}
	return fail(faults[0].failure.Kind, "%s: %s", head, strings.Join(details, "; "))
}

const shownTime = "2006-01-02 15:04:05 UTC"

// cutoverOf says how many answer as expected, who does not, and until when
// caches may keep what those say.
func cutoverOf(now time.Time, replies, faults []reply) *monitor.Cutover {
	c := &monitor.Cutover{Share: float64(len(replies)-len(faults)) / float64(max(len(replies), 1)), Behind: []monitor.Behind{}}
	for _, r := range faults {
		if len(c.Behind) < maxBehind {
			c.Behind = append(c.Behind, monitor.Behind{Server: printable(r.label, maxAnswer), Says: printable(r.says, maxAnswer)})
		}
		if end := now.Add(time.Duration(r.keeps) * time.Second).UTC(); r.keeps > 0 && end.After(c.Ends) {
			c.Ends = end
		}
	}
	return c
}

// behind is a line about those that do not answer as expected.
func behind(c *monitor.Cutover) string {
	var parts []string
	if !c.Ends.IsZero() {
		parts = append(parts, "the last old answer runs out at "+c.Ends.Format(shownTime))
	}
	for _, b := range c.Behind {
		parts = append(parts, b.Server+" "+b.Says)
	}
	return printable(strings.Join(parts, "; "), maxDetail)
}

// serialsOf reports whether all servers have one serial, and lists them.
func serialsOf(replies []reply) (agree bool, list string) {
	agree = len(replies) > 0
	var parts []string
	for _, r := range replies {
		has := r.serial
		if has == "" {
			agree, has = false, "none"
		}
		agree = agree && has == replies[0].serial
		parts = append(parts, r.label+" has "+has)
	}
	return agree, strings.Join(parts, ", ")
}
