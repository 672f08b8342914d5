package widget

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Languages are those that there are texts in; the first is the default.
var languages = [...]string{"en", "de", "fr", "es", "ja"}

// Languages returns the languages that there are texts in; the first is what
// stands for any other.
func Languages() []string { return slices.Clone(languages[:]) }

// texts is every catalogue by language, each part still as JSON.
var texts = sync.OnceValues(func() (map[string]map[string]json.RawMessage, error) {
	all := map[string]map[string]json.RawMessage{}
	for _, lang := range languages {
		raw, err := files.ReadFile(path.Join("text", lang+".json"))
		if err != nil {
			return nil, fmt.Errorf("read texts: %w", err)
		}
		var parts map[string]json.RawMessage
		if err := json.Unmarshal(raw, &parts); err != nil {
			return nil, fmt.Errorf("read texts of %s: %w", lang, err)
		}
		all[lang] = parts
	}
	return all, nil
})

// Choose is the language to answer in: the one asked for by name (?lang=) if
// there are texts in it, else the best of an Accept-Language header, else English.
func Choose(asked, accept string) string {
	if lang := known(asked); lang != "" {
		return lang
	}
	best, weight := languages[0], 0.0
	for part := range strings.SplitSeq(accept, ",") {
		tag, parameters, _ := strings.Cut(part, ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q="); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil || !(v >= 0 && v <= 1) {
				continue
			}
			q = v
		}
		if lang := known(tag); lang != "" && q > weight {
			best, weight = lang, q
		}
	}
	return best
}

func known(tag string) string {
	base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	if slices.Contains(languages[:], base) {
		return base
	}
	return ""
}

// part decodes one part of a language's texts.
func part[T any](lang, name string) (out T, err error) {
	all, err := texts()
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(all[lang][name], &out); err != nil {
		return out, fmt.Errorf("read texts of %s: %s: %w", lang, name, err)
	}
	return out, nil
}
