package browsertest_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", os.Getenv("SONDE_SCREENSHOTS"), "a folder to write a picture of each page into")

// unavailable skips a test whose tool is missing, and fails it in CI.
func unavailable(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

// browser starts Chromium once for a test; its tabs are closed with it.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		unavailable(t, "chromium is not installed", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("hide-scrollbars", true), chromedp.WSURLReadTimeout(time.Minute), chromedp.Env("TZ=UTC"))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		unavailable(t, "chromium does not start", err)
	}
	return ctx
}

// tab is one page of the browser and what it complained about.
type tab struct {
	context.Context
	mu       sync.Mutex
	problems []string
}

func open(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, timeout := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(timeout)
	p := &tab{Context: ctx}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			p.complain(string(e.Entry.Level) + ": " + e.Entry.Text + " " + e.Entry.URL)
		case *runtime.EventExceptionThrown:
			p.complain("exception: " + e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			p.complain("console " + string(e.Type))
		}
	})
	p.run(t, log.Enable(), runtime.Enable())
	return p
}

func (p *tab) complain(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, what)
}

// complaints are what the browser complained about since the last call.
func (p *tab) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.problems
	p.problems = nil
	return list
}

func (p *tab) run(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(p.Context, actions...); err != nil {
		t.Fatal(err)
	}
}

// eval returns what a script gives, as JSON has it.
func eval[T any](t *testing.T, p *tab, script string) (value T) {
	t.Helper()
	p.run(t, chromedp.Evaluate(script, &value, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
	return value
}

// size makes the screen so wide, with the scheme "light" or "dark".
func size(width int64, scheme string) chromedp.Action {
	return chromedp.Tasks{
		emulation.SetDeviceMetricsOverride(width, 900, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
	}
}

func (p *tab) screenshot(t *testing.T, name string) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	var picture []byte
	height := eval[int64](t, p, "document.documentElement.scrollHeight")
	width := eval[int64](t, p, "innerWidth")
	p.run(t, emulation.SetDeviceMetricsOverride(width, height, 1, false), page.BringToFront(), chromedp.CaptureScreenshot(&picture))
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// violation is one of axe-core's.
type violation struct {
	ID    string
	Help  string
	Nodes []struct {
		HTML           string
		FailureSummary string
	}
}

// axe looks for violations of WCAG 2.2 AA and of good practice.
func (p *tab) axe(t *testing.T, source string) {
	t.Helper()
	if eval[bool](t, p, "typeof axe === 'undefined'") {
		p.run(t, chromedp.Evaluate(source, nil))
	}
	text := eval[string](t, p, `axe.run({runOnly:['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice'],resultTypes:['violations']}).then(r=>JSON.stringify(r.violations))`)
	var found []violation
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		var where []string
		for _, n := range v.Nodes[:min(len(v.Nodes), 3)] {
			where = append(where, fmt.Sprintf("%.200s (%s)", n.HTML, n.FailureSummary))
		}
		t.Errorf("axe: %s: %s, %d times, such as\n\t%s", v.ID, v.Help, len(v.Nodes), strings.Join(where, "\n\t"))
	}
}

// wide reports what reaches beyond the screen.
const wide = `(()=>{const w=document.documentElement.clientWidth;
if(document.documentElement.scrollWidth<=w)return '';
return [...document.querySelectorAll('body *')].filter(e=>e.getBoundingClientRect().right>w+1).slice(0,3).map(e=>e.outerHTML.slice(0,150)).join(' | ')||'the document'})()`
