package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// SchemaID is the address of version 1 of the schema. It is a name: nothing has to
// be there, and editors read the file that `sonde schema` writes.
const SchemaID = "urn:sonde:monitors:1"

// Schema is the JSON Schema (2020-12) of a monitors.yaml, for editors. It is made
// by the loader itself, which walks through its tables of keys and notes what it
// would read instead of reading it: what the loader knows, the schema knows.
// References, expressions and what keys say about one another only Load judges.
func Schema() []byte {
	r := &reader{shape: &shape{}, object: &object{}, ids: map[string]place{}, expressions: map[expression]error{}}
	r.mapping(&yaml.Node{}, "", func(c cursor) { fileKeys.read(r, c, &file{}) })
	root := r.shape.schema("")
	for _, path := range slices.Sorted(maps.Keys(refinements)) {
		refine(root, path, refinements[path])
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaID
	root["title"] = "monitors.yaml"
	root["description"] = "What Sonde watches, what the public sees, and who is told."
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(root) // texts, numbers, lists and maps of them have no error
	return out.Bytes()
}

// fragment is a schema, or a part of one.
type fragment map[string]any

// shape is what may stand in one place: any of some fragments, or anything.
type shape struct{ alternatives []fragment }

// object is a mapping that is being described.
type object struct {
	properties map[string]any // of a mapping with keys of its own; nil for others
	base       string
}

// recording reports whether the reader describes what it would read.
func (r *reader) recording() bool { return r.shape != nil }

// may notes, while the keys are described, what a value may be, and reports
// whether they are.
func (r *reader) may(f fragment) bool {
	if !r.recording() {
		return false
	}
	if !slices.ContainsFunc(r.shape.alternatives, func(have fragment) bool { return reflect.DeepEqual(have, f) }) {
		r.shape.alternatives = append(r.shape.alternatives, f)
	}
	return true
}

// within describes what stands inside of the present value.
func (r *reader) within(describe func()) *shape {
	was, object := r.shape, r.object
	inner := &shape{}
	r.shape = inner
	describe()
	r.shape, r.object = was, object
	return inner
}

func (s *shape) schema(doc string) fragment {
	out := fragment{}
	switch len(s.alternatives) {
	case 0: // anything
	case 1:
		maps.Copy(out, s.alternatives[0])
	default:
		out["anyOf"] = s.alternatives
	}
	bounds := ""
	for _, one := range append([]fragment{out}, s.alternatives...) {
		if text, is := one[boundsKey].(string); is {
			bounds = text
			delete(one, boundsKey)
		}
	}
	if doc != "" {
		out["description"] = sentence(doc) + bounds
	}
	return out
}

// boundsKey is what a description says of the bounds of a value that JSON Schema
// cannot compare, until the description is written.
const boundsKey = "bounds"

// sentence is the doc of a key as an editor shows it.
func sentence(doc string) string {
	return strings.ToUpper(doc[:1]) + doc[1:] + "."
}

// anyKey stands for every key of a mapping whose keys are free. It is one that a
// header, a form and a saved value may have.
const anyKey = "name"

func dummy(path string) cursor {
	return cursor{node: &yaml.Node{}, path: path, key: &yaml.Node{Value: anyKey}}
}

// describeMapping is mapping of a reader that describes.
func (r *reader) describeMapping(path string, each func(cursor)) {
	var keys *object
	other := r.within(func() {
		keys = &object{base: path}
		r.object = keys
		each(dummy(join(path, anyKey)))
	})
	f := fragment{"type": "object"}
	if keys.properties != nil {
		f["properties"], f["additionalProperties"] = keys.properties, false
	} else {
		f["additionalProperties"] = other.schema("")
	}
	r.may(f)
}

// describe notes every key of a table.
func (k keys[T]) describe(r *reader, into *T) {
	keys := r.object
	keys.properties = map[string]any{}
	for _, one := range k {
		c := cursor{node: &yaml.Node{}, path: join(keys.base, one.name), key: &yaml.Node{Value: one.name}}
		keys.properties[one.name] = r.within(func() { one.read(r, c, into) }).schema(one.doc)
	}
}

// describeList is list of a reader that describes.
func (r *reader) describeList(path string, lone bool, each func(cursor)) {
	item := r.within(func() { each(cursor{node: &yaml.Node{}, path: path + "[0]"}) }).schema("")
	if lone {
		for _, one := range alternatives(item) {
			r.may(one)
		}
	}
	r.may(fragment{"type": "array", "items": item})
}

func alternatives(f fragment) []fragment {
	if all, several := f["anyOf"].([]fragment); several {
		return all
	}
	return []fragment{f}
}

// text is what the loader takes for a text: YAML reads some of them as numbers.
var anyText = []string{"string", "number", "boolean"}

func texts(examples ...any) fragment {
	f := fragment{"type": anyText}
	if len(examples) > 0 {
		f["examples"] = examples
	}
	return f
}

func form(pattern string, examples ...any) fragment {
	hint := fmt.Sprintf("Expected something such as %v.", examples[0])
	return fragment{"type": "string", "pattern": pattern, "patternErrorMessage": hint, "errorMessage": hint, "examples": examples}
}

// mayText notes a single value by what the loader calls it.
func (r *reader) mayText(want string) {
	f, known := scalars()[want]
	if !known {
		f = []fragment{texts()}
	}
	for _, one := range f {
		r.may(one)
	}
}

// scalars is the forms of single values, by what the loader calls them.
func scalars() map[string][]fragment {
	secret := `^\$\{(env:[A-Za-z_][A-Za-z0-9_]*|ssm:/[A-Za-z0-9./_-]+)\}$`
	return map[string][]fragment{
		"an id":                {{"type": "string", "pattern": idForm.String(), "patternErrorMessage": "An id is a lower-case letter or digit, then up to 62 of these and hyphens.", "maxLength": 63, "examples": []any{"app", "lb-primary"}}, {"type": "integer"}},
		"host:port":            {form(`^.+:[0-9]{1,5}$`, "mail.example.com:587", "[2001:db8::1]:443")},
		"an IP address":        {form(`^[0-9A-Fa-f.:\[\]]+$`, "203.0.113.10", "1.1.1.1:53", "2001:db8::1")},
		"an IANA time zone":    {form(`^[A-Za-z][A-Za-z0-9_+/-]*$`, "UTC", "Europe/Berlin", "America/Los_Angeles")},
		"PEM certificates":     {form(`-----BEGIN CERTIFICATE-----`, "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")},
		"an https URL":         {form(`^https://[^ ]+$`, "https://app.example.com/health")},
		"bytes in hex":         {{"type": []string{"string", "number"}, "examples": []any{"00ff", "0a 0d"}}},
		"a time of day":        {form(timeForm.String(), "22:00", "07:30")},
		"a regular expression": {texts("^220 ", "(?i)pong")},
		"an expression":        {texts("body.access_token", "headers.location")},
		"a host":               {{"type": "string", "maxLength": 253, "examples": []any{"example.com", "203.0.113.10"}}},
		"a DNS server":         {form(`^(tls://.+|[0-9A-Fa-f.:\[\]]+)$`, "1.1.1.1", "tls://dns.example.com")},
		"a name":               {{"type": "string", "maxLength": 254, "examples": []any{"example.com"}}},
		"a selector":           {{"type": "string", "minLength": 1, "maxLength": maxSelector, "examples": []any{"#user", "text=Sign in"}}},
		"a key":                {{"type": []string{"string", "integer"}, "examples": toAny(namedKeys)}},
		"an origin such as https://www.example.com": {form(`^https?://[^/ ]+$`, "https://www.example.com")},
		"a secret such as ${ssm:/path}":             {form(secret, "${env:CLIENT_KEY}", "${ssm:/sonde/client-key}")},
		"a fingerprint such as SHA256:...":          {form(fingerprintForm.String(), "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8")},
		"a time such as 2026-12-01 02:00":           {form(`^[0-9]{4}-[0-9]{2}-[0-9]{2}`, "2026-12-01 02:00", "2026-12-01T02:00:00Z")},
		"a number, none or same-host":               {{"type": "integer", "minimum": 0, "maximum": 20}, {"enum": []any{"none", "same-host"}}},
		"all, any or a number":                      {{"enum": []any{"all", "any"}}, {"type": "integer", "minimum": 1, "maximum": maxResolvers}},
	}
}

func toAny(names []string) []any {
	out := make([]any, len(names))
	for i, name := range names {
		out[i] = name
	}
	return out
}

// mayURL notes a URL of some schemes; a secret may stand in it.
func (r *reader) mayURL(schemes []string, example string) bool {
	return r.may(form(`^(`+strings.Join(schemes, "|")+`)://[^ ].*$`, example))
}

// mayBe notes a value that is one of some names; YAML reads 1.2 as a number.
func (r *reader) mayBe(names []string) bool {
	if !r.recording() {
		return false
	}
	all := toAny(names)
	for _, name := range names {
		if v, err := strconv.ParseFloat(name, 64); err == nil {
			all = append(all, v)
		}
	}
	return r.may(fragment{"enum": all})
}

// mayLast notes a duration.
func (r *reader) mayLast(least, most time.Duration) bool {
	if !r.recording() {
		return false
	}
	if least <= 0 {
		r.may(fragment{"const": 0})
	}
	return r.may(fragment{
		"type": "string", "pattern": `^\+?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*)$`,
		"patternErrorMessage": "Expected a duration such as 30s, 5m or 24h.",
		"errorMessage":        "Expected a duration such as 30s, 5m or 24h.",
		boundsKey:             fmt.Sprintf(" A duration from %s to %s.", short(least), short(most)),
		"examples":            durations(least, most),
	})
}

// durations is some that people choose, within bounds.
func durations(least, most time.Duration) []any {
	var out []any
	for _, d := range []time.Duration{5 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour, 24 * time.Hour} {
		if d >= least && d <= most {
			out = append(out, short(d))
		}
	}
	return out
}
