package expect_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// FuzzEval: no expression on no answer panics, runs on, or shows what it should
// not; and it says the same twice.
func FuzzEval(f *testing.F) {
	for _, seed := range [][2]string{
		{"all(body, # > 1)", "[1,2,3]"}, {"any(body.a, any(body.b, # == text))", `{"a":[1],"b":[{}]}`}, {"body + body == text", `"a"`},
		{"let a = [body, body]; let b = [a, a]; b == b", "[]"}, {"text matches body", `"("`}, {"count(body, lower(#) in headers) > 0", `["a",1]`},
		{"body[-1:] == body[0]", "[[]]"}, {`string(body) contains "\u001b"`, `{"\u001b":"\u202e"}`}, {"body?.a ?? 1..3 == body", "{}"}, {"-body > +status", "1e308"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		p, err := expect.Compile(source, monitor.KindHTTP)
		if err != nil {
			return
		}
		var body any
		_ = json.Unmarshal([]byte(text), &body)
		values := expect.Values{"body": body, "text": text, "status": 200, "headers": map[string]string{"a": text}, "cookies": map[string]string{}}
		ok, shown := p.Eval(values)
		if again, _ := p.Eval(values); again != ok {
			t.Errorf("%q is %t, then %t", source, ok, again)
		}
		if len(shown) > 500 || !utf8.ValidString(shown) || strings.ContainsFunc(shown, func(r rune) bool {
			return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
		}) {
			t.Errorf("%q shows %q", source, shown)
		}
		if v, is := p.Value(values).(bool); is && v != ok {
			t.Errorf("%q is %t, and gives %t", source, ok, v)
		}
	})
}
