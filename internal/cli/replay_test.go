package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/sim"
)

// TestReplay pins what each shipped scenario comes to. That of the storm is long; what
// it and the others are there to show, internal/sim asserts.
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

// TestReplayJSON: the JSON holds what is printed, and the page whenever it changed.
func TestReplayJSON(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := cli.Run(context.Background(), []string{"replay", "region-cut-off", "--json"}, &stdout, &stderr); code != cli.ExitFine {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	var got sim.Replay
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	pages := 0
	for _, h := range got.Log {
		if h.Who == "page" && h.Page != nil && !h.At.IsZero() && h.Page.Banner != "" {
			pages++
		}
	}
	if pages < 3 || got.Page == nil || got.Page.Banner == "" || len(got.Incidents) != 3 || len(got.Incidents[0].Heard) == 0 {
		t.Errorf("%d pages, %d incidents, in the end %+v", pages, len(got.Incidents), got.Page)
	}
}

const smallScenario = `start: 2026-03-02 09:00
length: 30m
events:
  - {at: "09:01", apply: fleet.yaml}
  - {at: "09:05", down: shop}
`

const smallFleet = `site: {name: Test, time_zone: Europe/Berlin}
locations: [us-east-1, eu-west-1, eu-central-1]
monitors:
  - {id: shop, http: "https://shop.example.com/"}
tiers:
  - {id: oncall}
  - {id: chat, chat: true}
  - {id: pager, machine: true}
`

// TestReplayOfMine: a file names others beside it; its times are on the clocks of the
// site that it is played for; chats and programs are shown what they get.
func TestReplayOfMine(t *testing.T) {
	dir := t.TempDir()
	scenario, fleet := filepath.Join(dir, "mine.yaml"), filepath.Join(dir, "fleet.yaml")
	for path, text := range map[string]string{scenario: smallScenario, fleet: smallFleet} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := cli.Run(context.Background(), []string{"replay", scenario, "-f", fleet, "--text"}, &stdout, &stderr); code != cli.ExitFine {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	for _, want := range []string{"2 Mar 2026 09:00 CET", "sonde apply: nothing changes", `"AlarmName"`, `"source":"custom"`, "after the outage began", "page      "} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is not in\n%s", want, &stdout)
		}
	}
}

// TestReplayIsLegible: what a scenario says of people turns no line on the terminal.
func TestReplayIsLegible(t *testing.T) {
	scenario := filepath.Join(t.TempDir(), "mine.yaml")
	text := "start: 2026-03-02 09:00\nlength: 15m\nevents:\n  - {at: \"09:02\", down: shop}\n  - {at: \"09:08\", ack: \"ma\\u202eria\"}\nconfig:\n  " + strings.ReplaceAll(smallFleet, "\n", "\n  ")
	if err := os.WriteFile(scenario, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := cli.Run(context.Background(), []string{"replay", scenario, "--text"}, &stdout, &stderr); code != cli.ExitFine {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	if out := stdout.String(); strings.ContainsRune(out, '\u202e') || !strings.Contains(out, "maria") {
		t.Errorf("it says %q", out)
	}
}

// TestReplayRefuses: what is no scenario is said, and waits for nobody; who interrupts
// it is not kept waiting.
func TestReplayRefuses(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	over, stop := context.WithCancel(context.Background())
	stop()
	for name, test := range map[string]struct {
		ctx  context.Context
		args []string
		code int
		want string
	}{
		"directory":   {context.Background(), []string{dir}, cli.ExitUsage, dir + " is a directory, and no scenario"},
		"pipe":        {context.Background(), []string{pipe}, cli.ExitUsage, pipe + " is no regular file"},
		"nothing":     {context.Background(), []string{filepath.Join(dir, "none")}, cli.ExitUsage, "no scenario that comes with Sonde"},
		"interrupted": {over, []string{"storm"}, cli.ExitFailed, "interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := cli.Run(test.ctx, append([]string{"replay"}, test.args...), &stdout, &stderr)
			if code != test.code || !strings.Contains(stderr.String(), test.want) || stdout.Len() > 0 {
				t.Errorf("exit %d, want %d with %q\n%s%s", code, test.code, test.want, &stdout, &stderr)
			}
		})
	}
}
