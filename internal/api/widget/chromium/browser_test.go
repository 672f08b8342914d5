package chromium_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sondehq/sonde/internal/api/nodetest"
)

// patience is how long a browser is waited for before a test fails.
const patience = 30 * time.Second

var chromium struct {
	ctx  context.Context
	stop func()
	why  error // it cannot be started
}

// TestMain starts one Chromium, in which each test has a tab of its own.
func TestMain(m *testing.M) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		chromium.why = err
		os.Exit(m.Run())
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("ignore-certificate-errors", true),
		// Names of the tests lead to ports of this machine; see names.
		chromedp.Flag("host-resolver-rules", names.rules()),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, quit := chromedp.NewContext(allocator)
	chromium.ctx, chromium.stop = ctx, func() { quit(); stop() }
	chromium.why = chromedp.Run(ctx)
	code := m.Run()
	chromium.stop()
	os.Exit(code)
}

// tab is one page of the browser, and what it complained about.
type tab struct {
	*testing.T
	ctx context.Context
	mu  sync.Mutex
	log []string
}

// newTab skips the test where there is no Chromium; CI must have one.
func newTab(t *testing.T) *tab {
	t.Helper()
	if err := chromium.why; err != nil {
		if os.Getenv("CI") != "" || !errors.Is(err, exec.ErrNotFound) {
			t.Fatalf("Chromium: %v", err)
		}
		t.Skipf("no Chromium here: %v", err)
	}
	ctx, closeTab := chromedp.NewContext(chromium.ctx)
	ctx, cancel := context.WithTimeout(ctx, patience)
	t.Cleanup(func() { cancel(); closeTab() })
	b := &tab{T: t, ctx: ctx}
	chromedp.ListenTarget(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.log = append(b.log, "exception: "+e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
				b.log = append(b.log, fmt.Sprintf("console: %s", e.Args[0].Value))
			}
		case *cdplog.EventEntryAdded:
			if e.Entry.Level == cdplog.LevelError {
				b.log = append(b.log, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	b.run(emulation.SetFocusEmulationEnabled(true)) // several tabs, each as if it were in front
	return b
}

func (b *tab) run(actions ...chromedp.Action) {
	b.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.Fatalf("%v; the page said: %q", err, b.complaints())
	}
}

// eval returns what an expression, or the promise of one, gives.
func eval[T any](b *tab, expression string) (out T) {
	b.Helper()
	await := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	if err := chromedp.Run(b.ctx, chromedp.Evaluate(expression, &out, await)); err != nil {
		b.Fatalf("evaluate %s: %v; the page said: %q", expression, err, b.complaints())
	}
	return out
}

// until waits for an expression to be true; the page looks for it itself, since
// a policy lets nothing in that would.
func (b *tab) until(expression string) {
	b.Helper()
	found := eval[bool](b, `new Promise((done) => { let n = 0; const i = setInterval(() => {
		let ok = false; try { ok = !!(`+expression+`) } catch {}
		if (ok || ++n > 1000) clearInterval(i), done(ok) }, 20) })`)
	if !found {
		b.Fatalf("%s never came; the page said: %q; it shows %s", expression, b.complaints(), eval[string](b, "document.documentElement.outerHTML"))
	}
}

func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.log...)
}

// look sets the size of the window and the colour scheme.
func (b *tab) look(width int64, scheme string) chromedp.Action {
	return chromedp.Tasks{
		chromedp.EmulateViewport(width, 900),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
	}
}

// screenshot keeps a picture in SONDE_SCREENSHOTS, if that is set.
func (b *tab) screenshot(name string) {
	b.Helper()
	dir := os.Getenv("SONDE_SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	b.run(page.BringToFront(), chromedp.CaptureScreenshot(&png)) // a tab behind others is not painted
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.Fatal(err)
	}
}

// accessible runs axe-core, also in Shadow DOM, and allows no violation.
func (b *tab) accessible() {
	b.Helper()
	b.run(chromedp.Evaluate(axe(b.T), nil))
	found := eval[[]string](b, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then((r) =>
		r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ") + " " + n.failureSummary).join("; ")))`)
	if len(found) > 0 {
		b.Errorf("axe-core: %s", strings.Join(found, "\n"))
	}
}

const axeVersion = "4.14.1"

// axe is the source of axe-core.
func axe(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(nodetest.Modules(t, "axe-core@"+axeVersion), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
