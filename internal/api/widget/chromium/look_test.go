package chromium_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sondehq/sonde/internal/monitor"
)

func troubled() *reader {
	r := snapshot(monitor.MajorOutage, monitor.Operational, monitor.AtRisk, monitor.InMaintenance, "later")
	r.Services[0].Name = strings.Repeat("Donaudampfschifffahrtsgesellschaft", 6) + ` <img src=x onerror="alert(1)">`
	r.Services[1].Name = "خدمة البريد الإلكتروني"
	return r.incident("Load balancers <b>down</b> "+strings.Repeat("w", 90), "We are looking into it. <script>alert(1)</script>")
}

// TestLook: each form, wide and narrow, light and dark, left to right and right
// to left, is accessible and never wider than its page.
func TestLook(t *testing.T) {
	all := ""
	for _, form := range []string{"pill", "list", "banner"} {
		all += `<p><sonde-status src="https://status.example" form="` + form + `"></sonde-status></p>`
	}
	all = strings.NewReplacer("<p>", "<div>", "</p>", "</div>").Replace(all)
	for _, dir := range []string{"ltr", "rtl"} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{320, 1280} {
				name := fmt.Sprintf("widget-%s-%s-%d", dir, scheme, width)
				t.Run(name, func(t *testing.T) {
					b := newTab(t)
					names.serve(sonde(troubled()), script+`<div dir="`+dir+`">`+all+`</div>`)
					b.run(b.look(width, scheme), chromedp.Navigate("https://page.example/"))
					b.until(`[...document.querySelectorAll("sonde-status")].every((e) => e.dataset.state == "ready")`)
					if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > int(width) {
						t.Errorf("the page is %d wide", wide)
					}
					if eval[int](b, `[...document.querySelectorAll("sonde-status")].reduce((n, e) => n + e.shadowRoot.querySelectorAll("img, script, b").length, 0)`) > 0 {
						t.Error("a name became an element")
					}
					b.accessible()
					b.screenshot(name)
				})
			}
		}
	}
}

// TestBanner: during an incident it leads there and to "Am I affected?"; when
// all is well it can keep quiet.
func TestBanner(t *testing.T) {
	b := newTab(t)
	names.serve(sonde(troubled()), element(`lang="en" form="banner" quiet`))
	b.open("ready")
	want := []string{"https://status.example/", "https://status.example/incidents/i-1", "https://status.example/affected"}
	if got := eval[[]string](b, `[...`+shadow+`.querySelectorAll("a")].map((a) => a.href)`); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got links to %q, want %q", got, want)
	}
	b = newTab(t)
	names.serve(sonde(snapshot(monitor.Operational)), element(`form="banner" quiet`))
	b.open("ready")
	if eval[int](b, `document.querySelector("sonde-status").offsetHeight`) != 0 {
		t.Error("a quiet banner shows that all is well")
	}
	b = newTab(t)
	names.serve(answering(500, ""), element(`form="banner" quiet`))
	b.open("failed")
	if eval[int](b, `document.querySelector("sonde-status").offsetHeight`) == 0 {
		t.Error("a quiet banner hides that nothing is known")
	}
}

// TestWithoutScript: the link inside the element is there without scripts.
func TestWithoutScript(t *testing.T) {
	b := newTab(t)
	names.serve(http.NotFoundHandler(), element(""))
	b.run(chromedp.Navigate("https://page.example/"))
	if got := eval[string](b, `document.querySelector("sonde-status").innerText`); got != "Status" {
		t.Errorf("got %q", got)
	}
}

// TestEmbed: the frame page in a frame of a strict page, without a script.
func TestEmbed(t *testing.T) {
	for _, form := range []string{"pill", "list", "banner"} {
		for _, scheme := range []string{"light", "dark"} {
			b := newTab(t)
			names.serve(sonde(troubled()), "")
			b.run(b.look(320, scheme), chromedp.Navigate("https://status.example/embed?lang=en&form="+form))
			if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > 320 {
				t.Errorf("%s: %d wide", form, wide)
			}
			if got := b.complaints(); len(got) > 0 && !strings.Contains(got[0], "favicon") {
				t.Errorf("%s: the browser complains: %q", form, got)
			}
			b.screenshot("embed-" + form + "-" + scheme)
		}
	}
	for _, test := range []struct {
		name   string
		embed  []string
		framed bool
	}{
		{"anybody", nil, true},
		{"listed", []string{"https://page.example"}, true},
		{"others only", []string{"https://other.example"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newTab(t)
			r := troubled()
			r.Site.Embed = test.embed
			names.serve(sonde(r), `<iframe title="Status" src="https://status.example/embed?form=list"></iframe>`)
			b.run(chromedp.Navigate("https://page.example/"))
			b.until(`document.readyState == "complete"`)
			refused := strings.Contains(strings.Join(b.complaints(), "\n"), "frame-ancestors")
			if refused == test.framed {
				t.Errorf("framed: %t, want %t: %q", !refused, test.framed, b.complaints())
			}
		})
	}
}
