package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is a file that is being read.
type source struct {
	*builder
	file    string
	nodes   int
	depth   int
	stopped bool
}

var anyVariable = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

// open parses a file, YAML or JSON, into a tree.
func (b *builder) open(file File, asJSON bool) (*source, *yaml.Node, error) {
	b.files[file.Name] = len(b.files)
	s := &source{builder: b, file: file.Name}
	switch {
	case len(file.Text) > MaxSource:
		return nil, nil, fmt.Errorf("%s: larger than %d bytes (8 MiB)", file.Name, MaxSource)
	case !utf8.Valid(file.Text):
		return nil, nil, fmt.Errorf("%s: not UTF-8", file.Name)
	}
	text := bytes.TrimPrefix(file.Text, []byte("\ufeff"))
	for _, m := range anyVariable.FindAllSubmatch(text, -1) {
		b.variables[string(m[1])] = true // of the source's own: no other secret gets its name
	}
	if asJSON {
		root, err := parseJSON(text)
		if err != nil {
			return nil, nil, fmt.Errorf("%s:%w", file.Name, err)
		}
		return s, root, nil
	}
	var whole, next yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&whole)
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil, fmt.Errorf("%s: empty", file.Name)
	case err != nil:
		return nil, nil, fmt.Errorf("%s: not YAML: %s", file.Name, strings.TrimPrefix(err.Error(), "yaml: "))
	case len(whole.Content) != 1:
		return nil, nil, fmt.Errorf("%s: empty", file.Name)
	}
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		s.warn(&next, "", "keep one document in a file", "only the first document of the file is read")
	}
	if isConfigMap(whole.Content[0]) {
		return nil, nil, fmt.Errorf("%s: a ConfigMap of Kubernetes: give the file that it holds, such as kubectl get configmap NAME -o jsonpath='{.data.config\\.yaml}' | sonde import TOOL -", file.Name)
	}
	return s, whole.Content[0], nil
}

// isConfigMap reports whether a file is a manifest around what is wanted.
func isConfigMap(root *yaml.Node) bool {
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "kind" && root.Content[i+1].Value == "ConfigMap" {
			return true
		}
	}
	return false
}

// warn notes what is not carried over.
func (s *source) warn(n *yaml.Node, path, hint, format string, args ...any) {
	w := Warning{File: s.file, Path: path, Message: fmt.Sprintf(format, args...), Hint: hint}
	if n != nil {
		w.Line, w.Column = n.Line, n.Column
	}
	s.warnings = append(s.warnings, w)
}

// enter follows an alias and counts the value; nil once there are too many.
func (s *source) enter(n *yaml.Node) *yaml.Node {
	s.nodes++
	if s.nodes > maxNodes || s.depth > maxDepth {
		if !s.stopped {
			s.stopped = true
			s.warn(n, "", "", "too many values, or nested too deeply: nothing is read from here on")
		}
		return nil
	}
	for hops := 0; n != nil && n.Kind == yaml.AliasNode && hops < maxDepth; hops++ {
		n = n.Alias
	}
	return n
}
