package monitor

import "strings"

// Browser opens a page in a browser and takes a journey through it, as a visitor
// would.
type Browser struct {
	URL   string        `json:"url"`             // http or https: where it begins
	Steps []BrowserStep `json:"steps,omitempty"` // in order; none: that the page loads is enough
}

// BrowserStep is one step of a journey. One of Goto, Click, Fill, Press, Wait and
// Screenshot is set, or some of Text, Title, URL and Count, which all must hold.
//
// A selector is one of CSS, or "text=" and what is to be read on a link, button
// or other element that is seen.
type BrowserStep struct {
	Goto       string `json:"goto,omitempty"`  // a URL; of a path alone: on the site that the page is of
	Click      string `json:"click,omitempty"` // a selector
	Fill       string `json:"fill,omitempty"`  // a selector, of what With is typed into
	With       string `json:"with,omitempty"`
	Press      string `json:"press,omitempty"` // a key: Enter, Tab, Escape, ArrowDown …, or one character
	Wait       string `json:"wait,omitempty"`  // a selector: until it is seen
	Screenshot bool   `json:"screenshot,omitempty"`

	Text  string        `json:"text,omitempty"`  // to be read on the page
	Title string        `json:"title,omitempty"` // to be part of its title
	URL   string        `json:"url,omitempty"`   // to be part of its address
	Count *BrowserCount `json:"count,omitempty"`
}

// BrowserCount is how many elements there are to be.
type BrowserCount struct {
	Selector string `json:"selector"` // of CSS
	Is       int    `json:"is"`
}

// String names the step for people. It holds nothing that was typed.
func (s BrowserStep) String() string {
	switch {
	case s.Goto != "":
		return "goto " + targetURL(s.Goto)
	case s.Click != "":
		return "click " + s.Click
	case s.Fill != "":
		return "fill " + s.Fill
	case s.Press != "":
		return "press " + s.Press
	case s.Wait != "":
		return "wait " + s.Wait
	case s.Screenshot:
		return "screenshot"
	}
	var what []string
	for _, one := range []struct{ name, value string }{{"text", s.Text}, {"title", s.Title}, {"url", s.URL}} {
		if one.value != "" {
			what = append(what, one.name)
		}
	}
	if s.Count != nil {
		what = append(what, "count of "+s.Count.Selector)
	}
	return "expect " + strings.Join(what, ", ")
}

func (b *Browser) fill(replace func(string) string) *Browser {
	out := *b
	out.URL, out.Steps = replace(b.URL), append([]BrowserStep(nil), b.Steps...)
	for i := range out.Steps {
		out.Steps[i].Goto, out.Steps[i].With = replace(out.Steps[i].Goto), replace(out.Steps[i].With)
	}
	return &out
}
