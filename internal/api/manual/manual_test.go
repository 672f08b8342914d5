package manual_test

import (
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/api/manual"
)

// TestText: what a description says appears as text, but for code and what is
// bold, and a mark without its other stays a mark.
func TestText(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"one\n\ntwo", "<p>one</p>\n<p>two</p>"},
		{"a `b` c", "<p>a <code>b</code> c</p>"},
		{"**a** and `b`", "<p><strong>a</strong> and <code>b</code></p>"},
		{"`a` 2 ` 3", "<p><code>a</code> 2 ` 3</p>"},
		{"`", "<p>`</p>"},
		{"<script>`<b>`", "<p>&lt;script&gt;<code>&lt;b&gt;</code></p>"},
	} {
		page, err := manual.Page([]byte(`{"info": {"description": ` + quoted(test.text) + `}}`))
		if err != nil || !strings.Contains(string(page), test.want) {
			t.Errorf("%q: %v, want %s in\n%s", test.text, err, test.want, page)
		}
	}
	if _, err := manual.Page([]byte("[")); err == nil {
		t.Error("what is no description gave a page")
	}
}

func quoted(text string) string {
	return `"` + strings.NewReplacer("\n", `\n`, `"`, `\"`).Replace(text) + `"`
}
