package page

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"strings"
	"sync"
)

// asset is an embedded file without the lines that are comments and without
// indentation: what is in it must not mean anything.
func asset(name string) string {
	text, err := files.ReadFile("files/" + name)
	if err != nil {
		return "" // it is embedded
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") && !strings.HasPrefix(line, "/*") {
			b.WriteString(line + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

var style = sync.OnceValue(func() template.CSS { return template.CSS(asset("style.css")) })

// more is the style of pages that are Detailed.
var more = sync.OnceValue(func() template.CSS { return template.CSS(asset("more.css")) })

var script = sync.OnceValue(func() template.JS { return template.JS(asset("script.js")) })

// Policy is the pages' Content-Security-Policy: the inline styles and script by
// their hashes, the icon from its data URL, a fetch of the page itself, a form
// that goes to us, and nothing else.
var Policy = sync.OnceValue(func() string {
	return "default-src 'none'; style-src " + hash(string(style())) + " " + hash(string(more())) + "; script-src " + hash(string(script())) +
		"; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
})

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// icons are drawn on 24 by 24 units: filled with the state's colour (currentColor)
// and cut with the ground's (the stroke).
var icons = []struct{ class, drawing string }{
	{"ok", `<circle cx="12" cy="12" r="11"/><path d="m7 12.5 3.5 3.5 6.5-7.5"/>`},
	{"warn", `<path stroke="none" d="M12 1.5a2 2 0 0 1 1.8 1l9 16.5a2 2 0 0 1-1.8 3H3a2 2 0 0 1-1.8-3l9-16.5a2 2 0 0 1 1.8-1z"/><path d="M12 8.5v5.5M12 18v.1"/>`},
	{"part", `<circle cx="12" cy="12" r="11"/><path d="M12 6v6.5M12 17v.1"/>`},
	{"bad", `<path stroke="none" d="M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9z"/><path d="m8 8 8 8m0-8-8 8"/>`},
	{"plan", `<circle cx="12" cy="12" r="11"/><path d="m7 17 5.5-5.5M17 9.5a3.5 3.5 0 1 1-2.5-2.5l-1 2.5 1 1z"/>`},
	{"wait", `<circle cx="12" cy="12" r="11"/><path d="M12 6.5V12l3.5 2.5"/>`},
	{"none", `<circle cx="12" cy="12" r="11"/><path d="M9.2 9.5a2.800 2.800 0 1 1 4.3 2.3c-1 .6-1.5 1.2-1.5 2.2M12 17.5v.1"/>`},
}

// colours are those of the icons outside of the page, where its style is not:
// readable on light and on dark ground.
var colours = map[string]string{"ok": "#1f883d", "warn": "#bf8700", "part": "#d2570a", "bad": "#d1242f", "plan": "#0969da", "wait": "#0969da", "none": "#6e7781"}

// sprite is the icons for the page to use by their class.
var sprite = sync.OnceValue(func() template.HTML {
	var b strings.Builder
	b.WriteString(`<svg hidden>`)
	for _, i := range icons {
		b.WriteString(`<symbol id="` + i.class + `" viewBox="0 0 24 24">` + i.drawing + `</symbol>`)
	}
	return template.HTML(b.String() + `</svg>`)
})

// favicon is a class's icon as a data URL.
func favicon(class string) template.URL {
	for _, i := range icons {
		if i.class == class {
			svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="` + colours[class] + `" stroke="#fff" stroke-width="2.5" stroke-linecap="round">` + i.drawing + `</svg>`
			return template.URL("data:image/svg+xml," + strings.NewReplacer("#", "%23", "<", "%3C", ">", "%3E", `"`, "%22", " ", "%20").Replace(svg))
		}
	}
	return "data:,"
}
