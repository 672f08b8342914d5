package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

const maxSteps = 20

// httpForm is an http monitor as it stands in the file.
type httpForm struct {
	*monitor.HTTP
	request requestForm
	steps   []monitor.Step
	hasStep bool
	used    []cursor // the keys of the one request
	needs   cursor
	address cursor
}

func (e *entry) readHTTP(r *reader, c cursor) {
	e.is(c)
	h := &monitor.HTTP{MaxRedirects: 5, MaxBody: 1 << 20, Traceparent: true}
	e.m.HTTP = h
	f := &httpForm{HTTP: h, request: requestForm{Request: monitor.Request{Method: "GET"}}}
	shorthand(r, c, f, httpKeys(), func(c cursor) { r.webURL(c, &f.request.URL) })
	r.oneBody(f.request)
	q := f.request.Request
	if f.hasStep {
		f.join(r)
		return
	}
	h.URL, h.Method, h.Headers, h.Body, h.JSON, h.Form, h.Auth = q.URL, q.Method, q.Headers, q.Body, q.JSON, q.Form, q.Auth
	if h.URL == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "url is missing")
	}
	f.checkNeeds(r)
}

// join gives the steps what they share: headers and auth of the monitor, where
// they have none of their own.
func (f *httpForm) join(r *reader) {
	for _, c := range f.used {
		if name := c.key.Value; name != "headers" && name != "auth" {
			r.report(c.key, c.path, "put it into a step", "with steps, %s is a key of each step", name)
		}
	}
	q := f.request.Request
	for i := range f.steps {
		s := &f.steps[i]
		for name, value := range q.Headers {
			if !hasHeader(s.Headers, name) {
				if s.Headers == nil {
					s.Headers = map[string]string{}
				}
				s.Headers[name] = value
			}
		}
		if s.Auth == nil {
			s.Auth = q.Auth
		}
	}
	f.HTTP.Steps, f.HTTP.Method = f.steps, "GET"
	if len(f.steps) > 0 {
		f.HTTP.URL = f.steps[0].URL
	}
	f.checkNeeds(r)
}

func (f *httpForm) checkNeeds(r *reader) {
	switch {
	case f.HTTP.Each && f.HTTP.Address != "":
		r.report(f.address.node, f.address.path, "leave one of them out", "resolve: each checks every address, and address is one")
	case f.needs.node != nil && !f.HTTP.Each:
		r.report(f.needs.key, f.needs.path, "add resolve: each", "needs counts addresses, and only one is checked")
	}
}

func hasHeader(headers map[string]string, name string) bool {
	for own := range headers {
		if strings.EqualFold(own, name) {
			return true
		}
	}
	return false
}

