// Package clienttest reads the API with clients that others wrote, as they are
// published: Atlassian's own widget in a browser, an npm client in Node. It holds
// tests only; what it imports is linked by nothing else.
package clienttest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/api/nodetest"
)

// What is installed, of the versions that were tried.
var packages = []string{"@statuspage/status-widget@1.0.5", "statuspage.io@3.3.8"}

// need returns the path of a program; without it the test is skipped, or, where
// CI says that it must run, fails.
func need(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "none of "+strings.Join(names, ", ")+" is installed")
	return ""
}

func missing(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// modules returns the folder that the npm packages are installed in.
func modules(t *testing.T) string {
	t.Helper()
	return nodetest.Modules(t, packages...)
}
