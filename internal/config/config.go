// Package config reads monitors.yaml strictly: an unknown key, a bad value, a
// dangling reference is a problem with file, line and column, what is wrong and
// what was probably meant, and all of them are found at once. What is valid
// becomes a monitor.Config, with every default applied and every service placed
// on a shard.
//
// The keys stand in tables, one for each kind of mapping, with what they mean.
//
// A Config is a function of the file's text and the options: the same text
// always gives the same Config. There is none if there is any problem.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

// Limits.
const (
	MaxFile     = 1 << 20 // bytes
	MaxMonitors = 5000
	maxNodes    = 400_000 // values, aliases expanded: what a bomb exceeds
	maxDepth    = 50
	maxProblems = 200 // listed
)

// Options say what the file itself does not.
type Options struct {
	// Home is the location of a file that names none.
	Home monitor.Location
}

// Problem is one mistake.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0 where the whole file is meant
	Path         string // monitors[2].http.url
	Message      string
	Hint         string // what was probably meant; may be empty
}

// Error writes file:line:col: path: what is wrong (did you mean …?).
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Excerpt is the line of the text that the problem stands in, with a mark below
// the place; empty where there is none.
func (p Problem) Excerpt(text []byte) string {
	lines := bytes.Split(text, []byte("\n"))
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	line := strings.ToValidUTF8(strings.TrimRight(string(lines[p.Line-1]), "\r"), "?")
	if len(line) > 200 {
		return ""
	}
	number := strconv.Itoa(p.Line)
	pad := strings.Repeat(" ", len(number))
	mark := strings.Repeat(" ", max(min(p.Column-1, utf8.RuneCountInString(line)), 0))
	return fmt.Sprintf("  %s | %s\n  %s | %s^\n", number, line, pad, mark)
}

// Errors is every problem of a file, in the order of their places.
type Errors []Problem

// Error lists them, a line each.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Read is Load of a file.
func Read(path string, opts Options) (*monitor.Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Load(path, text, opts)
}

// Load reads a file's text; name is what problems call it. Its error is of type
// Errors.
func Load(name string, text []byte, opts Options) (*monitor.Config, error) {
	r := &reader{file: name, opts: opts, ids: map[string]place{}, expressions: map[expression]error{}}
	root := r.parse(text)
	if root == nil {
		return nil, r.errors()
	}
	var f file
	if !r.mapping(root, "", func(c cursor) { fileKeys.read(r, c, &f) }) {
		return nil, r.errors()
	}
	if r.stopped {
		return nil, r.errors() // a bomb is not worth any more time
	}
	cfg := r.compile(root, &f)
	if len(r.problems) > 0 {
		return nil, r.errors()
	}
	return cfg, nil
}

// reader collects problems while the file is read.
type reader struct {
	file     string
	opts     Options
	problems []Problem
	nodes    int
	depth    int
	ids      map[string]place // what was declared, by "monitor id" and the like
	stopped  bool

	expressions map[expression]error // compiled already: aliases repeat them

	shape  *shape  // what is described; nil where a file is read
	object *object // the mapping whose keys are described

	inSteps bool     // ${name} may stand for what a step saved
	saved   []string // by the steps before
}

type expression struct {
	source string
	kind   monitor.Kind
}

type place struct{ line, column int }

func (r *reader) report(n *yaml.Node, path, hint, format string, args ...any) {
	if r.recording() {
		return
	}
	p := Problem{File: r.file, Path: path, Message: fmt.Sprintf(format, args...), Hint: hint}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	r.problems = append(r.problems, p)
}

func (r *reader) errors() Errors {
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if len(r.problems) > maxProblems {
		more := len(r.problems) - maxProblems
		return append(Errors(r.problems[:maxProblems:maxProblems]), Problem{File: r.file, Message: fmt.Sprintf("and %d more problems", more)})
	}
	return r.problems
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

var (
	// parserError is what the library counts lines from 0 for.
	parserError   = regexp.MustCompile(`^did not find expected (',|'-'|key|node content|<)`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
	tabIndent     = regexp.MustCompile(`(?m)^ *\t`)
)

// locate finds what the YAML library gives no place, or the wrong one.
func (p *Problem) locate(text []byte, message string) {
	var at []int
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		at = regexp.MustCompile(`\*` + regexp.QuoteMeta(m[1])).FindIndex(text)
	} else if strings.Contains(message, "tab character") {
		if at = tabIndent.FindIndex(text); at != nil {
			at[0] = at[1] - 1
		}
		p.Hint = "indent with spaces"
	}
	if at != nil {
		before := text[:at[0]]
		p.Line = 1 + bytes.Count(before, []byte("\n"))
		p.Column = 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	}
}

// parse makes the text a tree; nil, with a problem, if it is none.
func (r *reader) parse(text []byte) *yaml.Node {
	whole := &yaml.Node{}
	switch {
	case len(text) > MaxFile:
		r.report(nil, "", "", "the file is larger than %d bytes (1 MiB)", MaxFile)
		return nil
	case !utf8.Valid(text):
		r.report(nil, "", "save the file as UTF-8", "the file is not UTF-8")
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(whole)
	switch {
	case errors.Is(err, io.EOF):
		r.report(nil, "", "a file needs at least monitors:", "the file is empty")
		return nil
	case err != nil:
		problem := Problem{File: r.file, Line: 1, Column: 1, Message: err.Error()}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			problem.Message = "not YAML: " + m[2]
			if line, err := strconv.Atoi(m[1]); err == nil {
				problem.Line = line
				if parserError.MatchString(m[2]) {
					problem.Line++
				}
			}
			problem.locate(text, m[2])
		}
		r.problems = append(r.problems, problem)
		return nil
	}
	var next yaml.Node
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		r.report(&next, "", "keep one, or use two files", "the file holds more than one document")
		return nil
	}
	if len(whole.Content) != 1 || whole.Content[0].Kind == yaml.ScalarNode && whole.Content[0].Tag == "!!null" {
		r.report(nil, "", "a file needs at least monitors:", "the file is empty")
		return nil
	}
	return whole.Content[0]
}
