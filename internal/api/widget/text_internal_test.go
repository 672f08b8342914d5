package widget

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCatalogues: every language has every text, and no others.
func TestCatalogues(t *testing.T) {
	all, err := texts()
	if err != nil {
		t.Fatal(err)
	}
	shape := func(lang string) map[string][]string {
		out := map[string][]string{}
		for part, raw := range all[lang] {
			var texts map[string]any
			if err := json.Unmarshal(raw, &texts); err != nil {
				t.Fatal(err)
			}
			out[part] = slices.Sorted(maps.Keys(texts))
			for key, value := range texts {
				if list, is := value.([]any); is && len(list) != len(states) {
					t.Errorf("%s: %s.%s: %d texts, want %d", lang, part, key, len(list), len(states))
				}
				if value == "" {
					t.Errorf("%s: %s.%s is empty", lang, part, key)
				}
			}
		}
		return out
	}
	for _, lang := range languages[1:] {
		if diff := cmp.Diff(shape("en"), shape(lang)); diff != "" {
			t.Errorf("%s differs from English (-en +%s):\n%s", lang, lang, diff)
		}
	}
}
