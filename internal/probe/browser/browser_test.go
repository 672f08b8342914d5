package browser_test

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/probe/browser"
)

// chromium is the one of this machine.
func chromium(t *testing.T) string {
	t.Helper()
	path := browser.Find()
	switch {
	case path != "":
	case os.Getenv("CI") == "true":
		t.Fatal("there is no Chromium, which CI must have")
	default:
		t.Skip("there is no Chromium")
	}
	return path
}

const form = `<!doctype html><title>Sign in</title><h1>Sign in</h1>
<form action="/home"><input id="user" name="user"><input id="password" type="password"><label><input type=checkbox> Remember</label>
<button>Sign in</button></form>
<script>document.querySelector('form').onsubmit = e => { if (user.value !== 'sonde' || password.value !== 'open sesame') { e.preventDefault(); document.body.append('Wrong password'); console.error('denied ' + password.value) } }</script>`

func site(w http.ResponseWriter, r *http.Request) {
	page := func(text string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, text)
	}
	switch r.URL.Path {
	case "/":
		page(form)
	case "/home":
		page(`<title>Dashboard</title><p>Welcome,   back</p><ul id="orders"><li>1<li>2<li>3</ul><img src="/gone.png"><script>
			console.error('no', 'good');
			setTimeout(() => document.body.insertAdjacentHTML('beforeend', '<p id="late">Ready</p>'), 300); onkeydown = e => { if (e.key === 'Enter') document.title = 'Entered' }</script>`)
	case "/agent":
		page("<p>" + r.UserAgent() + "</p>")
	case "/broken":
		w.WriteHeader(503)
		page("<h1>Down</h1>")
	case "/alerts":
		page(`<title>Alerts</title><p>calm</p><script>for (let i = 0; i < 20; i++) alert(i); confirm('x'); onbeforeunload = () => true</script>`)
	case "/loop":
		http.Redirect(w, r, "/loop", http.StatusFound)
	case "/hangs":
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/huge":
		page("<title>Huge</title>" + strings.Repeat("<div><p>x</p>", 20_000))
	case "/spin":
		page("<title>Spin</title><script>for (;;) {}</script>")
	case "/popups":
		page("<title>Popups</title><p>still here</p><script>for (let i = 0; i < 10; i++) open('/home'); close()</script>")
	case "/file":
		page(`<title>File</title><a href="file:///etc/passwd">secrets</a>`)
	case "/metadata":
		page(`<title>M</title><meta http-equiv="refresh" content="0;url=http://169.254.169.254/latest/meta-data/"><p>going</p>`)
	case "/inside":
		page(`<title>I</title><p id="out"></p><script>fetch('http://169.254.169.254/').then(() => out.textContent = 'reached', () => out.textContent = 'not reached')</script>`)
	default:
		http.NotFound(w, r)
	}
}

func check(t *testing.T, url string, timeout time.Duration, change func(*monitor.Monitor), steps ...monitor.BrowserStep) monitor.Result {
	t.Helper()
	chromium(t)
	m := monitor.Monitor{ID: "journey", Private: true, Timeout: timeout, Browser: &monitor.Browser{URL: url, Steps: steps}}
	if change != nil {
		change(&m)
	}
	secret := func(_ context.Context, ref probe.Reference) (string, error) { return "open sesame", nil }
	engine := probe.New(probe.Env{Now: time.Now, Secret: secret}, probe.Options{More: browser.Local()})
	r := engine.Run(t.Context(), []monitor.Check{{Monitor: m, Location: "here"}})[0]
	for range 3 { // what a busy machine finds is no verdict
		if r.Failure == nil || r.Failure.Kind != monitor.FailBusy {
			break
		}
		r = engine.Run(t.Context(), []monitor.Check{{Monitor: m, Location: "here"}})[0]
	}
	if took := r.Timing.Total - r.Timing.Delay; took > timeout+2*time.Second { // it ends within 250 ms; the rest is for a busy machine
		t.Errorf("took %s, the timeout is %s", took, timeout)
	}
	return r
}

const long = 40 * time.Second

