package probe

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// hidden stands where a secret stood.
const hidden = "***"

// hider replaces secrets in texts: in any mixture of upper and lower case, with
// any of their characters escaped as in URLs, JSON, Go, quoted-printable or HTML,
// also more than once, and cut off at the end of the text or before "...".
//
// Who knows a secret, or gives one, can make it dear to look for. A hider does a
// bounded amount of work; what it has no work left for is hidden as a whole. It
// is for one goroutine.
type hider struct {
	at   [256][]string // forms that may begin with a byte, in a fixed order, each at least minSecret bytes
	work int           // characters that may still be compared
}

// maxHiding is a fifth of a second or so.
const maxHiding = 10_000_000

// escapes are what an escaped character begins with.
const escapes = `%\&=`

// newHider returns nil for no forms.
func newHider(f forms) *hider {
	if len(f) == 0 {
		return nil
	}
	h := &hider{work: maxHiding}
	all := slices.Sorted(maps.Keys(f))
	for _, form := range all {
		for c := range 256 {
			if same(byte(c), form[0]) && !strings.ContainsRune(escapes, rune(c)) {
				h.at[c] = append(h.at[c], form)
			}
		}
	}
	for _, c := range escapes {
		h.at[c] = all
	}
	return h
}

// hide returns the text without secrets. A nil hider hides nothing.
func (h *hider) hide(text string) string {
	if h == nil {
		return text
	}
	// What was put in place may be the beginning of the next: each turn makes
	// the text shorter.
	for {
		next := h.once(text)
		if next == text {
			return text
		}
		text = next
	}
}

func (h *hider) once(text string) string {
	var out strings.Builder
	from := 0
	for at := 0; at < len(text); {
		width := 0
		for _, form := range h.at[text[at]] {
			width = max(width, h.find(text[at:], form))
		}
		if h.work < 0 {
			return hidden
		}
		if width < minSecret {
			at++
			continue
		}
		out.WriteString(text[from:at])
		out.WriteString(hidden)
		at += width
		from = at
	}
	if from == 0 {
		return text
	}
	return out.String() + text[from:]
}

// find is how many bytes of the text's beginning are the form, or as much of it
// as there was room for; 0 if they are something else.
func (h *hider) find(text, form string) int {
	s := search{text: text, form: form, work: &h.work}
	return s.from(0, 0)
}

type search struct {
	text, form string
	work       *int
	dead       map[[2]int]bool // where the search has been in vain
}

// from goes on with the text behind at, and the form behind done.
func (s *search) from(at, done int) int {
	for done < len(s.form) {
		if *s.work--; *s.work < 0 {
			return 0
		}
		if at < len(s.text) && strings.IndexByte(escapes, s.text[at]) < 0 && same(s.text[at], s.form[done]) {
			at, done = at+1, done+1
			continue
		}
		options := readings(s.text[at:], s.form[done:])
		switch len(options) {
		case 0:
			if cut, is := cutOff(s.text[at:]); is && done >= minSecret {
				return at + cut
			}
			return 0
		case 1:
			at, done = at+options[0].width, done+options[0].stands
			continue
		}
		return s.branch(at, done, options)
	}
	return at
}

func (s *search) branch(at, done int, options []reading) int {
	here := [2]int{at, done}
	if s.dead[here] {
		return 0
	}
	for _, o := range options {
		if width := s.from(at+o.width, done+o.stands); width > 0 {
			return width
		}
	}
	if s.dead == nil {
		s.dead = map[[2]int]bool{}
	}
	s.dead[here] = true
	return 0
}

// reading is one way to read the beginning of a text: so many bytes of it stand
// for so many of the form.
type reading struct{ width, stands int }

// readings is all ways to read the beginning of the text as that of the form.
func readings(text, form string) []reading {
	if text == "" {
		return nil
	}
	var out []reading
	if same(text[0], form[0]) {
		out = append(out, reading{1, 1})
	}
	each := func(width int, meant string) {
		if n := len(meant); n > 0 && n <= len(form) && equal(meant, form[:n]) {
			out = append(out, reading{width, n})
		}
	}
	switch text[0] {
	case '%':
		percents(text, each)
	case '=':
		if c, ok := number(text[1:], 2, 16); ok {
			each(3, string([]byte{byte(c)}))
		}
	case '\\':
		backslashes(text, each)
	case '&':
		entities(text, each)
	}
	return out
}

