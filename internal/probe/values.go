package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/probe/expect"
)

const (
	keptBody   = 1 << 10  // bytes of the body kept with a failure
	textOfBody = 64 << 10 // bytes of the body that expressions see as text
	maxValues  = 50_000   // values of a body in JSON: each takes up to 350 bytes of memory
)

// valuesOf is what expressions may use of an answer, and what is to be said of
// body where it was not read. What none of them names is not made.
func valuesOf(wanted []string, response *http.Response, body []byte) (v expect.Values, note string) {
	v = expect.Values{"cookies": map[string]string(nil), "status": response.StatusCode, "cert_days": 0, "body": nil, "text": "", "headers": map[string]string(nil)}
	if mentions(wanted, "headers") {
		headers := make(map[string]string, len(response.Header))
		for name, values := range response.Header {
			headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
		v["headers"] = headers
	}
	if mentions(wanted, "text") {
		v["text"] = strings.ToValidUTF8(string(body[:min(len(body), textOfBody)]), "?")
	}
	if mentions(wanted, "body") {
		v["body"], note = parsed(body)
	}
	return v, note
}

// parsed is a body in JSON; nil where it is none, and where it would take too
// much memory, which the note says.
func parsed(body []byte) (value any, note string) {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || bytes.IndexByte([]byte(`{["-0123456789tfn`), trimmed[0]) < 0 {
		return nil, ""
	}
	if valuesIn(trimmed) > maxValues {
		return nil, fmt.Sprintf("the body holds more than %d values, and is not read", maxValues)
	}
	if json.Unmarshal(body, &value) != nil {
		return nil, ""
	}
	return value, ""
}

// valuesIn counts values of JSON, or more, without making any.
func valuesIn(text []byte) int {
	n, quoted := 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}

// mentions reports whether one of the expressions may use a name.
func mentions(expressions []string, name string) bool {
	return slices.ContainsFunc(expressions, func(source string) bool { return strings.Contains(source, name) })
}

func printableBody(body []byte) string {
	return printable(string(body[:min(len(body), keptBody)]), keptBody)
}