func TestJourney(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(site))
	t.Cleanup(s.Close)
	type step = monitor.BrowserStep
	for _, c := range []struct {
		name   string
		path   string
		steps  []step
		expect string
		kind   monitor.FailureKind
		detail string
	}{
		{"signs in", "/", []step{
			{Fill: "#user", With: "sonde"}, {Fill: "#password", With: "${env:P}"}, {Click: "text=Sign in"},
			{Text: "Welcome, back", Title: "Dash", URL: "/home", Count: &monitor.BrowserCount{Selector: "#orders li", Is: 3}},
			{Wait: "#late"}, {Wait: "text=Ready"}, {Press: "Enter"}, {Title: "Entered"}, {Goto: "/agent"}, {Text: "Sonde"}, {Screenshot: true},
		}, `requests >= 3 && failed_requests == 1 && nav_ms > 0 && lcp_ms > 0 && url endsWith "/agent" && text contains "Chrome"`, "", ""},
		{"loads", "/home", nil, `title == "Dashboard" && console_errors == 1`, "", ""},
		{"wrong password", "/", []step{{Fill: "#user", With: "sonde"}, {Fill: "#password", With: "${env:P}x"}, {Click: "text=Sign in"}, {Title: "Dashboard"}}, "", "browser",
			`step 4, expect title: expected the title "Dashboard", it is "Sign in"`},
		{"no such button", "/", []step{{Click: "text=Sign out"}}, "", "browser", "step 1, click text=Sign out: no such element within"},
		{"no such text", "/home", []step{{Text: "Goodbye"}}, "", "browser", `step 1, expect text: expected the text "Goodbye", the page says "Welcome, back`},
		{"another count", "/home", []step{{Count: &monitor.BrowserCount{Selector: "li", Is: 4}}}, "", "browser", `expected 4 of "li", there are 3`},
		{"an error page", "/broken", nil, "", "browser", "the answer is HTTP 503"},
		{"expectation", "/home", nil, "console_errors == 0", "expect", "console_errors was 1"},
		{"alerts", "/alerts", []step{{Text: "calm"}, {Goto: "/home"}, {Title: "Dashboard"}}, "", "", ""},
		{"popups", "/popups", []step{{Text: "still here"}}, "", "", ""},
		{"huge", "/huge", []step{{Title: "Huge"}}, "", "", ""},
		{"redirects without end", "/loop", nil, "", "http", "redirected without end"},
		{"never loads", "/hangs", nil, "", "timeout", "the page had not loaded after"},
		{"spins", "/spin", []step{{Text: "x"}}, "", "", "*"},
		{"a file", "/file", []step{{Click: "text=secrets"}, {Text: "root:"}}, "", "browser", "step 2"},
		{"metadata by refresh", "/metadata", []step{{Text: "ami-id"}}, "", "", "*"},
		{"metadata by script", "/inside", []step{{Text: "not reached"}}, "failed_requests >= 1", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			timeout := long
			if testing.Short() && (c.kind == "browser" || c.detail == "*") {
				t.Skip("it waits for seconds")
			}
			if c.kind != "" && c.kind != "expect" || c.detail == "*" {
				timeout = 8 * time.Second
			}
			r := check(t, s.URL+c.path, timeout, func(m *monitor.Monitor) {
				if c.expect != "" {
					m.Expect = []string{c.expect}
				}
			}, c.steps...)
			text := fmt.Sprintf("%+v %+v %+v", r, r.Failure, r.Steps)
			if strings.Contains(text, "open sesame") || strings.Contains(text, "root:x") || strings.Contains(text, "reached yes") {
				t.Errorf("a secret is shown: %s", text)
			}
			switch {
			case c.detail == "*":
				// A page that spins takes its core from the prober, too.
				busy := c.name == "spins" && r.Failure != nil && r.Failure.Kind == monitor.FailBusy
				if r.Outcome != monitor.OutcomeDown && !busy {
					t.Errorf("got %s %+v", r.Outcome, r.Failure)
				}
			case c.kind == "":
				if r.Outcome != monitor.OutcomeUp {
					t.Errorf("got %s %+v, %s", r.Outcome, r.Failure, r.Body)
				}
			case r.Outcome != monitor.OutcomeDown || r.Failure.Kind != c.kind || !strings.Contains(r.Failure.Detail, c.detail):
				t.Errorf("got %s %+v", r.Outcome, r.Failure)
			}
			if c.name == "wrong password" {
				if _, err := jpeg.Decode(bytes.NewReader(r.Screenshot)); err != nil || len(r.Screenshot) > 100<<10 {
					t.Errorf("picture of %d bytes: %v", len(r.Screenshot), err)
				}
				if !strings.Contains(r.Body, "console errors (1): denied") {
					t.Errorf("evidence: %q", r.Body)
				}
			}
			if c.name == "signs in" && len(r.Screenshot) == 0 {
				t.Error("no picture")
			}
		})
	}
}

// TestGuard: what may not be spoken to is not, however a page leads there.
func TestGuard(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(site))
	t.Cleanup(s.Close)
	for url, detail := range map[string]string{
		s.URL + "/home":           "a loopback address: set private: true",
		"http://169.254.169.254/": "never checked",
		"http://[::1]:8080/":      "a loopback address",
		"http://10.0.0.1/":        "a private address",
		"http://nothing.invalid/": "the name does not exist",
	} {
		r := check(t, url, 15*time.Second, func(m *monitor.Monitor) { m.Private = false })
		if r.Outcome != monitor.OutcomeDown || !strings.Contains(r.Failure.Detail, detail) {
			t.Errorf("%s: %s %+v", url, r.Outcome, r.Failure)
		}
	}
	r := check(t, "http://169.254.169.254/", 15*time.Second, nil)
	if r.Failure == nil || r.Failure.Kind != monitor.FailBlocked {
		t.Errorf("metadata with private: %+v", r.Failure)
	}
}

// TestNothingIsLeft: no profile, and no process of a browser.
func TestNothingIsLeft(t *testing.T) {
	if testing.Short() {
		t.Skip("it is Chromium's time, not ours")
	}
	s := httptest.NewServer(http.HandlerFunc(site))
	t.Cleanup(s.Close)
	t.Setenv("TMPDIR", t.TempDir())
	for _, path := range []string{"/home", "/spin", "/hangs"} {
		check(t, s.URL+path, 6*time.Second, nil, monitor.BrowserStep{Text: "never to be read"})
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	out, _ := exec.Command("pgrep", "-f", os.TempDir()).Output()
	if len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("processes left: %s", out)
	}
}

func TestWithoutChromium(t *testing.T) {
	engine := probe.New(probe.Env{Now: time.Now}, probe.Options{More: map[monitor.Kind]probe.Func{monitor.KindBrowser: browser.New("", 1).Probe}})
	m := monitor.Monitor{Timeout: time.Second, Browser: &monitor.Browser{URL: "https://example.com"}}
	if r := engine.Run(t.Context(), []monitor.Check{{Monitor: m}})[0]; r.Outcome != monitor.OutcomeNotRun || !strings.Contains(r.Failure.Detail, "SONDE_CHROMIUM") {
		t.Errorf("%s %+v", r.Outcome, r.Failure)
	}
}
