package browsertest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata" // the test must not depend on the system's zones

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/api/page/pagetest"
	"github.com/sondehq/sonde/internal/store"
)

// site serves a state that a test may exchange, as the real API does. The clock
// is the real one: the browser's is.
type site struct {
	state atomic.Pointer[pagetest.State]
	down  atomic.Bool
	url   string
}

func (s *site) Snapshot(context.Context) (store.Snapshot, int64, error) {
	if s.down.Load() {
		return store.Snapshot{}, 0, http.ErrServerClosed
	}
	state := s.state.Load()
	if state.Empty {
		return store.Snapshot{}, 0, nil
	}
	return state.Snapshot, 1, nil
}

func serve(t *testing.T, state pagetest.State) *site {
	t.Helper()
	s := &site{}
	s.state.Store(&state)
	mux := http.NewServeMux()
	mux.Handle("/", api.New(api.Deps{Reader: s, Now: time.Now}))
	mux.HandleFunc("/with-links", s.withLinks)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// withLinks is the main page of a site that serves everything a page links to.
func (s *site) withLinks(w http.ResponseWriter, _ *http.Request) {
	body, err := page.Status(page.View{Snapshot: s.state.Load().Snapshot, Now: time.Now(), Links: page.Links{Subscribe: true, Atom: true, RSS: true, Calendar: true}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", page.Policy())
	_, _ = w.Write(body)
}

func axeSource(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(installed(t, "axe-core", axeVersion), "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var screens = []struct {
	width  int64
	scheme string
	suffix string
}{
	{320, "light", "320-light"}, {320, "dark", "320-dark"}, {768, "light", "768-light"}, {768, "dark", "768-dark"}, {1280, "light", "1280-light"}, {1280, "dark", "1280-dark"},
}

// look checks a page on every screen.
func look(t *testing.T, p *tab, axe, url, name string) {
	t.Helper()
	p.run(t, size(320, "light"), chromedp.Navigate(url))
	for _, screen := range screens {
		p.run(t, size(screen.width, screen.scheme))
		if beyond := eval[string](t, p, wide); beyond != "" {
			t.Errorf("%s at %d px is wider than the screen: %s", name, screen.width, beyond)
		}
		p.axe(t, axe)
		p.screenshot(t, name+"-"+screen.suffix)
	}
	list := slices.DeleteFunc(p.complaints(), func(c string) bool { return name == "missing" && strings.Contains(c, "404 (Not Found)") })
	if len(list) > 0 {
		t.Errorf("%s: the browser complains:\n%s", name, strings.Join(list, "\n"))
	}
}

// TestStates: the main page in each of its states, on each screen.
func TestStates(t *testing.T) {
	t.Parallel()
	axe := axeSource(t)
	chromium := browser(t)
	for _, state := range pagetest.States(time.Now()) {
		t.Run(state.Name, func(t *testing.T) {
			p := open(t, chromium)
			look(t, p, axe, serve(t, state).url, "status-"+state.Name)
			if got := eval[bool](t, p, "!!document.querySelector('main .v .say').textContent && document.body.innerHTML !== 'owned' && document.scripts.length === 1"); !got {
				t.Error("there is no verdict, or a hostile text took effect")
			}
		})
	}
}

// TestPages: the other pages, on each screen.
func TestPages(t *testing.T) {
	t.Parallel()
	axe := axeSource(t)
	chromium := browser(t)
	now := time.Now()
	states := map[string]pagetest.State{}
	for _, state := range pagetest.States(now) {
		states[state.Name] = state
	}
	for _, page := range []struct{ name, state, path string }{
		{"status-links", "at-risk", "/with-links"},
		{"incident", "partial", "/incidents/now"},
		{"incident-over", "fine", "/incidents/past1"},
		{"incident-draining", "draining", "/incidents/now"},
		{"incident-hostile", "hostile", "/incidents/now"},
		{"service", "partial", "/services/s2"},
		{"service-new", "unknown", "/services/s6"},
		{"service-hostile", "hostile", "/services/s3"},
		{"history", "partial", "/history"},
		{"history-empty", "empty", "/history"},
		{"missing", "fine", "/nothing"},
		{"status-de", "partial", "/?lang=de"},
		{"status-ja", "draining", "/?lang=ja"},
		{"service-fr", "partial", "/services/s2?lang=fr"},
		{"incident-es", "partial", "/incidents/now?lang=es"},
	} {
		t.Run(page.name, func(t *testing.T) {
			p := open(t, chromium)
			look(t, p, axe, serve(t, states[page.state]).url+page.path, page.name)
		})
	}
}

// TestWithoutScript: everything is there without JavaScript.
func TestWithoutScript(t *testing.T) {
	p := open(t, browser(t))
	site := serve(t, pagetest.State{Snapshot: pagetest.Outage(time.Now(), 8)})
	var text string
	p.run(t, emulation.SetScriptExecutionDisabled(true), size(320, "light"), chromedp.Navigate(site.url), chromedp.Text("body", &text, chromedp.ByQuery))
	for _, want := range []string{"Some services are down", "Load balancers: outage", "late by 10 min", "Partial outage", "Past incidents", "Reload the page"} {
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), want) {
			t.Errorf("without JavaScript, the page does not say %q:\n%s", want, text)
		}
	}
	p.screenshot(t, "without-script")
}
