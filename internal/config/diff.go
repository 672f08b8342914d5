package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Difference is what changes from one configuration to another: "monitor app",
// "service web", "tier oncall", "site", "rehearse", each list sorted.
type Difference struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`

	// Fields says of each thing that changed which of its fields did.
	Fields map[string][]Field `json:"fields,omitempty"`
}

// Field is one field that changed, by its path in the thing, such as http.url.
// What may be a secret is hidden.
type Field struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// IsEmpty reports whether nothing changes.
func (d Difference) IsEmpty() bool { return len(d.Added)+len(d.Changed)+len(d.Removed) == 0 }

// Diff compares two configurations; before may be nil. The order of things and
// the version do not count.
func Diff(before, after *monitor.Config) (Difference, error) {
	old, err := things(before)
	if err != nil {
		return Difference{}, err
	}
	fresh, err := things(after)
	if err != nil {
		return Difference{}, err
	}
	d := Difference{Added: []string{}, Changed: []string{}, Removed: []string{}}
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		was, had := old[name]
		switch {
		case !had:
			d.Added = append(d.Added, name)
		case was != fresh[name]:
			d.Changed = append(d.Changed, name)
			if d.Fields == nil {
				d.Fields = map[string][]Field{}
			}
			d.Fields[name] = fields(was, fresh[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, has := fresh[name]; !has {
			d.Removed = append(d.Removed, name)
		}
	}
	return d, nil
}

// fields compares two things, as JSON, field by field.
func fields(before, after string) []Field {
	flat := [2]map[string]string{{}, {}}
	for i, text := range []string{before, after} {
		var thing any
		if json.Unmarshal([]byte(text), &thing) == nil {
			flatten("", thing, flat[i])
		}
	}
	paths := map[string]bool{}
	for _, f := range flat {
		for path := range f {
			paths[path] = true
		}
	}
	var out []Field
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		was, is := flat[0][path], flat[1][path]
		if was == is {
			continue
		}
		out = append(out, Field{path, shown(path, was), shown(path, is)})
	}
	return out
}

// flatten writes the fields of a thing by their paths. Lists of plain values are
// one field.
func flatten(path string, thing any, into map[string]string) {
	switch of := thing.(type) {
	case map[string]any:
		for name, value := range of {
			at := name
			if path != "" {
				at = path + "." + name
			}
			flatten(at, value, into)
		}
	case []any:
		if slices.ContainsFunc(of, func(v any) bool { _, is := v.(map[string]any); return is }) {
			for i, value := range of {
				flatten(fmt.Sprintf("%s[%d]", path, i), value, into)
			}
			return
		}
		text, _ := json.Marshal(of)
		into[path] = string(text)
	case nil:
	default:
		text, _ := json.Marshal(of)
		into[path] = string(text)
	}
}

// maxShown is how much of a value is shown.
const maxShown = 80

// shown is a field's value for people: one that may be a secret is hidden, a long
// one cut, a duration readable, an absent one said to be.
func shown(path, value string) string {
	var ns float64
	switch {
	case path == "expiry" && value == "":
		return "(as usual)"
	case path == "expiry" && value == "[]":
		return "off"
	case value == "":
		return "(none)"
	case (strings.Contains(path, "headers.") || mayBeSecret(path) || strings.HasSuffix(path, ".send") || strings.HasSuffix(path, ".send_hex")) && !isReference(value):
		return "***"
	case strings.HasSuffix(path, ".body"), strings.HasSuffix(path, ".json"):
		return "***"
	case slices.ContainsFunc([]string{"every", "timeout", "recheck", "after", "remind", "hold", "grace"}, func(name string) bool {
		return path == name || strings.HasSuffix(path, "."+name)
	}) && json.Unmarshal([]byte(value), &ns) == nil:
		return time.Duration(ns).String()
	}
	if path == "url" || strings.HasSuffix(path, ".url") || strings.HasSuffix(path, ".token_url") {
		value = withoutSecrets(value)
	}
	if runes := []rune(value); len(runes) > maxShown {
		return string(runes[:maxShown]) + "..."
	}
	return value
}

// mayBeSecret: what a request says of who asks, and what it asks in a form.
func mayBeSecret(path string) bool {
	return strings.Contains(path, ".form.") || strings.Contains(path, ".auth.") && !strings.HasSuffix(path, "_url") && !strings.HasSuffix(path, "client_id") ||
		strings.HasSuffix(path, ".client_cert.key")
}

// isReference reports whether a header's value, quoted, is a reference to a secret
// and nothing beside it but the name of a scheme: what else stands there may be
// part of the secret.
func isReference(quoted string) bool {
	text := strings.Trim(quoted, `"`)
	for _, scheme := range []string{"Bearer ", "Basic ", "Token "} {
		text = strings.TrimPrefix(text, scheme)
	}
	inside, starts := strings.CutPrefix(text, "${")
	inside, ends := strings.CutSuffix(inside, "}")
	return starts && ends && !strings.ContainsAny(inside, "${}")
}

// withoutSecrets hides what may be secret in a URL: a password, and the values of
// its query.
func withoutSecrets(quoted string) string {
	var text string
	if json.Unmarshal([]byte(quoted), &text) != nil {
		return quoted
	}
	u, err := url.Parse(text)
	if err != nil {
		return "***"
	}
	query := ""
	if u.RawQuery != "" {
		query = "?***"
	}
	if u.User != nil {
		u.User = url.User("***")
	}
	u.RawQuery = ""
	return strconv.Quote(strings.Replace(u.String(), "%2A%2A%2A", "***", 1) + query)
}

// things is everything in a configuration by name, as comparable text.
func things(cfg *monitor.Config) (map[string]string, error) {
	all := map[string]string{}
	if cfg == nil {
		return all, nil
	}
	var failed error
	add := func(name string, thing any) {
		text, err := json.Marshal(thing)
		if err != nil {
			failed = fmt.Errorf("compare %s: %w", name, err)
		}
		all[name] = string(text)
	}
	add("site", cfg.Site)
	add("locations", cfg.Locations)
	for _, m := range cfg.Monitors {
		add("monitor "+string(m.ID), m)
	}
	for _, s := range cfg.Services {
		s.Shard = 0 // where it is kept is no change of what it is
		add("service "+string(s.ID), s)
	}
	for _, t := range cfg.Tiers {
		add("tier "+string(t.ID), t)
	}
	if cfg.Rehearse != nil {
		planned := *cfg.Rehearse
		planned.Since = time.Time{}
		add("rehearse", planned)
	}
	for _, p := range cfg.Maintenance {
		p.Since, p.Created, p.By = time.Time{}, time.Time{}, "" // the table's own notes
		add("maintenance "+string(p.ID), p)
	}
	return all, failed
}
