package importer_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/importer"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestStart: a file of every kind of URL.
func TestStart(t *testing.T) {
	urls := []string{
		"https://example.com", "https://www.example.com/health", "http://localhost:8080/health", "tcp://db.example.com:5432",
		"dns://example.com?type=MX", "dns://1.1.1.1/example.org", "grpcs://orders.example.com:443/shop.Orders", "wss://live.example.com/socket",
		"icmp://10.0.0.1", "domain://example.com", "ssh://git.example.com", "tls://ldap.example.com:636", "https://example.com",
	}
	got, err := importer.Start(urls, "Our: \"status\" # page", "monitors.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/start.golden", string(got.Text))
	if !got.Only || len(got.IDs) != len(urls) {
		t.Errorf("only %t, ids %v", got.Only, got.IDs)
	}
}

// TestStartErrors: each URL that is none says what was expected.
func TestStartErrors(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"", `"" is no URL: did you mean https://?`},
		{"example.com", `"example.com" is no URL: did you mean https://example.com?`},
		{"http://", `"http://" is no URL: expected one such as https://example.com/health`},
		{"https://exa mple.com", `"https://exa mple.com" is no URL: expected one such as https://example.com/health`},
		{"gopher://example.com", "gopher://example.com: gopher: URLs cannot be watched: expected one of " + strings.Join(importer.Schemes, ", ")},
		{"tls://example.com", "tls://example.com: the port is missing: expected one such as tls://example.com:443"},
		{"tcp://example.com:0", `tcp://example.com:0: tcp: expected host:port, such as mail.example.com:25, found "example.com:0"`},
		{"dns://ns.example.com/example.com", "dns://ns.example.com/example.com: expected dns://name, or dns://IP-OF-A-RESOLVER/name"},
		{"dns://example.com?type=ANY", `dns://example.com?type=ANY: dns.type: expected one of A, AAAA, CNAME, MX, NS, TXT, SOA, SRV, CAA, PTR, found "ANY"`},
		{"https://user:hunter2@example.com", "https://example.com: a password does not belong in the file: leave it out of the URL, and add auth: with ${env:NAME} to the monitor"},
	} {
		got := ""
		if _, err := importer.Start([]string{c.url}, "", "s"); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.url, diff)
		}
	}
}

// FuzzStart: a file or an error, and the file is valid.
func FuzzStart(f *testing.F) {
	f.Add("https://example.com/a?b=${env:A}", "name")
	f.Add("dns://example.com?type=MX", "")
	f.Add("tcp://[::1]:25", "\"")
	f.Fuzz(func(t *testing.T, url, name string) {
		got, err := importer.Start([]string{url, "https://example.com", url}, name, "monitors.schema.json")
		if err != nil {
			if strings.Contains(err.Error(), "would not be valid") {
				t.Fatal(err)
			}
			return
		}
		if _, err := config.Load("f.yaml", got.Text, config.Options{Home: monitor.Local}); err != nil {
			t.Fatal(err)
		}
	})
}
