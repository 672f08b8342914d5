package cli_test

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// TestStatusOfShadow: what counts for nothing is marked, and what is at an old address
// says for how long.
func TestStatusOfShadow(t *testing.T) {
	data, ctx := t.TempDir(), context.Background()
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Now().UTC() }
	db, err := bolt.Open(local.TableFile(data), now)
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(db, now)
	for i, address := range []string{"203.0.113.10", "203.0.113.20"} {
		here := []monitor.Location{monitor.Local}
		cfg := &monitor.Config{
			Locations: here,
			Monitors: []monitor.Monitor{
				{ID: "trial", Service: "web", Locations: here, Shadow: true, TCP: &monitor.TCP{Address: "203.0.113.99:443"}},
				{ID: "web", Service: "web", Locations: here, HTTP: &monitor.HTTP{URL: "https://web.example.com/", Address: address}},
			},
			Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web", "trial"}, Needs: 1}},
		}
		if _, err := s.PutConfig(ctx, cfg, int64(i), "test"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		args  []string
		wants []string
	}{
		{"text", nil, []string{
			`\n +web +unknown +- +https://web`, `\n +trial +unknown \(shadow\) `,
			`\n +web-203-0-113-10 +unknown \(old address, until \d{4}-\d\d-\d\d \d\d:\d\d UTC\) +- +https://web.example.com/ at 203.0.113.10\n`,
		}},
		{"JSON", []string{"--json"}, []string{`"id": "trial",[^}]*"shadow": true\s+}`, `"id": "web-203-0-113-10",[^}]*"shadow": true,\s+"until": "20`, `"id": "web",[^}]*"failure": null\s+}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, messages bytes.Buffer
			if code := cli.Run(ctx, append([]string{"status", "--data", data}, test.args...), &out, &messages); code != cli.ExitFine {
				t.Fatalf("exit %d: %s", code, messages.String())
			}
			for _, want := range test.wants {
				if !regexp.MustCompile(want).MatchString(out.String()) {
					t.Errorf("%s is not in\n%s", want, out.String())
				}
			}
		})
	}
}
