package config_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// quotedYAML is a text as YAML reads it back: its flow scalars take those of JSON.
func quotedYAML(text string) string {
	out, _ := json.Marshal(text) // a text has no error
	return string(out)
}

// load reads a file of one monitor, whose keys may use what fuzzing has found.
func load(t *testing.T, format string, args ...any) (*monitor.Config, error) {
	t.Helper()
	text := "monitors:\n  - id: a\n    " + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n    ")
	cfg, err := config.Load("f.yaml", []byte(text), config.Options{Home: "us-west-2"})
	if (cfg == nil) == (err == nil) {
		t.Fatalf("config %v, error %v of\n%s", cfg, err, text)
	}
	return cfg, err
}

// FuzzDuration: a duration that is taken is within its bounds.
func FuzzDuration(f *testing.F) {
	for _, text := range []string{"30s", "1h", "5", "1d", "-1s", "9223372036854775807ns", "1e9s", "0.1s", "\u00b5s", "1\u00b5s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := load(t, "http: https://example.com\nevery: %s\ntimeout: 1s", quotedYAML(text))
		if err == nil && (cfg.Monitors[0].Every < monitor.MinEvery || cfg.Monitors[0].Every > 366*24*time.Hour) {
			t.Errorf("%q is %s", text, cfg.Monitors[0].Every)
		}
	})
}

// FuzzSize: a size that is taken is within its bounds.
func FuzzSize(f *testing.F) {
	for _, text := range []string{"1MiB", "512KiB", "4096", "-1", "99999999999999MiB", "9223372036854775807", "1 KiB", "MiB", "1MiBKiB", "+5"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := load(t, "http: {url: https://example.com, max_body: %s}", quotedYAML(text))
		if err == nil && (cfg.Monitors[0].HTTP.MaxBody < 1 || cfg.Monitors[0].HTTP.MaxBody > 16<<20) {
			t.Errorf("%q is %d", text, cfg.Monitors[0].HTTP.MaxBody)
		}
	})
}

// FuzzExpect: an expression that is taken can be judged by a probe, whatever was
// found.
func FuzzExpect(f *testing.F) {
	for _, text := range []string{"status == 200", "body.a > 1", "all(body, # > 1)", "text matches '('", "now() > 1", "\x00", "let a = 1; a == 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, source string) {
		cfg, err := load(t, "http: https://example.com\nexpect: [%s]", quotedYAML(source))
		if err != nil {
			return
		}
		program, err := expect.Compile(cfg.Monitors[0].Expect[0], monitor.KindHTTP)
		if err != nil {
			t.Fatalf("%q was taken: %v", source, err)
		}
		program.Eval(expect.Values{"body": []any{nil, 1.0, "a"}, "text": "a"})
	})
}

// FuzzURL: a URL that is taken has a host, and is shown without what may be a
// secret.
func FuzzURL(f *testing.F) {
	for _, text := range []string{"https://example.com/a?b=c", "http://u:p@[::1]:80/", "https://", "//example.com", "https://exa mple.com", "http://a\x00b", "https://%zz/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := load(t, "http: %s", quotedYAML(text))
		if err != nil {
			return
		}
		target := cfg.Monitors[0].Target()
		if u, err := url.Parse(target); err != nil || u.Host == "" || u.User != nil || strings.Contains(target, "?") {
			t.Errorf("%q is shown as %q", text, target)
		}
	})
}

// FuzzTalk: a dialogue that is taken has bytes that can be sent and expressions
// that can be matched.
func FuzzTalk(f *testing.F) {
	f.Add("hello", "^220 (?P<name>\\S+)", "00ff")
	f.Add("\x00", "(", "0")
	f.Fuzz(func(t *testing.T, send, want, inHex string) {
		cfg, err := load(t, "tcp: {address: 'example.com:25000', dialogue: [{send: %s, expect: %s}, {send_hex: %s}]}", quotedYAML(send), quotedYAML(want), quotedYAML(inHex))
		if err != nil {
			return
		}
		for _, turn := range cfg.Monitors[0].TCP.Dialogue {
			if turn.Send == "" && turn.SendHex == "" && turn.Expect == "" && turn.ExpectHex == "" {
				t.Errorf("a turn of nothing from %q, %q, %q", send, want, inHex)
			}
		}
	})
}
