package browser_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/probe/browser"
)

// awkward is a secret that looks different in JSON, in a URL and in HTML.
const awkward = `p"a s<s&w+rd`

// hostile serves pages that would have a journey say what is not so.
func hostile(stun string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page := func(text string) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, text)
		}
		switch r.URL.Path {
		case "/fine":
			page("<title>Fine</title><p>fine</p>")
		case "/frame":
			page(`<title>Frame</title><p>all is well</p><iframe src="/missing"></iframe>`)
		case "/broken":
			w.WriteHeader(http.StatusServiceUnavailable)
			page("<h1>Down</h1>")
		case "/cut":
			page("<title>Cut</title><p>begun</p>")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/hidden":
			page(`<title>H</title><button id="go" style="display:none">Go</button>`)
		case "/old":
			page(`<title>Old</title><input id="q" value="before"><script>q.oninput = () => document.title = 'now [' + q.value + ']'</script>`)
		case "/choose":
			page(`<title>C</title><select id="s"><option value="1">One</option><option value="2">Two</option></select><script>s.onchange = () => document.title = 'chose ' + s.value</script>`)
		case "/get":
			page(`<title>G</title><form action="/got"><input id="p" name="p"><button>Send</button></form>
				<script>document.querySelector('form').addEventListener('submit', () => console.error(p.value, {of: p.value}, 'x'.repeat(190) + p.value))</script>`)
		case "/got":
			page("<title>Got</title><p>thanks</p>")
		case "/popup-alerts":
			page(`<title>P</title><p>still here</p><script>const w = open(''); w?.document.write('<script>for (;;) alert(1)</scr' + 'ipt>')</script>`)
		case "/rtc":
			page(fmt.Sprintf(`<title>R</title><script>const c = new RTCPeerConnection({iceServers: [{urls: 'stun:%s'}]});
				c.createDataChannel('x'); c.createOffer().then(o => c.setLocalDescription(o)); setTimeout(() => document.body.append('asked'), 1500)</script>`, stun))
		case "/download":
			w.Header().Set("Content-Disposition", `attachment; filename="x.bin"`)
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
		case "/rights":
			page(`<title>N</title><p id="out"></p><script>Notification.requestPermission().then(a => navigator.geolocation.getCurrentPosition(() => out.textContent = 'given', e => out.textContent = a + ' ' + e.code))</script>`)
		default:
			http.NotFound(w, r)
		}
	}
}

func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("it is Chromium's time, not ours")
	}
	type step = monitor.BrowserStep
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = udp.Close() })
	s := httptest.NewServer(hostile(udp.LocalAddr().String()))
	t.Cleanup(s.Close)
	for _, c := range []struct {
		name   string
		path   string
		steps  []step
		expect string
		kind   monitor.FailureKind // empty: it is up
		detail string
	}{
		{"a frame that is missing is not the page", "/frame", []step{{Text: "all is well"}}, "failed_requests == 1", "", ""},
		{"a goto that is answered with an error", "/fine", []step{{Goto: "/broken"}}, "", "browser", "step 1, goto /broken: the answer is HTTP 503"},
		{"an answer that breaks off", "/cut", nil, "", "body", "/cut: the body broke off"},
		{"what is there and not seen", "/hidden", []step{{Click: "#go"}}, "", "browser", "step 1, click #go: the element is there, but is not seen within"},
		{"no selector", "/fine", []step{{Click: "p[["}}, "", "internal", `"p[[" is no selector of CSS`},
		{"fill replaces", "/old", []step{{Fill: "#q", With: "after"}, {Title: "now [after]"}}, "", "", ""},
		{"fill with nothing clears", "/old", []step{{Fill: "#q", With: ""}, {Title: "now []"}}, "", "", ""},
		{"fill chooses", "/choose", []step{{Fill: "#s", With: "Two"}, {Title: "chose 2"}}, "", "", ""},
		{"dialogues of a window opened", "/popup-alerts", []step{{Text: "still here"}, {Goto: "/fine"}, {Text: "fine"}}, "", "", ""},
		{"a download", "/download", nil, "", "browser", ""},
		{"rights", "/rights", []step{{Text: "denied 1"}}, "", "", ""},
		{"STUN", "/rtc", []step{{Text: "asked"}}, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			timeout := long
			if c.kind == "browser" {
				timeout = 8 * time.Second
			}
			r := check(t, s.URL+c.path, timeout, func(m *monitor.Monitor) {
				if c.expect != "" {
					m.Expect = []string{c.expect}
				}
			}, c.steps...)
			if never := c.kind == "internal"; never != (r.Outcome == monitor.OutcomeNotRun) {
				t.Errorf("got %s: a mistake of the journey is no fault of its target", r.Outcome)
			}
			switch {
			case c.kind == "" && r.Outcome != monitor.OutcomeUp:
				t.Errorf("got %s %+v, %s", r.Outcome, r.Failure, r.Body)
			case c.kind != "" && (r.Failure == nil || r.Failure.Kind != c.kind || !strings.Contains(r.Failure.Detail, c.detail)):
				t.Errorf("got %s %+v, %s; want %s %s", r.Outcome, r.Failure, r.Body, c.kind, c.detail)
			}
		})
	}
	_ = udp.SetReadDeadline(time.Now())
	if n, from, err := udp.ReadFrom(make([]byte, 1500)); err == nil {
		t.Errorf("%d bytes came past the proxy from %s", n, from)
	}
}

// TestAwkwardSecret: in no spelling and in no part does a result hold what was typed.
func TestAwkwardSecret(t *testing.T) {
	chromium(t)
	s := httptest.NewServer(hostile(""))
	t.Cleanup(s.Close)
	secret := func(context.Context, probe.Reference) (string, error) { return awkward, nil }
	engine := probe.New(probe.Env{Now: time.Now, Secret: secret}, probe.Options{More: browser.Local()})
	for _, expect := range []string{`url == "x"`, `title == "x"`} {
		m := monitor.Monitor{ID: "journey", Private: true, Timeout: long, Expect: []string{expect}, Browser: &monitor.Browser{URL: s.URL + "/get", Steps: []monitor.BrowserStep{
			{Fill: "#p", With: "${env:P}"}, {Click: "text=Send"}, {Text: "thanks"}}}}
		r := engine.Run(t.Context(), []monitor.Check{{Monitor: m, Location: "here"}})[0]
		text := fmt.Sprintf("%+v %+v %+v %+v", r, r.Failure, r.Steps, r.Expectations)
		if r.Failure == nil || r.Failure.Kind != monitor.FailExpect {
			t.Errorf("%s: %s %+v", expect, r.Outcome, r.Failure)
		}
		for _, form := range []string{awkward, awkward[:8], url.QueryEscape(awkward), `p\"a s`, `p\\\"a s`, "p%22a"} {
			if strings.Contains(text, form) {
				t.Errorf("%s: %q is shown: %s", expect, form, text)
			}
		}
	}
}
