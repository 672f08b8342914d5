package browser

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sondehq/sonde/internal/probe"
)

// Bounds of what is kept of a page's words.
const (
	maxNoted = 10  // console errors and failed requests each
	maxNote  = 200 // bytes of one
)

// record is what a journey's page did besides what was asked of it.
type record struct {
	mu       sync.Mutex
	requests int
	urls     map[network.RequestID]string
	console  []string
	consoleN int
	failed   []string
	failedN  int
	main     cdp.FrameID // that of the page itself: all others are frames within it
	status   int         // of the newest document
	document string      // its URL
	crashed  bool        // the page's process died
	greedy   bool        // it held too much memory
	halt     func()      // called when it has: a page that is gone shows nothing more
}

func newRecord() *record { return &record{urls: map[network.RequestID]string{}, halt: func() {}} }

// listen notes events, and answers every dialogue that a page opens.
func (r *record) listen(ctx context.Context) {
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *page.EventJavascriptDialogOpening:
			go func() { _ = chromedp.Run(ctx, page.HandleJavaScriptDialog(false)) }()
		case *inspector.EventTargetCrashed:
			r.note(func() { r.crashed = true; r.halt() })
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError || e.Type == runtime.APITypeAssert {
				r.note(func() { r.complain(consoleText(e.Args)) })
			}
		case *runtime.EventExceptionThrown:
			r.note(func() { r.complain(exceptionText(e.ExceptionDetails)) })
		case *network.EventRequestWillBeSent:
			r.note(func() {
				r.requests++
				if e.Type == network.ResourceTypeDocument && e.FrameID == r.main {
					r.document = e.Request.URL
				}
				if len(r.urls) < 10_000 {
					r.urls[e.RequestID] = e.Request.URL
				}
			})
		case *network.EventResponseReceived:
			r.note(func() {
				if e.Type == network.ResourceTypeDocument && e.FrameID == r.main {
					r.status = int(e.Response.Status)
				}
				if e.Response.Status >= 400 {
					r.fail(e.Response.URL, fmt.Sprintf("HTTP %d", e.Response.Status))
				}
			})
		case *network.EventLoadingFailed:
			if !e.Canceled {
				r.note(func() { r.fail(r.urls[e.RequestID], strings.TrimPrefix(e.ErrorText, "net::")) })
			}
		}
	})
}

func (r *record) note(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

func (r *record) complain(text string) {
	r.consoleN++
	if len(r.console) < maxNoted {
		r.console = append(r.console, probe.Printable(text, maxNote))
	}
}

func (r *record) fail(raw, why string) {
	if u, err := url.Parse(raw); err == nil && u.Path == "/favicon.ico" {
		return // browsers ask for it unasked, and nobody misses it
	}
	r.failedN++
	if len(r.failed) < maxNoted {
		r.failed = append(r.failed, probe.Printable(why+" "+plainURL(raw), maxNote))
	}
}

// plainURL is a URL without user, query and fragment, which may hold secrets.
func plainURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "data" || u.Scheme == "blob" {
		return "a " + strings.SplitN(raw+":", ":", 2)[0] + ": URL"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

func consoleText(args []*runtime.RemoteObject) string {
	var parts []string
	for _, a := range args {
		switch {
		case len(a.Value) > 0:
			parts = append(parts, strings.Trim(string(a.Value), `"`))
		case a.Description != "":
			parts = append(parts, a.Description)
		}
	}
	return strings.Join(parts, " ")
}

func exceptionText(d *runtime.ExceptionDetails) string {
	if d == nil {
		return "an exception"
	}
	if d.Exception != nil && d.Exception.Description != "" {
		return d.Exception.Description
	}
	return d.Text
}

// evidence is what is kept of it with a failure, in one text.
func (r *record) evidence() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var parts []string
	if r.consoleN > 0 {
		parts = append(parts, fmt.Sprintf("console errors (%d): %s", r.consoleN, strings.Join(r.console, "; ")))
	}
	if r.failedN > 0 {
		parts = append(parts, fmt.Sprintf("failed requests (%d): %s", r.failedN, strings.Join(r.failed, "; ")))
	}
	return strings.Join(parts, ". ")
}
