package browser

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// The window of the browser, in pixels.
const (
	width  = 1280
	height = 800
)

// reserve is what is left of a check's time to look at what went wrong.
const reserve = 1500 * time.Millisecond

// journey runs one check in a browser of its own.
func journey(ctx context.Context, path string, m monitor.Monitor, env *probe.Env) (o probe.Observation) {
	p, err := startProxy(func(ctx context.Context, network, address string) (net.Conn, error) {
		return env.Dial(ctx, m, network, address)
	}, func(err error, address string) *monitor.Failure {
		return probe.Classify(err, "connect to "+address, monitor.FailUnreachable)
	})
	if err != nil {
		return probe.NotRun("start the browser's proxy: " + err.Error())
	}
	defer p.close()
	profile, err := os.MkdirTemp("", "sonde-browser-")
	if err != nil {
		return probe.NotRun("make a profile: " + err.Error())
	}
	defer func() { _ = os.RemoveAll(profile) }()
	var process *exec.Cmd
	options := append(flags(path, profile, p.address, env.InLambda), chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) { apart(cmd); process = cmd }))
	// The browser must not outlive the check, however it hangs.
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { kill(process) })()
	allocator, free := chromedp.NewExecAllocator(alive, options...)
	defer free()
	tab, leave := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}), chromedp.WithLogf(func(string, ...any) {}))
	defer leave()
	defer func() { kill(process) }() // before all that waits for it to end
	t := &trip{m: m, proxy: p, record: newRecord(), now: env.Now}
	if err := t.begin(ctx, tab); err != nil {
		return probe.NotRun("the browser does not start: " + err.Error())
	}
	return t.take(ctx, tab)
}

