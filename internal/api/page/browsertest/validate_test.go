package browsertest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/api/page/pagetest"
)

// rules are html-validate's own, without those of taste: how a document is
// indented or written, and which of two good elements it takes.
const rules = `{"root":true,"extends":["html-validate:standard"],"rules":{"no-trailing-whitespace":"off","doctype-style":"off","long-title":"off","no-inline-style":"error",
"require-sri":"off","no-implicit-button-type":"off","element-permitted-content":"error","no-raw-characters":"off","aria-label-misuse":"off","prefer-native-element":"off","svg-focusable":"off"}}`

// TestValid: the pages are valid HTML in each of their states.
func TestValid(t *testing.T) {
	t.Parallel()
	module := installed(t, "html-validate", validateVersion)
	dir, now := t.TempDir(), time.Now()
	write := func(name string, body []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(".htmlvalidate.json", []byte(rules), nil)
	for _, state := range pagetest.States(now) {
		v := page.View{Snapshot: state.Snapshot, Now: now, Empty: state.Empty, Stale: state.Snapshot.IsStale(now), Links: page.Links{Subscribe: true, Atom: true, RSS: true, Calendar: true}}
		body, err := page.Status(v)
		write("status-"+state.Name+".html", body, err)
		body, err = page.History(v)
		write("history-"+state.Name+".html", body, err)
		for _, i := range v.Incidents[:min(len(v.Incidents), 1)] {
			body, err = page.Incident(v, i)
			write("incident-"+state.Name+".html", body, err)
		}
		for _, s := range v.Services[:min(len(v.Services), 1)] {
			body, err = page.Service(v, s)
			write("service-"+state.Name+".html", body, err)
		}
	}
	cmd := exec.Command("node", filepath.Join(module, "bin", "html-validate.mjs"), "--formatter", "text", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("html-validate: %v\n%.8000s", err, out)
	}
}
