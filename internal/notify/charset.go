package notify

import (
	"strings"
	"unicode"
)

// likeness writes characters outside ASCII as people do without them.
var likeness = func() map[rune]string {
	m := map[rune]string{}
	for _, group := range [][2]string{
		{"a", "àáâãåāăąǎ"}, {"A", "ÀÁÂÃÅĀĂĄ"}, {"ae", "äæ"}, {"Ae", "ÄÆ"}, {"c", "çćĉċč"}, {"C", "ÇĆĈĊČ"}, {"d", "ďđð"}, {"D", "ĎĐÐ"},
		{"e", "èéêëēĕėęě"}, {"E", "ÈÉÊËĒĔĖĘĚ"}, {"g", "ĝğġģ"}, {"G", "ĜĞĠĢ"}, {"h", "ĥħ"}, {"H", "ĤĦ"}, {"i", "ìíîïĩīĭįı"}, {"I", "ÌÍÎÏĨĪĬĮİ"},
		{"j", "ĵ"}, {"J", "Ĵ"}, {"k", "ķ"}, {"K", "Ķ"}, {"l", "ĺļľŀł"}, {"L", "ĹĻĽĿŁ"}, {"n", "ñńņňŋ"}, {"N", "ÑŃŅŇŊ"},
		{"o", "òóôõōŏő"}, {"O", "ÒÓÔÕŌŎŐ"}, {"oe", "öøœ"}, {"Oe", "ÖØŒ"}, {"r", "ŕŗř"}, {"R", "ŔŖŘ"}, {"s", "śŝşšș"}, {"S", "ŚŜŞŠȘ"},
		{"ss", "ß"}, {"SS", "ẞ"}, {"t", "ţťŧț"}, {"T", "ŢŤŦȚ"}, {"th", "þ"}, {"Th", "Þ"}, {"u", "ùúûũūŭůűųµ"}, {"U", "ÙÚÛŨŪŬŮŰŲ"},
		{"ue", "ü"}, {"Ue", "Ü"}, {"w", "ŵ"}, {"W", "Ŵ"}, {"y", "ýÿŷ"}, {"Y", "ÝŸŶ"}, {"z", "źżž"}, {"Z", "ŹŻŽ"},
		{"-", "‐‑‒–—―−·•"}, {"'", "‘’‚‛′´`"}, {`"`, "“”„‟″«»"}, {"...", "…"}, {"->", "→"}, {"<-", "←"}, {"=>", "⇒"}, {"<=", "≤"}, {">=", "≥"},
		{"x", "×"}, {"+-", "±"}, {"EUR", "€"}, {"GBP", "£"}, {"JPY", "¥"}, {"(c)", "©"}, {"(R)", "®"}, {"TM", "™"}, {"deg", "°"}, {"No.", "№"},
		{"1/2", "½"}, {"1/4", "¼"}, {"3/4", "¾"},
	} {
		for _, r := range group[1] {
			m[r] = group[0]
		}
	}
	return m
}()

// express writes clean text in a smaller character set: what the set lacks is
// written by its likeness, and as a question mark if there is none.
func express(text string, has func(rune) bool) string {
	var b strings.Builder
	for _, r := range text {
		switch as, like := likeness[r]; {
		case has(r):
			b.WriteRune(r)
		case like:
			b.WriteString(as)
		case unicode.Is(unicode.Mn, r): // the accent of the letter before it
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

func isPrintable(r rune) bool { return ' ' <= r && r <= '~' }

// plain is clean text in printable ASCII.
func plain(text string) string { return express(text, isPrintable) }

// phone is clean text in GSM-7.
func phone(text string) string { return express(text, func(r rune) bool { return septetsOf(r) > 0 }) }

// gsm7 is the basic character set, without the escape, and extension the
// characters that take two septets (3GPP TS 23.038, 6.2.1).
const (
	gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extension = "\f^{}\\[~]|€"
)

// septetsOf is the size of a character in GSM-7; 0 if it has none there.
func septetsOf(r rune) int {
	switch {
	case strings.ContainsRune(gsm7, r):
		return 1
	case strings.ContainsRune(extension, r):
		return 2
	}
	return 0
}

// GSM7 counts the septets that a text takes in an SMS, of which a part holds
// MaxSMS. It is not ok if the text holds a character that GSM-7 does not have:
// then a part holds 70 characters.
func GSM7(text string) (septets int, ok bool) {
	for _, r := range text {
		size := septetsOf(r)
		if size == 0 {
			return 0, false
		}
		septets += size
	}
	return septets, true
}