// httpKeys is a function, because a step's keys and these are made of the same.
func httpKeys() keys[httpForm] {
	var out keys[httpForm]
	for _, k := range requestKeys {
		out = append(out, key[httpForm]{k.name, k.doc, func(r *reader, c cursor, f *httpForm) {
			f.used = append(f.used, c)
			k.read(r, c, &f.request)
		}})
	}
	return append(out, keys[httpForm]{
		{"steps", "several requests in a row, with one set of cookies; each has name, url, method, headers, body, json, form, auth, save, expect, warn", func(r *reader, c cursor, f *httpForm) { f.readSteps(r, c) }},
		{"address", "connect to this IP address, whatever DNS says; Host and SNI stay", func(r *reader, c cursor, f *httpForm) { f.address = c; r.ip(c, &f.Address) }},
		{"resolver", "DNS server to ask, as an IP address", func(r *reader, c cursor, f *httpForm) { r.ip(c, &f.Resolver) }},
		{"resolve", "each: check every address of the host, side by side", func(r *reader, c cursor, f *httpForm) {
			each := ""
			r.choice(c, &each, "each")
			f.Each = each != ""
		}},
		{"needs", "with resolve: each, how many addresses must work: all, any or a number; all by default", func(r *reader, c cursor, f *httpForm) {
			f.needs = c
			r.readNeeds(c, &f.Needs)
		}},
		{"share_dns", "let the checks of one batch share one look-up of the host; false by default: each asks, as a visitor would", func(r *reader, c cursor, f *httpForm) { r.boolean(c, &f.ShareDNS) }},
		{"family", "ipv4 or ipv6; either by default", func(r *reader, c cursor, f *httpForm) { r.choice(c, &f.Family, "ipv4", "ipv6") }},
		{"version", "of HTTP: 1.1, 2 or either; either by default", func(r *reader, c cursor, f *httpForm) {
			r.choice(c, &f.Version, "1.1", "2", "either")
			f.Version = strings.TrimPrefix(f.Version, "either")
		}},
		{"redirects", "how many to follow, none (the redirect is the answer), or same-host; 5 by default", func(r *reader, c cursor, f *httpForm) { r.redirects(c, f.HTTP) }},
		{"max_redirects", "redirects to follow; 5 by default, 0: the redirect is the answer", func(r *reader, c cursor, f *httpForm) { r.integer(c, &f.MaxRedirects, 0, 20) }},
		{"max_body", "bytes of the body to read, after inflation; 1MiB by default", func(r *reader, c cursor, f *httpForm) { r.size(c, &f.MaxBody, 1, 16<<20) }},
		{"insecure", "do not verify the certificate", func(r *reader, c cursor, f *httpForm) { r.boolean(c, &f.Insecure) }},
		{"ca", "PEM certificates to trust instead of the system's", func(r *reader, c cursor, f *httpForm) { r.certificates(c, &f.CA) }},
		{"client_cert", "cert and key in PEM, shown to the server", func(r *reader, c cursor, f *httpForm) { r.clientCert(c, &f.ClientCert) }},
		{"min_tls", "oldest TLS that is spoken: 1.0, 1.1, 1.2 or 1.3; 1.2 by default", func(r *reader, c cursor, f *httpForm) { r.choice(c, &f.MinTLS, "1.0", "1.1", "1.2", "1.3") }},
		{"traceparent", "send a new W3C trace context with every request: true (the default), sampled (ask that it be recorded) or false", func(r *reader, c cursor, f *httpForm) {
			r.may(fragment{"const": "sampled"})
			if n := r.enter(c.node, c.path); n != nil && n.Value == "sampled" {
				f.Traceparent, f.Sampled = true, true
				return
			}
			r.boolean(c, &f.Traceparent)
		}},
	}...)
}

func (r *reader) redirects(c cursor, h *monitor.HTTP) {
	n := r.scalar(c, "a number, none or same-host")
	if n == nil {
		return
	}
	switch n.Value {
	case "none":
		h.MaxRedirects = 0
	case "same-host":
		h.SameHost = true
	default:
		if _, err := strconv.Atoi(n.Value); err != nil {
			r.report(n, c.path, suggest(n.Value, []string{"none", "same-host"}), "expected a number from 0 to 20, none or same-host, found %q", n.Value)
			return
		}
		r.integer(c, &h.MaxRedirects, 0, 20)
	}
}

// readNeeds reads how many addresses must work; all is 0.
func (r *reader) readNeeds(c cursor, into *int) {
	n := r.scalar(c, "all, any or a number")
	if n == nil {
		return
	}
	switch n.Value {
	case "all":
	case "any":
		*into = 1
	default:
		if _, err := strconv.Atoi(n.Value); err != nil {
			r.report(n, c.path, suggest(n.Value, []string{"all", "any"}), "expected all, any or a number from 1 to 32, found %q", n.Value)
			return
		}
		r.integer(c, into, 1, 32)
	}
}

// stepForm is one step as it stands in the file.
type stepForm struct {
	monitor.Step
	request requestForm
}

func (f *httpForm) readSteps(r *reader, c cursor) {
	f.hasStep = true
	r.inSteps, r.saved = true, nil
	defer func() { r.inSteps, r.saved = false, nil }()
	r.list(c, false, func(c cursor) {
		s := stepForm{request: requestForm{Request: monitor.Request{Method: "GET"}}}
		if !r.mapping(c.node, c.path, func(c cursor) { stepKeys().read(r, c, &s) }) {
			return
		}
		r.oneBody(s.request)
		if s.request.URL == "" && !r.reported(c.path+".") {
			r.report(c.node, c.path, "", "url is missing")
		}
		s.Request = s.request.Request
		for _, saved := range s.Save {
			r.saved = append(r.saved, saved.Name)
		}
		f.steps = append(f.steps, s.Step)
	})
	if n := len(f.steps); (n == 0 || n > maxSteps) && !r.reported(c.path) {
		r.report(c.node, c.path, "", "expected 1 to %d steps, found %d", maxSteps, n)
	}
}

