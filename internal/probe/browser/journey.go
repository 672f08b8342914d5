package browser

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
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
	defer discard(profile)
	// The browser must not outlive the check, however it hangs: who stops alive
	// kills it and its children, and leave waits until it is gone.
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, stop)()
	options := append(flags(path, profile, p.address, env.InLambda), chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) { apart(cmd, env.InLambda) }))
	allocator, free := chromedp.NewExecAllocator(alive, options...)
	tab, leave := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}), chromedp.WithLogf(func(string, ...any) {}))
	defer func() { stop(); leave(); free() }()
	t := &trip{m: m, proxy: p, record: newRecord(), now: env.Now}
	if err := t.begin(ctx, tab); err != nil {
		return probe.NotRun("the browser does not start: " + err.Error())
	}
	t.record.note(func() { t.record.main = cdp.FrameID(chromedp.FromContext(tab).Target.TargetID) })
	go t.watch(alive, chromedp.FromContext(tab).Browser.Process().Pid, maxMemory, stop)
	looking, looked := context.WithTimeout(tab, 2*time.Second)
	defer looked()
	if none := noSelector(looking, m.Browser.Steps); none != "" {
		return probe.NotRun(fmt.Sprintf("%q is no selector of CSS: its step can never be taken", none))
	}
	return t.take(ctx, tab)
}

// maxMemory is how much a browser may hold with all its pages: a journey must not
// starve what else runs beside it. A variable for tests.
var maxMemory int64 = 1 << 30

// watch ends a journey whose browser holds too much.
func (t *trip) watch(alive context.Context, group int, most int64, kill func()) {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if held(group) > most {
				t.record.note(func() { t.record.greedy = true; t.record.halt() })
				kill()
				return
			}
		case <-alive.Done():
			return
		}
	}
}

// discard removes a profile, to which the last of the browser's children may still
// be writing as they die.
func discard(profile string) {
	for range 5 {
		if os.RemoveAll(profile) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// flags start Chromium without anything that a check has no use for, and with no
// way to the network but the proxy.
func flags(path, profile, proxy string, inLambda bool) []chromedp.ExecAllocatorOption {
	out := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	out = append(out,
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Env("TMPDIR="+profile), chromedp.WindowSize(width, height),
		chromedp.ProxyServer("http://"+proxy), chromedp.Flag("proxy-bypass-list", "<-loopback>"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("disable-popup-blocking", false), chromedp.Flag("disable-quic", true), chromedp.Flag("dns-prefetch-disable", true),
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
	case <-ctx.Done(): // which has killed it
		<-started
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
	// What is left of the time is for the evidence.
	looking, seen := context.WithDeadline(tab, deadline.Add(-100*time.Millisecond))
	defer seen()
	t.record.note(func() { t.record.halt = func() { done(); seen() } })
	for i, step := range all {
		if failure = t.step(walking, looking, i, step); failure != nil {
			break
		}
		if i == 0 {
			t.measure(walking)
		}
	}
	if failure != nil && t.shot == nil {
		t.shot = picture(looking)
	}
	return t.observation(looking, failure)
}

// step takes one step, and names it in its failure. Step 0 is the first goto.
func (t *trip) step(ctx, looking context.Context, i int, step monitor.BrowserStep) *monitor.Failure {
	start := time.Now()
	if step.Goto != "" {
		t.record.note(func() { t.record.status = 0 })
	}
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
		failure = t.failure(ctx, looking, name, step, err, took)
		result.Outcome, result.Failure = monitor.OutcomeDown, failure
	} else if step.Goto != "" {
		if failure = t.answered(name); failure != nil {
			result.Outcome, result.Failure = monitor.OutcomeDown, failure
		}
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

// answered judges the answer to a goto: an error of HTTP is one.
func (t *trip) answered(name string) *monitor.Failure {
	t.record.mu.Lock()
	defer t.record.mu.Unlock()
	if t.record.status >= 400 {
		return probe.Fail(monitor.FailBrowser, "%s: the answer is HTTP %d", name, t.record.status)
	}
	return nil
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
