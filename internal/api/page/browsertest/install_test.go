package browsertest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The checkers, from npm, of these versions.
const (
	axeVersion      = "4.14.1"
	validateVersion = "10.17.0" // the last for Node 20
)

// installed returns the folder of an npm package in its version, which it
// installs into the user's cache at the first time, with what it needs.
func installed(t *testing.T, name, version string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		unavailable(t, "there is no folder for "+name, err)
	}
	dir := filepath.Join(cache, "sonde", name+"-"+version)
	module := filepath.Join(dir, "node_modules", name)
	if _, err := os.Stat(module); err == nil {
		return module
	}
	if err := install(dir, name+"@"+version); err != nil {
		unavailable(t, name+" cannot be installed", err)
	}
	return module
}

// install gives a folder its name only when it is complete.
func install(dir, what string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	cmd := exec.Command("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", work, what)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install %s: %w: %s", what, err, out)
	}
	if err := os.Rename(work, dir); err != nil && !os.IsExist(err) {
		if _, there := os.Stat(dir); there != nil {
			return err
		}
	}
	return nil
}
