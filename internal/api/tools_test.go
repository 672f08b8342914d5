package api_test

import (
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/api/nodetest"
)

// tools: `make api` runs the description through tools of others, which takes a
// minute and installs them, pinned, into the user's cache.
var tools = flag.Bool("tools", false, "lint the description with redocly and spectral, and fuzz the API with schemathesis")

var linters = []string{"@redocly/cli@2.77.0", "@stoplight/spectral-cli@6.16.3"}

// installed returns the folder of an installation that is made if it is not
// there, and gets its name only when it is complete.
func installed(t *testing.T, name string, make func(dir string) *exec.Cmd) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "sonde", strings.NewReplacer("@", "-", "/", "-", "=", "-", "\n", "").Replace(name))
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return dir
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, make(dir))
	if err := os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a command that must succeed. Without the program the test is skipped,
// or, where CI says that it must run, fails.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	if cmd.Err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(cmd.Err)
		}
		t.Skip(cmd.Err)
	}
	cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// TestLint: redocly's strict rules and spectral's find nothing.
func TestLint(t *testing.T) {
	if !*tools {
		t.Skip("run by `make api`")
	}
	bin := filepath.Join(nodetest.Modules(t, linters...), ".bin")
	t.Log(run(t, exec.Command(filepath.Join(bin, "redocly"), "lint", "--config", "testdata/redocly.yaml", "openapi.json")))
	t.Log(run(t, exec.Command(filepath.Join(bin, "spectral"), "lint", "--ruleset", "testdata/spectral.yaml", "--fail-severity", "hint", "openapi.json")))
}

// TestFuzz: schemathesis asks for what the description allows and for what it
// does not, and finds every answer as described.
func TestFuzz(t *testing.T) {
	if !*tools {
		t.Skip("run by `make api`")
	}
	wanted, err := os.ReadFile("testdata/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := installed(t, string(wanted), func(dir string) *exec.Cmd {
		return exec.Command("sh", "-c", `python3 -m venv "$0" && "$0/bin/pip" install --quiet --disable-pip-version-check --requirement testdata/requirements.txt`, dir)
	})
	server := httptest.NewServer(handler(full()))
	defer server.Close()
	// What others' clients, readers and browsers ask is described, and not fuzzed
	// here: pages and pictures have no schema that could be broken.
	// positive_data_acceptance: a month may have the right form and lie in the
	// future; that is a 400, and described.
	cmd := exec.Command(filepath.Join(dir, "bin", "schemathesis"), "run", server.URL+"/openapi.json",
		"--checks", "all", "--exclude-checks", "positive_data_acceptance", "--phases", "examples,coverage,fuzzing",
		"--include-path-regex", `^/api/v1/(?!endpoints)|^/api/v2/|^/healthz$`, "--max-examples", "100", "--seed", "1", "--workers", "2", "--suppress-health-check", "all")
	t.Log(run(t, cmd))
}
