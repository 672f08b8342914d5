package chromium_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sondehq/sonde/internal/monitor"
)

const (
	answers = "https://a.up.example/health"
	another = "https://b.up.example/"
	hangsUp = "https://a.gone.example/health"
	notHere = "https://a.nowhere.example/health"

	element2 = `document.querySelector("sonde-affected")`
	text2    = element2 + `.shadowRoot.textContent + document.body.textContent`
)

func tried(status monitor.Status, url string, old, fresh []string) *reader {
	r := snapshot(status)
	r.Services[0].Browser = &monitor.BrowserCheck{URL: url, Old: old, New: fresh}
	r.incident("Moved", "New address")
	r.Incidents[0].DNSUntil = r.Generated.Add(time.Hour)
	return r
}

// TestAffected: what a visitor's browser finds, and what it says then.
func TestAffected(t *testing.T) {
	for _, test := range []struct {
		name       string
		status     monitor.Status
		url        string
		old, fresh []string
		want       string
		says       []string
	}{
		{"fine", monitor.Operational, answers, nil, nil, "fine", []string{"Your network reaches it"}},
		{"old DNS answer: it leads to nothing", monitor.Operational, notHere, nil, []string{answers}, "dns", []string{"probably still has the old address", "ipconfig /flushdns", "it should be right by", "chrome://net-internals/#dns"}},
		{"old DNS answer: the old address refuses", monitor.Operational, hangsUp, []string{"https://old.gone.example/"}, []string{answers}, "dns", []string{"resolvectl"}},
		{"the name alone fails", monitor.Operational, hangsUp, []string{another}, []string{answers}, "name", []string{"DNS filter"}},
		{"down for everybody", monitor.MajorOutage, hangsUp, nil, []string{"https://b.gone.example/"}, "down", []string{"The status page says: Outage."}},
		{"nobody knows", monitor.NotKnown, hangsUp, nil, nil, "unclear", []string{"how it is elsewhere is not known"}},
		{"blocked here alone", monitor.Operational, hangsUp, nil, nil, "blocked", []string{"firewall"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newTab(t)
			names.serve(sonde(tried(test.status, test.url, test.old, test.fresh)), "")
			b.run(chromedp.Navigate("https://status.example/affected?lang=en"))
			b.until(element2 + `.dataset.state == "done"`)
			if got := eval[string](b, element2+`.dataset.verdicts`); got != "service-0:"+test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			text := eval[string](b, text2)
			for _, want := range append(test.says, "What this test cannot see") {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in %q", want, text)
				}
			}
			for _, complaint := range b.complaints() {
				if !strings.Contains(complaint, "net::ERR_") && !strings.Contains(complaint, "status of 404") && !strings.Contains(complaint, "favicon") {
					t.Errorf("the browser complains: %s", complaint)
				}
			}
		})
	}
}

// TestAffectedOffline: where not even the status page answers, nothing is said
// of the service.
func TestAffectedOffline(t *testing.T) {
	b := newTab(t)
	site := sonde(tried(monitor.Operational, hangsUp, nil, nil))
	names.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			panic(http.ErrAbortHandler)
		}
		site.ServeHTTP(w, r)
	}), "")
	b.run(chromedp.Navigate("https://status.example/affected?lang=en"))
	b.until(element2 + `.dataset.state == "done"`)
	if got := eval[string](b, element2+`.dataset.verdicts`); got != "service-0:offline" {
		t.Errorf("got %s", got)
	}
}

// TestAffectedForbidden: on a page whose policy forbids the test, that is what is
// said, and not that the service is down.
func TestAffectedForbidden(t *testing.T) {
	b := newTab(t)
	names.serve(sonde(tried(monitor.Operational, answers, nil, nil)),
		`<script type="module" src="https://status.example/affected.js"></script><sonde-affected src="https://status.example"></sonde-affected>`)
	b.run(chromedp.Navigate("https://page.example/"))
	b.until(element2 + `.dataset.state == "done"`)
	if got := eval[string](b, element2+`.dataset.verdicts`); got != "service-0:untested" {
		t.Errorf("got %s", got)
	}
}

// TestAffectedLook: in each language, accessible, on a phone too.
func TestAffectedLook(t *testing.T) {
	for i, lang := range []string{"en", "de", "fr", "es", "ja"} {
		for _, scheme := range []string{"light", "dark"} {
			width := int64([]int{320, 768}[i%2])
			name := fmt.Sprintf("affected-%s-%s-%d", lang, scheme, width)
			t.Run(name, func(t *testing.T) {
				b := newTab(t)
				r := tried(monitor.Operational, notHere, nil, []string{answers})
				r.Services[0].Name = strings.Repeat("Donaudampfschiff", 8) + "<b>"
				names.serve(sonde(r), "")
				b.run(b.look(width, scheme), chromedp.Navigate("https://status.example/affected?lang="+lang))
				b.until(element2 + `.dataset.state == "done"`)
				if got := eval[string](b, element2+`.shadowRoot.querySelector(".says").textContent`); !strings.Contains(got, map[string]string{
					"en": "Operational", "de": "In Betrieb", "fr": "Opérationnel", "es": "Operativo", "ja": "正常",
				}[lang]) {
					t.Errorf("the page says %q", got)
				}
				eval[any](b, element2+`.shadowRoot.querySelectorAll("details").forEach((d) => { d.open = true })`)
				if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > int(width) {
					t.Errorf("the page is %d wide", wide)
				}
				b.accessible()
				b.screenshot(name)
			})
		}
	}
}
