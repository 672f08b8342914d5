package notify

import (
	"strings"
	"unicode/utf8"
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
			size := utf8.RuneCountInString(part)
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
	for utf8.RuneCountInString(word) > room && !strings.Contains(word, "://") {
		at := 0
		for range room {
			_, size := utf8.DecodeRuneInString(word[at:])
			at += size
		}
		out, word = append(out, word[:at]), word[at:]
	}
	return append(out, word)
}
