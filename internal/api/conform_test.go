package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/api"
)

// TestDescription: every operation is there and answers as it is described, in
// good times and in bad ones; every status that is described can happen; and no
// route is left out.
func TestDescription(t *testing.T) {
	l := newLawful(t)
	ids := map[string]string{"services": "balancers", "monitors": "lb-primary", "incidents": "abc"}
	var described []string
	for path, item := range l.doc.Paths.Map() {
		described = append(described, "GET "+path)
		of := strings.Split(path, "/")
		real, other := path, path
		if len(of) > 3 {
			real, other = strings.Replace(path, "{id}", ids[of[3]], 1), strings.Replace(path, "{id}", "nothing", 1)
		}
		first := l.get(t, full(), real)
		for _, f := range []*fake{stale(), empty(), newer(), broken()} {
			l.get(t, f, real)
		}
		l.get(t, full(), real, "If-None-Match", first.Header().Get("ETag"))
		if other != path {
			l.get(t, full(), other)
		}
		for _, p := range item.Get.Parameters {
			l.get(t, full(), real+"?"+p.Value.Name+"=nonsense")
			l.get(t, full(), real+"?"+p.Value.Name+"=")
			l.get(t, full(), real+"?"+p.Value.Name+"="+strings.TrimSuffix(url.QueryEscape(toText(p.Value.Example)), "\n"))
		}
		for status := range item.Get.Responses.Map() {
			if !l.seen[item.Get.OperationID+" "+http.StatusText(number(status))] {
				t.Errorf("GET %s never answered %s", path, status)
			}
		}
	}
	slices.Sort(described)
	routes := slices.DeleteFunc(api.Patterns(), func(p string) bool {
		return !strings.HasPrefix(p, "GET /api/v1/") && !strings.HasPrefix(p, "GET /api/v2/") && p != "GET /healthz" ||
			strings.HasPrefix(p, "GET /api/v1/endpoints/") // Gatus's own
	})
	slices.Sort(routes)
	if diff := cmp.Diff(described, routes); diff != "" {
		t.Errorf("description and routes (-described +served):\n%s", diff)
	}
}

func toText(v any) string {
	text, _ := json.Marshal(v)
	return strings.Trim(string(text), `"`)
}

func number(status string) int {
	n := 0
	for _, c := range status {
		n = n*10 + int(c-'0')
	}
	return n
}

// TestNeverFails: whatever is asked, the answer is no server error, and one that
// is described is as described.
func TestNeverFails(t *testing.T) {
	l := newLawful(t)
	sites := map[string]*fake{"full": full(), "stale": stale(), "empty": empty(), "newer": newer()}
	paths := slices.Sorted(maps.Keys(l.doc.Paths.Map()))
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.OneOf(
			rapid.SampledFrom(paths),
			rapid.StringMatching(`/(api/v[12]/|incidents/|services/)?[a-z./%{}~0-9 ]{0,20}`),
		).Draw(t, "path")
		id := rapid.OneOf(rapid.SampledFrom([]string{"balancers", "web", "lb-primary", "abc", "old"}), rapid.String()).Draw(t, "id")
		path = strings.ReplaceAll(path, "{id}", url.PathEscape(id))
		query := rapid.OneOf(
			rapid.Just(""),
			rapid.StringMatching(`(window|hours|id|x)=[0-9a-z%+&=-]{0,12}`),
			rapid.SampledFrom([]string{"window=90d", "window=2019-05", "window=2019-06", "window=0001-01", "window=9999-12", "hours=3", "hours=-1", "hours=99999999999999999999", "%zz", "&&;", "_=12345"}),
		).Draw(t, "query")
		method := rapid.SampledFrom([]string{"GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE"}).Draw(t, "method")
		name := rapid.SampledFrom([]string{"If-None-Match", "Accept-Encoding", "Accept", "Accept-Language", "Host", "Origin", "Range"}).Draw(t, "header")
		value := rapid.StringMatching(`[ -~]{0,30}`).Draw(t, "value")
		site := rapid.SampledFrom(slices.Sorted(maps.Keys(sites))).Draw(t, "site")

		target, err := url.Parse("http://status.example.com")
		if err != nil {
			t.Fatal(err)
		}
		if target.Path, err = url.PathUnescape(path); err != nil {
			target.Path = path
		}
		target.RawPath, target.RawQuery = path, query
		r := &http.Request{Method: method, URL: target, Host: target.Host, Header: http.Header{name: {value}}, Body: http.NoBody}
		w := httptest.NewRecorder()
		handler(sites[site]).ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 {
			t.Fatalf("%s %s?%s: %d %s", method, path, query, w.Code, w.Body)
		}
		if method == "GET" && w.Header().Get("Content-Encoding") == "" {
			if _, err := l.check(r, w); err != nil {
				t.Fatalf("GET %s?%s: %v\n%s", path, query, err, w.Body)
			}
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Fatalf("%s %s tells a secret:\n%s", method, path, w.Body)
		}
	})
}
