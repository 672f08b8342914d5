package importer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// anyMessage is an expression that every message matches.
const anyMessage = ".*"

// onBody is about [BODY], which is something else for each kind.
func (p *gatusEndpoint) onBody(c condition) bool {
	switch p.kind {
	case monitor.KindHTTP:
		return p.onHTTPBody(c)
	case monitor.KindDNS:
		return p.onAnswers(c)
	case monitor.KindUDP, monitor.KindWebSocket:
		if w := p.e.WebSocket; w != nil && len(w.Dialogue) == 0 {
			w.Dialogue = []turnOut{{Expect: anyMessage}}
		}
		if c.path == "" && c.function == "len" {
			return p.expects(c, compare("len(text)", c.op, c.literal, number))
		}
		return c.path == "" && c.function == "" && p.expects(c, compareText("trim(text)", c.op, c.literal))
	case monitor.KindTCP:
		return p.onReply(c)
	case monitor.KindGRPC:
		status := strings.TrimPrefix(c.path, ".")
		return c.function == "" && strings.EqualFold(status, "status") && p.expects(c, compareText("health", c.op, c.literal))
	}
	return false
}

func (p *gatusEndpoint) onHTTPBody(c condition) bool {
	if c.path == "" {
		switch c.function {
		case "len":
			p.warn(c.node, c.at, "write len(body) for a JSON list", "len([BODY]) became the length of the text")
			return p.expects(c, compare("len(text)", c.op, c.literal, number))
		case "has":
			return p.expects(c, truth("len(text) > 0", c))
		}
		return p.expects(c, compareText("trim(text)", c.op, c.literal))
	}
	value, ok := jsonPath("body", c.path, c.op == "!=" || c.function == "has")
	if !ok {
		return false
	}
	switch c.function {
	case "len":
		return p.expects(c, compare("len("+value+")", c.op, c.literal, number))
	case "has":
		return p.expects(c, truth("has("+value+")", c))
	}
	if gatusPat.MatchString(c.literal) {
		return p.expects(c, compareText(value, c.op, c.literal))
	}
	return p.expects(c, compare(value, c.op, c.literal, typed))
}

// onAnswers: the body of a DNS answer is a record.
func (p *gatusEndpoint) onAnswers(c condition) bool {
	if c.path != "" || c.function != "" || c.op != "==" {
		return false
	}
	mail := ""
	if p.e.DNS.Type == "MX" { // Gatus shows the host alone
		mail = "[0-9]+ "
	}
	if m := gatusPat.FindStringSubmatch(c.literal); m != nil {
		p.e.DNS.Matches = append(p.e.DNS.Matches, "^"+mail+strings.TrimSuffix(bare(globRegexp(m[1])), `\.`)+"$")
		return true
	}
	var any []string
	if m := gatusAny.FindStringSubmatch(c.literal); m != nil {
		for one := range strings.SplitSeq(m[1], ",") {
			any = append(any, strings.TrimSuffix(strings.TrimSpace(one), "."))
		}
		return p.expects(c, "any(answers, # in ["+quoteAll(any)+"])")
	}
	answer := strings.TrimSuffix(c.literal, ".")
	if mail != "" {
		return p.expects(c, "any(answers, # endsWith "+quote(" "+answer)+")")
	}
	p.e.DNS.Contains = append(p.e.DNS.Contains, answer)
	return true
}

// onReply is about what a TCP server says.
func (p *gatusEndpoint) onReply(c condition) bool {
	if c.path != "" || c.function != "" || c.op != "==" {
		return false
	}
	want := regexp.QuoteMeta(c.literal)
	if m := gatusPat.FindStringSubmatch(c.literal); m != nil {
		want = bare(globRegexp(m[1]))
		want = strings.TrimSuffix(strings.TrimPrefix(want, ".*"), ".*")
	}
	if want == "" {
		return true
	}
	t := p.e.TCP
	if len(t.Dialogue) == 0 || slices.ContainsFunc(t.Dialogue, func(t turnOut) bool { return t.Expect != "" }) {
		t.Dialogue = append(t.Dialogue, turnOut{})
	}
	t.Dialogue[len(t.Dialogue)-1].Expect = want
	return true
}
