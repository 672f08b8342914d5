package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is the columns of an e-mail.
const width = 72

// clean takes what could command a terminal, a mail reader or a page out of a
// text: control characters, line breaks, and marks that change the direction of
// writing. White space becomes single spaces.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError, unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// likeness writes characters outside ASCII as people do without them.
var likeness = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss", "á", "a", "à", "a", "â", "a", "ã", "a", "å", "a", "é", "e", "è", "e",
	"ê", "e", "ë", "e", "í", "i", "ì", "i", "î", "i", "ï", "i", "ó", "o", "ò", "o", "ô", "o", "õ", "o", "ø", "o", "ú", "u", "ù", "u", "û", "u",
	"ç", "c", "ñ", "n", "É", "E", "È", "E", "Á", "A", "À", "A", "Ç", "C", "Ñ", "N", "æ", "ae", "œ", "oe", "ł", "l", "š", "s", "č", "c", "ž", "z",
	"–", "-", "—", "-", "‘", "'", "’", "'", "“", `"`, "”", `"`, "…", "...", "→", "->", "·", "-", "€", "EUR", "×", "x", "\u00a0", " ",
)

// plain is clean text in printable ASCII; what has no likeness becomes a
// question mark.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, likeness.Replace(clean(text)))
}

// cut shortens a text to so many bytes, at a character, with dots at the end.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	if most <= 3 {
		return ""
	}
	end := most - 3
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.TrimRight(text[:end], " ") + "..."
}

// wrap breaks a text at spaces into lines of so many characters; further lines
// begin with an indent. A word that is longer stands alone: a link stays whole.
func wrap(text string, columns int, indent string) string {
	lead := text[:len(text)-len(strings.TrimLeft(text, " "))]
	var lines []string
	line := ""
	for i, word := range strings.Split(strings.TrimLeft(text, " "), " ") {
		switch {
		case i == 0:
			line = lead + word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns && strings.TrimSpace(line) != "":
			lines = append(lines, line)
			line = indent + word
		default:
			line += " " + word
		}
	}
	return strings.Join(append(lines, line), "\n")
}

// gsm7 is the basic character set (3GPP TS 23.038, 6.2.1), and extension the
// characters that take two septets.
const (
	gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extension = "^{}\\[~]|€\f"
)

// GSM7 counts the septets that a text takes in an SMS; ok is false if it holds
// a character that GSM-7 does not have, which would halve the message.
func GSM7(text string) (septets int, ok bool) {
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsm7, r):
			septets++
		case strings.ContainsRune(extension, r):
			septets += 2
		default:
			return 0, false
		}
	}
	return septets, true
}