// percents reads %41, %2541, %252541.
func percents(text string, each func(int, string)) {
	for at := 1; ; at += 2 {
		if c, ok := number(text[at:], 2, 16); ok {
			each(at+2, string([]byte{byte(c)}))
		}
		if !strings.HasPrefix(text[at:], "25") {
			return
		}
	}
}

// backslashes reads \", \\", \n, \x41, \u0041, \U00000041.
func backslashes(text string, each func(int, string)) {
	for at := 1; at < len(text); at++ {
		c := text[at]
		each(at+1, string([]byte{c}))
		if c == '\\' {
			continue
		}
		if control := strings.IndexByte("abtnvfr", c); control >= 0 {
			each(at+1, string([]byte{byte(7 + control)}))
		}
		switch c {
		case 'x':
			if n, ok := number(text[at+1:], 2, 16); ok {
				each(at+3, string([]byte{byte(n)}))
			}
		case 'u':
			unicodeEscape(text, at, each)
		case 'U':
			if n, ok := number(text[at+1:], 8, 16); ok {
				each(at+9, string(rune(n)))
			}
		}
		return
	}
}

// unicodeEscape reads the u0041 of an escape, and both halves of a pair.
func unicodeEscape(text string, at int, each func(int, string)) {
	n, ok := number(text[at+1:], 4, 16)
	if !ok {
		return
	}
	end := at + 5
	if utf16.IsSurrogate(rune(n)) {
		next := text[end:]
		rest := strings.TrimLeft(next, `\`)
		if low, ok := number(strings.TrimPrefix(rest, "u"), 4, 16); ok {
			each(end+len(next)-len(rest)+5, string(utf16.DecodeRune(rune(n), rune(low))))
		}
		return
	}
	each(end, string(rune(n)))
}

var entityNames = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'", "nbsp": " "}

// entities reads &lt; &#39; &#x27; and these escaped once more, as in &amp;lt;.
func entities(text string, each func(int, string)) {
	at := 1
	for {
		name, _, ok := strings.Cut(text[at:min(len(text), at+12)], ";")
		if !ok {
			return
		}
		each(at+len(name)+1, entity(name))
		if name != "amp" {
			return
		}
		at += len("amp;")
	}
}

func entity(name string) string {
	digits, numeric := strings.CutPrefix(name, "#")
	if !numeric {
		return entityNames[name]
	}
	base := 10
	if rest, is := strings.CutPrefix(strings.ToLower(digits), "x"); is {
		digits, base = rest, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune {
		return ""
	}
	return string(rune(n))
}

// number reads so many digits at the beginning of a text.
func number(text string, digits, base int) (uint64, bool) {
	if len(text) < digits {
		return 0, false
	}
	n, err := strconv.ParseUint(text[:digits], base, 32)
	return n, err == nil
}

// maxLeft is the longest escape that may be left, in bytes.
const maxLeft = 10

// cutOff reports whether the text ends here or was cut here, and how many bytes
// of an escape were left.
func cutOff(text string) (int, bool) {
	rest := text[:min(len(text), maxLeft+len("...")+1)]
	if cut := strings.Index(rest, "..."); cut >= 0 {
		rest = rest[:cut]
	}
	if len(rest) > maxLeft || rest != "" && !strings.ContainsRune(`%\&=`, rune(rest[0])) {
		return 0, false
	}
	return len(rest), true
}

func equal(a, b string) bool {
	for i := range len(a) {
		if !same(a[i], b[i]) {
			return false
		}
	}
	return true
}

// same: case does not count, and neither does which white space it is. A plus
// sign is a space in a URL's query; control characters are shown as spaces.
func same(a, b byte) bool {
	return a == b || lower(a) == lower(b) || blank(a) && blank(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func blank(c byte) bool { return c <= ' ' || c == 0x7f || c == '+' }
