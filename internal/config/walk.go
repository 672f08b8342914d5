package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// cursor is one value of the file, with its path.
type cursor struct {
	node *yaml.Node
	path string
	key  *yaml.Node // the key it stands under; nil in a list
}

// key is one key that a mapping may have.
type key[T any] struct {
	name string
	doc  string
	read func(r *reader, c cursor, into *T)
}

// keys is all keys of one kind of mapping.
type keys[T any] []key[T]

func (k keys[T]) read(r *reader, c cursor, into *T) {
	if r.recording() {
		k.describe(r, into)
		return
	}
	at := slices.IndexFunc(k, func(k key[T]) bool { return k.name == c.key.Value })
	if at < 0 {
		names := make([]string, len(k))
		for i, one := range k {
			names[i] = one.name
		}
		hint := suggest(c.key.Value, names)
		if hint == "" {
			hint = "known are " + strings.Join(names, ", ")
		}
		r.report(c.key, parentOf(c), hint, "unknown key %q", c.key.Value)
		return
	}
	k[at].read(r, c, into)
}

// parentOf is the path of the mapping that a key stands in; keys may hold dots.
func parentOf(c cursor) string {
	return strings.TrimSuffix(strings.TrimSuffix(c.path, c.key.Value), ".")
}

// enter follows an alias and counts the value; nil once there are too many.
func (r *reader) enter(n *yaml.Node, path string) *yaml.Node {
	if r.recording() {
		return nil
	}
	r.nodes++
	if r.nodes > maxNodes || r.depth > maxDepth {
		if !r.stopped {
			r.report(n, path, "", "too many values, or nested too deeply: aliases may not multiply without end")
			r.stopped = true
		}
		return nil
	}
	for hops := 0; n.Kind == yaml.AliasNode && hops < maxDepth; hops++ {
		n = n.Alias
	}
	return n
}

// mapping calls each for every key of a mapping; those of merged ones (<<) that
// the mapping does not have itself come last.
func (r *reader) mapping(n *yaml.Node, path string, each func(cursor)) bool {
	if r.recording() {
		r.describeMapping(path, each)
		return true
	}
	n = r.enter(n, path)
	if n == nil {
		return false
	}
	if n.Kind != yaml.MappingNode {
		r.report(n, path, "", "expected keys and values, found %s", kindOf(n))
		return false
	}
	r.depth++
	defer func() { r.depth-- }()
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Value == "<<" {
			continue
		}
		at := join(path, k.Value)
		if first, twice := seen[k.Value]; twice {
			r.report(k, path, "", "the key %q stands here twice, first in line %d", k.Value, first.Line)
			continue
		}
		seen[k.Value] = k
		each(cursor{v, at, k})
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "<<" {
			r.merge(n.Content[i+1], path, seen, each)
		}
	}
	return true
}

func (r *reader) merge(n *yaml.Node, path string, seen map[string]*yaml.Node, each func(cursor)) {
	n = r.enter(n, path)
	r.depth++
	defer func() { r.depth-- }()
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		for _, one := range n.Content {
			r.merge(one, path, seen, each)
		}
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			if _, has := seen[k.Value]; !has && k.Value != "<<" {
				seen[k.Value] = k
				each(cursor{v, join(path, k.Value), k})
			}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "<<" { // what is merged may merge itself
				r.merge(n.Content[i+1], path, seen, each)
			}
		}
	default:
		r.report(n, path, "", "expected a mapping to merge, found %s", kindOf(n))
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// list calls each for every member of a list. One value stands for a list of
// one where lone is true.
func (r *reader) list(c cursor, lone bool, each func(cursor)) {
	if r.recording() {
		r.describeList(c.path, lone, each)
		return
	}
	n := r.enter(c.node, c.path)
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		r.depth++
		for i, one := range n.Content {
			each(cursor{one, fmt.Sprintf("%s[%d]", c.path, i), nil})
		}
		r.depth--
	case lone && n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		each(c)
	default:
		r.report(n, c.path, "", "expected a list, found %s", kindOf(n))
	}
}

// scalar returns a single value's node.
func (r *reader) scalar(c cursor, want string) *yaml.Node {
	if r.recording() {
		r.mayText(want)
		return nil
	}
	n := r.enter(c.node, c.path)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.report(n, c.path, "", "expected %s, found %s", want, kindOf(n))
		return nil
	}
	return n
}

