package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sondehq/sonde/internal/monitor"
)

// find returns how chromedp is to look for a selector.
func find(selector string) (any, []chromedp.QueryOption) {
	text, is := strings.CutPrefix(selector, "text=")
	if !is {
		return selector, []chromedp.QueryOption{chromedp.ByQuery}
	}
	quoted, _ := json.Marshal(text)
	expression := fmt.Sprintf(byText, quoted)
	return selector, []chromedp.QueryOption{chromedp.ByFunc(func(ctx context.Context, _ *cdp.Node) ([]cdp.NodeID, error) {
		found, problem, err := runtime.Evaluate(expression).Do(ctx)
		if err != nil || problem != nil || found.ObjectID == "" {
			return nil, err // not yet: it is looked for again
		}
		id, err := dom.RequestNode(found.ObjectID).Do(ctx)
		if err != nil {
			return nil, err
		}
		return []cdp.NodeID{id}, nil
	})}
}

// byText finds what is read on something to click on, and else what is read
// anywhere: the whole text before a part of it, and only what is seen.
const byText = `(() => {
const want = %s, read = e => (e.innerText || e.value || '').trim().replace(/\s+/g, ' '), seen = e => e.getClientRects().length > 0;
const all = [...document.querySelectorAll('a,button,[role=button],[role=link],[role=tab],[role=menuitem],input[type=submit],input[type=button],label,summary,option')].filter(seen);
return all.find(e => read(e) === want) || all.find(e => read(e).includes(want)) ||
  [...document.querySelectorAll('body *')].find(e => seen(e) && read(e).includes(want) && ![...e.children].some(c => read(c).includes(want))) || null;
})()`

// selectAll selects what is in the field that has the focus, for what is typed to
// take its place. Keys are typed as at a keyboard: no page can make a field of files
// of it, which would read one of this machine.
const selectAll = `(e => e?.select ? e.select() : e?.isContentEditable && getSelection().selectAllChildren(e))(document.activeElement)`

var keys = map[string]string{
	"Enter": kb.Enter, "Tab": kb.Tab, "Escape": kb.Escape, "Backspace": kb.Backspace, "Delete": kb.Delete, "Space": " ",
	"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight, "Home": kb.Home, "End": kb.End,
	"PageUp": kb.PageUp, "PageDown": kb.PageDown,
}

// errScheme: a page led to somewhere that is no web page.
var errScheme = errors.New("the page led to an address that is neither http nor https")

// walk takes one step.
func walk(ctx context.Context, s monitor.BrowserStep) error {
	switch {
	case s.Goto != "":
		return visit(ctx, s.Goto)
	case s.Click != "":
		sel, by := find(s.Click)
		return chromedp.Run(ctx, chromedp.Click(sel, append(by, chromedp.NodeVisible)...))
	case s.Fill != "":
		sel, by := find(s.Fill)
		return chromedp.Run(ctx, chromedp.Focus(sel, append(by, chromedp.NodeVisible)...), chromedp.Evaluate(selectAll, nil), chromedp.KeyEvent(kb.Backspace), chromedp.KeyEvent(s.With))
	case s.Press != "":
		key, named := keys[s.Press]
		if !named {
			key = s.Press
		}
		return chromedp.Run(ctx, chromedp.KeyEvent(key))
	case s.Wait != "":
		sel, by := find(s.Wait)
		return chromedp.Run(ctx, chromedp.WaitVisible(sel, by...))
	case s.Screenshot:
		return nil // it is taken by the caller
	}
	return expected(ctx, s)
}

// visit goes to a URL, or to a path of the present site.
func visit(ctx context.Context, to string) error {
	if strings.HasPrefix(to, "/") {
		var here string
		if err := chromedp.Run(ctx, chromedp.Location(&here)); err != nil {
			return err
		}
		base, err := url.Parse(here)
		if err != nil {
			return err
		}
		there, err := base.Parse(to)
		if err != nil {
			return err
		}
		to = there.String()
	}
	return chromedp.Run(ctx, chromedp.Navigate(to))
}

// notYet is what a page does not show, and what it shows instead.
type notYet struct{ what string }

func (n *notYet) Error() string { return n.what }

// look is the time between two looks at a page.
const look = 100 * time.Millisecond

// expected waits until a page is as it is to be.
func expected(ctx context.Context, s monitor.BrowserStep) error {
	var last error
	for {
		now := seen(ctx, s)
		if now == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // a look that was cut short saw nothing
			last = now
		}
		t := time.NewTimer(look)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return last
		}
	}
}

func seen(ctx context.Context, s monitor.BrowserStep) error {
	if s.Text != "" {
		text := pageText(ctx)
		if !strings.Contains(text, squeeze(s.Text)) {
			return &notYet{fmt.Sprintf("expected the text %q, the page says %q", s.Text, cut(text, 120))}
		}
	}
	if s.Title != "" {
		if title := evaluate(ctx, "document.title"); !strings.Contains(title, s.Title) {
			return &notYet{fmt.Sprintf("expected the title %q, it is %q", s.Title, cut(title, 120))}
		}
	}
	if s.URL != "" {
		if at := evaluate(ctx, "location.href"); !strings.Contains(at, s.URL) {
			return &notYet{fmt.Sprintf("expected the address %q, it is %q", s.URL, cut(plainURL(at), 120))}
		}
	}
	if s.Count != nil {
		quoted, _ := json.Marshal(s.Count.Selector)
		if n := evaluate(ctx, fmt.Sprintf("String(document.querySelectorAll(%s).length)", quoted)); n != fmt.Sprint(s.Count.Is) {
			return &notYet{fmt.Sprintf("expected %d of %q, there are %s", s.Count.Is, s.Count.Selector, orNone(n))}
		}
	}
	return nil
}

func orNone(n string) string {
	if n == "" {
		return "none that can be counted"
	}
	return n
}

// maxPage is how much of a page's text is looked at.
const maxPage = 256 << 10

func pageText(ctx context.Context) string {
	return squeeze(evaluate(ctx, fmt.Sprintf("(document.body ? document.body.innerText : '').slice(0, %d)", maxPage)))
}

func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

// evaluate is what an expression gives as a text, empty where it cannot be had.
func evaluate(ctx context.Context, expression string) string {
	var out string
	if chromedp.Run(ctx, chromedp.Evaluate(expression, &out)) != nil {
		return ""
	}
	return out
}

func cut(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// noSelector is the first selector of a journey that is none, in the words of the
// browser that is to look for it; empty if all are.
func noSelector(ctx context.Context, steps []monitor.BrowserStep) string {
	for _, s := range steps {
		all := []string{s.Click, s.Fill, s.Wait}
		if s.Count != nil {
			all = append(all, s.Count.Selector)
		}
		for _, one := range all {
			quoted, _ := json.Marshal(one)
			const try = `(s => { try { document.createDocumentFragment().querySelector(s); return '' } catch { return 'none' } })(%s)`
			if one != "" && !strings.HasPrefix(one, "text=") && evaluate(ctx, fmt.Sprintf(try, quoted)) != "" {
				return one
			}
		}
	}
	return ""
}

// absent says in which way a selector was not to be had.
func absent(ctx context.Context, selector string) string {
	if strings.HasPrefix(selector, "text=") {
		selector = ""
	}
	quoted, _ := json.Marshal(selector)
	const ask = `(s => s && document.querySelector(s) ? 'hidden' : 'none')(%s)`
	switch evaluate(ctx, fmt.Sprintf(ask, quoted)) {
	case "hidden":
		return "the element is there, but is not seen"
	case "none":
		return "no such element"
	}
	return "the page does not answer"
}
