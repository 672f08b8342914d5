package chromium_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
)

func element(attributes string) string {
	return script + `<sonde-status src="https://status.example" ` + attributes + `><a href="https://status.example/">Status</a></sonde-status>`
}

const (
	shadow = `document.querySelector("sonde-status").shadowRoot`
	state  = `document.querySelector("sonde-status").dataset.state`
	status = `document.querySelector("sonde-status").dataset.status`
	// colour is what the sign has in the end.
	colour = `getComputedStyle(` + shadow + `.querySelector(".sign")).color`
	green  = "rgb(26, 127, 55)"
)

func (b *tab) open(want string) {
	b.Helper()
	b.run(b.look(1024, "light"), chromedp.Navigate("https://page.example/"))
	b.until(fmt.Sprintf(`%s == %q`, state, want))
}

// TestStates: every state under a strict policy, without a complaint of the
// browser, and green for nothing but all being well.
func TestStates(t *testing.T) {
	for _, test := range []struct {
		status monitor.Status
		text   string
	}{
		{monitor.Operational, "✓All systems operational"},
		{monitor.AtRisk, "!All systems work, some without redundancy"},
		{monitor.DegradedPerf, "!Some services are degraded"},
		{monitor.PartialOutage, "◐Some services are down"},
		{monitor.MajorOutage, "✕All services are down"},
		{monitor.InMaintenance, "⚙Maintenance is going on"},
		{monitor.NotKnown, "?The state of some services is not known"},
	} {
		t.Run(string(test.status), func(t *testing.T) {
			b := newTab(t)
			names.serve(sonde(snapshot(test.status)), element(`lang="en"`))
			b.open("ready")
			if got := eval[string](b, shadow+`.querySelector(".box").innerText.replaceAll("\n", "")`); got != test.text {
				t.Errorf("got %q, want %q", got, test.text)
			}
			if got := eval[string](b, colour); (got == green) != (test.status == monitor.Operational) {
				t.Errorf("the sign's colour is %s", got)
			}
			if got := eval[string](b, shadow+`.querySelector("a").href`); got != "https://status.example/" {
				t.Errorf("leads to %s", got)
			}
			if got := b.complaints(); len(got) > 0 {
				t.Errorf("the browser complains: %q", got)
			}
		})
	}
}

// TestNotGreen: what the widget does not know, it does not call fine.
func TestNotGreen(t *testing.T) {
	old := snapshot(monitor.Operational)
	old.Generated = old.Generated.Add(-3 * 3600e9)
	for _, test := range []struct {
		name        string
		site        http.Handler
		state, text string
	}{
		{"a state of a later version", answering(200, `{"status":"splendid","generated":"2999-01-01T00:00:00Z","services":[{"name":"A","status":"dandy"},null,7],"incidents":3}`), "ready", "The state of some services is not known"},
		{"a name that every object has", answering(200, `{"status":"constructor","generated":"2999-01-01T00:00:00Z","services":[]}`), "ready", "The state of some services is not known"},
		{"old news that calls itself fresh", sonde(old), "stale", "The current state is not known"},
		{"stale", answering(200, `{"status":"operational","stale":true,"generated":"2999-01-01T00:00:00Z","services":[]}`), "stale", "The current state is not known"},
		{"no time", answering(200, `{"status":"operational","services":[]}`), "stale", "The current state is not known"},
		{"error", answering(503, `{"status":"operational"}`), "failed", "The status could not be loaded"},
		{"no JSON", answering(200, `<html>`), "failed", "The status could not be loaded"},
		{"null", answering(200, `null`), "failed", "The status could not be loaded"},
		{"no status", answering(200, `{"services":[]}`), "failed", "The status could not be loaded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newTab(t)
			names.serve(test.site, element(`lang="en" form="list"`))
			b.open(test.state)
			got := eval[string](b, shadow+`.querySelector(".box").innerText`)
			if !strings.Contains(got, test.text) || !strings.Contains(got, "Status page") || strings.Contains(got, "perational") || strings.Contains(got, "✓") {
				t.Errorf("got %q", got)
			}
			if got := eval[string](b, status); got != "unknown" {
				t.Errorf("status %q", got)
			}
			if eval[bool](b, `[...`+shadow+`.querySelectorAll("*")].some((e) => getComputedStyle(e).color == "`+green+`")`) {
				t.Error("something is green")
			}
		})
	}
}

// TestUnreachable: no answer at all leaves a plain link to the page.
func TestUnreachable(t *testing.T) {
	b := newTab(t)
	names.serve(sonde(snapshot()), script+`<sonde-status src="https://www.gone.example/status/" lang="en"></sonde-status>`, "https://www.gone.example")
	b.open("failed")
	if got := eval[string](b, shadow+`.querySelector("a").href`); got != "https://www.gone.example/status/" {
		t.Errorf("the link leads to %q", got)
	}
	b.screenshot("widget-failed")
}

// TestPrefix: a path in src is kept.
func TestPrefix(t *testing.T) {
	b := newTab(t)
	site := http.StripPrefix("/deep/status", sonde(snapshot(monitor.AtRisk)))
	names.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/widget.js" {
			r.URL.Path = "/deep/status/widget.js"
		}
		site.ServeHTTP(w, r)
	}), script+`<sonde-status src="https://status.example/deep/status/"></sonde-status>`)
	b.open("ready")
	if got := eval[string](b, shadow+`.querySelector("a").href`); got != "https://status.example/deep/status/" {
		t.Errorf("the link leads to %q", got)
	}
}