// flags start Chromium without anything that a check has no use for, and with no
// way to the network but the proxy.
func flags(path, profile, proxy string, inLambda bool) []chromedp.ExecAllocatorOption {
	out := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	out = append(out,
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Env("TMPDIR="+profile), chromedp.WindowSize(width, height),
		chromedp.ProxyServer("http://"+proxy), chromedp.Flag("proxy-bypass-list", "<-loopback>"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("dns-prefetch-disable", true),
		chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"), chromedp.Flag("webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		chromedp.Flag("deny-permission-prompts", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("mute-audio", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.WSURLReadTimeout(20*time.Second),
	)
	if os.Geteuid() == 0 || inLambda { // Chromium's own sandbox needs rights that neither has
		out = append(out, chromedp.NoSandbox)
	}
	if inLambda {
		out = append(out, chromedp.Flag("single-process", true), chromedp.Flag("no-zygote", true), chromedp.Flag("disable-dev-shm-usage", true))
	}
	return out
}

// trip is a journey under way.
type trip struct {
	m      monitor.Monitor
	proxy  *proxy
	record *record
	now    func() time.Time
	steps  []monitor.StepResult
	shot   []byte
	nav    time.Duration
	lcp    float64 // milliseconds
}

// begin starts the browser.
func (t *trip) begin(ctx, tab context.Context) error {
	t.record.listen(tab)
	started := make(chan error, 1)
	go func() {
		started <- chromedp.Run(tab, network.Enable(), page.Enable(), runtime.Enable(), browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorDeny),
			chromedp.ActionFunc(func(ctx context.Context) error {
				_, _, _, agent, _, err := browser.GetVersion().Do(ctx)
				if err != nil {
					return err
				}
				agent = strings.Replace(agent, "HeadlessChrome", "Chrome", 1)
				return emulation.SetUserAgentOverride(agent + " " + probe.UserAgent).Do(ctx)
			}))
	}()
	select {
	case err := <-started:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take takes all steps, the first of which is to go to the URL.
func (t *trip) take(ctx, tab context.Context) probe.Observation {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	walking, done := context.WithDeadline(tab, deadline.Add(-min(reserve, left/5)))
	defer done()
	all := append([]monitor.BrowserStep{{Goto: t.m.Browser.URL}}, t.m.Browser.Steps...)
	var failure *monitor.Failure
	for i, step := range all {
		if failure = t.step(walking, i, step); failure != nil {
			break
		}
		if i == 0 {
			t.measure(walking)
		}
	}
	// What is left of the time is for the evidence.
	looking, seen := context.WithDeadline(tab, deadline.Add(-100*time.Millisecond))
	defer seen()
	if failure != nil && t.shot == nil {
		t.shot = picture(looking)
	}
	return t.observation(looking, failure)
}

// step takes one step, and names it in its failure. Step 0 is the first goto.
func (t *trip) step(ctx context.Context, i int, step monitor.BrowserStep) *monitor.Failure {
	start := time.Now()
	err := walk(ctx, step)
	if err == nil {
		err = onWeb(ctx)
	}
	if step.Screenshot && err == nil {
		t.shot = picture(ctx)
	}
	took := time.Since(start)
	if i == 0 {
		t.nav = took
	}
	name := step.String()
	if i > 0 {
		name = fmt.Sprintf("step %d, %s", i, name)
	}
	result := monitor.StepResult{Name: probe.Printable(name, 100), Outcome: monitor.OutcomeUp, Timing: monitor.Timing{Total: took}}
	var failure *monitor.Failure
	if err != nil {
		failure = t.failure(ctx, name, step, err, took)
		result.Outcome, result.Failure = monitor.OutcomeDown, failure
	} else if i == 0 {
		failure = t.answered(name)
	}
	t.steps = append(t.steps, result)
	return failure
}

// onWeb holds a journey to the web: no page may lead it to a file of the machine.
func onWeb(ctx context.Context) error {
	at := evaluate(ctx, "location.protocol")
	if at != "http:" && at != "https:" && at != "" && at != "about:" && at != "chrome-error:" {
		return errScheme
	}
	return nil
}

// answered judges the first answer: an error is one, unless an expectation is to
// judge it.
func (t *trip) answered(name string) *monitor.Failure {
	t.record.mu.Lock()
	defer t.record.mu.Unlock()
	if t.record.status >= 400 {
		return probe.Fail(monitor.FailBrowser, "%s: the answer is HTTP %d", name, t.record.status)
	}
	return nil
}

// failure says why a step failed, as far as it can be known: what the network said
// goes before what the page did not show.
func (t *trip) failure(ctx context.Context, name string, step monitor.BrowserStep, err error, took time.Duration) *monitor.Failure {
	t.record.mu.Lock()
	crashed := t.record.crashed
	t.record.mu.Unlock()
	var missing *notYet
	switch {
	case crashed:
		return probe.Fail(monitor.FailBrowser, "%s: the page crashed", name)
	case errors.Is(err, errScheme):
		return probe.Fail(monitor.FailBlocked, "%s: %s", name, errScheme)
	case errors.As(err, &missing):
		return probe.Fail(monitor.FailBrowser, "%s: %s", name, missing.what)
	case strings.Contains(err.Error(), "net::"):
		return t.unreached(name, step, err)
	case ctx.Err() != nil && step.Goto != "":
		return probe.Fail(monitor.FailTimeout, "%s: the page had not loaded after %s", name, took.Round(10*time.Millisecond))
	case ctx.Err() != nil:
		return probe.Fail(monitor.FailBrowser, "%s: no such element within %s", name, took.Round(10*time.Millisecond))
	}
	return probe.Fail(monitor.FailBrowser, "%s: %s", name, err)
}

// kinds are failures of the network by Chromium's names (net_error_list.h).
var kinds = []struct {
	part string
	kind monitor.FailureKind
	says string
}{
	{"ERR_CERT", monitor.FailCertificate, "the certificate is not good"}, {"ERR_SSL", monitor.FailTLS, "the TLS hand-shake failed"},
	{"ERR_TOO_MANY_REDIRECTS", monitor.FailHTTP, "redirected without end"}, {"ERR_INVALID_RESPONSE", monitor.FailHTTP, "the answer is not HTTP"},
	{"ERR_EMPTY_RESPONSE", monitor.FailReset, "the connection was closed without an answer"}, {"ERR_CONNECTION_RESET", monitor.FailReset, "the connection was reset"},
	{"ERR_TIMED_OUT", monitor.FailTimeout, "no answer in time"}, {"ERR_NAME_NOT_RESOLVED", monitor.FailDNS, "the name does not resolve"},
}

// unreached is a page that could not be had. What the proxy knows of its host is
// more than what the browser was told.
func (t *trip) unreached(name string, step monitor.BrowserStep, err error) *monitor.Failure {
	t.record.mu.Lock()
	document := t.record.document
	t.record.mu.Unlock()
	for _, raw := range []string{document, step.Goto} {
		u, bad := url.Parse(raw)
		if bad != nil || u.Host == "" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
		}
		if why := t.proxy.why(u.Hostname(), port); why != nil {
			return probe.Fail(why.Kind, "%s: %s", name, why.Detail)
		}
	}
	for _, k := range kinds {
		if strings.Contains(err.Error(), k.part) {
			return probe.Fail(k.kind, "%s: %s", name, k.says)
		}
	}
	_, code, _ := strings.Cut(err.Error(), "net::")
	return probe.Fail(monitor.FailBrowser, "%s: the page could not be loaded (%s)", name, code)
}

// measure asks the first page when its largest part was there.
func (t *trip) measure(ctx context.Context) {
	short, done := context.WithTimeout(ctx, 500*time.Millisecond)
	defer done()
	var ms float64
	err := chromedp.Run(short, chromedp.Evaluate(`new Promise(done => { let at = 0;
		try { new PerformanceObserver(list => { for (const e of list.getEntries()) at = Math.max(at, e.startTime) }).observe({type: 'largest-contentful-paint', buffered: true}) } catch {}
		setTimeout(() => done(at), 100) })`, &ms, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if err == nil && ms >= 0 && ms < 600_000 {
		t.lcp = ms
	}
}

// maxShot is the largest picture that is kept, in bytes.
const maxShot = 100 << 10

// picture is what is seen, as a JPEG; nil where it cannot be had.
func picture(ctx context.Context) []byte {
	for _, quality := range []int64{50, 25, 10} {
		var shot []byte
		err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
			shot, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatJpeg).WithQuality(quality).Do(ctx)
			return err
		}))
		if err != nil {
			return nil
		}
		if len(shot) <= maxShot {
			return shot
		}
	}
	return nil
}

func (t *trip) observation(ctx context.Context, failure *monitor.Failure) probe.Observation {
	values := expect.Values{
		"nav_ms": monitor.MS(t.nav), "lcp_ms": t.lcp, "title": probe.Printable(evaluate(ctx, "document.title"), 1000),
		"url": evaluate(ctx, "location.href"), "text": cut(pageText(ctx), 64<<10),
	}
	evidence := t.record.evidence()
	t.record.mu.Lock()
	defer t.record.mu.Unlock()
	values["requests"], values["failed_requests"], values["console_errors"] = t.record.requests, t.record.failedN, t.record.consoleN
	o := probe.Observation{Values: values}
	o.Failure, o.Steps, o.Screenshot, o.Body, o.Status = failure, t.steps, t.shot, probe.Printable(evidence, 2<<10), t.record.status
	o.Timing.Transfer = t.nav
	return o
}
