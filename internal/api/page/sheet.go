package page

import (
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sondehq/sonde/internal/api/page/words"
	"github.com/sondehq/sonde/internal/monitor"
)

// sheet is what all pages have: the view, and how to write in the reader's
// language and the site's time zone.
type sheet struct {
	View
	lang *words.Language
	zone *time.Location
	now  time.Time // in zone

	Path    string // of this page, without the language
	Heading string // of this page; on the main one, the site's
	Subject string // what the page is about; empty: everything
	Look    look
	Verdict string
}

func newSheet(v View, path, subject string) *sheet {
	s := &sheet{View: v, lang: v.Lang, zone: zoneOf(v), Path: path, Subject: subject}
	if s.lang == nil {
		s.lang = words.English()
	}
	s.now = v.Now.In(s.zone)
	s.Site.Name = plain(s.Site.Name)
	status, key := verdict(v)
	s.Status, s.Verdict, s.Look = status, s.T("banner."+key), lookOf(status)
	if key == "draining" {
		s.Look = draining
	}
	s.Heading = subject
	if subject == "" {
		s.Heading = s.SiteTitle()
	}
	return s
}

// T is a sentence as text.
func (s *sheet) T(key string, args ...any) string { return s.lang.Text(key, args...) }

// H is a sentence as HTML: what is not HTML already becomes text.
func (s *sheet) H(key string, args ...any) template.HTML {
	form := template.HTMLEscapeString(s.lang.Form(key, args...))
	return template.HTML(words.Fill(form, func(out *strings.Builder, name string) bool {
		for i := 0; i+1 < len(args); i += 2 {
			if args[i] != name {
				continue
			}
			if html, is := args[i+1].(template.HTML); is {
				out.WriteString(string(html))
			} else {
				template.HTMLEscape(out, fmt.Append(nil, args[i+1]))
			}
			return true
		}
		return false
	}))
}

// SiteTitle is the main page's name.
func (s *sheet) SiteTitle() string {
	if s.Site.Name == "" {
		return "Status"
	}
	return s.T("title", "site", s.Site.Name)
}

// Title is what the browser's tab says: the state first.
func (s *sheet) Title() string {
	if s.Heading == s.SiteTitle() {
		return s.Look.Sign + " " + s.Verdict + " – " + s.Site.Name
	}
	return s.Look.Sign + " " + s.Heading + " – " + s.SiteTitle()
}

// Detailed reports whether the page has time lines, tables or charts.
func (s *sheet) Detailed() bool { return s.Subject != "" }

// Lang is the language's tag.
func (s *sheet) Lang() string { return s.lang.Tag }

// Dir is the language's direction.
func (s *sheet) Dir() string { return s.lang.Dir }

// Languages are those that the page can be read in.
func (s *sheet) Languages() []*words.Language { return words.All() }

// Icon is the favicon of the state.
func (s *sheet) Icon() template.URL { return favicon(s.Look.Class) }

// Href is the address of a page of ours, in the language asked for. The parts
// after the first are escaped.
func (s *sheet) Href(path string, parts ...any) string {
	for _, part := range parts {
		path += url.PathEscape(fmt.Sprint(part))
	}
	if s.Chosen {
		path += "?lang=" + s.lang.Tag
	}
	return path
}

// At is a time of day, with its date where that is not today.
func (s *sheet) At(t time.Time) template.HTML {
	t = t.In(s.zone)
	return stamp(t, s.lang.At(t, s.now))
}

// When is At with the zone.
func (s *sheet) When(t time.Time) template.HTML {
	t = t.In(s.zone)
	return stamp(t, s.lang.At(t, s.now)+" "+words.Abbreviation(t))
}

func stamp(t time.Time, text string) template.HTML {
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + template.HTMLEscapeString(text) + `</time>`)
}

// Span is a duration in words.
func (s *sheet) Span(d time.Duration) string { return s.lang.Span(d) }

// ZoneNote says which zone times are in, written out:
// America/Los Angeles (PDT, UTC−7).
func (s *sheet) ZoneNote() string {
	name := strings.ReplaceAll(s.zone.String(), "_", " ")
	var parts []string
	for _, part := range []string{words.Abbreviation(s.now), words.Offset(s.now)} {
		if part != name && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if len(parts) > 0 {
		name += " (" + s.lang.List(parts) + ")"
	}
	return s.T("zone", "zone", name)
}

// ZoneName is the zone's IANA name, for the script.
func (s *sheet) ZoneName() string { return s.zone.String() }

// FreshSeconds is how long the snapshot may be shown, for the script.
func (s *sheet) FreshSeconds() int { return int(s.Fresh / time.Second) }

// Word is a status in words.
func (s *sheet) Word(status monitor.Status) string { return s.T("status." + string(known(status))) }

// names are the names of services, linked, in the order of the ids; those that
// the public does not see any more are left out.
func (s *sheet) names(ids []monitor.ServiceID) template.HTML {
	var parts []string
	for _, id := range ids {
		for i := range s.Services {
			if svc := &s.Services[i]; svc.ID == id {
				parts = append(parts, `<a href="`+template.HTMLEscapeString(s.Href("/services/", id))+`">`+template.HTMLEscapeString(plain(svc.Name))+`</a>`)
				break
			}
		}
	}
	return template.HTML(s.lang.List(parts))
}

// In is the address of this page in a language.
func (s *sheet) In(l *words.Language) string { return s.Path + "?lang=" + l.Tag }

// plain is a name without characters that act beyond it: controls, and those
// that turn the direction of the text around it.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, name)
}
