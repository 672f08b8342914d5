package importer

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// quote is a text as it stands in an expression.
func quote(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text has no error
	return strings.TrimSuffix(b.String(), "\n")
}

func quoteAll(texts []string) string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = quote(text)
	}
	return strings.Join(out, ", ")
}

// number is a number as it stands in an expression.
func number(text string) (string, bool) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v != v || v > 1e15 || v < -1e15 {
		return "", false
	}
	return strconv.FormatFloat(v, 'f', -1, 64), true
}

var numberForm = regexp.MustCompile(`^-?(0|[1-9]\d{0,14})(\.\d+)?$`)

// typed is a value of JSON: what looks like a number is one.
func typed(text string) (string, bool) {
	switch text {
	case "true", "false":
		return text, true
	case "null":
		return "nil", true
	}
	if numberForm.MatchString(text) {
		return number(text)
	}
	return quote(strings.Trim(text, `"`)), true
}

// compare judges a value against a literal of Gatus, any(...) included; empty if
// that is not possible.
func compare(value, op, literal string, read func(string) (string, bool)) string {
	m := gatusAny.FindStringSubmatch(literal)
	if m == nil {
		right, ok := read(literal)
		if _, numeric := number(literal); !ok || op != "==" && op != "!=" && !numeric {
			return ""
		}
		return value + " " + op + " " + right
	}
	var all []string
	for one := range strings.SplitSeq(m[1], ",") {
		right, ok := read(strings.TrimSpace(one))
		if !ok {
			return ""
		}
		all = append(all, right)
	}
	switch op {
	case "==":
		return value + " in [" + strings.Join(all, ", ") + "]"
	case "!=":
		return value + " not in [" + strings.Join(all, ", ") + "]"
	}
	return ""
}

// compareText judges a text against a literal, pat(...) included.
func compareText(value, op, literal string) string {
	if op != "==" && op != "!=" {
		return ""
	}
	m := gatusPat.FindStringSubmatch(literal)
	if m == nil {
		return compare(value, op, literal, func(text string) (string, bool) { return quote(text), true })
	}
	source := glob(value, m[1])
	if op == "!=" && source != "" {
		return "not (" + source + ")"
	}
	return source
}

// glob is a pattern of path.Match as an expression.
func glob(value, pattern string) string {
	inner := strings.Trim(pattern, "*")
	begins, ends := strings.HasPrefix(pattern, "*"), strings.HasSuffix(pattern, "*")
	if strings.HasPrefix(value, "trim(") && begins && ends {
		value = strings.TrimSuffix(strings.TrimPrefix(value, "trim("), ")")
	}
	switch {
	case strings.ContainsAny(inner, `*?[\`):
		return value + " matches " + quote(globRegexp(pattern))
	case inner == "":
		return "len(" + value + ") >= 0"
	case begins && ends:
		return value + " contains " + quote(inner)
	case begins:
		return value + " endsWith " + quote(inner)
	case ends:
		return value + " startsWith " + quote(inner)
	}
	return value + " == " + quote(inner)
}

// globRegexp is a pattern of path.Match as a regular expression.
func globRegexp(pattern string) string {
	var b strings.Builder
	b.WriteString("(?s)^")
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '\\':
			if i++; i < len(pattern) {
				b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
			}
		case '[':
			if end := strings.IndexByte(pattern[i:], ']'); end > 1 {
				b.WriteString(pattern[i : i+end+1])
				i += end
				break
			}
			b.WriteString(`\[`)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return b.String() + "$"
}

var (
	member     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
	reserved   = regexp.MustCompile(`^(and|or|not|in|let|if|else|contains|startsWith|endsWith|matches|true|false|nil)$`)
	bracketed  = regexp.MustCompile(`^\[(\d{1,9})\]`)
	quotedName = regexp.MustCompile(`^\[(?:'([^'\\]*)'|"([^"\\]*)")\]`)
)

// jsonPath is a path such as .user.roles[0] as an expression on a value; optional
// stands for nil where something is not there.
func jsonPath(value, path string, optional bool) (string, bool) {
	mark := ""
	if optional {
		mark = "?."
	}
	for path != "" {
		if m := bracketed.FindStringSubmatch(path); m != nil {
			value += mark + "[" + m[1] + "]"
			path = path[len(m[0]):]
			continue
		}
		if m := quotedName.FindStringSubmatch(path); m != nil {
			value += mark + "[" + quote(m[1]+m[2]) + "]"
			path = path[len(m[0]):]
			continue
		}
		rest, is := strings.CutPrefix(path, ".")
		if !is {
			return "", false
		}
		if rest == "" {
			return "", false
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		name := rest[:end]
		path = rest[end:]
		switch plain := member.FindString(name) == name && !reserved.MatchString(name); {
		case name == "" && strings.HasPrefix(path, "["): // .[0]
		case name == "":
			return "", false
		case plain && optional:
			value += "?." + name
		case plain:
			value += "." + name
		default:
			value += mark + "[" + quote(name) + "]"
		}
	}
	return value, true
}

// truth is an expression that must be true, or must not.
func truth(source string, c condition) string {
	switch {
	case c.equal("true"), c.op == "!=" && c.literal == "false":
		return source
	case c.equal("false"), c.op == "!=" && c.literal == "true":
		return "not (" + source + ")"
	}
	return ""
}

// bare is a regular expression of globRegexp without its ends.
func bare(pattern string) string {
	return strings.TrimSuffix(strings.TrimPrefix(pattern, "(?s)^"), "$")
}
