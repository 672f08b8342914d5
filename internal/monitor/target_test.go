package monitor_test

import (
	"testing"

	"github.com/sondehq/sonde/internal/monitor"
)

// TestTarget: what is checked is shown as people write it, and nothing of it that
// may be secret.
func TestTarget(t *testing.T) {
	for url, want := range map[string]string{
		"https://app.example.com/health":                 "https://app.example.com/health",
		"https://user:password@app.example.com/?key=x#f": "https://app.example.com/",
		"https://b\u00fccher.example:8443/a%20b":         "https://b\u00fccher.example:8443/a%20b",
		"https://a\u0085b.example/":                      "https://a%C2%85b.example/",
		"https://[2001:db8::1]:8443/":                    "https://[2001:db8::1]:8443/",
		"https://%zz/":                                   "",
	} {
		if got := (monitor.Monitor{HTTP: &monitor.HTTP{URL: url}}).Target(); got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
}
