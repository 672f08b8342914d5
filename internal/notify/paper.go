package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"

	eastasian "golang.org/x/text/width"
)

const (
	width = 72 // columns of an e-mail
	label = 12 // columns of the names of facts
)

// paper is a page of plain text, 72 columns wide. Texts that come here are
// clean.
type paper struct{ strings.Builder }

// line writes a line as it is.
func (p *paper) line(text string) { p.WriteString(text + "\n") }

// text writes a paragraph.
func (p *paper) text(text string) { p.item("", text) }

// prose writes what has several paragraphs, or a list.
func (p *paper) prose(text string) {
	for _, line := range strings.Split(text, "\n") {
		if entry, is := strings.CutPrefix(line, "- "); is {
			p.item("- ", entry)
			continue
		}
		p.text(line)
	}
}

// row writes a fact under its name.
func (p *paper) row(name, text string) {
	if name != "" {
		name += ":"
	}
	p.item(name+strings.Repeat(" ", label-len(name)), text)
}

// item writes a text after a mark, with its further lines below its first. Only
// an address may stand out of the columns: it is not broken.
func (p *paper) item(mark, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(mark))
	room := width - len(indent)
	line, used := mark, 0
	for _, word := range strings.Fields(text) {
		for _, part := range pieces(word, room) {
			size := sizeOf(part, columns)
			switch {
			case used == 0:
				line, used = line+part, size
			case used+1+size <= room:
				line, used = line+" "+part, used+1+size
			default:
				p.line(line)
				line, used = indent+part, size
			}
		}
	}
	p.line(strings.TrimRight(line, " "))
}

// pieces breaks a word that is longer than a line, unless it is an address.
func pieces(word string, room int) []string {
	var out []string
	for sizeOf(word, columns) > room && !strings.Contains(word, "://") {
		at, used := 0, 0
		for i, r := range word {
			if used += columns(r); used > room {
				break
			}
			at = i + utf8.RuneLen(r)
		}
		out, word = append(out, word[:at]), word[at:]
	}
	return append(out, word)
}

// columns is how many columns a character takes: an East Asian one two, and a mark
// on the letter before it none (Unicode Standard Annex 11).
func columns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch eastasian.LookupRune(r).Kind() {
	case eastasian.EastAsianWide, eastasian.EastAsianFullwidth:
		return 2
	}
	return 1
}
