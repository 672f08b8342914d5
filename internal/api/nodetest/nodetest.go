// Package nodetest lets a test run other people's JavaScript on what Sonde
// answers: packages of npm at pinned versions, installed once into the user's
// cache directory. Without Node a test is skipped with the reason; with CI=true
// that is a failure.
package nodetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Modules returns the node_modules that the packages are in, each "name@version".
func Modules(t *testing.T, packages ...string) string {
	t.Helper()
	dir, err := install(packages)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("cannot install %s: %v", strings.Join(packages, ", "), err)
		}
		t.Skipf("cannot install %s: %v", strings.Join(packages, ", "), err)
	}
	return filepath.Join(dir, "node_modules")
}

// Run runs a module (ECMAScript) that may import the packages, each
// "name@version", and returns what it writes to its standard output.
func Run(t *testing.T, script string, input []byte, packages ...string) []byte {
	t.Helper()
	dir := filepath.Dir(Modules(t, packages...))
	// Beside node_modules, so that imports find it.
	file, err := os.CreateTemp(dir, "test-*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(script); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "node", file.Name())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("node: %v\n%s", err, errs.Bytes())
	}
	return out.Bytes()
}

// install returns a folder whose node_modules hold the packages. It gets its
// name only when it is complete, so that tests that run at once do not meet.
func install(packages []string) (string, error) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(packages, " ")))
	dir := filepath.Join(cache, "sonde", "node-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "package.json"), []byte(`{"private":true}`), 0o644); err != nil {
		return "", err
	}
	// In its folder, not with --prefix: that would make npm look for its own
	// settings, such as a CA, in there too.
	cmd := exec.Command("npm", append([]string{"install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier", "--silent"}, packages...)...)
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install: %w: %s", err, out)
	}
	if err := os.Rename(work, dir); err != nil {
		if _, there := os.Stat(dir); there == nil {
			return dir, nil // another test was faster
		}
		return "", err
	}
	return dir, nil
}
