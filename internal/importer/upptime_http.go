package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

func (u *upptimeFile) http(o *object, e *entry, address string, auth *authOut) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	h := &httpOut{URL: address, Auth: auth}
	e.HTTP = h
	if method := strings.ToUpper(o.text("method")); method != "GET" {
		h.Method = method
	}
	h.Headers = map[string]string{}
	o.list("headers", func(n *yaml.Node, path string) {
		name, value, is := strings.Cut(nodeText(n), ":")
		if !is {
			u.warn(n, path, "", "expected Name: value: the header is not carried over")
			return
		}
		name = strings.TrimSpace(name)
		h.Headers[name] = u.header(n, path, e.ID, name, ofSecrets(strings.TrimSpace(value)))
	})
	basicOf(h.Headers, &h.Auth)
	if body := ofSecrets(o.text("body")); body != "" {
		h.Body = u.body(o.values["body"], o.join("body"), e.ID, body)
	}
	u.statuses(o, e)
	if o.values["maxRedirects"] != nil {
		h.Redirects = redirectsOf(o.number("maxRedirects", 3))
	}
	h.Insecure = o.truth("__dangerous__insecure")
	for _, key := range []string{"__dangerous__disable_verify_peer", "__dangerous__disable_verify_host"} {
		h.Insecure = o.truth(key) || h.Insecure
	}
	if o.truth("ipv6") {
		h.Family = "ipv6"
	}
	u.contents(o, e)
}

// statuses: each of Upptime's lists stands for itself; the usual one is that of
// answers which are no errors.
func (u *upptimeFile) statuses(o *object, e *entry) {
	var codes []int
	o.list("expectedStatusCodes", func(n *yaml.Node, path string) {
		code, err := strconv.Atoi(nodeText(n))
		if err != nil || code < 100 || code > 999 {
			u.warn(n, path, "", "%q is no status code: it is not carried over", nodeText(n))
			return
		}
		codes = append(codes, code)
	})
	source := "status >= 200 && status < 400"
	if len(codes) > 0 {
		source = statusIn(codes)
	}
	e.expect(o.values["expectedStatusCodes"], o.join("expectedStatusCodes"), source, monitor.KindHTTP)
}

// statusIn is that a status is one of some.
func statusIn(codes []int) string {
	slices.Sort(codes)
	codes = slices.Compact(codes)
	if len(codes) == 1 {
		return fmt.Sprintf("status == %d", codes[0])
	}
	if last := codes[len(codes)-1]; len(codes) > 5 && last-codes[0] == len(codes)-1 {
		return fmt.Sprintf("status >= %d && status <= %d", codes[0], last)
	}
	all := make([]string, len(codes))
	for i, code := range codes {
		all[i] = strconv.Itoa(code)
	}
	return "status in [" + strings.Join(all, ", ") + "]"
}

// redirectsOf is how many redirects are followed.
func redirectsOf(n int) string {
	if n <= 0 {
		return "none"
	}
	if n == 5 {
		return "" // the usual one
	}
	return strconv.Itoa(min(n, 20))
}

// contents is what must be in the body, or must not.
func (u *upptimeFile) contents(o *object, e *entry) {
	for _, rule := range []struct {
		key, format string
		warn        bool
	}{
		{"__dangerous__body_down", "not (text contains %s)", false},
		{"__dangerous__body_down_if_text_missing", "text contains %s", false},
		{"__dangerous__body_degraded", "not (text contains %s)", true},
		{"__dangerous__body_degraded_if_text_missing", "text contains %s", true},
	} {
		for _, text := range o.texts(rule.key) {
			add := e.expect
			if rule.warn {
				add = e.warnOf
			}
			add(o.values[rule.key], o.join(rule.key), fmt.Sprintf(rule.format, quote(text)), monitor.KindHTTP)
		}
	}
}
