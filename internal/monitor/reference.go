package monitor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Reference names a secret: ${env:NAME} in a text that is sent to a target is an
// environment variable where the check runs, ${ssm:/path} a parameter of AWS
// Systems Manager Parameter Store. Only probe turns one into its value.
type Reference struct {
	Source string // SourceEnv or SourceSSM
	Name   string // the variable; the parameter's name from its first slash
}

// The sources of secrets.
const (
	SourceEnv = "env"
	SourceSSM = "ssm"
)

// String is the reference as it is written.
func (r Reference) String() string { return "${" + r.Source + ":" + r.Name + "}" }

// maxParameter and maxLevels bound a parameter's name (Systems Manager User
// Guide, "Working with parameter hierarchies"; API reference, PutParameter).
const (
	maxParameter = 1011
	maxLevels    = 15
)

// ReadReference reads a reference as it is written, braces included. The error
// says what was expected.
func ReadReference(text string) (Reference, error) {
	inner, open := strings.CutPrefix(text, "${")
	inner, closed := strings.CutSuffix(inner, "}")
	source, name, _ := strings.Cut(inner, ":")
	r := Reference{source, name}
	switch {
	case open && closed && source == SourceEnv && isVariable(name):
		return r, nil
	case open && source == SourceSSM:
		if why := parameterFault(name); why != "" {
			return r, fmt.Errorf("expected a parameter's name as ${ssm:/path/to/parameter}, %s", why)
		}
		if closed {
			return r, nil
		}
	}
	return r, fmt.Errorf("expected a secret as ${env:NAME} or ${ssm:/path/to/parameter}")
}

func isVariable(name string) bool {
	for i, c := range []byte(name) {
		if !isLetter(c) && c != '_' && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return name != ""
}

// parameterFault says what is wrong with a parameter's name.
func parameterFault(name string) string {
	switch {
	case !strings.HasPrefix(name, "/"):
		return "which begins with a slash"
	case len(name) > maxParameter:
		return fmt.Sprintf("of at most %d characters, not %d", maxParameter, len(name))
	case strings.Count(name, "/") > maxLevels:
		return fmt.Sprintf("of at most %d levels", maxLevels)
	case strings.HasSuffix(name, "/"), strings.Contains(name, "//"):
		return "without an empty level"
	}
	for _, c := range []byte(name) {
		if !isLetter(c) && !isDigit(c) && !strings.ContainsRune("./_-", rune(c)) {
			return "of letters, digits, and . - _ /"
		}
	}
	return ""
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// Expand replaces the references in a text. What looks like one and is not stays
// as it is: a configuration that holds such a thing is refused when it is read.
func Expand(text string, value func(Reference) string) string {
	var out strings.Builder
	for {
		at := strings.Index(text, "${")
		if at < 0 {
			break
		}
		length := strings.IndexByte(text[at:], '}') + 1
		r, err := ReadReference(text[at : at+length])
		if err != nil {
			out.WriteString(text[:at+2])
			text = text[at+2:]
			continue
		}
		out.WriteString(text[:at])
		out.WriteString(value(r))
		text = text[at+length:]
	}
	if out.Len() == 0 {
		return text
	}
	return out.String() + text
}

// Fill returns the monitor with each text that is sent to its target replaced.
// The monitor itself is not changed.
func (m Monitor) Fill(replace func(string) string) Monitor {
	if m.HTTP != nil {
		m.HTTP = m.HTTP.fill(replace)
	}
	if m.TCP != nil && len(m.TCP.Dialogue) > 0 {
		t := *m.TCP
		t.Dialogue = fillTurns(t.Dialogue, replace)
		m.TCP = &t
	}
	if m.WebSocket != nil {
		w := *m.WebSocket
		w.URL, w.Headers, w.Dialogue = replace(w.URL), fillMap(w.Headers, replace), fillTurns(w.Dialogue, replace)
		m.WebSocket = &w
	}
	if m.Browser != nil {
		m.Browser = m.Browser.fill(replace)
	}
	if m.GRPC != nil {
		g := *m.GRPC
		g.Metadata, g.ClientCert = fillMap(g.Metadata, replace), g.ClientCert.fill(replace)
		m.GRPC = &g
	}
	if m.UDP != nil {
		u := *m.UDP
		u.Send = replace(u.Send)
		m.UDP = &u
	}
	if m.TLS != nil && m.TLS.ClientCert != nil {
		t := *m.TLS
		t.ClientCert = t.ClientCert.fill(replace)
		m.TLS = &t
	}
	return m
}

func (c *ClientCert) fill(replace func(string) string) *ClientCert {
	if c == nil {
		return nil
	}
	return &ClientCert{replace(c.Cert), replace(c.Key)}
}

func fillTurns(turns []Turn, replace func(string) string) []Turn {
	out := slices.Clone(turns)
	for i := range out {
		out[i].Send = replace(out[i].Send)
	}
	return out
}

func fillMap(from map[string]string, replace func(string) string) map[string]string {
	out := maps.Clone(from)
	for name, value := range out {
		out[name] = replace(value)
	}
	return out
}

// References lists the secrets that a check needs, each once.
func (m Monitor) References() []Reference {
	if !m.refers() {
		return nil
	}
	var out []Reference
	m.Fill(func(text string) string {
		return Expand(text, func(r Reference) string {
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
			return ""
		})
	})
	return out
}

// refers reports whether there may be references: most monitors have none.
func (m Monitor) refers() bool {
	may := func(text string) bool { return strings.Contains(text, "${") }
	switch {
	case m.HTTP != nil:
		return m.HTTP.refers()
	case m.TCP != nil:
		return slices.ContainsFunc(m.TCP.Dialogue, func(s Turn) bool { return may(s.Send) })
	case m.WebSocket != nil, m.GRPC != nil, m.Browser != nil:
		return true // it is a matter of microseconds to find none
	case m.UDP != nil:
		return may(m.UDP.Send)
	case m.TLS != nil && m.TLS.ClientCert != nil:
		return may(m.TLS.ClientCert.Cert) || may(m.TLS.ClientCert.Key)
	}
	return false
}
