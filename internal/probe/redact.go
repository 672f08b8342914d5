package probe

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

const (
	hidden     = "***"
	minSecret  = 4 // bytes; a shorter text would be found everywhere
	longSecret = 8 // a query value this long is a secret whatever its name
)

// redact takes the secrets of a monitor out of what its target said: a server
// may repeat what it was sent.
func redact(m monitor.Monitor, resolved []string, r *monitor.Result) {
	if m.HTTP == nil || r.Failure == nil && len(r.Expectations) == 0 {
		return
	}
	secrets := secretsOf(m.HTTP, resolved)
	if len(secrets) == 0 {
		return
	}
	if r.Failure != nil {
		r.Failure = &monitor.Failure{Kind: r.Failure.Kind, Detail: hide(r.Failure.Detail, secrets)}
	}
	r.Body = hide(r.Body, secrets)
	for i := range r.Expectations {
		r.Expectations[i].Shown = hide(r.Expectations[i].Shown, secrets)
	}
}

// secretsOf is the secrets that a request holds, with those that were resolved
// into it, the longest first.
func secretsOf(h *monitor.HTTP, resolved []string) []string {
	var out []string
	add := func(texts ...string) {
		for _, text := range texts {
			if len(text) >= minSecret {
				out = append(out, text)
			}
		}
	}
	for _, secret := range resolved {
		add(secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)))
	}
	for name, value := range h.Headers {
		if sensitive(name) {
			add(value)
			add(strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ;,", r) })...)
		}
	}
	if strings.ContainsAny(h.URL, "?@") {
		if u, err := url.Parse(h.URL); err == nil {
			if password, has := u.User.Password(); has {
				add(password, url.QueryEscape(password), url.PathEscape(password),
					base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
			}
			for pair := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
				name, raw, _ := strings.Cut(pair, "=")
				value, _ := url.QueryUnescape(raw)
				if sensitive(name) || len(value) >= longSecret {
					add(raw, value)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

func sensitive(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "cookie", "token", "key", "secret", "pass", "session", "sig", "credential"},
		func(part string) bool { return strings.Contains(name, part) })
}

// hide replaces secrets, and the beginning of one where the text was cut.
func hide(text string, secrets []string) string {
	if text == "" {
		return text
	}
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, hidden)
	}
	for _, s := range secrets {
		for n := len(s) - 1; n >= minSecret; n-- {
			text = strings.ReplaceAll(text, s[:n]+"...", hidden)
			if rest, cut := strings.CutSuffix(text, s[:n]); cut {
				text = rest + hidden
			}
		}
	}
	return text
}
