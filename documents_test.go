package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	inline  = regexp.MustCompile("`[^`\n]*`")
	silent  = regexp.MustCompile(`[^\p{L}\p{N} _-]`) // what GitHub leaves out of an anchor
)

// documents are the Markdown files of the repository, with what stands in them
// outside of fenced code.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || name == "node_modules" || name == "build" || len(name) > 1 && name[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		all[path] = fenced.ReplaceAllString(string(text), "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// anchors are those that GitHub gives the headings of a document.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(silent.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return all
}

// TestLinks: links within the repository lead to a file, and to a heading of it.
func TestLinks(t *testing.T) {
	all, seen := documents(t), 0
	for path, text := range all {
		for _, l := range link.FindAllStringSubmatch(inline.ReplaceAllString(text, "code"), -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			seen++
			file, anchor, _ := strings.Cut(l[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere", path, l[1])
				continue
			}
			if anchor != "" && !anchors(all[target])[anchor] {
				t.Errorf("%s: there is no heading for the link %s", path, l[1])
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d links were found", seen)
	}
}

// TestReached: every document can be reached from the first by links.
func TestReached(t *testing.T) {
	all, reached := documents(t), map[string]bool{}
	var walk func(path string)
	walk = func(path string) {
		if reached[path] {
			return
		}
		reached[path] = true
		for _, l := range link.FindAllStringSubmatch(all[path], -1) {
			file, _, _ := strings.Cut(l[1], "#")
			if next := filepath.Join(filepath.Dir(path), filepath.FromSlash(file)); filepath.Ext(next) == ".md" {
				walk(next)
			}
		}
	}
	walk("README.md")
	for path := range all {
		if !reached[path] && path != "CHANGELOG.md" {
			t.Errorf("no link leads to %s", path)
		}
	}
}
