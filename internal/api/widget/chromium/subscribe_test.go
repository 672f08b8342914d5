package chromium_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/api/subscribe"
	"github.com/sondehq/sonde/internal/monitor"
)

// desk takes all subscriptions.
type desk struct{ taken []string }

func (d *desk) Allow(context.Context, string, string, int64, time.Duration) (bool, error) {
	return true, nil
}

func (d *desk) Subscribe(_ context.Context, _ monitor.TierID, email string, services []monitor.ServiceID) error {
	for _, id := range services {
		email += " " + string(id)
	}
	d.taken = append(d.taken, email)
	return nil
}

// TestSubscribe: a visitor fills the form in, under the page's own policy and
// without a script; the form and its answer are accessible.
func TestSubscribe(t *testing.T) {
	b := newTab(t)
	r, d := snapshot(monitor.Operational, monitor.AtRisk), &desk{}
	r.view.Subscribe = "customers"
	var site http.Handler = api.New(api.Deps{Reader: r, Desk: subscribe.Desk{Topic: d, Counter: d}, Now: func() time.Time { return r.Generated }})
	names.serve(site, "")
	b.run(b.look(320, "dark"), chromedp.Navigate("https://status.example/subscribe?lang=de&service=service-1"))
	b.accessible()
	b.screenshot("subscribe-form")
	answer, err := chromedp.RunResponse(b.ctx, chromedp.Evaluate(`document.querySelector("#email").value = "visitor@example.com"; document.querySelector("button").click()`, nil))
	if err != nil || answer.Status != http.StatusAccepted {
		t.Fatalf("sent: %+v, %v", answer, err)
	}
	if got := eval[string](b, "document.body.innerText"); !strings.Contains(got, "Sehen Sie in Ihr Postfach") || strings.Contains(got, "visitor@") {
		t.Errorf("the page says %q", got)
	}
	if len(d.taken) != 1 || d.taken[0] != "visitor@example.com service-1" {
		t.Errorf("taken: %q", d.taken)
	}
	if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > 320 {
		t.Errorf("the page is %d wide", wide)
	}
	b.accessible()
	b.screenshot("subscribe-done")
	for _, complaint := range b.complaints() {
		if !strings.Contains(complaint, "favicon") {
			t.Errorf("the browser complains: %s", complaint)
		}
	}
}
