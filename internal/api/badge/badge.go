// Package badge draws small pictures that say how something is, for a README or
// an intranet page: SVG as badge-maker draws it, and the JSON from which
// shields.io makes one of its own.
//
// Form, width and accessible text are those of badge-maker 6; the colours are
// not: here every text can be read on its fill (WCAG 2.2 AA), whatever colour
// the reader asks for. That is why there are no gradients and no shadows.
package badge

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is how many characters of a label or a message are shown.
const MaxText = 64

// Style is the form of a badge.
type Style string

// The styles.
const (
	Flat   Style = "flat"        // the default: rounded corners
	Square Style = "flat-square" // none
)

// ParseStyle reads a style; empty is Flat.
func ParseStyle(text string) (Style, bool) {
	switch s := Style(text); s {
	case "":
		return Flat, true
	case Flat, Square:
		return s, true
	}
	return Flat, false
}

// Badge is a label on grey and a message on a colour. The zero value is an empty
// badge.
type Badge struct {
	Label   string // may be empty
	Message string
	Colour  Colour
	Under   *Colour // of the label; nil: the usual grey
	Style   Style
	Known   bool // false: nothing is known, so that Shields may call it an error
}

// clean is a text in one line, of characters that XML may hold, not too long.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, !xmlMayHold(r):
			return -1
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1 // nobody turns the message around by its label
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) > MaxText {
		runes := []rune(text)
		text = strings.TrimRight(string(runes[:MaxText-1]), " ") + "…"
	}
	return text
}

// xmlMayHold: XML 1.0, Char. Control characters cannot even be escaped.
func xmlMayHold(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r < 0x7f || r >= 0xa0 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= 0x10ffff
}

const (
	height  = 20
	padding = 5
	font    = "Verdana,Geneva,DejaVu Sans,sans-serif"
)

// SVG draws the badge.
func (b Badge) SVG() []byte {
	left, message := clean(b.Label), clean(b.Message)
	under := label
	if b.Under != nil {
		under = *b.Under
	}
	labelWidth, leftWidth := 0, 0
	if left != "" {
		labelWidth = widthOf(left)
		leftWidth = labelWidth + 2*padding
	}
	messageWidth := widthOf(message)
	rightWidth := messageWidth + 2*padding
	width := leftWidth + rightWidth
	spoken := message
	if left != "" {
		spoken = left + ": " + message
	}
	radius := 3
	if b.Style == Square {
		radius = 0
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img" aria-label="%s"><title>%[3]s</title>`, width, height, escape(spoken))
	// Badges that stand in one document share their ids: what has one id is alike.
	fmt.Fprintf(&out, `<clipPath id="b%d-%d"><rect width="%[1]d" height="%[3]d" rx="%[2]d"/></clipPath><g clip-path="url(#b%[1]d-%[2]d)">`, width, radius, height)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="%s"/><rect x="%[1]d" width="%[4]d" height="%[2]d" fill="%[5]s"/></g>`, leftWidth, height, under.Hex(), rightWidth, b.Colour.Hex())
	fmt.Fprintf(&out, `<g text-anchor="middle" font-family="%s" text-rendering="geometricPrecision" font-size="110">`, font)
	// Text is drawn ten times as large and scaled down, so that its length can
	// be said to a tenth of a pixel; each half is centred a pixel towards the
	// other.
	if left != "" {
		text(&out, left, 10*(1+padding)+5*labelWidth, labelWidth, under.readable())
	}
	margin := leftWidth - 1
	if left == "" {
		margin = 0
	}
	text(&out, message, 10*(margin+padding)+5*messageWidth, messageWidth, b.Colour.readable())
	out.WriteString(`</g></svg>`)
	return out.Bytes()
}

func text(out *bytes.Buffer, content string, x, width int, fill Colour) {
	if content == "" {
		return
	}
	fmt.Fprintf(out, `<text x="%d" y="140" transform="scale(.1)" fill="%s" textLength="%d">%s</text>`, x, fill.Hex(), 10*width, escape(content))
}

func escape(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text)) // a buffer takes everything
	return out.String()
}
