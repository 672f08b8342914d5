// Package infra_test checks what the templates become: each is translated as SAM
// translates it, and the result is held to the project's rules. cfn-lint and
// checkov (make validate) know CloudFormation; these tests know Sonde.
package infra_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

type object = map[string]any

// resource is a resource of a translated template. Its id is unique in the stack
// and those nested in it.
type resource struct {
	id, kind       string
	deletionPolicy string
	properties     object
}

// stack is a template, with those nested in it.
type stack struct {
	name       string
	parameters map[string]object
	resources  map[string]resource
}

// templates are the stacks that check by themselves, browser is one beside them
// that takes journeys, site the one that only shows.
var templates = []string{"template.yaml", "infra/location.yaml"}

const (
	browser = "infra/browser.yaml"
	site    = "infra/site.yaml"
)

// each runs a check on every template that is deployed by itself.
func each(t *testing.T, check func(t *testing.T, s stack)) {
	t.Helper()
	for _, name := range templates {
		t.Run(name, func(t *testing.T) { check(t, load(t, name)) })
	}
}

// eachAndBrowser is each for rules that hold for the browser's stack too.
func eachAndBrowser(t *testing.T, check func(t *testing.T, s stack)) {
	t.Helper()
	each(t, check)
	t.Run(browser, func(t *testing.T) { check(t, load(t, browser)) })
}

// all is each for rules that hold everywhere.
func all(t *testing.T, check func(t *testing.T, s stack)) {
	t.Helper()
	eachAndBrowser(t, check)
	t.Run(site, func(t *testing.T) { check(t, load(t, site)) })
}

// eachAndSite is each for rules that hold for the site's stack too.
func eachAndSite(t *testing.T, check func(t *testing.T, s stack)) {
	t.Helper()
	each(t, check)
	t.Run(site, func(t *testing.T) { check(t, load(t, site)) })
}

var (
	loadMu sync.Mutex
	loaded = map[string][]byte{}
)

// load translates a template and adds what is nested in it, with the values that
// its parameters get.
func load(t *testing.T, name string) stack {
	t.Helper()
	s := parse(t, name, translate(t, name))
	for id, r := range s.resources {
		if r.kind != "AWS::CloudFormation::Stack" {
			continue
		}
		path, _ := r.properties["TemplateURL"].(string)
		given, _ := r.properties["Parameters"].(object)
		child := parse(t, path, translate(t, path))
		for parameter := range child.parameters {
			if _, has := given[parameter]; !has {
				t.Errorf("%s does not give %s its parameter %s", name, path, parameter)
			}
		}
		for parameter := range given {
			if _, has := child.parameters[parameter]; !has {
				t.Errorf("%s gives %s a parameter %s that it does not have", name, path, parameter)
			}
		}
		for inner, r := range child.resources {
			r.id = id + "." + inner
			r.properties = substitute(r.properties, given).(object)
			s.resources[r.id] = r
		}
	}
	return s
}

func translate(t *testing.T, name string) []byte {
	t.Helper()
	loadMu.Lock()
	defer loadMu.Unlock()
	if source, has := loaded[name]; has {
		return source
	}
	for _, input := range []string{filepath.Join("..", name), "translate.py", "requirements-sam.txt"} {
		if _, err := os.ReadFile(input); err != nil { // so that go test runs again when it has changed
			t.Fatal(err)
		}
	}
	command := exec.Command(filepath.Join(environment(t, "sam"), "python"), "translate.py", filepath.Join("..", name))
	command.Env = append(os.Environ(), "AWS_DEFAULT_REGION=eu-west-1")
	source, err := command.Output()
	if err != nil {
		t.Fatalf("translate %s: %v%s", name, err, stderr(err))
	}
	loaded[name] = source
	return source
}

// environment is the bin folder of one of the pinned Python environments. On a
// machine that cannot make it, the test is skipped; CI must make it.
func environment(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("sh", "venv.sh", name).Output()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("the Python environment %s, which CI must have: %v%s", name, err, stderr(err))
	}
	if err != nil {
		t.Skipf("no Python environment %s, so not tested: %v%s", name, err, stderr(err))
	}
	return strings.TrimSpace(string(out))
}

func stderr(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "\n" + string(exit.Stderr)
	}
	return ""
}

func parse(t *testing.T, name string, source []byte) stack {
	t.Helper()
	var doc struct {
		Parameters map[string]object
		Resources  map[string]struct {
			Type, DeletionPolicy string
			Properties           object
		}
	}
	if err := json.Unmarshal(source, &doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s := stack{name: name, parameters: doc.Parameters, resources: map[string]resource{}}
	for id, r := range doc.Resources {
		s.resources[id] = resource{id, r.Type, r.DeletionPolicy, r.Properties}
	}
	return s
}

// substitute puts the values that a nested template is given in the place of its
// parameters.
func substitute(v any, given object) any {
	switch of := v.(type) {
	case object:
		if name, is := of["Ref"].(string); is && given[name] != nil {
			return given[name]
		}
		out := object{}
		for k, e := range of {
			out[k] = substitute(e, given)
		}
		return out
	case []any:
		out := make([]any, len(of))
		for i, e := range of {
			out[i] = substitute(e, given)
		}
		return out
	}
	return v
}

// of are the resources of a kind, by id.
func (s stack) of(kind string) []resource {
	var all []resource
	for _, id := range slices.Sorted(maps.Keys(s.resources)) {
		if s.resources[id].kind == kind {
			all = append(all, s.resources[id])
		}
	}
	return all
}

// must are the resources of a kind, of which there has to be one.
func (s stack) must(t *testing.T, kind string) []resource {
	t.Helper()
	all := s.of(kind)
	if len(all) == 0 {
		t.Fatalf("%s has no %s: nothing would be checked", s.name, kind)
	}
	return all
}

// at follows a path of keys and indexes; nil if it leads nowhere.
func at(v any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			of, _ := v.(object)
			v = of[key]
		case int:
			of, _ := v.([]any)
			if key >= len(of) {
				return nil
			}
			v = of[key]
		}
	}
	return v
}

func (r resource) at(path ...any) any { return at(r.properties, path...) }

// text is how a value reads; a reference reads as its target.
func text(v any) string {
	switch of := v.(type) {
	case nil:
		return ""
	case string:
		return of
	case object:
		if id, is := of["Ref"].(string); is {
			return "${" + id + "}"
		}
		if parts, is := of["Fn::GetAtt"].([]any); is {
			return fmt.Sprintf("${%v.%v}", parts[0], parts[1])
		}
		if sub, is := of["Fn::Sub"].(string); is {
			return sub
		}
	}
	encoded, _ := json.Marshal(v)
	return string(encoded)
}

var reference = regexp.MustCompile(`\$\{(\w+)`)

// target is the id of the resource that a value names.
func target(v any) string {
	for _, m := range reference.FindAllStringSubmatch(text(v), -1) {
		if m[1] != "AWS" {
			return m[1]
		}
	}
	return ""
}

// texts reads a value that is one thing or a list.
func texts(v any) []string {
	list, is := v.([]any)
	if !is {
		list = []any{v}
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = text(e)
	}
	return out
}
