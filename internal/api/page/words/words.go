// Package words is what the public pages say, in each of their languages: one
// catalogue file a language, with its sentences, plural forms, months and ways
// to write dates.
//
//	l, _ := words.Match(r.Header.Get("Accept-Language"), r.FormValue("lang"))
//	l.Text("resolved_after", "span", l.Span(d))
//
// A further language is a further file in catalogue, and its tag in tags; the
// tests hold it to the keys and placeholders of English. Every Language may be
// used by several goroutines at once.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed catalogue/*.json
var files embed.FS

// tags are the languages, English first: it is taken where none fits.
var tags = []language.Tag{language.English, language.German, language.French, language.Spanish, language.Japanese}

// Language is one catalogue. Its zero value says the keys themselves.
type Language struct {
	Tag  string // BCP 47, such as "en"
	Name string // in the language itself
	Dir  string // "ltr" or "rtl"

	tag      language.Tag
	file     catalogue
	messages map[string]message
}

// catalogue is a file as it is written.
type catalogue struct {
	Name        string             `json:"name"`
	Dir         string             `json:"dir"`
	Decimal     string             `json:"decimal"`
	Comma       string             `json:"comma"` // between the parts of a list
	Months      []string           `json:"months"`
	ShortMonths []string           `json:"short_months"`
	Weekdays    []string           `json:"weekdays"` // Sunday first
	Dates       map[string]string  `json:"dates"`
	Messages    map[string]message `json:"messages"`
}

// message is a sentence, or one for each plural form of {n}.
type message map[string]string

// UnmarshalJSON takes a text for the form "other".
func (m *message) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*m = message{"other": one}
		return nil
	}
	forms := map[string]string{}
	if err := json.Unmarshal(text, &forms); err != nil {
		return fmt.Errorf("a message is neither a text nor plural forms: %w", err)
	}
	*m = forms
	return nil
}

// all reads the catalogues once, when they are first needed.
var all = sync.OnceValues(func() ([]*Language, error) {
	languages := make([]*Language, len(tags))
	for i, tag := range tags {
		text, err := files.ReadFile("catalogue/" + tag.String() + ".json")
		if err != nil {
			return nil, fmt.Errorf("read catalogue: %w", err)
		}
		l := &Language{Tag: tag.String(), tag: tag}
		if err := json.Unmarshal(text, &l.file); err != nil {
			return nil, fmt.Errorf("parse catalogue %s: %w", tag, err)
		}
		l.Name, l.Dir, l.messages = l.file.Name, l.file.Dir, l.file.Messages
		languages[i] = l
	}
	return languages, nil
})

// All is the languages, English first. It is empty only if a catalogue that was
// built in cannot be read, which a test excludes.
func All() []*Language {
	languages, err := all()
	if err != nil {
		return nil
	}
	return languages
}

// English is the language of what has no reader yet.
func English() *Language {
	for _, l := range All() {
		return l
	}
	return &Language{Tag: "en", Dir: "ltr"}
}

var matcher = sync.OnceValue(func() language.Matcher { return language.NewMatcher(tags) })

// Match is the language for a reader: the one asked for by its tag, if there is
// such a one, or else the best for an Accept-Language header. It reports whether
// it was asked for. What cannot be read is as if it were not there.
func Match(header, asked string) (l *Language, explicit bool) {
	languages := All()
	if len(languages) == 0 {
		return English(), false
	}
	if asked != "" && len(asked) <= maxTag {
		if tag, err := language.Parse(asked); err == nil {
			if _, at, confidence := matcher().Match(tag); confidence >= language.High {
				return languages[at], true
			}
		}
	}
	if len(header) > maxHeader {
		return languages[0], false
	}
	wanted, _, err := language.ParseAcceptLanguage(header)
	if err != nil || len(wanted) == 0 {
		return languages[0], false
	}
	_, at, _ := matcher().Match(wanted...)
	return languages[at], false
}

// Longer ones are nobody's language.
const (
	maxTag    = 35
	maxHeader = 1000
)

// Text is a sentence with its placeholders filled: args are names and values,
// such as "n", 3. Where there is an "n" that is an int, it chooses the plural form. A key
// that is not there is said itself, so that nothing is silently missing.
func (l *Language) Text(key string, args ...any) string {
	form := l.Form(key, args...)
	if !strings.Contains(form, "{") {
		return form
	}
	return Fill(form, func(out *strings.Builder, name string) bool {
		for i := 0; i+1 < len(args); i += 2 {
			if args[i] == name {
				_, _ = fmt.Fprint(out, args[i+1])
				return true
			}
		}
		return false
	})
}

// Fill writes a form with each {name} as write writes it; one that write does not
// know stays as it is.
func Fill(form string, write func(out *strings.Builder, name string) bool) string {
	var out strings.Builder
	out.Grow(len(form) + 32)
	for {
		at := strings.IndexByte(form, '{')
		end := at + 1 + strings.IndexByte(form[at+1:], '}')
		if at < 0 || end <= at {
			break
		}
		out.WriteString(form[:at])
		if !write(&out, form[at+1:end]) {
			out.WriteString(form[at : end+1])
		}
		form = form[end+1:]
	}
	out.WriteString(form)
	return out.String()
}

// Form is a sentence before its placeholders are filled, for whoever fills them
// with something else than text.
func (l *Language) Form(key string, args ...any) string {
	m, ok := l.messages[key]
	if !ok {
		return key
	}
	for i := 0; len(m) > 1 && i+1 < len(args); i += 2 {
		if n, is := args[i+1].(int); is && args[i] == "n" {
			if form, has := m[l.plural(n)]; has {
				return form
			}
		}
	}
	return m["other"]
}

var forms = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}

// plural is the CLDR plural form of a whole number.
func (l *Language) plural(n int) string {
	return forms[plural.Cardinal.MatchPlural(l.tag, n, 0, 0, 0, 0)]
}

// List writes texts one after another.
func (l *Language) List(parts []string) string { return strings.Join(parts, l.file.Comma) }
