package config

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

// Bounds of journeys.
const (
	maxJourney      = 50
	maxSelector     = 500
	usualJourney    = 5 * time.Minute // from one to the next
	leastJourney    = time.Minute
	usualJourneyEnd = 30 * time.Second
)

func (e *entry) readBrowser(r *reader, c cursor) {
	e.is(c)
	b := &monitor.Browser{}
	e.m.Browser = b
	shorthand(r, c, b, pageKeys, func(c cursor) { r.visited(c, &b.URL) })
	if b.URL == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "url is missing")
	}
}

var pageKeys = keys[monitor.Browser]{
	{"url", "where the journey begins: http or https", func(r *reader, c cursor, b *monitor.Browser) { r.visited(c, &b.URL) }},
	{"steps", "what a visitor does there: goto, click, fill, press, wait, expect, screenshot, in order", func(r *reader, c cursor, b *monitor.Browser) {
		r.list(c, false, func(c cursor) { r.journeyStep(c, b) })
		if len(b.Steps) > maxJourney {
			r.report(c.node, c.path, "make two monitors", "a journey has at most %d steps, found %d", maxJourney, len(b.Steps))
		}
	}},
}

// browserForm is one step as it stands in the file.
type browserForm struct {
	s     monitor.BrowserStep
	verbs []string
	with  bool
}

func (r *reader) journeyStep(c cursor, b *monitor.Browser) {
	if r.may(fragment{"const": "screenshot"}) {
		r.mapping(c.node, c.path, func(c cursor) { journeyKeys.read(r, c, &browserForm{}) })
		return
	}
	n := r.enter(c.node, c.path)
	if n == nil {
		return
	}
	if n.Kind == yaml.ScalarNode && n.Value == "screenshot" {
		b.Steps = append(b.Steps, monitor.BrowserStep{Screenshot: true})
		return
	}
	if n.Kind == yaml.ScalarNode {
		r.report(n, c.path, suggest(n.Value, []string{"screenshot"}), "expected a step such as {click: \"text=Sign in\"}, or screenshot, found %q", shorten(n.Value))
		return
	}
	f := &browserForm{}
	if !r.mapping(c.node, c.path, func(c cursor) { journeyKeys.read(r, c, f) }) || r.reported(c.path) {
		return
	}
	switch {
	case len(f.verbs) == 0:
		r.report(n, c.path, "", "a step needs one of goto, click, fill, press, wait, expect, screenshot")
		return
	case len(f.verbs) > 1:
		r.report(n, c.path, "make two steps", "a step does one thing, found %s", strings.Join(f.verbs, " and "))
		return
	case f.verbs[0] == "fill" && !f.with:
		r.report(n, c.path, "such as {fill: \"#user\", with: sonde}", "fill needs with: what is typed")
		return
	case f.verbs[0] != "fill" && f.with:
		r.report(n, c.path, "", "with is for fill")
		return
	}
	b.Steps = append(b.Steps, f.s)
}

// verb notes that a step does something.
func (f *browserForm) verb(c cursor) { f.verbs = append(f.verbs, c.key.Value) }

