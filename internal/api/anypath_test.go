package api_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// shapes are the addresses that other people's tools ask.
var shapes = []string{
	"/badge/{}", "/badge/{}.svg", "/badge/{}.json", "/badge/{}/uptime/{}.svg", "/badge/{}/response-time.{}", "/badge/{}/{}",
	"/api/v1/endpoints/statuses", "/api/v1/endpoints/{}/statuses", "/api/v1/endpoints/{}/uptimes/{}", "/api/v1/endpoints/{}/uptimes/{}/badge.svg",
	"/api/v1/endpoints/{}/response-times/{}", "/api/v1/endpoints/{}/response-times/{}/badge.svg", "/api/v1/endpoints/{}/response-times/{}/chart.svg",
	"/api/v1/endpoints/{}/response-times/{}/history", "/api/v1/endpoints/{}/health/badge.svg", "/api/v1/endpoints/{}/health/badge.shields",
	"/api/status-page/{}", "/api/status-page/heartbeat/{}", "/api/status-page/{}/badge", "/api/status-page/{}/{}", "/api/badge/{}/{}", "/api/badge/{}/{}/{}",
	"/history.atom", "/history.rss", "/maintenance.ics", "/metrics",
}

// TestAnyPath: whatever is asked of them, and of whichever site, they answer: no
// server error, and one read of the table.
func TestAnyPath(t *testing.T) {
	stale := evening()
	stale.snapshot.Generated = t0.AddDate(-1, 0, 0)
	newer := evening()
	for i := range newer.snapshot.Services {
		newer.snapshot.Services[i].Status, newer.snapshot.Services[i].Turns = "splendid", nil
	}
	for i := range newer.snapshot.Incidents {
		newer.snapshot.Incidents[i].Phase, newer.snapshot.Incidents[i].Impact, newer.snapshot.Incidents[i].State = "x", "y", "z"
	}
	sites := []*fake{evening(), stale, newer, {}, {version: 1}}
	part := rapid.OneOf(
		rapid.SampledFrom([]string{"all", "web", "balancers", "lb-primary", "web.web", "_web-application", "24h", "7d", "1h", "90d", "status", "uptime", "ping", "avg-response", "cert-exp", "heartbeat", "badge", "svg", "999999999999999999999", "4095d"}),
		rapid.String(),
	)
	queries := rapid.OneOf(
		rapid.SampledFrom([]string{"", "style=flat-square", "page=99999999999&pageSize=1000", "page=-1&pageSize=0", "per=update", "label=%00%ff", "labelColor=%23&color=zz&upColor=url(x)", "date&downDays=-9999999999", "%zz"}),
		rapid.StringMatching(`(label|style|page|pageSize|per|group|prefix|suffix|color)=[ -~]{0,40}`),
	)
	rapid.Check(t, func(rt *rapid.T) {
		path := rapid.SampledFrom(shapes).Draw(rt, "shape")
		for strings.Contains(path, "{}") {
			path = strings.Replace(path, "{}", url.PathEscape(part.Draw(rt, "part")), 1)
		}
		plain, err := url.PathUnescape(path)
		if err != nil {
			rt.Skip("no address")
		}
		f := sites[rapid.IntRange(0, len(sites)-1).Draw(rt, "site")]
		f.reads = 0
		r := &http.Request{
			Method: rapid.SampledFrom([]string{"GET", "HEAD"}).Draw(rt, "method"), Host: rapid.String().Draw(rt, "host"),
			URL:    &url.URL{Path: plain, RawPath: path, RawQuery: queries.Draw(rt, "query")},
			Header: http.Header{"Accept": {rapid.String().Draw(rt, "accept")}}, Body: http.NoBody,
		}
		w := httptest.NewRecorder()
		handler(f).ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 || f.reads > 1 {
			rt.Fatalf("%s %s: %d, %d reads\n%s", r.Method, r.URL, w.Code, f.reads, w.Body)
		}
	})
}

// TestLikenessTableDown: they say so too, and no more.
func TestLikenessTableDown(t *testing.T) {
	for _, shape := range shapes {
		f := evening()
		f.err = errors.New("secret internal text")
		w := serve(f, "GET", strings.ReplaceAll(shape, "{}", "web"))
		if w.Code != http.StatusServiceUnavailable && w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", shape, w.Code, w.Body)
		}
	}
}
