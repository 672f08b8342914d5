package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/sim"
)

// TestReplay pins what each shipped scenario comes to. That of the storm is long,
// and looked at elsewhere.
func TestReplay(t *testing.T) {
	for _, name := range sim.Shipped() {
		if name == "storm" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Setenv("NO_COLOR", "1")
			var stdout, stderr bytes.Buffer
			if code := cli.Run(context.Background(), []string{"replay", name, "--text"}, &stdout, &stderr); code != cli.ExitFine || stderr.Len() > 0 {
				t.Fatalf("exit %d: %s", code, &stderr)
			}
			golden := filepath.Join("testdata", "replay-"+name+".golden")
			if *update {
				if err := os.WriteFile(golden, stdout.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), stdout.String()); diff != "" {
				t.Errorf("-want +got; -update writes it anew:\n%s", diff)
			}
		})
	}
}

// TestReplayOfTheOutage: what had to be better on 28 May 2019 is.
func TestReplayOfTheOutage(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := cli.Run(context.Background(), []string{"replay", "outage-2019-05-28", "--json"}, &stdout, &stderr); code != cli.ExitFine {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	var got sim.Replay
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	first := map[string]string{}
	atRisk := ""
	for _, h := range got.Log {
		if _, heard := first[h.Who]; h.Told && !heard {
			first[h.Who] = h.At.Format("15:04")
		}
		if h.Told && strings.Contains(h.Subject, "at risk") {
			atRisk = h.At.Format("15:04")
		}
	}
	for _, tier := range []struct{ id, from, by string }{
		{"oncall", "17:48", "17:48"}, {"administrators", "18:05", "18:06"}, {"customers", "18:20", "18:21"},
	} {
		if at := first[tier.id]; at < tier.from || at > tier.by {
			t.Errorf("%s are told at %q, not between %s and %s", tier.id, at, tier.from, tier.by)
		}
	}
	if atRisk != "17:48" {
		t.Errorf("told of the lost redundancy at %q", atRisk)
	}
	if len(got.Incidents) != 1 {
		t.Errorf("%d incidents", len(got.Incidents))
	}
	for _, s := range got.Report.Services {
		if s.Uptime < 0.9908-0.00005 || s.Uptime > 0.9908+0.00005 {
			t.Errorf("%s was up %.4f of May 2019", s.ID, s.Uptime)
		}
	}
}
