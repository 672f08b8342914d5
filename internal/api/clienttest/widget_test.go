package clienttest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sondehq/sonde/internal/monitor"
)

// shown is what the widget shows, once it does: all its text but its styles.
const shown = `(() => {
	const widget = document.querySelector("statuspage-widget");
	if (!widget || !widget.shadowRoot) return null;
	const copy = document.createElement("div");
	copy.innerHTML = widget.shadowRoot.innerHTML;
	copy.querySelectorAll("style").forEach(style => style.remove());
	return copy.textContent.trim() || null;
})()`

// TestAtlassianWidget: Atlassian's own web component, on a page of another
// origin, shows what the site says, in each state; and never that all is fine
// when it is not known to be.
func TestAtlassianWidget(t *testing.T) {
	chromium := need(t, "chromium", "chromium-browser", "google-chrome")
	script := filepath.Join(modules(t), "@statuspage", "status-widget", "dist", "index.js")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU)
	browser, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	browser, stop = chromedp.NewContext(browser)
	defer stop()
	if err := chromedp.Run(browser); err != nil {
		missing(t, "chromium does not start: "+err.Error())
	}
	for _, test := range []struct {
		name, appearance string
		with             func(*site)
		want             string
	}{
		{"all fine", "basic", func(*site) {}, "All Systems Operational"},
		{"all fine, as a badge", "badge", func(*site) {}, "All Systems Operational"},
		{"outage", "basic", (*site).outage, "Partial System Outage"},
		{"maintenance", "basic", (*site).work, "Service Under Maintenance"},
		{"at risk", "basic", func(s *site) { s.snapshot.Services[0].Status = monitor.AtRisk }, "Partially Degraded Service"},
		{"one not known", "basic", func(s *site) { s.snapshot.Services[0].Status = monitor.NotKnown }, "State of Some Services Not Known"},
		{"stale", "badge", func(s *site) { s.snapshot.Generated = t0.Add(-time.Hour) }, "Current State Not Known"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			test.with(s)
			page := elsewhere(t, script, s.URL, test.appearance)
			tab, done := chromedp.NewContext(browser)
			defer done()
			tab, done = context.WithTimeout(tab, 30*time.Second)
			defer done()
			var text string
			err := chromedp.Run(tab, chromedp.Navigate(page.URL), chromedp.Poll(
				shown, &text, chromedp.WithPollingInterval(50*time.Millisecond)))
			if err != nil {
				t.Fatalf("%v; asked: %v", err, s.asked)
			}
			if !strings.Contains(text, test.want) || test.want != "All Systems Operational" && strings.Contains(text, "All Systems Operational") {
				t.Errorf("the widget shows %q, want %q", text, test.want)
			}
			if want := "/api/v2/summary.json from " + page.URL; len(s.asked) != 1 || s.asked[0] != want {
				t.Errorf("asked %v, want %s", s.asked, want)
			}
		})
	}
}

// elsewhere is a page of somebody else's that holds the widget.
func elsewhere(t *testing.T, script, url, appearance string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /widget.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><title>Shop</title><statuspage-widget src="` + url + `" appearance="` + appearance + `"></statuspage-widget><script src="/widget.js"></script>`))
	})
	page := httptest.NewServer(mux)
	t.Cleanup(page.Close)
	return page
}
