package importer

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

// minHidden is how long a secret must be to be looked for in other texts.
const minHidden = 6

var (
	// secretName is what keys are called whose values are nobody's business.
	secretName = regexp.MustCompile(`(?i)(^|[^a-z])(auth|authorization|cookie|jwt|pwd|sig|pass)([^a-z]|$)|token|secret|passw|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|subscription[-_]?key|credential|signature|session|x-auth|webhook`)
	// secretForm is what tokens look like, by their makers.
	secretForm = regexp.MustCompile(`gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|[srp]k_(live|test)_\w{10,}|\bsk-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}|\bA(K|S)IA[A-Z0-9]{16}\b|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*|\bAIza[\w-]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY-----`)
	// secretField is a field of JSON, or of a form, with a secret.
	secretJSON = regexp.MustCompile(`"([^"\\]{1,60})"(\s*:\s*)"((?:[^"\\]|\\.)+)"`)
	secretPair = regexp.MustCompile(`([A-Za-z0-9_.-]+)=([^&\s;]+)`)
	// secretPlace is hosts whose paths are secrets: who knows one may post.
	secretPlace = regexp.MustCompile(`(?i)^(hooks\.slack\.com|discord(app)?\.com/api/webhooks|[^/]*webhook\.office\.com|chat\.googleapis\.com|hc-ping\.com|api\.telegram\.org/bot)`)
	loneRefs    = regexp.MustCompile(`\$\{[^}]*\}`)
)

// secret is the reference that stands for a value; a value has one wherever it is
// met. What is a reference, or empty, stays as it is.
func (s *source) secret(n *yaml.Node, path, value string, names ...string) string {
	if strings.Trim(loneRefs.ReplaceAllString(value, ""), " ") == "" {
		return value
	}
	name, known := s.secrets[value]
	if !known {
		name = s.variable(names...)
		s.secrets[value] = name
		hint := "set the environment variable " + name + " where the checks run, or put ${ssm:/a/parameter} in its place"
		if s.opts.Parameters != "" {
			hint = "store it in AWS Parameter Store as a SecureString"
		}
		s.warn(n, path, hint, "a secret is not written into the file: %s stands for it", s.reference(name))
	}
	return s.reference(name)
}

// reference is how a secret of a name is written: an environment variable, or a
// parameter of AWS where the options say so.
func (b *builder) reference(name string) string {
	if b.opts.Parameters != "" {
		return monitor.Reference{Source: monitor.SourceSSM, Name: b.opts.Parameters + "/" + name}.String()
	}
	return monitor.Reference{Source: monitor.SourceEnv, Name: name}.String()
}

// hide takes the secrets that were met out of a text for people.
func (s *source) hide(text string) string {
	values := make([]string, 0, len(s.secrets))
	for value := range s.secrets {
		if len(value) >= minHidden {
			values = append(values, value)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, value := range values {
		text = strings.ReplaceAll(text, value, "…")
	}
	return secretForm.ReplaceAllString(text, "…")
}

// header is the value of a header as it may be written.
func (s *source) header(n *yaml.Node, path, id, name, value string) string {
	for _, scheme := range []string{"Bearer ", "Basic ", "Token ", "ApiKey "} {
		if len(value) > len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) {
			return value[:len(scheme)] + s.secret(n, path, value[len(scheme):], id, strings.TrimSpace(scheme))
		}
	}
	if secretName.MatchString(name) || strings.HasSuffix(strings.ToLower(name), "-key") {
		return s.secret(n, path, value, id, name)
	}
	return s.tokens(n, path, id, value)
}

// tokens replaces what looks like the token of somebody.
func (s *source) tokens(n *yaml.Node, path, id, text string) string {
	return secretForm.ReplaceAllStringFunc(text, func(found string) string { return s.secret(n, path, found, id, "token") })
}

// body is a text that is sent, with its secrets replaced.
func (s *source) body(n *yaml.Node, path, id, text string) string {
	text = secretJSON.ReplaceAllStringFunc(text, func(found string) string {
		m := secretJSON.FindStringSubmatch(found)
		if !secretName.MatchString(m[1]) {
			return found
		}
		return `"` + m[1] + `"` + m[2] + `"` + s.secret(n, path, m[3], id, m[1]) + `"`
	})
	if !strings.ContainsAny(text, "{<") {
		text = s.pairs(n, path, id, text)
	}
	return s.tokens(n, path, id, text)
}

// pairs replaces the values of a form, or of a query, whose names say that they
// are secrets.
func (s *source) pairs(n *yaml.Node, path, id, text string) string {
	if !strings.Contains(text, "=") {
		return text // most have none, and the expression is slow
	}
	return secretPair.ReplaceAllStringFunc(text, func(found string) string {
		m := secretPair.FindStringSubmatch(found)
		if !secretName.MatchString(m[1]) && !strings.EqualFold(m[1], "key") {
			return found
		}
		return m[1] + "=" + s.secret(n, path, m[2], id, m[1])
	})
}

// address is a URL as it may be written, with the user and password that it held.
func (s *source) address(n *yaml.Node, path, id, text string) (string, *authOut) {
	scheme, rest, is := strings.Cut(text, "://")
	if !is {
		return text, nil
	}
	var auth *authOut
	host, tail := rest, ""
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		host, tail = rest[:at], rest[at:]
	}
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		user, password, _ := strings.Cut(host[:at], ":")
		host = host[at+1:]
		user, password = unescape(user), unescape(password)
		switch {
		case user != "" && password != "":
			auth = &authOut{Basic: &basicOut{User: user, Password: s.secret(n, path, password, id, "password")}}
		case user+password != "": // a token alone
			auth = &authOut{Basic: &basicOut{User: s.secret(n, path, user+password, id, "token"), Password: "x"}}
			s.warn(n, path, "see whether the server minds", "the URL has a token and no password: x is sent as the other")
		}
	}
	if secretPlace.MatchString(host+tail) && len(tail) > 1 {
		return scheme + "://" + host + "/" + s.secret(n, path, tail[1:], id, "path"), auth
	}
	if at := strings.IndexByte(tail, '?'); at >= 0 {
		tail = tail[:at+1] + s.pairs(n, path, id, tail[at+1:])
	}
	return scheme + "://" + host + s.tokens(n, path, id, tail), auth
}

func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}
