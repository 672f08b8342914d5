package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

var (
	block     = regexp.MustCompile("(?s)\n```yaml\n(.*?)```")
	beginning = regexp.MustCompile(`(?m)^(site|locations|defaults|monitors|services|tiers|maintenance):`)
)

// TestDocumented: every example of the documentation is valid, and every kind of
// monitor has one.
func TestDocumented(t *testing.T) {
	var shown []monitor.Kind
	for _, file := range []string{"../../README.md", "README.md"} {
		text, err := os.ReadFile(file) //nolint:gosec // one of two
		if os.IsNotExist(err) {
			continue
		}
		for _, b := range block.FindAllStringSubmatch(string(text), -1) {
			if !beginning.MatchString(b[1]) {
				continue // of another file
			}
			cfg, err := config.Load(filepath.Base(file), []byte(b[1]), config.Options{Home: monitor.Local})
			if err != nil {
				t.Errorf("%s:\n%s\n%v", file, b[1], err)
				continue
			}
			for _, m := range cfg.Monitors {
				shown = append(shown, m.Kind())
			}
		}
	}
	for _, kind := range monitor.Kinds {
		if !slices.Contains(shown, kind) {
			t.Errorf("no example of a monitor of the kind %s", kind)
		}
	}
}