func (r *reader) text(c cursor, into *string) {
	if n := r.scalar(c, "text"); n != nil {
		*into = n.Value
	}
}

func (r *reader) boolean(c cursor, into *bool) {
	if r.may(fragment{"type": "boolean"}) {
		return
	}
	n := r.scalar(c, "true or false")
	if n == nil {
		return
	}
	switch n.Value {
	case "true":
		*into = true
	case "false":
		*into = false
	default:
		hint := ""
		switch strings.ToLower(n.Value) {
		case "yes", "on", "true":
			hint = "did you mean true?"
		case "no", "off", "false":
			hint = "did you mean false?"
		}
		r.report(n, c.path, hint, "expected true or false, found %q", n.Value)
	}
}

func (r *reader) integer(c cursor, into *int, least, most int) {
	if r.may(fragment{"type": "integer", "minimum": least, "maximum": most}) {
		return
	}
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	n := r.scalar(c, want)
	if n == nil {
		return
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil || v < least || v > most {
		r.report(n, c.path, "", "expected %s, found %q", want, n.Value)
		return
	}
	*into = v
}

// duration reads 30s, 5m, 24h.
func (r *reader) duration(c cursor, into *time.Duration, least, most time.Duration) {
	if r.mayLast(least, most) {
		return
	}
	n := r.scalar(c, "a duration such as 30s")
	if n == nil {
		return
	}
	d, err := time.ParseDuration(n.Value)
	if err != nil {
		hint := ""
		if _, err := strconv.ParseFloat(n.Value, 64); err == nil {
			hint = fmt.Sprintf("did you mean %ss?", n.Value)
		} else if days, ok := strings.CutSuffix(n.Value, "d"); ok {
			if v, err := strconv.ParseFloat(days, 64); err == nil && v < 1e4 {
				hint = fmt.Sprintf("did you mean %sh? days are written as hours", strconv.FormatFloat(v*24, 'f', -1, 64))
			}
		}
		r.report(n, c.path, hint, "expected a duration such as 30s, 5m or 24h, found %q", n.Value)
		return
	}
	if d < least || d > most {
		r.report(n, c.path, "", "%s is not between %s and %s", n.Value, short(least), short(most))
		return
	}
	*into = d
}

// size reads a number of bytes: 4096, 512KiB, 1MiB.
func (r *reader) size(c cursor, into *int64, least, most int64) {
	if r.may(fragment{"type": "integer", "minimum": least, "maximum": most}) {
		r.may(form(`^[0-9]+ ?([KM]iB)?$`, "512KiB", "1MiB"))
		return
	}
	n := r.scalar(c, "a size such as 512KiB")
	if n == nil {
		return
	}
	number, unit := n.Value, int64(1)
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if rest, ok := strings.CutSuffix(n.Value, suffix); ok {
			number, unit = rest, factor
		}
	}
	v, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || v < 0 || v > math.MaxInt64/unit || v*unit < least || v*unit > most {
		r.report(n, c.path, "", "expected a size from %d to %d bytes, such as 512KiB, found %q", least, most, n.Value)
		return
	}
	*into = v * unit
}

func (r *reader) choice(c cursor, into *string, names ...string) {
	if r.mayBe(names) {
		return
	}
	n := r.scalar(c, "one of "+strings.Join(names, ", "))
	if n == nil {
		return
	}
	if !slices.Contains(names, n.Value) {
		r.report(n, c.path, suggest(n.Value, names), "expected one of %s, found %q", strings.Join(names, ", "), n.Value)
		return
	}
	*into = n.Value
}

// short writes a duration without the zero parts that Go writes.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "nothing"
		}
		return strconv.Quote(n.Value)
	}
	return "something else"
}

// suggest names what was probably meant.
func suggest(got string, names []string) string {
	best, distance := "", 1+max(len(got)/3, 1)
	for _, name := range names {
		if d := levenshtein(strings.ToLower(got), name); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

func levenshtein(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	before, above := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := above[j]
			if a[i] != b[j] {
				cost++
			}
			row[j+1] = min(cost, row[j]+1, above[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1) // two letters swapped are one slip
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
