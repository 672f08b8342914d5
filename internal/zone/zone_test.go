package zone_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/zone"
)

var update = flag.Bool("update", false, "pack the zones of this Go distribution")

func TestZones(t *testing.T) {
	if *update {
		if err := os.WriteFile("zones.gz", pack(t), 0o600); err != nil {
			t.Fatal(err)
		}
		return // it is embedded at the next build
	}
	for _, c := range []struct{ name, at, want string }{
		{"America/Los_Angeles", "2026-07-01T12:00:00Z", "05:00 PDT"},
		{"America/Los_Angeles", "2045-01-01T12:00:00Z", "04:00 PST"},
		{"US/Pacific", "2026-07-01T12:00:00Z", "05:00 PDT"},
		{"Europe/Berlin", "2026-07-01T12:00:00Z", "14:00 CEST"},
		{"Australia/Lord_Howe", "2026-07-01T12:00:00Z", "22:30 +1030"},
		{"UTC", "2026-07-01T12:00:00Z", "12:00 UTC"},
	} {
		z, err := zone.Own(c.name)
		if err != nil || z == nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		at, _ := time.Parse(time.RFC3339, c.at)
		if got := at.In(z).Format("15:04 MST"); got != c.want {
			t.Errorf("%s at %s: got %s, want %s", c.name, c.at, got, c.want)
		}
	}
	for _, name := range []string{"Berlin", "../etc/passwd", "Europe/Berlin 0 9", "a\nb"} {
		if z, err := zone.Own(name); z != nil || err != nil {
			t.Errorf("%q: got %v, %v", name, z, err)
		}
	}
	if z, err := zone.Load("Europe/Berlin"); err != nil || z.String() != "Europe/Berlin" {
		t.Errorf("got %v, %v", z, err)
	}
	if _, err := zone.Load("Europe/Nowhere"); err == nil {
		t.Error("loaded Europe/Nowhere")
	}
}

// goroot is where the Go distribution is.
func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// pack makes zones.gz of the zones that Go comes with.
func pack(t *testing.T) []byte {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join(goroot(t), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	var index strings.Builder
	var files bytes.Buffer
	known := map[string]int{}
	slices.SortFunc(archive.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 0 {
			continue // a directory
		}
		at, has := known[string(text)]
		if !has {
			at = files.Len()
			known[string(text)] = at
			files.Write(text)
		}
		fmt.Fprintf(&index, "%s %d %d\n", f.Name, at, len(text))
	}
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = io.WriteString(z, index.String()+"\n")
	_, _ = z.Write(files.Bytes())
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
