package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// failing is how a target fails: as is said, or as its kind does most often.
type failing struct {
	name   string // refused, timeout …, or an HTTP status; empty: as the kind does
	expect string // the expectation that is not met
	node   *yaml.Node
	path   string
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

var (
	onTCP = []string{"refused", "timeout", "reset", "unreachable", "dns"}
	onTLS = append(slices.Clone(onTCP), "tls", "certificate")
)

// waysToFail are those of each kind, the one that is meant where nothing is said
// first. (That of a heartbeat is that no ping comes.)
var waysToFail = map[monitor.Kind][]string{
	monitor.KindHTTP: onTLS, monitor.KindTLS: onTLS, monitor.KindGRPC: onTLS, monitor.KindWebSocket: onTLS, monitor.KindBrowser: onTLS,
	monitor.KindTCP: onTCP, monitor.KindSSH: onTCP,
	monitor.KindUDP:  {"timeout", "refused", "unreachable", "dns"},
	monitor.KindICMP: {"timeout", "unreachable", "dns"},
	monitor.KindDNS:  {"timeout", "refused", "unreachable", "dns"}, monitor.KindDomain: {"timeout", "refused", "reset", "unreachable", "dns"},
}

// failingField reads `with: refused`, `with: 503` or `with: {expect: …}`.
func failingField(r *reading) field {
	return func(n *yaml.Node, path string) {
		with := failing{node: n, path: path}
		var v value
		if n.Kind == yaml.MappingNode {
			if r.mapping(n, path, map[string]field{"expect": r.needed(&v)}) && v.node == nil {
				r.report(n, path, "such as {expect: 'body.status == \"ok\"'}", "the expectation that is not met must be said")
			}
			with.expect = v.text
		} else if r.needed(&v)(n, path); v.text != "" {
			with.name = v.text
			if _, known := failures[v.text]; !known && statusOf(v.text) == 0 {
				r.report(n, path, "refused, timeout, reset, unreachable, dns, tls, certificate, a status such as 503, or {expect: EXPRESSION}", "%q is no way to fail", v.text)
			}
		}
		r.e.with = with
	}
}

// statusOf is the HTTP status that a way to fail is; 0 if it is none.
func statusOf(name string) int {
	if code, err := strconv.Atoi(name); err == nil && code >= 400 && code <= 599 {
		return code
	}
	return 0
}

// of is how a monitor fails, and with which outcome: not to meet what it only warns
// about is no outage.
func (f failing) of(m monitor.Monitor) (monitor.Failure, monitor.Outcome) {
	switch {
	case f.expect != "" && !slices.Contains(m.Expect, f.expect) && slices.Contains(m.Warn, f.expect):
		return monitor.Failure{Kind: monitor.FailExpect, Detail: f.expect, Warn: true}, monitor.OutcomeDegraded
	case f.expect != "":
		return monitor.Failure{Kind: monitor.FailExpect, Detail: f.expect}, monitor.OutcomeDown
	case statusOf(f.name) > 0:
		detail, _ := refuses(m, statusOf(f.name))
		return monitor.Failure{Kind: monitor.FailExpect, Detail: detail}, monitor.OutcomeDown
	}
	name := f.name
	if ways := waysToFail[m.Kind()]; name == "" && len(ways) > 0 {
		name = ways[0]
	}
	return failures[name], monitor.OutcomeDown
}

// cannot says why a monitor cannot fail so; empty if it can.
func (f failing) cannot(m monitor.Monitor) (why, hint string) {
	ways := slices.Clone(waysToFail[m.Kind()])
	if m.Kind() == monitor.KindHTTP {
		ways = append(ways, "a status such as 503")
	}
	switch {
	case f.node == nil:
		return "", ""
	case f.expect != "":
		all := slices.Concat(m.Expect, m.Warn)
		if !slices.Contains(all, f.expect) {
			return fmt.Sprintf("%s does not expect %s", m.ID, f.expect), oneOf("", all)
		}
	case m.Kind() == monitor.KindHeartbeat:
		return string(m.ID) + " is a heartbeat: down means that no ping comes", "leave with: out"
	case statusOf(f.name) > 0 && m.Kind() == monitor.KindHTTP:
		if _, is := refuses(m, statusOf(f.name)); !is {
			return fmt.Sprintf("%s takes the status %s for fine", m.ID, f.name), ""
		}
	case !slices.Contains(ways, f.name):
		return fmt.Sprintf("%s is a monitor of %s, which cannot fail with %s", m.ID, m.Kind(), f.name), oneOf("", ways)
	}
	return "", ""
}

func oneOf(none string, names []string) string {
	if len(names) == 0 {
		return none
	}
	return "one of " + strings.Join(names, ", ")
}

var aboutStatus = regexp.MustCompile(`\bstatus\b`)

// refuses is which expectation a status does not meet, with its value as a probe
// shows it, and whether there is one. A monitor that says nothing of the status is
// taken to expect 200.
func refuses(m monitor.Monitor, code int) (detail string, is bool) {
	said := false
	for _, source := range m.Expect {
		if !aboutStatus.MatchString(source) || others.MatchString(aboutStatus.ReplaceAllString(source, "")) {
			continue
		}
		program, err := expect.Compile(source, m.Kind())
		if err != nil {
			continue // the configuration was checked when it was read
		}
		said = true
		if ok, shown := program.Eval(expect.Values{"status": code}); !ok {
			return source + " (" + shown + ")", true
		}
	}
	return fmt.Sprintf("status == 200 (status was %d)", code), !said
}
