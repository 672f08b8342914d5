package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

func TestDiff(t *testing.T) {
	load := func(text string) *monitor.Config {
		t.Helper()
		cfg, err := config.Load("test", []byte(text), config.Options{Home: "eu-west-1"})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	one := load("monitors:\n  - {id: a, tcp: a.example.com:1}\n  - {id: b, tcp: b.example.com:1}\n")
	two := load("monitors:\n  - {id: c, tcp: c.example.com:1}\n  - {id: b, tcp: b.example.com:2}\n")
	const tiers = "monitors:\n  - {id: a, tcp: a.example.com:1}\n  - {id: b, tcp: b.example.com:1}\n"
	rehearsed := load(tiers + "rehearse: {cron: \"0 9 1 * *\"}\n")
	noted := load(tiers + "rehearse: {cron: \"0 9 1 * *\"}\n")
	noted.Rehearse.Since = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name          string
		before, after *monitor.Config
		want          config.Difference
	}{
		{"the same", one, one, config.Difference{Added: []string{}, Changed: []string{}, Removed: []string{}}},
		{"everything is new", nil, one, config.Difference{
			Added:   []string{"locations", "monitor a", "monitor b", "service a", "service b", "site", "tier oncall"},
			Changed: []string{}, Removed: []string{},
		}},
		{"all three", one, two, config.Difference{
			Added: []string{"monitor c", "service c"}, Changed: []string{"monitor b"}, Removed: []string{"monitor a", "service a"},
			Fields: map[string][]config.Field{"monitor b": {{Path: "tcp.address", Before: `"b.example.com:1"`, After: `"b.example.com:2"`}}},
		}},
		{"only when and whose way is tried", one, rehearsed, config.Difference{Added: []string{"rehearse"}, Changed: []string{}, Removed: []string{}}},
		{"whose way is tried", rehearsed, load(tiers + "rehearse: {cron: \"0 9 1 * *\", tiers: oncall}\n"), config.Difference{
			Added: []string{}, Changed: []string{"rehearse"}, Removed: []string{},
			Fields: map[string][]config.Field{"rehearse": {{Path: "tiers", Before: "(none)", After: `["oncall"]`}}},
		}},
		{"since when it is in force", rehearsed, noted, config.Difference{Added: []string{}, Changed: []string{}, Removed: []string{}}},
	} {
		got, err := config.Diff(test.before, test.after)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
		if got.IsEmpty() != (len(test.want.Added)+len(test.want.Changed)+len(test.want.Removed) == 0) {
			t.Errorf("%s: IsEmpty is %t", test.name, got.IsEmpty())
		}
	}
}

// TestDiffHidesSecrets: what a person sees of a change holds no secret.
func TestDiffHidesSecrets(t *testing.T) {
	load := func(url, header, body string) *monitor.Config {
		t.Helper()
		text := "monitors:\n  - id: a\n    every: 30s\n    http: {url: \"" + url + "\", method: POST, headers: {X-Api-Key: " + header + "}, body: \"" + body + "\"}\n"
		cfg, err := config.Load("monitors.yaml", []byte(text), config.Options{Home: "eu-west-1"})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	d, err := config.Diff(load("https://anna:sesame-1@example.com/?key=sesame-2", "sesame-3", "sesame-4"),
		load("https://anna:sesame-5@example.com/?key=sesame-6", "sesame-7", "sesame-8"))
	if err != nil {
		t.Fatal(err)
	}
	fields := d.Fields["monitor a"]
	if len(fields) != 3 {
		t.Errorf("fields: %+v, want url, header and body", fields)
	}
	for _, f := range fields {
		if strings.Contains(f.Before+f.After, "sesame") {
			t.Errorf("%s shows a secret: %s -> %s", f.Path, f.Before, f.After)
		}
	}
}

// TestDiffShowsReferences: a reference to a secret is shown, and nothing that
// stands beside it.
func TestDiffShowsReferences(t *testing.T) {
	load := func(value string) *monitor.Config {
		t.Helper()
		text := "monitors:\n  - {id: a, http: {url: \"https://example.com\", headers: {X-Api-Key: \"" + value + "\"}}}\n"
		cfg, err := config.Load("monitors.yaml", []byte(text), config.Options{Home: "eu-west-1"})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	for _, test := range []struct{ value, want string }{
		{"${env:KEY}", `"${env:KEY}"`},
		{"Bearer ${ssm:/sonde/key}", `"Bearer ${ssm:/sonde/key}"`},
		{"sesame-${env:KEY}", "***"},
		{"${env:KEY}-sesame", "***"},
		{"${env:USER}sesame${env:KEY}", "***"},
		{"sesame", "***"},
	} {
		d, err := config.Diff(load("before"), load(test.value))
		want := []config.Field{{Path: "http.headers.X-Api-Key", Before: "***", After: test.want}}
		if diff := cmp.Diff(want, d.Fields["monitor a"]); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.value, err, diff)
		}
	}
}
