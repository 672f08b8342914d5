package config_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestExpiry: off is another thing than nothing, in the table, too.
func TestExpiry(t *testing.T) {
	all := monitors(t, "testdata/good/expiry.yaml")
	for id, want := range map[monitor.ID][]int{"defaults": {}, "own": {14, 3}, "one": {45}} {
		m := all[id]
		if diff := cmp.Diff(want, m.Expiry); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var stored monitor.Monitor
		if err := json.Unmarshal(text, &stored); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m.Expiry, stored.Expiry); diff != "" {
			t.Errorf("%s, stored and read (-want +got):\n%s", id, diff)
		}
	}
	if m := monitors(t, "testdata/good/votes.yaml")["own"]; m.Expiry != nil {
		t.Errorf("without the key: %v, want nil", m.Expiry)
	}
}

// TestDiffExpiry: off and the default are words.
func TestDiffExpiry(t *testing.T) {
	load := func(expiry string) *monitor.Config {
		cfg, err := config.Load("test", []byte("monitors:\n  - {id: a, tls: \"a.example.com:443\""+expiry+"}\n"), config.Options{Home: "eu-west-1"})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	for _, tt := range []struct{ before, after, was, is string }{
		{"", ", expiry: off", "(as usual)", "off"},
		{", expiry: off", ", expiry: [14, 3]", "off", "[14,3]"},
	} {
		d, err := config.Diff(load(tt.before), load(tt.after))
		want := map[string][]config.Field{"monitor a": {{Path: "expiry", Before: tt.was, After: tt.is}}}
		if diff := cmp.Diff(want, d.Fields); err != nil || diff != "" {
			t.Errorf("%q to %q: %v (-want +got):\n%s", tt.before, tt.after, err, diff)
		}
	}
}
