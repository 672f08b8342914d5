package badge

import (
	"cmp"
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// verdana is how wide each character is in Verdana at 11 px: a line a width,
// then the characters, in hexadecimal. The figures are those of the npm package
// anafanafo 2.0.0 (MIT, Metabolize LLC), which badge-maker measures with, for
// Latin, Greek, Cyrillic, signs, and the characters of East Asia.
//
//go:embed verdana.txt
var verdana string

// span is characters of one width, both ends inclusive.
type span struct {
	from, to rune
	width    float64
}

// em is what a character counts as that the table does not hold.
const em = 10.7

var spans = sync.OnceValue(func() []span {
	var all []span
	for line := range strings.Lines(verdana) {
		fields := strings.Fields(line)
		width, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			continue // a test reads the whole table
		}
		for _, field := range fields[1:] {
			first, last, isRange := strings.Cut(field, "-")
			if !isRange {
				last = first
			}
			from, _ := strconv.ParseInt(first, 16, 32)
			to, _ := strconv.ParseInt(last, 16, 32)
			all = append(all, span{rune(from), rune(to), width})
		}
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return all
})

// ascii is the widths of the characters that nearly all badges consist of.
var ascii = sync.OnceValue(func() (table [128]float64) {
	for r := rune(' '); r < 127; r++ {
		table[r] = look(r)
	}
	return table
})

func look(r rune) float64 {
	if r < ' ' || r == 127 {
		return 0
	}
	all := spans()
	at, exact := slices.BinarySearchFunc(all, r, func(s span, r rune) int { return cmp.Compare(s.from, r) })
	if !exact {
		at--
	}
	if at >= 0 && r <= all[at].to {
		return all[at].width
	}
	return em
}

// widthOf is how wide a text is drawn, in pixels: odd, as badge-maker has it, so
// that it is centred on whole pixels.
func widthOf(text string) int {
	sum := 0.0
	for _, r := range text {
		if r < 128 {
			sum += ascii()[r]
		} else {
			sum += look(r)
		}
	}
	return int(sum) | 1
}
