package config

import (
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestRefinements: each is about a value that there is, and no form of a single
// value is without one that uses it.
func TestRefinements(t *testing.T) {
	r := &reader{shape: &shape{}, object: &object{}, ids: map[string]place{}, expressions: map[expression]error{}}
	r.mapping(&yaml.Node{}, "", func(c cursor) { fileKeys.read(r, c, &file{}) })
	root := r.shape.schema("")
	for path, more := range refinements {
		if !refine(root, path, more) {
			t.Errorf("there is no %s to refine", path)
		}
	}
}
