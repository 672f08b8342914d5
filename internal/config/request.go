package config

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

const maxJSON = 64 << 10 // bytes of a json: body

// requestForm is a request as it stands in the file.
type requestForm struct {
	monitor.Request
	bodies []cursor // keys that give a body
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

var requestKeys = keys[requestForm]{
	{"url", "what is asked for: http or https", func(r *reader, c cursor, q *requestForm) { r.webURL(c, &q.URL) }},
	{"method", "GET by default", func(r *reader, c cursor, q *requestForm) { r.choice(c, &q.Method, methods...) }},
	{"headers", "headers of the request", func(r *reader, c cursor, q *requestForm) { r.headers(c, &q.Headers) }},
	{"body", "body of the request, as text", func(r *reader, c cursor, q *requestForm) {
		q.bodies = append(q.bodies, c)
		r.text(c, &q.Body)
		r.secrets(c, q.Body)
	}},
	{"json", "body of the request, any value, sent as JSON", func(r *reader, c cursor, q *requestForm) {
		q.bodies = append(q.bodies, c)
		r.jsonBody(c, &q.JSON)
	}},
	{"form", "body of the request, fields with one value or several", func(r *reader, c cursor, q *requestForm) {
		q.bodies = append(q.bodies, c)
		q.Form = map[string][]string{}
		r.mapping(c.node, c.path, func(c cursor) {
			r.list(c, true, func(one cursor) {
				value := ""
				r.text(one, &value)
				r.secrets(one, value)
				q.Form[c.key.Value] = append(q.Form[c.key.Value], value)
			})
		})
	}},
	{"auth", "who asks: basic, bearer or oauth2", func(r *reader, c cursor, q *requestForm) { r.auth(c, &q.Auth) }},
}

func (r *reader) oneBody(q requestForm) {
	if len(q.bodies) > 1 {
		c := q.bodies[1]
		r.report(c.key, c.path, "leave one of them out", "the request has a body already, %s", q.bodies[0].key.Value)
	}
}

func (r *reader) headers(c cursor, into *map[string]string) {
	headers := map[string]string{}
	*into = headers
	r.mapping(c.node, c.path, func(c cursor) {
		value := ""
		r.text(c, &value)
		if !headerName.MatchString(c.key.Value) || strings.ContainsAny(value, "\r\n\x00") {
			r.report(c.key, c.path, "", "%q is not a header that can be sent", c.key.Value)
		}
		r.secrets(c, value)
		headers[c.key.Value] = value
	})
}

func (r *reader) jsonBody(c cursor, into *string) {
	v := r.anyValue(c)
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		r.report(c.node, c.path, "", "expected a value that JSON has: numbers such as .inf are none")
		return
	}
	*into = strings.TrimSuffix(out.String(), "\n")
	if len(*into) > maxJSON {
		r.report(c.node, c.path, "", "the body is longer than %d bytes", maxJSON)
	}
}

// anyValue is a value of the file as encoding/json takes it.
func (r *reader) anyValue(c cursor) any {
	n := r.enter(c.node, c.path)
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.MappingNode:
		out := map[string]any{}
		r.mapping(n, c.path, func(c cursor) { out[c.key.Value] = r.anyValue(c) })
		return out
	case n.Kind == yaml.SequenceNode:
		out := []any{}
		r.list(c, false, func(c cursor) { out = append(out, r.anyValue(c)) })
		return out
	}
	var v any
	switch n.Tag {
	case "!!int", "!!float", "!!bool", "!!null":
		if n.Decode(&v) == nil {
			return v
		}
	}
	r.secrets(cursor{n, c.path, c.key}, n.Value)
	return n.Value
}

func (r *reader) auth(c cursor, into **monitor.Auth) {
	a := &monitor.Auth{}
	var ways []cursor
	r.mapping(c.node, c.path, func(c cursor) {
		ways = append(ways, c)
		authKeys.read(r, c, a)
	})
	switch {
	case len(ways) > 1:
		r.report(ways[1].key, ways[1].path, "leave one of them out", "auth has %s already", ways[0].key.Value)
	case len(ways) == 0 && !r.reported(c.path):
		r.report(c.node, c.path, "", "auth needs one of basic, bearer, oauth2")
	}
	*into = a
}

var authKeys = keys[monitor.Auth]{
	{"basic", "user and password", func(r *reader, c cursor, a *monitor.Auth) {
		a.Basic = &monitor.Basic{}
		r.mapping(c.node, c.path, func(c cursor) { basicKeys.read(r, c, a.Basic) })
		r.needed(c, "user", a.Basic.User)
		r.needed(c, "password", a.Basic.Password)
	}},
	{"bearer", "a token", func(r *reader, c cursor, a *monitor.Auth) { r.sent(c, &a.Bearer) }},
	{"oauth2", "a token by client credentials", func(r *reader, c cursor, a *monitor.Auth) {
		a.OAuth2 = &monitor.OAuth2{}
		r.mapping(c.node, c.path, func(c cursor) { oauth2Keys.read(r, c, a.OAuth2) })
		r.needed(c, "token_url", a.OAuth2.TokenURL)
		r.needed(c, "client_id", a.OAuth2.ClientID)
		r.needed(c, "client_secret", a.OAuth2.ClientSecret)
	}},
}

var basicKeys = keys[monitor.Basic]{
	{"user", "name", func(r *reader, c cursor, b *monitor.Basic) { r.sent(c, &b.User) }},
	{"password", "password, best as ${env:NAME} or ${ssm:/path}", func(r *reader, c cursor, b *monitor.Basic) { r.sent(c, &b.Password) }},
}

var oauth2Keys = keys[monitor.OAuth2]{
	{"token_url", "where the token is fetched", func(r *reader, c cursor, o *monitor.OAuth2) { r.fixed(c, func(c cursor) { r.webURL(c, &o.TokenURL) }) }},
	{"client_id", "name of the client", func(r *reader, c cursor, o *monitor.OAuth2) { r.fixed(c, func(c cursor) { r.sent(c, &o.ClientID) }) }},
	{"client_secret", "secret of the client, best as ${env:NAME} or ${ssm:/path}", func(r *reader, c cursor, o *monitor.OAuth2) {
		r.fixed(c, func(c cursor) { r.sent(c, &o.ClientSecret) })
	}},
	{"scopes", "what the token is asked for", func(r *reader, c cursor, o *monitor.OAuth2) {
		r.list(c, true, func(c cursor) {
			scope := ""
			r.sent(c, &scope)
			o.Scopes = append(o.Scopes, scope)
		})
	}},
}

// fixed reads what may not hold a saved value: tokens outlive a check.
func (r *reader) fixed(c cursor, read func(cursor)) {
	was := r.inSteps
	r.inSteps = false
	defer func() { r.inSteps = was }()
	read(c)
}

// sent reads a text that is sent, and may hold secrets.
func (r *reader) sent(c cursor, into *string) {
	r.text(c, into)
	r.secrets(c, *into)
	if *into == "" && !r.reported(c.path) {
		r.report(c.node, c.path, "", "expected a text, found an empty one")
	}
	if strings.ContainsAny(*into, "\r\n\x00") {
		r.report(c.node, c.path, "", "expected a text of one line")
	}
}

func (r *reader) needed(c cursor, name, value string) {
	if value == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "%s is missing", name)
	}
}
