package config_test

import (
	"encoding/json"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

var (
	block     = regexp.MustCompile("(?s)\n```yaml\n(.*?)```")
	beginning = regexp.MustCompile(`(?m)^(site|locations|defaults|monitors|services|tiers|maintenance|rehearse):`)
)

// example is a monitors.yaml, or a piece of one, that stands in a document.
type example struct {
	file string
	text []byte
}

// documented returns the examples of every document of the repository.
func documented(t testing.TB) []example {
	t.Helper()
	var all []example
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || name == "node_modules" || name == "build" || len(name) > 2 && name[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		for _, b := range block.FindAllSubmatch(read(t, path), -1) {
			if beginning.Match(b[1]) && !scenario.Match(b[1]) {
				all = append(all, example{path, b[1]})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var scenario = regexp.MustCompile(`(?m)^events:`)

// TestDocumented: every example of the documentation is valid, and every kind of
// monitor has one.
func TestDocumented(t *testing.T) {
	shown, files := map[monitor.Kind]bool{}, map[string]bool{}
	for _, e := range documented(t) {
		files[e.file] = true
		cfg, err := config.Load(filepath.Base(e.file), e.text, config.Options{Home: monitor.Local})
		if err != nil {
			t.Errorf("%s:\n%s\n%v", e.file, e.text, err)
			continue
		}
		for _, m := range cfg.Monitors {
			shown[m.Kind()] = true
		}
	}
	for _, kind := range monitor.Kinds {
		if !shown[kind] {
			t.Errorf("no example of a monitor of the kind %s", kind)
		}
	}
	for _, file := range []string{"../../README.md", "../../internal/config/README.md", "../../internal/api/README.md"} {
		if !files[file] {
			t.Errorf("%s has no example", file)
		}
	}
}

// TestDocumentedKeys: the reference names every key of the schema.
func TestDocumentedKeys(t *testing.T) {
	var schema any
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	text := string(read(t, "README.md"))
	for _, key := range properties(schema) {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(key) + `\b`).MatchString(text) {
			t.Errorf("README.md does not speak of the key %s", key)
		}
	}
}

// alias is a key that is taken and that nobody needs to learn.
var alias = map[string]bool{"max_redirects": true}

func properties(v any) []string {
	var names []string
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			names = append(names, properties(one)...)
		}
	case map[string]any:
		if keys, ok := v["properties"].(map[string]any); ok {
			for key := range keys {
				if !alias[key] && key != "$schema" {
					names = append(names, key)
				}
			}
		}
		for _, one := range v {
			names = append(names, properties(one)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestDocumentedNames: the table of expressions has the names of each kind, and no
// others.
func TestDocumentedNames(t *testing.T) {
	_, table, _ := strings.Cut(string(read(t, "README.md")), "| name | type | what it is | kinds |\n|---|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	got := map[monitor.Kind][]string{}
	for row := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		if len(cells) != 4 {
			t.Fatalf("a row of %d cells: %s", len(cells), row)
		}
		kinds := strings.Split(cells[3], ", ")
		for _, kind := range monitor.Kinds {
			if slices.Contains(kinds, string(kind)) || cells[3] == "all but heartbeat" && kind != monitor.KindHeartbeat {
				got[kind] = append(got[kind], strings.Split(strings.ReplaceAll(cells[0], "`", ""), ", ")...)
			}
		}
	}
	for _, kind := range monitor.Kinds {
		_, err := expect.CompileValue("no_such_name", kind)
		e, is := expect.AsError(err)
		if !is {
			t.Fatalf("%s: %v", kind, err)
		}
		want := slices.Sorted(slices.Values(e.Known))
		slices.Sort(got[kind])
		if diff := gocmp.Diff(want, got[kind]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}
