package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(config.SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	c.DefaultDraft(jsonschema.Draft2020)
	s, err := c.Compile(config.SchemaID)
	if err != nil {
		t.Fatalf("the schema is none of 2020-12: %v", err)
	}
	return s
}

// judged is what the schema says of a text; nil is valid.
func judged(s *jsonschema.Schema, text []byte) error {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return err
	}
	return s.Validate(plain(v))
}

// plain is a value of YAML as JSON has it.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, one := range v {
			v[name] = plain(one)
		}
	case map[any]any:
		out := map[string]any{}
		for name, one := range v {
			out[fmt.Sprint(name)] = plain(one)
		}
		return out
	case []any:
		for i, one := range v {
			v[i] = plain(one)
		}
	case int, int64, uint64, float64, string, bool, nil:
	default: // a time
		text, _ := yaml.Marshal(v)
		return strings.TrimSpace(string(text))
	}
	return v
}

// TestSchemaAccepts: what the loader takes, the schema takes.
func TestSchemaAccepts(t *testing.T) {
	s := compiled(t)
	var examples [][]byte
	for _, pattern := range []string{"testdata/good/*.yaml", "../*/testdata/*.yaml", "../../infra/*.example.yaml"} {
		for _, path := range globAny(t, pattern) {
			text := read(t, path)
			if _, err := config.Load(path, text, config.Options{Home: monitor.Local}); err == nil {
				examples = append(examples, text)
			}
		}
	}
	for _, e := range documented(t) {
		examples = append(examples, e.text)
	}
	for _, path := range globAny(t, "../importer/testdata/*/*.golden") {
		text, _, is := bytes.Cut(read(t, path), []byte("\n---\n"))
		if is && !bytes.HasPrefix(text, []byte("error:")) {
			examples = append(examples, text)
		}
	}
	examples = append(examples, read(t, "../importer/testdata/start.golden"))
	if len(examples) < 20 {
		t.Fatalf("only %d examples", len(examples))
	}
	for _, text := range examples {
		if err := judged(s, text); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

func globAny(t testing.TB, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSchemaRefuses: of the mistakes that the loader is tested with, the schema
// finds all but those that are about references, expressions, sizes and what keys
// say about one another. Which these are, the golden file says.
func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	var passes []string
	for _, path := range globAny(t, "testdata/bad/*.yaml") {
		problems, _ := os.ReadFile(strings.TrimSuffix(path, ".yaml") + ".golden")
		err := judged(s, read(t, path))
		if err != nil {
			continue
		}
		if bytes.Contains(problems, []byte("unknown key")) {
			t.Errorf("%s: the schema takes a key that the loader does not know", path)
		}
		first, _, _ := strings.Cut(string(problems), "\n")
		passes = append(passes, first)
	}
	got := strings.Join(passes, "\n") + "\n"
	const file = "testdata/schema-passes.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(read(t, file)); got != want {
		t.Errorf("what only the loader finds is another:\n%s", got)
	}
}

// TestSchemaKeys: schema and loader know the same keys, everywhere; each has a
// description.
func TestSchemaKeys(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(config.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if !bytes.Equal(config.Schema(), config.Schema()) {
			t.Fatal("the schema is another each time")
		}
	}
	count := 0
	walk(root, nil, func(path []string, key string, property map[string]any) {
		count++
		if text, _ := property["description"].(string); len(text) < 5 || !strings.HasSuffix(text, ".") {
			t.Errorf("%s.%s: description %q", strings.Join(path, "."), key, text)
		}
		if unknown := unknownKeys(append(slices.Clone(path), key)); unknown {
			t.Errorf("%s.%s is in the schema, and the loader does not know it", strings.Join(path, "."), key)
		}
		if !unknownKeys(append(slices.Clone(path), "unheard_of")) {
			t.Errorf("%s: the loader takes any key, and the schema does not", strings.Join(path, "."))
		}
	})
	if count < 150 {
		t.Errorf("only %d keys", count)
	}
}

// unknownKeys reports whether the loader does not know one of the keys that lead
// to a place; [] is a member of a list.
func unknownKeys(path []string) bool {
	text, indent := "", ""
	for i, key := range path {
		if key == "[]" {
			continue
		}
		dash := ""
		if i > 0 && path[i-1] == "[]" {
			dash = "- "
		}
		text += indent + dash + key + ":\n"
		indent += "  " + strings.Repeat(" ", len(dash))
	}
	_, err := config.Load("f.yaml", []byte(strings.TrimSuffix(text, "\n")+" 0\n"), config.Options{Home: monitor.Local})
	return strings.Contains(fmt.Sprint(err), "unknown key")
}

// walk visits the properties of all mappings that have keys of their own.
func walk(schema map[string]any, path []string, visit func(path []string, key string, property map[string]any)) {
	if several, is := schema["anyOf"].([]any); is {
		for _, one := range several {
			walk(one.(map[string]any), path, visit)
		}
		return
	}
	if item, is := schema["items"].(map[string]any); is {
		walk(item, append(slices.Clone(path), "[]"), visit)
	}
	if other, is := schema["additionalProperties"].(map[string]any); is {
		walk(other, append(slices.Clone(path), "name"), visit)
	}
	properties, _ := schema["properties"].(map[string]any)
	for key, property := range properties {
		visit(path, key, property.(map[string]any))
		walk(property.(map[string]any), append(slices.Clone(path), key), visit)
	}
}
