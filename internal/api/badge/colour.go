package badge

import (
	"math"
	"strconv"
	"strings"
)

// Colour is red, green and blue, 0 to 255 each.
type Colour struct{ R, G, B uint8 }

// The fills of badges. White text on each has a contrast of at least 4.5 to 1
// (WCAG 2.2, 1.4.3): those of the reference renderer have 1.95 to 4.4.
var (
	Green  = Colour{0x1a, 0x7f, 0x37}
	Lime   = Colour{0x4d, 0x7c, 0x0f}
	Yellow = Colour{0x8a, 0x62, 0x00}
	Orange = Colour{0xb9, 0x4a, 0x00}
	Red    = Colour{0xc1, 0x1f, 0x2b}
	Blue   = Colour{0x07, 0x61, 0xc7}
	Grey   = Colour{0x65, 0x6d, 0x76}
	label  = Colour{0x55, 0x55, 0x55}

	white = Colour{255, 255, 255}
	black = Colour{}
)

// named are the names that Shields knows.
var named = map[string]Colour{
	"brightgreen": Green, "green": Green, "success": Green, "yellowgreen": Lime, "yellow": Yellow, "orange": Orange, "important": Orange,
	"red": Red, "critical": Red, "blue": Blue, "informational": Blue, "lightgrey": Grey, "lightgray": Grey, "inactive": Grey,
	"grey": label, "gray": label,
}

// ParseColour reads a name of Shields', or three or six hexadecimal digits with
// or without a #.
func ParseColour(text string) (Colour, bool) {
	if c, ok := named[strings.ToLower(text)]; ok {
		return c, true
	}
	hex := strings.TrimPrefix(text, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || len(hex) != 6 {
		return Colour{}, false
	}
	return Colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, true
}

// Hex is the colour as #rrggbb.
func (c Colour) Hex() string {
	const digits = "0123456789abcdef"
	out := []byte{'#'}
	for _, v := range []uint8{c.R, c.G, c.B} {
		out = append(out, digits[v>>4], digits[v&15])
	}
	return string(out)
}

// readable is the text colour for a fill: white where that has enough contrast,
// else black. One of them always has 4.58 to 1 at the least.
func (c Colour) readable() Colour {
	if Contrast(c, white) >= 4.5 {
		return white
	}
	return black
}

// Contrast is the contrast ratio of two colours as WCAG 2.2 defines it, 1 to 21.
func Contrast(a, b Colour) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func (c Colour) luminance() float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}
