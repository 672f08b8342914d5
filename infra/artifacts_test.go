package infra_test

import (
	"debug/buildinfo"
	"debug/elf"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var built = flag.String("sam-built", "", "folder that sam build has filled, from the project's root")

// TestArtifacts: what sam build has made for each function is one static arm64
// binary named bootstrap, as provided.al2023 wants it.
func TestArtifacts(t *testing.T) {
	if *built == "" {
		t.Skip("make build gives -sam-built")
	}
	for template, folder := range map[string]string{"template.yaml": "build", "infra/location.yaml": "location", "infra/site.yaml": "site"} {
		for _, f := range load(t, template).must(t, "AWS::Lambda::Function") {
			dir := filepath.Join("..", *built, folder, f.id)
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) != 1 || entries[0].Name() != "bootstrap" {
				t.Errorf("%s holds %v, want bootstrap alone", dir, entries)
				continue
			}
			checkBinary(t, filepath.Join(dir, "bootstrap"), strings.ToLower(strings.TrimSuffix(f.id, "Function")))
		}
	}
}

func checkBinary(t *testing.T, path, command string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode()&0o111 != 0o111 {
		t.Errorf("%s may not be run by all: %v", path, info.Mode())
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer func() { _ = file.Close() }()
	if file.Machine != elf.EM_AARCH64 {
		t.Errorf("%s is for %v", path, file.Machine)
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s is not static: it has %v", path, p.Type)
		}
	}
	from, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if want := "github.com/sondehq/sonde/functions/" + command; from.Path != want {
		t.Errorf("%s is %s, want %s", path, from.Path, want)
	}
}
