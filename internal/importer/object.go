package importer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// object is a mapping whose keys are taken one by one; what is left is a warning.
type object struct {
	*source
	at     *yaml.Node
	path   string
	names  []string // in their order
	keys   map[string]*yaml.Node
	values map[string]*yaml.Node
	taken  map[string]bool
}

// object opens a mapping; nil, with a warning, if it is none.
func (s *source) object(n *yaml.Node, path string) *object {
	o := &object{source: s, at: n, path: path, keys: map[string]*yaml.Node{}, values: map[string]*yaml.Node{}, taken: map[string]bool{}}
	n = s.enter(n)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		s.warn(n, path, "", "expected keys and values: it is not carried over")
		return nil
	}
	o.collect(n, 0)
	return o
}

// collect takes the keys of a mapping, then those of what it merges (<<).
func (o *object) collect(n *yaml.Node, depth int) {
	if n = o.enter(n); n == nil || depth > maxDepth {
		return
	}
	if n.Kind == yaml.SequenceNode {
		for _, one := range n.Content {
			o.collect(one, depth+1)
		}
		return
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Value != "<<" && o.keys[k.Value] == nil {
			o.names = append(o.names, k.Value)
			o.keys[k.Value], o.values[k.Value] = k, n.Content[i+1]
		}
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "<<" {
			o.collect(n.Content[i+1], depth+1)
		}
	}
}

func (o *object) join(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

// take is the value of a key; nil if there is none, or nothing in it.
func (o *object) take(key string) *yaml.Node {
	o.taken[key] = true
	n := o.values[key]
	if n == nil {
		return nil
	}
	if n = o.enter(n); n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	return n
}

// has reports whether a key has a value other than empty ones.
func (o *object) has(key string) bool {
	n := o.values[key]
	for hops := 0; n != nil && n.Kind == yaml.AliasNode && hops < maxDepth; hops++ {
		n = n.Alias
	}
	switch {
	case n == nil, n.Kind == yaml.ScalarNode && (n.Tag == "!!null" || n.Value == "" || n.Value == "false" || n.Value == "0" && n.Tag != "!!str"):
		return false
	case n.Kind != yaml.ScalarNode:
		return len(n.Content) > 0
	}
	return true
}

// text is a single value as it is written; empty if there is none.
func (o *object) text(key string) string {
	n := o.take(key)
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		o.warn(n, o.join(key), "", "expected a text: it is not carried over")
		return ""
	}
	return n.Value
}

func (o *object) truth(key string) bool {
	switch text := strings.ToLower(o.text(key)); text {
	case "true", "yes", "on", "1":
		return true
	case "", "false", "no", "off", "0":
	default:
		o.warn(o.values[key], o.join(key), "", "expected true or false: taken for false")
	}
	return false
}

// number is a whole number; the usual one if there is none.
func (o *object) number(key string, usual int) int {
	text := o.text(key)
	if text == "" {
		return usual
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v < -1e9 || v > 1e9 {
		o.warn(o.values[key], o.join(key), "", "expected a number: %d is taken", usual)
		return usual
	}
	return int(v)
}

// duration is of Go's form; the usual one if there is none.
func (o *object) duration(key string, usual time.Duration) time.Duration {
	text := o.text(key)
	if text == "" {
		return usual
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		o.warn(o.values[key], o.join(key), "", "expected a duration: %s is taken", span(usual))
		return usual
	}
	return d
}

// list calls each for every member; a lone value stands for a list of one.
func (o *object) list(key string, each func(n *yaml.Node, path string)) {
	n := o.take(key)
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		o.depth++
		for i, one := range n.Content {
			if one = o.enter(one); one != nil {
				each(one, fmt.Sprintf("%s[%d]", o.join(key), i))
			}
		}
		o.depth--
	case n.Kind == yaml.ScalarNode:
		each(n, o.join(key))
	default:
		o.warn(n, o.join(key), "", "expected a list: it is not carried over")
	}
}

// texts is a list of texts.
func (o *object) texts(key string) []string {
	var all []string
	o.list(key, func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode {
			o.warn(n, path, "", "expected a text: it is not carried over")
			return
		}
		all = append(all, n.Value)
	})
	return all
}

// objects calls each for every mapping of a list.
func (o *object) objects(key string, each func(*object)) {
	o.list(key, func(n *yaml.Node, path string) {
		if one := o.object(n, path); one != nil {
			each(one)
		}
	})
}

// below is the mapping under a key; nil if there is none.
func (o *object) below(key string) *object {
	n := o.take(key)
	if n == nil {
		return nil
	}
	return o.object(n, o.join(key))
}

// skip takes keys that need no word: they say what is so anyway.
func (o *object) skip(keys ...string) {
	for _, key := range keys {
		o.taken[key] = true
	}
}

// lost takes keys that are not carried over, and says so where they are given.
func (o *object) lost(message, hint string, keys ...string) {
	for _, key := range keys {
		if o.taken[key] = true; o.has(key) {
			o.warn(o.keys[key], o.join(key), hint, "%s", message)
		}
	}
}

// rest warns of every key that nobody took.
func (o *object) rest() {
	for _, name := range o.names {
		if !o.taken[name] && o.has(name) {
			o.warn(o.keys[name], o.join(name), "look for what it is to do, and for a key of monitors.yaml that does it", "not known to this importer, and not carried over")
		}
	}
}
