package cli

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func document(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// indented returns the block of a document, set off by four spaces, that has a line
// of that beginning.
func indented(t *testing.T, text, beginning string) []string {
	t.Helper()
	lines := strings.Split(text, "\n")
	from := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "    "+beginning) })
	if from < 0 {
		t.Fatalf("no block with %q", beginning)
	}
	var block []string
	for _, line := range lines[from:] {
		if line != "" && !strings.HasPrefix(line, "    ") {
			break
		}
		block = append(block, strings.TrimPrefix(line, "    "))
	}
	for block[len(block)-1] == "" {
		block = block[:len(block)-1]
	}
	return block
}

func output(t *testing.T, args ...string) []string {
	t.Helper()
	t.Setenv("NO_COLOR", "1")
	var stdout, stderr bytes.Buffer
	if code := Run(context.Background(), args, &stdout, &stderr); code != ExitFine {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	return strings.Split(strings.TrimRight(stdout.String(), "\n"), "\n")
}

// TestDocumentedCost: the bill in the README is what the command prints for the
// README's own example.
func TestDocumentedCost(t *testing.T) {
	readme := document(t, "../../README.md")
	_, example, _ := strings.Cut(readme, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(output(t, "cost", "-f", file), indented(t, readme, "7 monitors from 3 locations")); diff != "" {
		t.Errorf("README.md (-want +got):\n%s", diff)
	}
}

// TestDocumentedReplay: what the documents quote of a replay is in it, in that order.
func TestDocumentedReplay(t *testing.T) {
	replay := output(t, "replay", "outage-2019-05-28")
	for _, path := range []string{"../../README.md", "../sim/README.md"} {
		rest := replay
		for _, line := range indented(t, document(t, path), "17:48:00") {
			at := slices.Index(rest, line)
			if at < 0 {
				t.Errorf("%s: not in the replay, or not there: %s", path, line)
				break
			}
			rest = rest[at+1:]
		}
	}
}

// said are the commands of documents: lines of code blocks, and code within the text.
func said(text string) []string {
	var all []string
	for _, line := range strings.Split(text, "\n") {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "sonde "); ok && strings.HasPrefix(line, "  ") {
			all = append(all, command)
		}
		for _, code := range regexp.MustCompile("`sonde ([^`]*)`").FindAllStringSubmatch(line, -1) {
			all = append(all, code[1])
		}
	}
	return all
}

var (
	quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	after  = regexp.MustCompile(`(#|[;|>&]|, ).*`) // a comment, another command, another form of it
)

// TestDocumentedCommands: every command that documents and help texts speak of is
// there, with the flags that they give it.
func TestDocumentedCommands(t *testing.T) {
	texts := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" && !strings.Contains(path, "testdata") && !strings.Contains(path, "node_modules") {
			texts[path] = document(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands(newRoot()) {
		texts["sonde "+c.CommandPath()] = c.Example + "\n" + c.Long
	}
	seen := 0
	for where, text := range texts {
		for _, command := range said(text) {
			seen++
			if why := unknown(strings.Fields(after.ReplaceAllString(quoted.ReplaceAllString(command, "X"), ""))); why != "" {
				t.Errorf("%s: sonde %s: %s", where, command, why)
			}
		}
	}
	if seen < 80 {
		t.Errorf("only %d commands were found", seen)
	}
}

func commands(of *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{of}
	for _, c := range of.Commands() {
		all = append(all, commands(c)...)
	}
	return all
}

// unknown says what of a command line there is not; empty if it is right.
func unknown(words []string) string {
	cmd := newRoot()
	cmd.InitDefaultHelpFlag()
	for len(words) > 0 && !strings.HasPrefix(words[0], "-") && cmd.HasSubCommands() {
		at := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == words[0] })
		if at < 0 && cmd.Runnable() && cmd.HasParent() {
			break // its argument
		}
		if at < 0 {
			return "there is no command " + words[0]
		}
		cmd, words = cmd.Commands()[at], words[1:]
	}
	cmd.InitDefaultHelpFlag()
	for _, word := range words {
		name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		var flag *pflag.Flag
		switch {
		case strings.HasPrefix(word, "--"):
			flag = cmd.Flags().Lookup(name)
		case strings.HasPrefix(word, "-") && len(name) == 1:
			flag = cmd.Flags().ShorthandLookup(name)
		default:
			continue
		}
		if flag == nil {
			return "there is no flag " + word
		}
	}
	return ""
}

// TestDocumentedInTable: the table of commands has every command.
func TestDocumentedInTable(t *testing.T) {
	_, table, _ := strings.Cut(document(t, "../../README.md"), "## Commands\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, c := range commands(newRoot()) {
		path := strings.TrimPrefix(c.CommandPath(), "sonde ")
		if c.HasSubCommands() && !c.HasParent() || c.Name() == "help" || strings.HasPrefix(path, "completion") {
			continue
		}
		parent, name, under := strings.Cut(path, " ")
		if !strings.Contains(table, "`sonde "+path) && (!under || !regexp.MustCompile("sonde "+parent+"\\b[^\n]*`"+name+`\b`).MatchString(table)) {
			t.Errorf("the table of README.md does not have %s", path)
		}
	}
}

// TestFlagHelp: no text of a flag is torn apart by pflag, which takes what stands in
// back quotes for the name of the value, and out of the text.
func TestFlagHelp(t *testing.T) {
	for _, c := range commands(newRoot()) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if name, _ := pflag.UnquoteUsage(f); strings.Contains(name, " ") || strings.Contains(f.Usage, "`") {
				t.Errorf("%s --%s: back quotes in %q", c.CommandPath(), f.Name, f.Usage)
			}
			if f.Usage == "" {
				t.Errorf("%s --%s has no text", c.CommandPath(), f.Name)
			}
		})
		if c.Short == "" {
			t.Errorf("%s has no help", c.CommandPath())
		}
	}
}
