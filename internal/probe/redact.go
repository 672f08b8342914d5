package probe

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// longSecret: a query value this long, in bytes, is a secret whatever its name,
// and so is this long a piece of a secret that a server may have taken apart.
const longSecret = 8

// maxParts is how many parts of one secret are looked for, the longest: a key in
// PEM has a hundred, a token that somebody made for it could have thousands.
const maxParts = 300

// redact takes secrets out of every text that a target may have had a hand in: a
// server may repeat what it was sent.
func redact(r *monitor.Result, h *hider) {
	if h == nil {
		return
	}
	h.work = maxHiding // little is left to look through, and it is what people read
	r.Failure = h.failure(r.Failure)
	if c := r.Certificate; c != nil {
		hidden := *c
		hidden.Subject, hidden.Issuer = h.hide(c.Subject), h.hide(c.Issuer)
		hidden.Chain = slices.Clone(c.Chain)
		for i := range hidden.Chain {
			link := &hidden.Chain[i]
			link.Subject, link.Issuer, link.Names = h.hide(link.Subject), h.hide(link.Issuer), slices.Clone(link.Names)
			for j, name := range link.Names {
				link.Names[j] = h.hide(name)
			}
		}
		r.Certificate = &hidden
	}
	r.Body, r.Address, r.Resolver = h.hide(r.Body), h.hide(r.Address), h.hide(r.Resolver)
	h.expectations(r.Expectations)
	for i := range r.Steps {
		s := &r.Steps[i]
		s.Failure, s.Address = h.failure(s.Failure), h.hide(s.Address)
		h.expectations(s.Expectations)
	}
	for i := range r.Addresses {
		r.Addresses[i].Failure = h.failure(r.Addresses[i].Failure)
	}
	if c := r.Cutover; c != nil {
		for i, b := range c.Behind {
			c.Behind[i] = monitor.Behind{Server: h.hide(b.Server), Says: h.hide(b.Says)}
		}
	}
	for i, answer := range r.Answers {
		r.Answers[i] = h.hide(answer)
	}
}

func (h *hider) failure(f *monitor.Failure) *monitor.Failure {
	if f == nil {
		return nil
	}
	return &monitor.Failure{Kind: f.Kind, Detail: h.hide(f.Detail), Warn: f.Warn}
}

func (h *hider) expectations(all []monitor.Expectation) {
	for i := range all {
		x := &all[i]
		x.Expr, x.Shown = h.hide(x.Expr), h.hide(x.Shown)
	}
}

// hiding returns what hides the secrets of a monitor: those that were resolved
// into it, and those that stand in it plainly. Nil if it has none.
func hiding(m monitor.Monitor, resolved []string) *hider {
	f := forms{}
	for _, secret := range resolved {
		f.add(secret)
	}
	if m.WebSocket != nil {
		f.addURL(m.WebSocket.URL)
		f.addHeaders(m.WebSocket.Headers)
	}
	if m.GRPC != nil {
		f.addHeaders(m.GRPC.Metadata)
	}
	if m.HTTP != nil {
		for _, step := range m.HTTP.Requests() {
			f.addRequest(step.Request)
		}
	}
	return newHider(f)
}

// forms is the set of texts that give a secret away.
type forms map[string]bool

func (f forms) keep(text string, least int) {
	if len(text) >= least {
		f[text] = true
	}
}

// add adds a secret, what a server makes of it that decodes it or takes it
// apart, and what each of these is in base64 and hex. Escaped forms are found by
// the hider itself.
func (f forms) add(secret string) {
	parts := []string{secret, printable(secret, len(secret)+4)}
	if plain, err := url.QueryUnescape(secret); err == nil {
		parts = append(parts, plain)
	}
	if plain, err := url.PathUnescape(secret); err == nil {
		parts = append(parts, plain)
	}
	parts = append(parts, strings.Fields(secret)...)
	for _, piece := range strings.FieldsFunc(secret, func(r rune) bool { return strings.ContainsRune(" ;,&=#?/:@", r) }) {
		if len(piece) >= longSecret {
			parts = append(parts, piece)
		}
	}
	if token, is := cutFold(secret, "basic "); is {
		if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token)); err == nil {
			_, password, _ := strings.Cut(string(decoded), ":")
			parts = append(parts, string(decoded), password)
		}
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	for _, part := range parts[:min(len(parts), maxParts)] {
		if len(part) < minSecret || f[part] {
			continue
		}
		f[part] = true
		f.encode(part)
	}
}

func cutFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return "", false
	}
	return text[len(prefix):], true
}

// encode adds a text in base64 and hex, as it is and escaped before.
func (f forms) encode(text string) {
	quoted, _ := json.Marshal(text)
	before := []string{text, url.QueryEscape(text), url.PathEscape(text), strings.Trim(string(quoted), `"`)}
	slices.Sort(before)
	for _, t := range slices.Compact(before) {
		f.keep(hex.EncodeToString([]byte(t)), minSecret)
		for shift := range 3 {
			f.keep(inside(base64.RawStdEncoding, t, shift), minSecret)
			f.keep(inside(base64.RawURLEncoding, t, shift), minSecret)
		}
	}
}

// inside is the characters that a text has in the base64 of any longer text that
// it stands in ("user:secret"), so many bytes after a multiple of three.
func inside(e *base64.Encoding, text string, shift int) string {
	encoded := e.EncodeToString(append(make([]byte, shift), text...))
	from, to := (8*shift+5)/6, 8*(shift+len(text))/6
	return encoded[from:to]
}

func (f forms) addRequest(r monitor.Request) {
	f.addHeaders(r.Headers)
	f.addURL(r.URL)
	for name, values := range r.Form {
		for _, value := range values {
			f.addField(name, value)
		}
	}
	if r.JSON != "" {
		var v any
		_ = json.Unmarshal([]byte(r.JSON), &v)
		f.addJSON("", v)
	}
	if a := r.Auth; a != nil {
		f.add(a.Bearer)
		if a.Basic != nil {
			f.add(a.Basic.Password)
		}
		if a.OAuth2 != nil {
			f.add(a.OAuth2.ClientSecret)
			f.addURL(a.OAuth2.TokenURL)
		}
	}
}

// addField adds the value of a field whose name says that it is a secret.
func (f forms) addField(name, value string) {
	if sensitive(name) {
		f.add(value)
	}
}

// addJSON adds what stands in fields whose names say that they are secrets.
func (f forms) addJSON(name string, v any) {
	switch v := v.(type) {
	case string:
		f.addField(name, v)
	case []any:
		for _, one := range v {
			f.addJSON(name, one)
		}
	case map[string]any:
		for name, one := range v {
			f.addJSON(name, one)
		}
	}
}

func (f forms) addHeaders(headers map[string]string) {
	for name, value := range headers {
		if sensitive(name) {
			f.add(value)
			for _, part := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ;,", r) }) {
				f.add(part)
			}
		}
	}
}

func (f forms) addURL(text string) {
	if !strings.ContainsAny(text, "?@") {
		return
	}
	u, err := url.Parse(text)
	if err != nil {
		return
	}
	if password, has := u.User.Password(); has {
		f.add(password)
	}
	for pair := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		name, raw, _ := strings.Cut(pair, "=")
		if value, _ := url.QueryUnescape(raw); sensitive(name) || len(value) >= longSecret {
			f.add(raw)
		}
	}
}

func sensitive(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "cookie", "token", "key", "secret", "pass", "session", "sig", "credential"},
		func(part string) bool { return strings.Contains(name, part) })
}

// values returns what expressions are judged on, without secrets; nil if there
// are none to hide.
func (h *hider) values(values expect.Values) expect.Values {
	if h == nil {
		return nil
	}
	out := make(expect.Values, len(values))
	for name, value := range values {
		out[name] = h.value(value)
	}
	return out
}

func (h *hider) value(value any) any {
	switch v := value.(type) {
	case string:
		return h.hide(v)
	case float64: // of JSON
		if text := fmt.Sprintf("%.0f", v); h.hide(text) != text {
			return hidden
		}
	case []string:
		out := make([]string, len(v))
		for i := range v {
			out[i] = h.hide(v[i])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = h.value(v[i])
		}
		return out
	case map[string]string:
		out := make(map[string]string, len(v))
		for name, one := range v {
			out[h.hide(name)] = h.hide(one)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, one := range v {
			out[h.hide(name)] = h.value(one)
		}
		return out
	}
	return value
}
