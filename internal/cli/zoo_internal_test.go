package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/probe/zoo"
)

// TestTranscripts: what `sonde check` prints of a target explains the verdict in
// lines that no target can break, and commands no terminal.
func TestTranscripts(t *testing.T) {
	animals := zoo.Quick(t)
	checks := zoo.Checks(animals)
	results := probe.New(probe.Env{Now: time.Now}, probe.Options{}).Run(t.Context(), checks)
	for i, a := range animals {
		t.Run(a.Monitor.Name, func(t *testing.T) {
			r := results[i]
			var out bytes.Buffer
			printCheck(&out, a.Monitor, r)
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			for _, line := range lines {
				if !isPlain(line) || len(line) > 2000 {
					t.Errorf("%d bytes in the line %q", len(line), line)
				}
			}
			last := lines[len(lines)-1]
			if name, outcome, _ := strings.Cut(last, " "); name != "outcome" || strings.TrimSpace(outcome) != string(r.Outcome) {
				t.Errorf("ends with %q, not with the outcome %s", last, r.Outcome)
			}
			if f := r.Failure; f != nil && r.Outcome != monitor.OutcomeUp && !strings.Contains(lines[len(lines)-2], string(f.Kind)+": ") {
				t.Errorf("does not say why: %q", lines[len(lines)-2])
			}
			asJSON(t, a.Monitor, r)
		})
	}
}

func asJSON(t *testing.T, m monitor.Monitor, r monitor.Result) {
	t.Helper()
	var out bytes.Buffer
	if err := printJSON(&out, reportOf(m, r)); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(out.Bytes()) || !isPlain(strings.ReplaceAll(out.String(), "\n", " ")) {
		t.Errorf("the report is %q", out.String())
	}
}

func isPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
	})
}
