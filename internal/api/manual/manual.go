// Package manual makes a page for people of an OpenAPI description: complete
// without JavaScript, one file with its style inside, under a policy that lets
// nothing else in. It knows GET and POST operations, their parameters and answers, and
// shows schemas as they are written.
package manual

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
	"sync"
)

// manual is a description as it is shown.
type manual struct {
	Title, Version, Summary, Text string
	Chapters                      []chapter
	Schemas                       []schema
}

// chapter is the operations of a tag, by path.
type chapter struct {
	Name, Text string
	Calls      []call
}

type call struct {
	ID, Verb, Path, Summary, Text string
	Parameters                    []field
	Answers                       []answer
}

type field struct{ Name, In, Form, Default, Text string }

type answer struct{ Status, Text, Schema string }

type schema struct{ Name, Text string }

//go:embed manual.html manual.css
var files embed.FS

var style = func() string {
	text, err := files.ReadFile("manual.css")
	if err != nil {
		return "" // it is embedded
	}
	return strings.TrimSpace(string(text))
}()

// Policy is the page's Content-Security-Policy: the inline style by its hash, and
// nothing else.
var Policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

var templates = sync.OnceValues(func() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(style) }, "prose": prose,
	}).ParseFS(files, "manual.html")
})

// Page is the page of a description in OpenAPI's JSON.
func Page(description []byte) ([]byte, error) {
	m, err := parse(description)
	if err != nil {
		return nil, fmt.Errorf("read description: %w", err)
	}
	t, err := templates()
	if err != nil {
		return nil, fmt.Errorf("parse manual: %w", err)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "manual.html", m); err != nil {
		return nil, fmt.Errorf("make manual: %w", err)
	}
	return out.Bytes(), nil
}

// prose makes paragraphs of the little Markdown that descriptions use: blank
// lines, `code` and **bold**.
func prose(text string) template.HTML {
	var b strings.Builder
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		marked := template.HTMLEscapeString(paragraph)
		marked = between(marked, "**", "strong")
		marked = between(marked, "`", "code")
		b.WriteString("<p>" + marked + "</p>\n")
	}
	return template.HTML(b.String())
}

// between puts what stands between two marks into an element.
func between(text, mark, element string) string {
	parts := strings.Split(text, mark)
	for i := 1; i < len(parts)-1; i += 2 {
		parts[i] = "<" + element + ">" + parts[i] + "</" + element + ">"
	}
	if len(parts)%2 == 0 { // one without its other
		return strings.Join(parts[:len(parts)-1], "") + mark + parts[len(parts)-1]
	}
	return strings.Join(parts, "")
}
