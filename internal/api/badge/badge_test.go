package badge_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/api/badge"
	"github.com/sondehq/sonde/internal/api/nodetest"
)

// oracle draws the badges that stand in its input, and says what is compared.
const oracle = `
import { makeBadge } from 'badge-maker'
import { readFileSync } from 'node:fs'
const one = /<text[^>]*?x="(\d+)"[^>]*?textLength="(\d+)"/g
const out = JSON.parse(readFileSync(0)).map(b => {
  const svg = makeBadge({ label: b.label, message: b.message, style: 'flat-square' })
  return {
    Width: svg.match(/ width="(\d+)"/)[1], Height: svg.match(/ height="(\d+)"/)[1], Role: svg.match(/ role="(\w+)"/)[1],
    Aria: svg.match(/aria-label="([^"]*)"/)[1], Title: svg.match(/<title>(.*?)<\/title>/)[1],
    Texts: [...svg.matchAll(one)].map(m => m[1] + ' ' + m[2]),
  }
})
console.log(JSON.stringify(out))
`

type drawing struct {
	Width, Height, Role, Aria, Title string
	Texts                            []string
}

func drawingOf(t *testing.T, svg []byte) (d drawing) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(string(svg)))
	for first := true; ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return d
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		start, is := token.(xml.StartElement)
		if !is {
			continue
		}
		attrs := map[string]string{}
		for _, a := range start.Attr {
			attrs[a.Name.Local] = a.Value
		}
		switch {
		case first:
			d.Width, d.Height, d.Role, d.Aria, first = attrs["width"], attrs["height"], attrs["role"], attrs["aria-label"], false
		case start.Name.Local == "title":
			_ = dec.DecodeElement(&d.Title, &start)
		case start.Name.Local == "text":
			d.Texts = append(d.Texts, attrs["x"]+" "+attrs["textLength"])
		}
	}
}

// TestBadgeMaker: width, length of texts and what a screen reader says are those
// of the reference renderer.
func TestBadgeMaker(t *testing.T) {
	type words struct {
		Label   string `json:"label"`
		Message string `json:"message"`
	}
	cases := []words{
		{"Web application", "operational"}, {"uptime 90d", "99.98%"}, {"response time", "123 ms"}, {"", "outage"}, {"x", "?"},
		{"Zahlungen für Kunden", "größere Störung"}, {"Сервис", "недоступен"}, {"ステータス", "正常"}, {"état", "indisponible"},
		{"ﬀ and ∞", "→ up ↑"}, {"WWWWWWWWWW", "iiiiiiiiii"}, {"a (b) [c]", "1,234.5 / 6"}, {"emoji 🎉", "🎉"},
	}
	input, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	var want []drawing
	if err := json.Unmarshal(nodetest.Run(t, oracle, input, "badge-maker@6.0.0"), &want); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		got := drawingOf(t, badge.Badge{Label: c.Label, Message: c.Message, Colour: badge.Green, Style: badge.Square}.SVG())
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("%q %q (-want +got):\n%s", c.Label, c.Message, diff)
		}
	}
}

var filled = regexp.MustCompile(`<rect (?:x="\d+" )?width="(\d+)" height="20" fill="(#[0-9a-f]{6})"/>|<text [^>]*fill="(#[0-9a-f]{6})"`)

