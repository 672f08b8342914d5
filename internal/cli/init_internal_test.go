package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAsk: what is typed, and what is said.
func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name, typed, given string
		urls               []string
		page, said         string
	}{
		{"two and a name", "https://example.com\n tcp://db.example.com:5432 \n\nOur status\n", "", []string{"https://example.com", "tcp://db.example.com:5432"}, "Our status", "Name of the status page"},
		{"a slip", "example.com\nhttps://example.com\n\n\n", "", []string{"https://example.com"}, "", "did you mean https://example.com?"},
		{"a name that is given", "https://example.com\n\n", "Given", []string{"https://example.com"}, "Given", "URL: "},
		{"the end", "https://example.com", "", []string{"https://example.com"}, "", "Name of the status page"},
		{"nothing", "\n", "", nil, "", "URL: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said strings.Builder
			urls, page := ask(strings.NewReader(c.typed), &said, c.given)
			if diff := cmp.Diff(c.urls, urls); diff != "" || page != c.page || !strings.Contains(said.String(), c.said) {
				t.Errorf("page %q, said %q, URLs (-want +got):\n%s", page, said.String(), diff)
			}
		})
	}
}
