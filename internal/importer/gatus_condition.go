package importer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

// condition is one of Gatus', taken apart: what is judged, how, and what against.
type condition struct {
	function string // len, has or none
	place    string // STATUS, BODY, ...
	path     string // below BODY and CONTEXT
	op       string
	literal  string
	node     *yaml.Node
	at       string // path in the file
}

var (
	gatusPlace  = regexp.MustCompile(`^(?:(len|has)\()?\[([A-Za-z_]+)\]((?:\.|\[).*?)?\)?$`)
	gatusAny    = regexp.MustCompile(`^any\((.*)\)$`)
	gatusPat    = regexp.MustCompile(`^pat\((.*)\)$`)
	statusClass = regexp.MustCompile(`^([1-5])(\*+|\?\?)$`)
	operators   = []string{" == ", " != ", " <= ", " >= ", " > ", " < "} // in the order that Gatus looks for them
	flipped     = map[string]string{"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
)

// takeApart reads a condition; what is judged may stand on either side.
func takeApart(text string) (condition, bool) {
	for _, op := range operators {
		left, right, is := strings.Cut(text, op)
		if !is {
			continue
		}
		left, right, op = strings.TrimSpace(left), strings.TrimSpace(right), strings.TrimSpace(op)
		m := gatusPlace.FindStringSubmatch(left)
		if m == nil {
			m, right, op = gatusPlace.FindStringSubmatch(right), left, flipped[op]
		}
		if m == nil {
			return condition{}, false
		}
		return condition{function: m[1], place: strings.ToUpper(m[2]), path: m[3], op: op, literal: right}, true
	}
	return condition{}, false
}

// conditions makes expectations of all conditions of the endpoint.
func (p *gatusEndpoint) conditions() {
	p.o.list("conditions", func(n *yaml.Node, path string) {
		text := nodeText(n)
		c, ok := takeApart(environment(text))
		if ok && p.data != nil {
			c.literal = p.data(c.literal)
		}
		c.node, c.at = n, path
		if !ok || strings.Contains(c.literal, "${") || !p.condition(c) {
			p.warn(n, path, "write it by hand into expect: or warn:", "the condition %q is not carried over", p.hide(text))
		}
	})
}

// condition carries one over, and reports whether it could.
func (p *gatusEndpoint) condition(c condition) bool {
	if c.function != "" && c.place != "BODY" {
		return false
	}
	switch c.place {
	case "CONNECTED": // a monitor without a connection is down
		return c.equal("true") || c.op == "!=" && c.literal == "false"
	case "STATUS":
		return p.status(c)
	case "RESPONSE_TIME":
		ms, ok := c.milliseconds()
		return ok && p.expects(c, fmt.Sprintf("total_ms %s %s", c.op, ms))
	case "CERTIFICATE_EXPIRATION":
		return p.ends(c, func(days int) bool {
			if p.kind == monitor.KindTCP {
				return false
			}
			p.e.warnOf(c.node, c.at, fmt.Sprintf("cert_days >= %d", days), p.kind)
			return true
		})
	case "DOMAIN_EXPIRATION":
		return p.ends(c, func(days int) bool {
			if p.kind != monitor.KindDomain {
				return p.source.registration(p.o, p.host, days)
			}
			p.e.warnOf(c.node, c.at, fmt.Sprintf("days >= %d", days), p.kind)
			return true
		})
	case "IP":
		return p.expects(c, c.address())
	case "DNS_RCODE":
		return p.rcode(c)
	case "BODY":
		return p.onBody(c)
	}
	return false
}

func (c condition) equal(literal string) bool { return c.op == "==" && c.literal == literal }

// expects adds an expression; an empty one is none.
func (p *gatusEndpoint) expects(c condition, source string) bool {
	p.e.expect(c.node, c.at, source, p.kind)
	return source != ""
}

func (p *gatusEndpoint) status(c condition) bool {
	switch {
	case p.kind == monitor.KindSSH:
		return c.equal("0") // the banner came
	case p.kind != monitor.KindHTTP:
		return false
	}
	if m := gatusPat.FindStringSubmatch(c.literal); m != nil {
		class := statusClass.FindStringSubmatch(m[1])
		switch {
		case class != nil && c.op == "==":
			return p.expects(c, fmt.Sprintf("status >= %s00 && status < %c00", class[1], class[1][0]+1))
		case class != nil && c.op == "!=":
			return p.expects(c, fmt.Sprintf("status < %s00 || status >= %c00", class[1], class[1][0]+1))
		}
		return p.expects(c, compareText("string(status)", c.op, c.literal))
	}
	return p.expects(c, compare("status", c.op, c.literal, number))
}

// milliseconds is a time, in Gatus a number of these or a duration.
func (c condition) milliseconds() (string, bool) {
	if d, err := time.ParseDuration(c.literal); err == nil && d != 0 {
		return strconv.FormatInt(d.Milliseconds(), 10), true
	}
	return number(c.literal)
}

// ends is about a time that is left: it becomes a warning in whole days.
func (p *gatusEndpoint) ends(c condition, add func(days int) bool) bool {
	text, ok := c.milliseconds()
	ms, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || ms < 0 || ms > 1e12 || c.op != ">" && c.op != ">=" {
		return false
	}
	const day = float64(24 * time.Hour / time.Millisecond)
	days := int(ms / day)
	if float64(days)*day < ms {
		days++
		p.warn(c.node, c.at, "", "what is left is judged in whole days: %s became %d", c.literal, days)
	}
	if !add(days) {
		return false
	}
	p.once("ends", c.node, c.at, "put it into expect: if it is to be down", "a certificate or registration that ends soon is degraded, not down: such conditions become warn:")
	return true
}

// address is about [IP]; ours has a port.
func (c condition) address() string {
	bracket := func(ip string) string {
		if strings.Contains(ip, ":") {
			return "[" + ip + "]:"
		}
		return ip + ":"
	}
	var each []string
	switch {
	case gatusPat.MatchString(c.literal):
		inner := gatusPat.FindStringSubmatch(c.literal)[1]
		each = append(each, "address matches "+quote(`^\[?`+bare(globRegexp(inner))+`\]?:\d+$`))
	case gatusAny.MatchString(c.literal):
		for one := range strings.SplitSeq(gatusAny.FindStringSubmatch(c.literal)[1], ",") {
			each = append(each, "address startsWith "+quote(bracket(strings.TrimSpace(one))))
		}
	default:
		each = append(each, "address startsWith "+quote(bracket(c.literal)))
	}
	all := strings.Join(each, " || ")
	switch c.op {
	case "==":
		return all
	case "!=":
		return "not (" + all + ")"
	}
	return ""
}

func (p *gatusEndpoint) rcode(c condition) bool {
	if p.kind != monitor.KindDNS || c.op != "==" {
		return p.kind == monitor.KindDNS && p.expects(c, compareText("rcode", c.op, c.literal))
	}
	if c.literal != "NOERROR" { // which is expected anyway
		p.e.DNS.RCode = c.literal
	}
	return true
}
