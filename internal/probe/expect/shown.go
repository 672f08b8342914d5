package expect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/expr-lang/expr/vm"
)

// Bounds of what is shown.
const (
	maxShown = 100  // bytes of one value
	maxRead  = 1000 // bytes of a text that is looked at to show them
)

// show names the values that an expression reads: "status was 503".
func (p *Program) show(values Values) string {
	var parts []string
	for _, use := range p.uses {
		machine := vm.VM{MemoryBudget: maxMemory}
		v, err := machine.Run(use.eval, map[string]any(values))
		if err != nil {
			v = nil
		}
		parts = append(parts, use.text+" was "+value(v))
	}
	return printable(strings.Join(parts, ", "), 3*maxShown)
}

func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return fmt.Sprintf("%q", printable(v[:min(len(v), maxRead)], maxShown))
	case float64:
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", v), "0"), ".")
	}
	var out strings.Builder
	sketch(&out, v)
	return printable(out.String(), maxShown)
}

// sketch writes a value as fmt does, and little more of it than is shown.
func sketch(out *strings.Builder, v any) {
	if out.Len() > maxShown {
		return
	}
	switch v := v.(type) {
	case string:
		out.WriteString(v[:min(len(v), maxShown+1)])
	case []any:
		list(out, "[", len(v), func(i int) { sketch(out, v[i]) })
	case []string:
		list(out, "[", len(v), func(i int) { sketch(out, v[i]) })
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		list(out, "map[", len(v), func(i int) { pair(out, names[i], v[names[i]]) })
	case map[string]string:
		names := slices.Sorted(maps.Keys(v))
		list(out, "map[", len(v), func(i int) { pair(out, names[i], v[names[i]]) })
	default:
		_, _ = fmt.Fprint(out, v)
	}
}

func list(out *strings.Builder, open string, n int, one func(int)) {
	out.WriteString(open)
	for i := 0; i < n && out.Len() <= maxShown; i++ {
		if i > 0 {
			out.WriteByte(' ')
		}
		one(i)
	}
	out.WriteByte(']')
}

func pair(out *strings.Builder, name string, v any) {
	sketch(out, name)
	out.WriteByte(':')
	sketch(out, v)
}

// printable takes out control characters and cuts.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most-3], "") + "..."
	}
	return text
}
