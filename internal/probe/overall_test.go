package probe_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// TestOverall: phases are those of the last hop, and, over redirects, of all of
// them together too.
func TestOverall(t *testing.T) {
	const wait = 30 * time.Millisecond
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			<-timer.C
			http.Redirect(w, r, "/there", http.StatusFound)
		}
	}))
	t.Cleanup(s.Close)
	r := engineOf(1).Run(t.Context(), []monitor.Check{{Monitor: httpMonitor(s.URL + "/")}})[0]
	if r.Hops != 2 || r.Overall == nil || r.Overall.TTFB < wait+r.Timing.TTFB || r.Overall.Connect <= r.Timing.Connect {
		t.Errorf("%d hops, last %+v, all %+v", r.Hops, r.Timing, r.Overall)
	}
	r = engineOf(1).Run(t.Context(), []monitor.Check{{Monitor: httpMonitor(s.URL + "/there")}})[0]
	if r.Hops != 1 || r.Overall != nil {
		t.Errorf("one hop: %d, %+v", r.Hops, r.Overall)
	}
}
