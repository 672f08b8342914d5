package infra_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// instructions are those of a Dockerfile, one a line.
func instructions(t *testing.T, path string) (all []string) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(source), "")
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// TestImage: what the template's image is made from is there and let in, by the
// Go that go.mod names; it runs as nobody, and what it starts is what was built.
func TestImage(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", browser))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`Dockerfile: (\S+)`).FindStringSubmatch(string(source))
	if named == nil || !strings.Contains(string(source), "DockerContext: ..\n") {
		t.Fatal("the template names no Dockerfile whose context is the project")
	}
	dockerfile := instructions(t, filepath.Join("..", named[1]))
	ignored, err := os.ReadFile(filepath.Join("..", ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range dockerfile {
		words := strings.Fields(line)
		if words[0] == "FROM" && !regexp.MustCompile(`:\d|:[a-z]+-slim$`).MatchString(words[1]) {
			t.Errorf("%s: no release is named", line)
		}
		if words[0] != "COPY" || strings.HasPrefix(words[1], "--from") || words[1] == "." {
			continue
		}
		for _, from := range words[1 : len(words)-1] {
			if _, err := os.Stat(filepath.Join("..", from)); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if !strings.Contains(string(ignored), "\n!"+from+"\n") {
				t.Errorf(".dockerignore does not let %s in", from)
			}
		}
	}
	module, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))
	if version == nil || !strings.HasPrefix(dockerfile[0], "FROM golang:"+version[1]+"-") {
		t.Errorf("%s: go.mod wants Go %v", dockerfile[0], version)
	}
	for _, want := range []string{"USER nobody", `ENTRYPOINT ["/bootstrap"]`, "COPY --from=build /bootstrap /bootstrap", "ENV HOME=/tmp SONDE_CHROMIUM=/usr/bin/chromium"} {
		if !slices.Contains(dockerfile, want) {
			t.Errorf("the Dockerfile has no %s", want)
		}
	}
}