// TestHostileAddress: src is a web address, or nothing is linked.
func TestHostileAddress(t *testing.T) {
	b := newTab(t)
	names.serve(sonde(snapshot()), script+`<sonde-status src="javascript:alert(1)"></sonde-status>`)
	b.open("failed")
	if eval[bool](b, shadow+`.querySelector("a").hasAttribute("href")`) {
		t.Error("the link leads to a script")
	}
}

func TestLanguages(t *testing.T) {
	for lang, want := range map[string]string{
		"en": "All systems operational", "de-AT": "Alle Systeme in Betrieb", "fr": "Tous les systèmes sont opérationnels",
		"es": "Todos los sistemas están operativos", "ja": "すべてのシステムは正常です",
	} {
		b := newTab(t)
		names.serve(sonde(snapshot(monitor.Operational)), `<div lang="`+lang+`">`+element("")+`</div>`)
		b.open("ready")
		if got := eval[string](b, shadow+`.querySelector(".text").textContent`); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", lang, got, want)
		}
	}
}

// TestAnnouncement: a screen reader hears of a change, and of nothing else.
func TestAnnouncement(t *testing.T) {
	b := newTab(t)
	r := snapshot(monitor.Operational)
	names.serve(sonde(r), element(`lang="en"`))
	b.open("ready")
	said := func() string { return eval[string](b, shadow+`.querySelector("[role=status]").textContent`) }
	ask := func() {
		eval[any](b, `document.querySelector("sonde-status").refresh().then(() => null)`)
	}
	var heard []string
	heard = append(heard, said())
	ask()
	heard = append(heard, said())
	r.Services[0].Status, r.Generated = monitor.MajorOutage, r.Generated.Add(1e9)
	names.serve(sonde(r), "")
	// The browser's own cache may answer for some seconds: another address is none of it.
	eval[any](b, `(async () => { const f = window.fetch; window.fetch = (u, o) => f(u, {...o, cache: "reload"}); })()`)
	ask()
	heard = append(heard, said())
	if diff := cmp.Diff([]string{"", "", "All services are down"}, heard); diff != "" {
		t.Errorf("announcements differ (-want +got):\n%s", diff)
	}
}

// TestPolling: with jitter, slower after failures, and never while hidden.
func TestPolling(t *testing.T) {
	b := newTab(t)
	fail := false
	good, bad := sonde(snapshot(monitor.Operational)), answering(500, "")
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fail && r.URL.Path == "/api/v1/status" {
			bad.ServeHTTP(w, r)
			return
		}
		good.ServeHTTP(w, r)
	})
	names.serve(site, "<p>empty</p>")
	b.run(chromedp.Navigate("https://page.example/"))
	// Timers longer than the time-out of a request are noted, and never come.
	eval[any](b, `(() => { window.waits = []; const s = window.setTimeout; window.setTimeout = (f, ms) => ms > 9000 ? waits.push(ms) : s(f, ms); return null })()`)
	eval[any](b, `(async () => { const f = window.fetch; window.fetch = (u, o) => f(u, {...o, cache: "reload"}); await import("https://status.example/widget.js");
		document.querySelector("main").innerHTML; const e = document.createElement("sonde-status"); e.setAttribute("src", "https://status.example"); e.setAttribute("refresh", "20"); document.querySelector("main").append(e); return null })()`)
	b.until(`waits.length == 1`)
	for range 5 {
		eval[any](b, `document.querySelector("sonde-status").refresh().then(() => null)`)
	}
	fail = true
	for range 8 {
		eval[any](b, `document.querySelector("sonde-status").refresh().then(() => null)`)
	}
	waits := eval[[]float64](b, "waits")
	if len(waits) != 14 {
		t.Fatalf("waits: %v", waits)
	}
	different := map[float64]bool{}
	for i, ms := range waits {
		around := 20_000.0
		if failures := i - 5; failures > 0 {
			around = min(20_000*float64(int(1)<<failures), 900_000)
		}
		if ms < 0.85*around || ms > 1.15*around {
			t.Errorf("wait %d is %.0f ms, want about %.0f", i, ms, around)
		}
		different[ms] = true
	}
	if len(different) < 10 {
		t.Errorf("the waits hardly differ: %v", waits)
	}
	eval[any](b, `(() => { Object.defineProperty(document, "hidden", {value: true, configurable: true}); waits.length = 0; return document.querySelector("sonde-status").refresh().then(() => null) })()`)
	if n := eval[int](b, "waits.length"); n != 0 {
		t.Error("it goes on while hidden")
	}
	fail = false
	eval[any](b, `(() => { Object.defineProperty(document, "hidden", {value: false, configurable: true}); document.dispatchEvent(new Event("visibilitychange")); return null })()`)
	b.until(`waits.length == 1 && ` + state + ` == "ready"`)
}

// TestTimeout: a site that says nothing is given up, without a time-out in this
// test: the clock of the request is turned forward.
func TestTimeout(t *testing.T) {
	b := newTab(t)
	good := sonde(snapshot(monitor.Operational))
	names.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/status" {
			<-r.Context().Done()
			return
		}
		good.ServeHTTP(w, r)
	}), "<p>empty</p>")
	b.run(chromedp.Navigate("https://page.example/"))
	eval[any](b, `(async () => { const s = window.setTimeout; window.setTimeout = (f, ms) => s(f, ms == 8000 ? 50 : ms);
		await import("https://status.example/widget.js");
		const e = document.createElement("sonde-status"); e.setAttribute("src", "https://status.example"); document.querySelector("main").append(e); return null })()`)
	b.until(state + ` == "failed"`)
}
