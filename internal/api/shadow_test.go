package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// beside is the evening with one more monitor in the shadow of a service that works:
// down, and with a certificate that ends tomorrow.
func beside() *fake {
	f := evening()
	web := &f.snapshot.Services[1]
	web.Monitors = append(slices.Clone(web.Monitors), store.MonitorView{
		ID: "trial", Name: "On trial", Type: monitor.KindTLS, State: monitor.Down, Since: t0, Shadow: true,
		Only: map[monitor.Location]monitor.Outcome{"eu-west-1": monitor.OutcomeUp},
		Last: &store.CheckView{At: t0, Outcome: monitor.OutcomeDown, MS: 10_000, Ends: t0.AddDate(0, 0, 1)},
	})
	return f
}

// TestShadowElsewhere: those who read Sonde as something else see the same with and
// without a monitor in the shadow.
func TestShadowElsewhere(t *testing.T) {
	for _, path := range []string{
		"/metrics", "/api/v1/endpoints/statuses", "/api/v1/endpoints/_web-application/statuses", "/api/status-page/default", "/api/status-page/heartbeat/default",
		"/badge/web.svg", "/api/badge/web/cert-exp", "/api/v2/summary.json", "/history.atom", "/",
	} {
		t.Run(path, func(t *testing.T) {
			want, got := serve(evening(), "GET", path), serve(beside(), "GET", path)
			if got.Code != want.Code || got.Body.String() != want.Body.String() {
				t.Errorf("%d and %d; (-want +got):\n-%s\n+%s", want.Code, got.Code, want.Body, got.Body)
			}
			if want.Code != 200 {
				t.Errorf("nothing is there: %d", want.Code)
			}
		})
	}
}

// TestShadow: the API marks it, and so does the page of the service, without alarm.
func TestShadow(t *testing.T) {
	var got []string
	for _, m := range read[struct {
		Monitors []struct {
			ID     string
			Shadow bool
		}
	}](t, beside(), "/api/v1/monitors").Monitors {
		got = append(got, fmt.Sprintf("%s %t", m.ID, m.Shadow))
	}
	if want := []string{"lb-primary false", "web false", "trial true", "m false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if one := serve(beside(), "GET", "/api/v1/monitors/web").Body.String(); strings.Contains(one, "shadow") {
		t.Errorf("one that counts: %s", one)
	}
	page := serve(beside(), "GET", "/services/web").Body.String()
	if _, row, found := strings.Cut(page, "On trial"); !found || !strings.Contains(row, "Down; does not count") || strings.Contains(page, `class="t bad"`) {
		t.Errorf("the page says\n%s", page)
	}
}