func stepKeys() keys[stepForm] {
	var out keys[stepForm]
	for _, k := range requestKeys {
		out = append(out, key[stepForm]{k.name, k.doc, func(r *reader, c cursor, s *stepForm) { k.read(r, c, &s.request) }})
	}
	expressions := func(r *reader, c cursor) (sources []string) {
		for _, x := range r.names(c) {
			r.expression(x, monitor.KindHTTP)
			sources = append(sources, x.name)
		}
		return sources
	}
	return append(out, keys[stepForm]{
		{"name", "for people, in messages", func(r *reader, c cursor, s *stepForm) {
			r.text(c, &s.Name)
			if len(s.Name) > 60 {
				r.report(c.node, c.path, "", "the name of a step has at most 60 bytes")
			}
		}},
		{"save", "values out of the answer, ${name} in later steps: an expression, or from and match", func(r *reader, c cursor, s *stepForm) { r.saves(c, s) }},
		{"expect", "expressions; a false one is down", func(r *reader, c cursor, s *stepForm) { s.Expect = expressions(r, c) }},
		{"warn", "expressions; a false one is degraded", func(r *reader, c cursor, s *stepForm) { s.Warn = expressions(r, c) }},
	}...)
}

func (r *reader) saves(c cursor, s *stepForm) {
	r.mapping(c.node, c.path, func(c cursor) {
		save := monitor.Save{Name: c.key.Value}
		if !monitor.IsSavedName(save.Name) {
			r.report(c.key, c.path, "", "a saved value's name is a lower-case letter, then lower-case letters, digits and _, at most 40; found %q", save.Name)
			return
		}
		shorthand(r, c, &save, saveKeys(), func(c cursor) { r.savedFrom(c, &save) })
		if save.From == "" && !r.reported(c.path) {
			r.report(c.key, c.path, "", "from is missing")
		}
		s.Save = append(s.Save, save)
	})
	slices.SortFunc(s.Save, func(a, b monitor.Save) int { return strings.Compare(a.Name, b.Name) })
}

func saveKeys() keys[monitor.Save] {
	return keys[monitor.Save]{
		{"from", "expression on the answer, such as body.access_token or headers.location", func(r *reader, c cursor, s *monitor.Save) { r.savedFrom(c, s) }},
		{"match", "regular expression on its text: the first group, or the whole match", func(r *reader, c cursor, s *monitor.Save) {
			r.text(c, &s.Match)
			if _, err := regexp.Compile(s.Match); err != nil || len(s.Match) > 500 {
				r.report(c.node, c.path, "", "expected a regular expression of at most 500 bytes, found %q", shorten(s.Match))
			}
		}},
	}
}

func (r *reader) savedFrom(c cursor, s *monitor.Save) {
	if n := r.scalar(c, "an expression"); n != nil {
		r.valueExpression(named{n.Value, n, c.path}, monitor.KindHTTP)
		s.From = n.Value
	}
}

// savedHint says where a name may be had from.
func (r *reader) savedHint(name string) string {
	if len(r.saved) == 0 {
		return "save it in an earlier step"
	}
	if hint := suggest(name, r.saved); hint != "" {
		return hint
	}
	return "saved are " + strings.Join(r.saved, ", ")
}

// savedPlaces reports whether saved values stand only behind the host of a URL:
// no target may choose whom the next step speaks to.
func (r *reader) savedPlaces(c cursor, n *yaml.Node, text string) bool {
	at := strings.Index(monitor.ExpandSaved(text, func(string) string { return "\x00" }), "\x00")
	if at < 0 {
		return true
	}
	_, rest, is := strings.Cut(text[:at], "://")
	if is && strings.ContainsAny(rest, "/?") {
		return true
	}
	r.report(n, c.path, "write https://host/${name}", "a saved value may stand in the path and the query of a URL, not before")
	return false
}