var journeyKeys = keys[browserForm]{
	{"goto", "a URL, or a path of the same site", func(r *reader, c cursor, f *browserForm) {
		f.verb(c)
		r.may(form(`^/`, "/login"))
		if n := r.enter(c.node, c.path); n != nil && strings.HasPrefix(n.Value, "/") {
			r.secrets(c, n.Value)
			f.s.Goto = n.Value
			return
		}
		r.visited(c, &f.s.Goto)
	}},
	{"click", "a selector of CSS, or text= and what is read on it", func(r *reader, c cursor, f *browserForm) { f.verb(c); r.selector(c, &f.s.Click) }},
	{"fill", "the selector of a field", func(r *reader, c cursor, f *browserForm) { f.verb(c); r.selector(c, &f.s.Fill) }},
	{"with", "what is typed into it", func(r *reader, c cursor, f *browserForm) { f.with = true; r.payload(c, &f.s.With) }},
	{"press", "a key: Enter, Tab, Escape, ArrowDown and so on, or one character", func(r *reader, c cursor, f *browserForm) { f.verb(c); r.pressed(c, &f.s.Press) }},
	{"wait", "a selector: until it is seen", func(r *reader, c cursor, f *browserForm) { f.verb(c); r.selector(c, &f.s.Wait) }},
	{"expect", "what the page must come to: text, title, url, count", func(r *reader, c cursor, f *browserForm) {
		f.verb(c)
		if r.mapping(c.node, c.path, func(c cursor) { shownKeys.read(r, c, &f.s) }) && !r.reported(c.path) && f.s == (monitor.BrowserStep{}) {
			r.report(c.key, c.path, "", "expect needs text, title, url or count")
		}
	}},
	{"screenshot", "true: keep a picture of the page", func(r *reader, c cursor, f *browserForm) { f.verb(c); r.boolean(c, &f.s.Screenshot) }},
}

var shownKeys = keys[monitor.BrowserStep]{
	{"text", "to be read on the page", func(r *reader, c cursor, s *monitor.BrowserStep) { r.text(c, &s.Text) }},
	{"title", "to be part of its title", func(r *reader, c cursor, s *monitor.BrowserStep) { r.text(c, &s.Title) }},
	{"url", "to be part of its address", func(r *reader, c cursor, s *monitor.BrowserStep) { r.text(c, &s.URL) }},
	{"count", "how many elements there are: selector, is", func(r *reader, c cursor, s *monitor.BrowserStep) {
		s.Count = &monitor.BrowserCount{Is: -1}
		r.mapping(c.node, c.path, func(c cursor) { countKeys.read(r, c, s.Count) })
		if (s.Count.Selector == "" || s.Count.Is < 0) && !r.reported(c.path) {
			r.report(c.key, c.path, "such as {selector: \"li.order\", is: 3}", "count needs selector and is")
		}
	}},
}

var countKeys = keys[monitor.BrowserCount]{
	{"selector", "a selector of CSS", func(r *reader, c cursor, b *monitor.BrowserCount) { r.selector(c, &b.Selector) }},
	{"is", "how many", func(r *reader, c cursor, b *monitor.BrowserCount) { r.integer(c, &b.Is, 0, 100_000) }},
}

func (r *reader) selector(c cursor, into *string) {
	n := r.scalar(c, "a selector")
	if n == nil {
		return
	}
	if strings.TrimSpace(strings.TrimPrefix(n.Value, "text=")) == "" || len(n.Value) > maxSelector {
		r.report(n, c.path, "", "expected a selector of CSS, or text= and what is read on it, of at most %d bytes, found %q", maxSelector, shorten(n.Value))
		return
	}
	*into = n.Value
}

// namedKeys are the keys that have names.
var namedKeys = []string{"Enter", "Tab", "Escape", "Backspace", "Delete", "Space", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"}

func (r *reader) pressed(c cursor, into *string) {
	n := r.scalar(c, "a key")
	if n == nil {
		return
	}
	if utf8.RuneCountInString(n.Value) != 1 && !slices.Contains(namedKeys, n.Value) {
		r.report(n, c.path, suggest(n.Value, namedKeys), "expected one character, or one of %s, found %q", strings.Join(namedKeys, ", "), shorten(n.Value))
		return
	}
	*into = n.Value
}

// journeyTimes: a journey takes seconds and a browser, and is made less often than
// other checks.
func (r *reader) journeyTimes(e *entry) {
	e.m.Every = or(e.every, ptr(usualJourney))
	if e.m.Every < leastJourney {
		r.report(e.everyNode, sibling(e.id.path, "every"), "", "a journey is made once in %s at most, found %s", short(leastJourney), short(e.m.Every))
	}
	if e.timeout == nil {
		d := usualJourneyEnd
		e.timeout, e.timeoutNode = &d, e.id.node
	}
}
