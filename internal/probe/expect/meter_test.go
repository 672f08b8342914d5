package expect_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

func many(n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = float64(i)
	}
	return out
}

// TestWork: what a target sends cannot make an expression dear. Without the meter
// each of the dear ones takes from seconds to for ever.
func TestWork(t *testing.T) {
	const stops, reads = "too much work", ""
	for _, test := range []struct {
		name, expr string
		values     expect.Values
		shown      string // why it cannot be judged; empty: it can
		want       bool
	}{
		{"a loop", "all(body, # >= 0)", expect.Values{"body": many(40_000)}, reads, true},
		{"a loop in a loop", "all(body, let x = #; none(body, # + x == -1))", expect.Values{"body": many(5_000)}, stops, false},
		{"a loop hidden in a search", "none(body, # in [body, body])", expect.Values{"body": many(5_000)}, stops, false},
		{"comparing lists in a loop", "all(body, body == body)", expect.Values{"body": many(5_000)}, stops, false},
		{"writing out in a loop", `none(body, string(body) == "")`, expect.Values{"body": many(5_000)}, stops, false},
		{"searching in a loop", `none(body, text matches "a.*b")`, expect.Values{"body": many(5_000), "text": strings.Repeat("a", 60_000)}, stops, false},
		{"searching once", `text matches "a+b$"`, expect.Values{"text": strings.Repeat("a", 60_000) + "b"}, reads, true},
		{"a text that doubles", doubling("x + x"), expect.Values{"text": strings.Repeat("a", 60_000)}, "more than 1 MiB", false},
		{"a list that doubles", doubling("[x, x]"), expect.Values{"text": "a"}, stops, false},
		{"a pattern of the target", `text matches body`, expect.Values{"text": "a", "body": strings.Repeat("(a?){500}", 200)}, "longer than 1000 bytes", false},
		{"a pattern of a thousand steps", `text matches "(a?){900}b"`, expect.Values{"text": strings.Repeat("a", 65_536)}, stops, false},
		{"such a pattern of the target", `text matches body`, expect.Values{"text": strings.Repeat("a", 65_536), "body": "(a?){900}b"}, stops, false},
		{"a pattern that is long, and fair", `text matches "[0-9a-f]{64}$"`, expect.Values{"text": strings.Repeat("a", 65_536)}, reads, true},
		{"numbers still add", "body[1] + body[2] == 3.0", expect.Values{"body": many(3)}, reads, true},
		{"texts still join", `text + "b" == "ab"`, expect.Values{"text": "a"}, reads, true},
		{"a number and a text do not", `body + "b" == "1b"`, expect.Values{"body": 1.0}, "cannot be judged", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := expect.Compile(test.expr, monitor.KindHTTP)
			if err != nil {
				t.Fatal(err)
			}
			got, shown := p.Eval(test.values)
			if got != test.want || !strings.Contains(shown, test.shown) || (test.shown == "") == strings.Contains(shown, "cannot be judged") {
				t.Errorf("got %t (%s), want %t (%s)", got, shown, test.want, test.shown)
			}
		})
	}
}

// TestMeterChangesNothing: what is cheap is judged as without a meter.
func TestMeterChangesNothing(t *testing.T) {
	values := expect.Values{"status": 200, "text": "Hello", "headers": map[string]string{"a": "b"}, "total_ms": 2.5,
		"body": map[string]any{"n": 2.0, "s": "x", "l": []any{1.0, 2.0, "x"}, "o": map[string]any{"k": nil}}}
	for source, want := range map[string]bool{
		`text contains "ell" && text startsWith "He" && text endsWith "lo"`: true,
		`lower(text) == "hello" && upper(text) != text`:                     true,
		`lower(text) in ["hello", "hi"]`:                                    true,
		`body.s not in ["y"] && "a" in headers`:                             true,
		`"n" in body && 2 in body.l && !("z" in body.o)`:                    true,
		`body.n + 1 == 3 && body.n + body.n > 3.5`:                          true,
		`status in 200..299 && total_ms + 1 < 4`:                            true,
		`len(text + body.s) == 6 && (text + "!")[5:6] == "!"`:               true,
		`any(body.l, # == "x") && all(body.l, # != nil)`:                    true,
		`count(body.l, # == 1) == 1 && none(body.l, # == 9)`:                true,
		`text matches "^H.l+o$" && !(text matches body.s + "$")`:            true,
		`body.o.k == nil && body.missing == nil && has(body.n)`:             true,
		`string(body.n) == "2" && int(body.n) == 2 && float("1.5") == 1.5`:  true,
		`(body.s == "x" ? text : body.s) == "Hello"`:                        true,
		`"axb" matches "a" + body.s && !(body.missing matches text)`:        true,
		`trim(" a ") == "a" && body.l[0] < body.l[1]`:                       true,
		`text == "hello"`: false,
	} {
		p, err := expect.Compile(source, monitor.KindHTTP)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, shown := p.Eval(values); got != want {
			t.Errorf("%s is %t (%s)", source, got, shown)
		}
	}
}

// doubling puts a value together with itself, forty times.
func doubling(form string) string {
	out := "let a0 = text; "
	for i := range 40 {
		out += fmt.Sprintf("let a%d = %s; ", i+1, strings.ReplaceAll(form, "x", "a"+strconv.Itoa(i)))
	}
	return out + `a40 == a40`
}

// TestShownIsShort: of a large value only what is shown is written.
func TestShownIsShort(t *testing.T) {
	deep := any("end")
	for range 9000 {
		deep = map[string]any{"a": []any{deep}}
	}
	p, err := expect.Compile("body == 1", monitor.KindHTTP)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		body any
		want string
	}{
		"deep":    {deep, "body was map[a:[map[a:["},
		"long":    {many(40_000), "body was [0 1 2 3"},
		"hostile": {map[string]any{"\x1b[31m\u2028": "\u202e"}, "body was map[ [31m : ]"},
	} {
		if _, shown := p.Eval(expect.Values{"body": test.body}); !strings.HasPrefix(shown, test.want) || len(shown) > 320 {
			t.Errorf("%s: %q, want %q", name, shown, test.want)
		}
	}
}
