package importer_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/importer"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// TestMeaning: a condition of Gatus and what became of it judge an answer alike.
// The verdicts are those of Gatus' own tests (config/endpoint/condition_test.go)
// and of its README.
func TestMeaning(t *testing.T) {
	const body = `{"status": "UP", "name": "john.doe", "age": 30, "ok": true, "none": null, "text": "30",
		"user": {"name": "anna", "first-name": "a", "roles": ["admin", "dev"]}, "data": [{"id": 1}, {"id": 2}], "errors": {"a": 1}}`
	for _, c := range []struct {
		condition string
		want      bool
	}{
		{"[STATUS] == 200", true}, {"[STATUS] == any(200, 429)", true}, {"[STATUS] == any(404, 429)", false}, {"[STATUS] != 200", false},
		{"[STATUS] < 300", true}, {"[STATUS] >= 500", false}, {"200 == [STATUS]", true}, {"300 > [STATUS]", true}, {"[STATUS] == pat(2*)", true},
		{"[STATUS] == pat(5*)", false}, {"[STATUS] != pat(5??)", true}, {"[STATUS] == pat(*00)", true},
		{"[RESPONSE_TIME] < 500", true}, {"[RESPONSE_TIME] < 100ms", false}, {"[RESPONSE_TIME] > 1s", false},
		{"[BODY].status == UP", true}, {"[BODY].status == DOWN", false}, {"[BODY].status != DOWN", true}, {"[BODY].status == any(UP, OK)", true},
		{"[BODY].name == pat(john*)", true}, {"[BODY].name == pat(*doe)", true}, {"[BODY].name == pat(*.*)", true}, {"[BODY].name == pat(j?hn*)", true},
		{"[BODY].name != pat(john*)", false}, {"[BODY].name == pat(jane*)", false}, {"[BODY].name == pat(j[aeiou]hn*)", true},
		{"[BODY].age == 30", true}, {"[BODY].age > 29", true}, {"[BODY].age < 30", false}, {"[BODY].age != 31", true}, {"[BODY].ok == true", true},
		{"[BODY].user.name == anna", true}, {"[BODY].user.first-name == a", true}, {"[BODY].user.roles[1] == dev", true}, {"[BODY].data[0].id == 1", true},
		{"[BODY].nothing == x", false}, {"[BODY].nothing != x", true}, {"[BODY].user.nothing.at.all != x", true},
		{"len([BODY].data) == 2", true}, {"len([BODY].user.roles) > 2", false}, {"len([BODY].name) == 8", true},
		{"has([BODY].errors) == true", true}, {"has([BODY].errors) == false", false}, {"has([BODY].nothing) == false", true},
		{"has([BODY].nothing.at.all) == false", true}, {"has([BODY].user.name) != false", true}, {"has([BODY].user.roles[5]) == true", false},
		{"[BODY] == pat(*UP*)", true}, {"[BODY] == pat(*DOWN*)", false}, {"[BODY] != pat(*DOWN*)", true}, {"[BODY] == hello", false},
		{"[IP] == 203.0.113.10", true}, {"[IP] == 203.0.113.1", false}, {"[IP] != 203.0.113.1", true}, {"[IP] == any(203.0.113.9, 203.0.113.10)", true},
		{"[IP] == pat(203.0.113.*)", true}, {"[IP] == pat(10.*)", false}, {"[CONNECTED] == true", true},
		{"[CERTIFICATE_EXPIRATION] > 48h", true}, {"[CERTIFICATE_EXPIRATION] > 480h", false},
	} {
		t.Run(c.condition, func(t *testing.T) {
			source, _ := json.Marshal(map[string]any{"endpoints": []any{map[string]any{"name": "a", "url": "https://example.com", "conditions": []string{c.condition}}}})
			r, err := importer.Import("gatus", []importer.File{{Name: "f", Text: source}}, importer.Options{})
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load("f", r.Text, config.Options{Home: monitor.Local})
			if err != nil {
				t.Fatal(err)
			}
			m, got := cfg.Monitors[0], true
			for _, source := range append(m.Expect, m.Warn...) {
				program, err := expect.Compile(source, monitor.KindHTTP)
				if err != nil {
					t.Fatal(err)
				}
				var doc any
				if err := json.Unmarshal([]byte(body), &doc); err != nil {
					t.Fatal(err)
				}
				verdict, shown := program.Eval(expect.Values{"status": 200, "body": doc, "text": body, "total_ms": 250.0, "address": "203.0.113.10:443", "cert_days": 12,
					"headers": map[string]string{}, "cookies": map[string]string{}})
				if got = got && verdict; verdict != c.want {
					t.Logf("%s: %s", source, fmt.Sprint(shown))
				}
			}
			if got != c.want {
				t.Errorf("%v: %t, want %t; warnings %v", append(m.Expect, m.Warn...), got, c.want, r.Warnings)
			}
			if len(m.Expect)+len(m.Warn) == 0 && c.condition != "[CONNECTED] == true" {
				t.Errorf("nothing became of it: %v", r.Warnings)
			}
		})
	}
}

// TestHeaders: what blackbox_exporter asks of headers that are there, and that are
// not.
func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		rule    string
		headers map[string]string
		want    bool
	}{
		{"fail_if_header_matches: [{header: A, regexp: x}]", map[string]string{"a": "x"}, false},
		{"fail_if_header_matches: [{header: A, regexp: x}]", map[string]string{"a": "y"}, true},
		{"fail_if_header_matches: [{header: A, regexp: x}]", nil, false},
		{"fail_if_header_matches: [{header: A, regexp: x, allow_missing: true}]", nil, true},
		{"fail_if_header_not_matches: [{header: A, regexp: x}]", map[string]string{"a": "x"}, true},
		{"fail_if_header_not_matches: [{header: A, regexp: x}]", nil, false},
		{"fail_if_header_not_matches: [{header: A, regexp: x, allow_missing: true}]", nil, true},
	} {
		text := "modules: {m: {prober: http, http: {" + c.rule + "}}}"
		r, err := importer.Import("blackbox", []importer.File{{Name: "f", Text: []byte(text)}}, importer.Options{Targets: []string{"https://example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load("f", r.Text, config.Options{Home: monitor.Local})
		if err != nil {
			t.Fatal(err)
		}
		program, err := expect.Compile(cfg.Monitors[0].Expect[1], monitor.KindHTTP)
		if err != nil {
			t.Fatal(err)
		}
		if got, shown := program.Eval(expect.Values{"headers": c.headers}); got != c.want {
			t.Errorf("%s of %v: %s, want %t", c.rule, c.headers, shown, c.want)
		}
	}
}
