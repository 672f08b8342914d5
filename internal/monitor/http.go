package monitor

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Request is one HTTP request. Of Body, JSON and Form at most one is set.
type Request struct {
	URL     string              `json:"url"`    // http or https
	Method  string              `json:"method"` // GET by default
	Headers map[string]string   `json:"headers,omitempty"`
	Body    string              `json:"body,omitempty"`
	JSON    string              `json:"json,omitempty"` // the body, one JSON value
	Form    map[string][]string `json:"form,omitempty"` // the body, application/x-www-form-urlencoded
	Auth    *Auth               `json:"auth,omitempty"`
}

// Auth is how a request says who it is from. Exactly one of its fields is set.
type Auth struct {
	Basic  *Basic  `json:"basic,omitempty"`
	Bearer string  `json:"bearer,omitempty"` // the token
	OAuth2 *OAuth2 `json:"oauth2,omitempty"`
}

// Basic is a name and a password (RFC 7617).
type Basic struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// OAuth2 fetches a token with client credentials (RFC 6749, 4.4).
type OAuth2 struct {
	TokenURL     string   `json:"token_url"` // http or https
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
	Scopes       []string `json:"scopes,omitempty"`
}

// ClientCert is what the client shows in the TLS hand-shake, both in PEM.
type ClientCert struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// Step is one request of several that are made in a row, in one check, with one
// set of cookies. ${name} in it stands for what an earlier step saved.
type Step struct {
	Name string `json:"name,omitempty"`
	Request
	Save   []Save   `json:"save,omitempty"`   // by name, ascending
	Expect []string `json:"expect,omitempty"` // a false one is down, and ends the check
	Warn   []string `json:"warn,omitempty"`   // a false one is degraded
}

// Save is a value taken out of an answer, for later steps.
type Save struct {
	Name  string `json:"name"`            // ${name} in later steps
	From  string `json:"from"`            // expression on the answer
	Match string `json:"match,omitempty"` // regular expression on its text: the first group, or the whole match
}

// Requests lists what a check asks for, in order: the steps, or the one request
// as a step without a name.
func (h *HTTP) Requests() []Step {
	if len(h.Steps) > 0 {
		return h.Steps
	}
	return []Step{{Request: Request{h.URL, h.Method, h.Headers, h.Body, h.JSON, h.Form, h.Auth}}}
}

// Fill returns the request with each text that is sent replaced; JSON and forms
// are taken apart for it, so that nothing can break out of its place.
func (r Request) Fill(replace func(string) string) Request {
	r.URL, r.Body, r.JSON = replace(r.URL), replace(r.Body), fillJSON(r.JSON, replace)
	r.Headers = maps.Clone(r.Headers)
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		r.Headers[name] = replace(r.Headers[name])
	}
	r.Form = maps.Clone(r.Form)
	for _, name := range slices.Sorted(maps.Keys(r.Form)) {
		r.Form[name] = fillAll(r.Form[name], replace)
	}
	if r.Auth != nil {
		r.Auth = r.Auth.fill(replace)
	}
	return r
}

func (a *Auth) fill(replace func(string) string) *Auth {
	out := &Auth{Bearer: replace(a.Bearer)}
	if b := a.Basic; b != nil {
		out.Basic = &Basic{replace(b.User), replace(b.Password)}
	}
	if o := a.OAuth2; o != nil {
		out.OAuth2 = &OAuth2{replace(o.TokenURL), replace(o.ClientID), replace(o.ClientSecret), fillAll(o.Scopes, replace)}
	}
	return out
}

func fillAll(texts []string, replace func(string) string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = replace(text)
	}
	return out
}

// fillJSON replaces the texts in a JSON value; names of fields stay.
func fillJSON(text string, replace func(string) string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return text
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(fillValue(v, replace)) != nil {
		return text
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func fillValue(v any, replace func(string) string) any {
	switch v := v.(type) {
	case string:
		return replace(v)
	case []any:
		for i := range v {
			v[i] = fillValue(v[i], replace)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			v[name] = fillValue(v[name], replace)
		}
	}
	return v
}

// fill returns a copy with each text that is sent replaced.
func (h *HTTP) fill(replace func(string) string) *HTTP {
	out := *h
	r := Request{h.URL, h.Method, h.Headers, h.Body, h.JSON, h.Form, h.Auth}.Fill(replace)
	out.URL, out.Headers, out.Body, out.JSON, out.Form, out.Auth = r.URL, r.Headers, r.Body, r.JSON, r.Form, r.Auth
	out.Steps = slices.Clone(h.Steps)
	for i := range out.Steps {
		out.Steps[i].Request = out.Steps[i].Fill(replace)
	}
	out.ClientCert = h.ClientCert.fill(replace)
	return &out
}

// refers reports whether there may be references: most monitors have none.
func (h *HTTP) refers() bool {
	for _, value := range h.Headers {
		if strings.Contains(value, "${") {
			return true
		}
	}
	return strings.Contains(h.URL, "${") || strings.Contains(h.Body, "${") || strings.Contains(h.JSON, "${") ||
		h.Form != nil || h.Auth != nil || h.Steps != nil || h.ClientCert != nil
}

// ExpandSaved replaces ${name}, where name is of lower-case letters, digits and _
// and begins with a letter, which no Reference is. Everything else stays.
func ExpandSaved(text string, value func(name string) string) string {
	var out strings.Builder
	for {
		at := strings.Index(text, "${")
		if at < 0 {
			break
		}
		length := strings.IndexByte(text[at:], '}')
		if length < 0 || !IsSavedName(text[at+2:at+length]) {
			out.WriteString(text[:at+2])
			text = text[at+2:]
			continue
		}
		out.WriteString(text[:at])
		out.WriteString(value(text[at+2 : at+length]))
		text = text[at+length+1:]
	}
	if out.Len() == 0 {
		return text
	}
	return out.String() + text
}

// IsSavedName reports whether a step may save a value under this name.
func IsSavedName(name string) bool {
	for i, c := range []byte(name) {
		if ('a' > c || c > 'z') && (i == 0 || !isDigit(c) && c != '_') {
			return false
		}
	}
	return name != "" && len(name) <= 40
}
