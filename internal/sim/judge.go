package sim

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
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
		if slow, is := n.slow[name]; is {
			r.Timing.TTFB += slow
			r.Timing.Total += slow
		}
		if end, is := n.expires[name]; is {
			r.Certificate = &monitor.Certificate{Subject: "CN=" + cmp.Or(hostOf(m), name), NotAfter: end, Days: int(end.Sub(now).Hours() / 24)}
			r.Expires = end
		}
	}
	if r.Timing.Total > m.Timeout {
		return broken(r, monitor.Failure{Kind: monitor.FailTimeout, Detail: "no answer within " + m.Timeout.String() + " (first byte)"})
	}
	if r.Certificate != nil {
		if !now.Before(r.Certificate.NotAfter) {
			return broken(r, monitor.Failure{Kind: monitor.FailCertificate, Detail: "the certificate expired at " + r.Certificate.NotAfter.UTC().Format("2006-01-02 15:04 UTC")})
		}
		values["cert_days"] = r.Certificate.Days
	} else {
		values["cert_days"] = 90
	}
	t := r.Timing
	values["dns_ms"], values["connect_ms"], values["tls_ms"] = monitor.MS(t.DNS), monitor.MS(t.Connect), monitor.MS(t.TLS)
	values["ttfb_ms"], values["transfer_ms"], values["total_ms"] = monitor.MS(t.TTFB), monitor.MS(t.Transfer), monitor.MS(t.Total)
	values["request_ms"], values["token_ms"] = 1.0, 0.0
	for i, source := range slices.Concat(m.Expect, m.Warn) {
		if !scripted.MatchString(source) || others.MatchString(source) {
			continue
		}
		program, err := expect.Compile(source, m.Kind())
		if err != nil {
			continue // the configuration was checked when it was read
		}
		ok, shown := program.Eval(values)
		if ok {
			continue
		}
		warn := i >= len(m.Expect)
		r = broken(r, monitor.Failure{Kind: monitor.FailExpect, Detail: source + " (" + shown + ")"})
		if warn {
			r.Outcome = monitor.OutcomeDegraded
		}
		return r
	}
	return r
}

// failures are the ways to be down that a scenario can name.
var failures = map[string]monitor.Failure{
	"refused":     {Kind: monitor.FailRefused, Detail: "connection refused"},
	"timeout":     {Kind: monitor.FailTimeout, Detail: "no answer in time (connect)"},
	"reset":       {Kind: monitor.FailReset, Detail: "connection reset by peer"},
	"unreachable": {Kind: monitor.FailUnreachable, Detail: "no route to host"},
	"dns":         {Kind: monitor.FailDNS, Detail: "no such host"},
	"tls":         {Kind: monitor.FailTLS, Detail: "handshake failure"},
	"certificate": {Kind: monitor.FailCertificate, Detail: "the certificate is not valid"},
}

// failureNamed reads refused, timeout … or an HTTP status such as 503.
func failureNamed(name string) (monitor.Failure, bool) {
	if f, known := failures[name]; known {
		return f, true
	}
	if code, err := strconv.Atoi(name); err == nil && code >= 400 && code <= 599 {
		return monitor.Failure{Kind: monitor.FailExpect, Detail: fmt.Sprintf("status == 200 (status was %d)", code)}, true
	}
	return monitor.Failure{}, false
}