// TestContrast: the text of every badge can be read on its fill, whatever the
// colours.
func TestContrast(t *testing.T) {
	check := func(t interface{ Errorf(string, ...any) }, b badge.Badge) {
		var fills, texts []badge.Colour
		for _, m := range filled.FindAllStringSubmatch(string(b.SVG()), -1) {
			if c, ok := badge.ParseColour(m[2]); ok && m[1] != "0" {
				fills = append(fills, c)
			} else if c, ok := badge.ParseColour(m[3]); ok {
				texts = append(texts, c)
			}
		}
		if len(fills) != 2 || len(texts) != 2 {
			t.Errorf("%d fills, %d texts in\n%s", len(fills), len(texts), b.SVG())
			return
		}
		for i := range fills {
			if got := badge.Contrast(fills[i], texts[i]); got < 4.5 {
				t.Errorf("%s on %s: contrast %.2f, want at least 4.5", texts[i].Hex(), fills[i].Hex(), got)
			}
		}
	}
	white := badge.Colour{R: 255, G: 255, B: 255}
	for _, c := range []badge.Colour{badge.Green, badge.Lime, badge.Yellow, badge.Orange, badge.Red, badge.Blue, badge.Grey} {
		check(t, badge.Badge{Label: "a", Message: "b", Colour: c})
		if badge.Contrast(c, white) < 4.5 {
			t.Errorf("white on %s: contrast %.2f", c.Hex(), badge.Contrast(c, white))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		c, under := anyColour(t), anyColour(t)
		check(t, badge.Badge{Label: "a", Message: "b", Colour: c, Under: &under})
	})
}

func anyColour(t *rapid.T) badge.Colour {
	return badge.Colour{R: rapid.Byte().Draw(t, "r"), G: rapid.Byte().Draw(t, "g"), B: rapid.Byte().Draw(t, "b")}
}

// TestContrastFormula holds to the examples everybody knows.
func TestContrastFormula(t *testing.T) {
	white, black := badge.Colour{R: 255, G: 255, B: 255}, badge.Colour{}
	for _, test := range []struct {
		a, b badge.Colour
		want float64
	}{{white, black, 21}, {white, white, 1}, {badge.Colour{R: 0x76, G: 0x76, B: 0x76}, white, 4.54}, {badge.Colour{R: 0x77, G: 0x77, B: 0x77}, white, 4.48}} {
		if got := badge.Contrast(test.a, test.b); got < test.want-0.01 || got > test.want+0.01 {
			t.Errorf("%s on %s: %.2f, want %.2f", test.a.Hex(), test.b.Hex(), got, test.want)
		}
	}
}

// TestHostile: any text makes a picture that is well-formed, of bounded size,
// and holds it as text.
func TestHostile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := badge.Badge{Label: rapid.String().Draw(rt, "label"), Message: rapid.String().Draw(rt, "message"), Colour: badge.Green}
		if svg := b.SVG(); len(svg) > 4000 {
			rt.Errorf("%d bytes", len(svg))
		} else if d := drawingOf(t, svg); d.Aria != d.Title {
			rt.Errorf("label %q, title %q", d.Aria, d.Title)
		}
	})
	for _, test := range []struct{ name, label, want string }{
		{"markup", `"/><script>alert(1)</script>&'`, `"/><script>alert(1)</script>&'`},
		{"control characters", "a\x00b\x1bc\x7fd\u0085e", "abcde"},
		{"lines", "a\n\n b\t\r\n", "a b"},
		{"turned around", "a\u202eb\u2066c", "abc"},
		{"not UTF-8", "a\xff\xfeb", "ab"},
		{"long", strings.Repeat("x", 1000), strings.Repeat("x", 63) + "…"},
	} {
		svg := badge.Badge{Label: test.label, Message: "m"}.SVG()
		if got := drawingOf(t, svg).Title; got != test.want+": m" || strings.Contains(string(svg), "<script") {
			t.Errorf("%s: title %q, want %q", test.name, got, test.want)
		}
	}
}

func TestParseColour(t *testing.T) {
	for _, test := range []struct {
		text, want string
		ok         bool
	}{
		{"#fff", "#ffffff", true}, {"abc", "#aabbcc", true}, {"#0A1b2C", "#0a1b2c", true}, {"brightgreen", badge.Green.Hex(), true},
		{"", "", false}, {"#", "", false}, {"ffff", "", false}, {"url(x)", "", false}, {"-12345", "", false}, {"é12", "", false}, {"#+1a2b3", "", false},
	} {
		c, ok := badge.ParseColour(test.text)
		if ok != test.ok || ok && c.Hex() != test.want {
			t.Errorf("%q: %s %t, want %s %t", test.text, c.Hex(), ok, test.want, test.ok)
		}
	}
}
