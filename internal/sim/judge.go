package sim

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// scripted are the values that a scenario decides. An expectation about anything
// else is taken to hold: a scenario says what goes wrong, not what every page
// says.
var scripted = regexp.MustCompile(`\b(\w+_ms|cert_days)\b`)

// others are names in expressions that a scenario does not decide.
var others = regexp.MustCompile(`\b(status|text|body|headers|cookies|hops|banner|captures|answers|rcode)\b`)

// judge holds slowness and certificates against what the monitor expects.
func (n *network) judge(r monitor.Result, m monitor.Monitor, names []string, now time.Time) monitor.Result {
	values := expect.Values{}
	for _, name := range names {
		if slow, is := n.slow[name]; is && !spares(slow.spare, names) {
			r.Timing.TTFB += slow.by
			r.Timing.Total += slow.by
		}
	}
	r, over := n.ended(r, m, names, now)
	if r.Timing.Total > m.Timeout {
		return broken(r, monitor.Failure{Kind: monitor.FailTimeout, Detail: "no answer within " + m.Timeout.String() + " (first byte)"})
	}
	if over {
		return r
	}
	values["cert_days"] = 90
	if r.Certificate != nil {
		values["cert_days"] = r.Certificate.Days
	}
	t := r.Timing
	values["dns_ms"], values["connect_ms"], values["tls_ms"] = monitor.MS(t.DNS), monitor.MS(t.Connect), monitor.MS(t.TLS)
	values["ttfb_ms"], values["transfer_ms"], values["total_ms"] = monitor.MS(t.TTFB), monitor.MS(t.Transfer), monitor.MS(t.Total)
	values["request_ms"], values["token_ms"] = 1.0, 0.0
	return n.expects(r, m, values)
}

// ended adds the certificate that is about to end, if one of these names has such,
// and reports whether it has ended: then the check fails.
func (n *network) ended(r monitor.Result, m monitor.Monitor, names []string, now time.Time) (monitor.Result, bool) {
	for _, name := range names {
		end, is := n.expires[name]
		if !is {
			continue
		}
		r.Certificate = &monitor.Certificate{Subject: "CN=" + cmp.Or(hostOf(m), name), NotAfter: end, Days: int(end.Sub(now).Hours() / 24)}
		r.Expires = end
		if !now.Before(end) {
			return broken(r, monitor.Failure{Kind: monitor.FailCertificate, Detail: "the certificate expired at " + end.UTC().Format("2006-01-02 15:04 UTC")}), true
		}
	}
	return r, false
}

// expects holds values against what the monitor expects, as far as a scenario decides
// them.
func (n *network) expects(r monitor.Result, m monitor.Monitor, values expect.Values) monitor.Result {
	for i, source := range slices.Concat(m.Expect, m.Warn) {
		program := n.program(source, m.Kind())
		if program == nil {
			continue // a scenario does not decide it
		}
		ok, shown := program.Eval(values)
		if ok {
			continue
		}
		r = broken(r, monitor.Failure{Kind: monitor.FailExpect, Detail: source + " (" + shown + ")"})
		if i >= len(m.Expect) {
			r.Outcome, r.Failure.Warn = monitor.OutcomeDegraded, true
		}
		return r
	}
	return r
}

// programKey is an expression and the kind that it is of.
type programKey struct {
	source string
	kind   monitor.Kind
}

// program is an expression that a scenario decides, compiled once; nil for others.
func (n *network) program(source string, kind monitor.Kind) *expect.Program {
	key := programKey{source, kind}
	if known, has := n.programs[key]; has {
		return known
	}
	var program *expect.Program
	if kind == monitor.KindHeartbeat || scripted.MatchString(source) && !others.MatchString(source) {
		program, _ = expect.Compile(source, kind)
	}
	n.programs[key] = program
	return program
}
