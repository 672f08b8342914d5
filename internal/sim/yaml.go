package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/config"
)

// reader reads a scenario strictly: every problem with its place, all at once.
type reader struct {
	file     string
	opts     Options
	problems config.Errors

	root  *yaml.Node
	lines [][]byte

	within    string          // the action of the event that is being read
	elsewhere map[string]bool // the keys that go with another one
}

// value is a text of the file, with its place.
type value struct {
	text string
	node *yaml.Node // nil: it does not stand there
	path string
}

// words are the texts of values.
func words(all []value) []string {
	var out []string
	for _, v := range all {
		out = append(out, v.text)
	}
	return out
}

func (r *reader) report(n *yaml.Node, path, hint, format string, args ...any) {
	p := config.Problem{File: r.file, Path: path, Message: fmt.Sprintf(format, args...), Hint: hint}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	r.problems = append(r.problems, p)
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// parse makes the text a tree; nil, with a problem, if it is none.
func (r *reader) parse(text []byte) *yaml.Node {
	if len(text) > config.MaxFile {
		r.report(top, "", "", "the file is larger than %d bytes (1 MiB)", config.MaxFile)
		return nil
	}
	if !utf8.Valid(text) {
		r.report(top, "", "save the file as UTF-8", "the file is not UTF-8")
		return nil
	}
	var whole, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&whole)
	if err == nil && len(whole.Content) > 0 {
		if err = decoder.Decode(&more); err == nil {
			r.report(&more, "", "put it into a file of its own", "a second document begins here: a file holds one scenario")
			return nil
		} else if errors.Is(err, io.EOF) {
			return whole.Content[0]
		}
	}
	switch {
	case errors.Is(err, io.EOF) || err == nil:
		r.report(top, "", "a scenario needs at least start:, length: and events:", "the file is empty")
		return nil
	default:
		p := config.Problem{File: r.file, Line: 1, Column: 1, Message: err.Error()}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			p.Message = "not YAML: " + m[2]
			if line, err := strconv.Atoi(m[1]); err == nil {
				p.Line = line
			}
		}
		r.problems = append(r.problems, p)
		return nil
	}
}

// top is the place of what concerns the whole file.
var top = &yaml.Node{Line: 1, Column: 1}

// field reads the value of one key.
type field func(n *yaml.Node, path string)

// mapping reads a mapping by the table of its keys; unknown and repeated ones are
// problems.
func (r *reader) mapping(n *yaml.Node, path string, fields map[string]field) bool {
	if n.Kind == yaml.AliasNode {
		r.report(n, path, "write it out", "aliases are not read here")
		return false
	}
	if n.Kind != yaml.MappingNode {
		r.report(n, path, "", "expected keys and values")
		return false
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		read, known := fields[k.Value]
		switch {
		case seen[k.Value]:
			r.report(k, path, "", "the key %q stands here twice", k.Value)
		case !known && r.within != "":
			hint := "one of " + strings.Join(keysOf(fields), ", ")
			if !r.elsewhere[k.Value] {
				hint = r.closest(k.Value, keysOf(fields))
			}
			r.report(k, path, hint, "the key %q does not go with %s", k.Value, r.within)
		case !known:
			r.report(k, path, r.closest(k.Value, keysOf(fields)), "the key %q is not known", k.Value)
		default:
			read(v, joined(path, k.Value))
		}
		seen[k.Value] = true
	}
	return true
}

func joined(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func keysOf(fields map[string]field) []string {
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// closest is a hint at what was probably meant.
func (r *reader) closest(got string, names []string) string {
	best, distance := "", 3
	for _, name := range names {
		if d := distanceOf(got, name); d < distance {
			best, distance = name, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	return "one of " + strings.Join(names, ", ")
}

// distanceOf is the number of letters to change, add or take away.
func distanceOf(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func (r *reader) text(into *string) field {
	return func(n *yaml.Node, path string) {
		switch {
		case n.Kind == yaml.AliasNode:
			r.report(n, path, "write it out", "aliases are not read here")
		case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null":
			r.report(n, path, "", "expected text")
		default:
			*into = n.Value
		}
	}
}

// needed reads a text that is not empty, and keeps its place.
func (r *reader) needed(into *value) field {
	return func(n *yaml.Node, path string) {
		*into = value{"", n, path}
		before := len(r.problems)
		r.text(&into.text)(n, path)
		into.text = strings.TrimSpace(into.text)
		if into.text == "" && len(r.problems) == before {
			r.report(n, path, "", "expected text, and it is empty")
		}
	}
}

// values reads a list of texts, or one that stands for a list of one. None may be
// empty, or stand there twice.
func (r *reader) values(into *[]value) field {
	return func(n *yaml.Node, path string) {
		all := []*yaml.Node{n}
		if n.Kind == yaml.SequenceNode {
			all = n.Content
		}
		if len(all) == 0 {
			r.report(n, path, "", "the list is empty")
		}
		*into = []value{}
		for _, one := range all {
			var v value
			r.needed(&v)(one, path)
			switch {
			case v.text == "":
			case slices.Contains(words(*into), v.text):
				r.report(one, path, "", "%s stands here twice", v.text)
			default:
				*into = append(*into, v)
			}
		}
	}
}

func (r *reader) duration(into *time.Duration) field {
	return func(n *yaml.Node, path string) {
		d, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || d <= 0 {
			r.report(n, path, "", "expected a duration such as 30s, 5m or 24h, found %q", n.Value)
			return
		}
		*into = d
	}
}

func (r *reader) number(into *int, least, most int) field {
	return func(n *yaml.Node, path string) {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < least || v > most {
			r.report(n, path, "", "expected a whole number from %d to %d, found %q", least, most, n.Value)
			return
		}
		*into = v
	}
}

// sorted returns the problems in the order of their places.
func (r *reader) sorted() config.Errors {
	slices.SortStableFunc(r.problems, func(a, b config.Problem) int {
		if a.File != b.File && (a.File == r.file || b.File == r.file) { // the other is one that the scenario names
			return map[bool]int{true: -1, false: 1}[a.File == r.file]
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return r.problems
}
