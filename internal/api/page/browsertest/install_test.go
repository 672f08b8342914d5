package browsertest_test

import (
	"path/filepath"
	"testing"

	"github.com/sondehq/sonde/internal/api/nodetest"
)

// The checkers, from npm, of these versions.
const (
	axeVersion      = "4.14.1"
	validateVersion = "10.17.0" // the last for Node 20
)

// installed returns the folder of an npm package in its version.
func installed(t *testing.T, name, version string) string {
	t.Helper()
	return filepath.Join(nodetest.Modules(t, name+"@"+version), name)
}
