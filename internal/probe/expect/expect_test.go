package expect_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

func values(t *testing.T) expect.Values {
	t.Helper()
	var body any
	if err := json.Unmarshal([]byte(`{"status":"ok","count":3,"items":[{"id":1},{"id":2}],"ready":true}`), &body); err != nil {
		t.Fatal(err)
	}
	return expect.Values{
		"status": 503, "text": "a\x1b[31m text", "headers": map[string]string{"content-type": "text/html"}, "cert_days": 5,
		"dns_ms": 1.5, "connect_ms": 2.0, "tls_ms": 0.0, "ttfb_ms": 3.0, "transfer_ms": 1.0, "total_ms": 2310.5, "address": "203.0.113.1:443", "body": body,
	}
}

func TestEval(t *testing.T) {
	for _, test := range []struct {
		expr, shown string
		want        bool
	}{
		{"status == 200", "status was 503", false},
		{"status in [200, 503]", "status was 503", true},
		{"total_ms < 2000", "total_ms was 2310.5", false},
		{"status == 503 && total_ms > 1000", "status was 503, total_ms was 2310.5", true},
		{`body.status == "ok"`, `body.status was "ok"`, true},
		{"body.count > 2", "body.count was 3", true},
		{"body.ready", "body.ready was true", true},
		{"len(body.items) == 2", "body.items was [map[id:1] map[id:2]]", true},
		{"all(body.items, .id > 0)", "", true},
		{`body.missing == nil`, "body.missing was nothing", true},
		{`body.missing.deeper == 1`, "cannot be judged", false},
		{`headers["content-type"] startsWith "text/"`, `was "text/html"`, true},
		{`text contains "text"`, `text was "a [31m text"`, true},
		{"cert_days > 14", "cert_days was 5", false},
		{"has(body.count)", "body.count was 3", true},
	} {
		p, err := expect.Compile(test.expr, monitor.KindHTTP)
		if err != nil {
			t.Errorf("%s: %v", test.expr, err)
			continue
		}
		got, shown := p.Eval(values(t))
		if got != test.want || !strings.Contains(shown, test.shown) {
			t.Errorf("%s: got %t (%s), want %t (%s)", test.expr, got, shown, test.want, test.shown)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, test := range []struct {
		name, expr string
		kind       monitor.Kind
		column     int
		want       string
	}{
		{"unknown name", "status == 200 && total < 5", monitor.KindHTTP, 18, `http monitors have no "total"`},
		{"of another kind", "status == 200", monitor.KindTCP, 1, `tcp monitors have no "status"`},
		{"no truth value", "status + 1", monitor.KindHTTP, 1, "gives no truth value"},
		{"type mismatch", `status == "200"`, monitor.KindHTTP, 8, "mismatched types"},
		{"syntax", "status ==", monitor.KindHTTP, 9, "cannot be read"},
		{"empty", "  ", monitor.KindHTTP, 1, "is empty"},
		{"too long", strings.Repeat("1", 2000), monitor.KindHTTP, 1, "longer than"},
		{"too many nodes", strings.Repeat("1+", 400) + "1 > 0", monitor.KindHTTP, 0, "cannot be read"},
		{"a clock", "now() > 0", monitor.KindHTTP, 1, `no "now"`},
	} {
		_, err := expect.Compile(test.expr, test.kind)
		e, ok := expect.AsError(err)
		if !ok {
			t.Errorf("%s: got %v, want an *Error", test.name, err)
			continue
		}
		if !strings.Contains(e.Message, test.want) || test.column > 0 && e.Column != test.column {
			t.Errorf("%s: got column %d: %s, want column %d: %s", test.name, e.Column, e.Message, test.column, test.want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"status == 200", "body.a[0].b > 1", `text matches "^a+$"`, "all(body, # > 1)", "1..1000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		p, err := expect.Compile(source, monitor.KindHTTP)
		if err != nil {
			if _, ok := expect.AsError(err); !ok {
				t.Fatalf("%v is no *Error", err)
			}
			return
		}
		if _, shown := p.Eval(expect.Values{"body": nil}); strings.ContainsAny(shown, "\x1b\n\r\x00") {
			t.Fatalf("shown holds control characters: %q", shown)
		}
	})
}
