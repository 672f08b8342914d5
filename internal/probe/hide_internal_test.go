package probe

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// written is a secret as others may write it.
func written(secret string) []string {
	quoted, _ := json.Marshal(secret)
	percent, units := "", ""
	for _, c := range []byte(secret) {
		percent += fmt.Sprintf("%%%02X", c)
		units += fmt.Sprintf("&#x%x;", c)
	}
	out := []string{
		secret, strings.ToUpper(secret), url.QueryEscape(secret), url.PathEscape(secret), url.QueryEscape(url.PathEscape(secret)), percent,
		strings.Trim(string(quoted), `"`), strings.Trim(strconv.Quote(secret), `"`), strings.Trim(strconv.QuoteToASCII(secret), `"`),
		html.EscapeString(secret), html.EscapeString(html.EscapeString(secret)), hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	if isASCII(secret) {
		out = append(out, units)
	}
	for _, user := range []string{"", "a", "ab", "user:"} {
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			out = append(out, e.EncodeToString([]byte(user+secret)))
		}
	}
	return out
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > 126 || r < ' ' }) < 0
}

func hiderOf(secrets ...string) *hider {
	f := forms{}
	for _, s := range secrets {
		f.add(s)
	}
	return newHider(f)
}

// FuzzHide: whatever stands around it, no form of a secret is left; and where a
// text is cut within one, no more than minSecret bytes of it are.
func FuzzHide(f *testing.F) {
	f.Add("s3cr3t/planted+value", "you sent ", " today", 9)
	f.Add(`a"b<c>&d'e\f%41`, `{"k":"`, `"}`, 3)
	f.Add("%25%25%25", "%25", "%", 1)
	f.Add(`\\\\`, `\`, `\u005c`, 5)
	f.Add("***abcd", "abcd", "***", 2)
	f.Add("pässwörd🔑", "", "", 7)
	f.Fuzz(func(t *testing.T, secret, before, after string, cut int) {
		if len(secret) < minSecret || len(secret) > 200 || len(before)+len(after) > 2000 || strings.ToValidUTF8(secret, "") != secret {
			t.Skip()
		}
		h := hiderOf(secret)
		for i, form := range written(secret) {
			if i == 1 && !isASCII(secret) {
				continue // of other scripts only the case that was written is known
			}
			got := h.hide(before + form + after)
			if strings.Contains(strings.ToLower(got), strings.ToLower(secret)) && isASCII(secret) || strings.Contains(got, secret) {
				t.Errorf("the secret %q stands in %q, made of the form %q", secret, got, form)
			}
			if strings.Contains(got, form) {
				t.Errorf("the form %q of %q stands in %q", form, secret, got)
			}
		}
		if n := len(secret); cut > minSecret && cut < n {
			if got := h.hide(secret[:cut] + "..."); strings.Contains(got, secret[:cut]) {
				t.Errorf("the beginning %q of %q stands in %q", secret[:cut], secret, got)
			}
		}
	})
}

// TestHide pins what is left of a text.
func TestHide(t *testing.T) {
	h := hiderOf("s3cr3t/planted+value", "Basic dXNlcjpodW50ZXIyMg==")
	for text, want := range map[string]string{
		"":                                   "",
		"nothing here":                       "nothing here",
		"S3CR3T/planted value!":              "***!",
		"a s3cr3t%2Fplanted%252Bvalue b":     "a *** b",
		`{"k":"s3cr3t\/planted\u002bvalue"}`: `{"k":"***"}`,
		"s3cr3t&#47;planted&amp;#43;value, or not":  "***, or not",
		"it began with s3cr3t/pl...":                "it began with ***...",
		"it ended with s3cr3t%2":                    "it ended with ***",
		"Authorization: Basic dXNlcjpodW50ZXIyMg==": "Authorization: ***",
		"hello user, hunter22":                      "hello user, ***",
	} {
		if got := h.hide(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	var none *hider
	if none.hide("x") != "x" || none.values(nil) != nil || newHider(forms{}) != nil {
		t.Error("no secrets: the text is changed")
	}
}
