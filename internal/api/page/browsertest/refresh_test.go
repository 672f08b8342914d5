package browsertest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sondehq/sonde/internal/api/page/pagetest"
)

// impatient makes the page's timers run at once when a test says so, so that no
// test waits for the half minute between two loads.
const impatient = `(()=>{const later=setTimeout,real=fetch,waiting=[];let done=0;
window.setTimeout=(f,ms)=>ms>=20000?waiting.push(f):later(f,ms);
window.fetch=async(...a)=>{try{return await real(...a)}finally{done++}};
window.turn=async()=>{const before=done,list=waiting.splice(0);list.forEach(f=>f());
for(let i=0;i<200&&done===before;i++)await new Promise(r=>later(r,20));
await new Promise(r=>later(r,100));return list.length}})()`

func openAt(t *testing.T, s *site) *tab {
	t.Helper()
	p := open(t, browser(t))
	p.run(t, chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(impatient).Do(ctx)
		return err
	}), emulation.SetTimezoneOverride("Europe/Berlin"), emulation.SetFocusEmulationEnabled(true), page.BringToFront(), size(768, "light"), chromedp.Navigate(s.url))
	return p
}

// TestRefresh: the page loads itself anew in place, says what is new, keeps what is
// open and what has the focus, and says when it cannot.
func TestRefresh(t *testing.T) {
	s := serve(t, pagetest.State{Snapshot: pagetest.Site(time.Now(), 8)})
	p := openAt(t, s)
	text := func(selector string) string {
		return eval[string](t, p, "document.querySelector('"+selector+"').textContent")
	}
	eval[bool](t, p, "document.querySelector('#g1').open=false,document.querySelector('.s h3 a').focus(),true")

	s.state.Store(&pagetest.State{Snapshot: pagetest.Outage(time.Now(), 8)})
	eval[int](t, p, "turn()")
	if got := text(".v .say"); got != "Some services are down" {
		t.Errorf("the verdict is %q", got)
	}
	if got := text("#live"); !strings.Contains(got, "Some services are down") || !strings.Contains(got, "emergency maintenance") {
		t.Errorf("what is announced: %q", got)
	}
	if got := eval[string](t, p, "document.title"); !strings.HasPrefix(got, "◐") {
		t.Errorf("the title is %q", got)
	}
	if eval[bool](t, p, "document.querySelector('#g1').open") {
		t.Error("what was closed is open again")
	}
	if got := eval[string](t, p, "document.activeElement.getAttribute('href')||''"); got != "/services/s0" {
		t.Errorf("the focus is on %q", got)
	}

	s.down.Store(true)
	eval[int](t, p, "turn()")
	if eval[bool](t, p, "document.querySelector('#old').hidden") || !eval[bool](t, p, "document.querySelector('main').classList.contains('old')") {
		t.Error("the page does not say that it may be out of date")
	}
	if got := text("#live"); !strings.Contains(got, "cannot be loaded") {
		t.Errorf("what is announced: %q", got)
	}
	p.screenshot(t, "not-loaded")

	s.down.Store(false)
	eval[int](t, p, "turn()")
	if !eval[bool](t, p, "document.querySelector('#old').hidden") {
		t.Error("the page still says that it may be out of date")
	}
}

// TestTimes: the reader's time is one click away, and there on hover.
func TestTimes(t *testing.T) {
	p := openAt(t, serve(t, pagetest.State{Snapshot: pagetest.Site(time.Now(), 8)}))
	const first = "document.querySelector('main time').textContent"
	before := eval[string](t, p, first)
	if got := eval[string](t, p, "document.querySelector('main time').title"); !strings.Contains(got, "GMT+") {
		t.Errorf("the reader's time on hover: %q", got)
	}
	p.run(t, chromedp.Click("#tz", chromedp.ByQuery))
	if mine := eval[string](t, p, first); mine == before || strings.Contains(mine, "P") && !strings.Contains(mine, "M") {
		t.Errorf("before %q, in the reader's zone %q", before, mine)
	}
	p.run(t, chromedp.Click("#tz", chromedp.ByQuery))
	if again := eval[string](t, p, first); again != before {
		t.Errorf("before %q, back in the site's zone %q", before, again)
	}
}
