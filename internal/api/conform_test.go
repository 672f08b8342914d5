package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/api/widget"
)

// TestDescription: every operation is there and answers as it is described, in
// good times and in bad ones; every status that is described can happen; and no
// route is left out.
func TestDescription(t *testing.T) {
	l := newLawful(t)
	var described []string
	for path, item := range l.doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
		l.ask(t, path, item)
		for status := range item.Get.Responses.Map() {
			if !l.seen[item.Get.OperationID+" "+http.StatusText(number(status))] {
				t.Errorf("GET %s never answered %s", path, status)
			}
		}
	}
	slices.Sort(described)
	var routes []string
	for _, pattern := range api.Patterns() {
		if !strings.Contains(pattern, " ") {
			continue // of no method: it says that there is nothing to ask for
		}
		pattern = hashed.ReplaceAllString(strings.TrimSuffix(pattern, "{$}"), ".{hash}.js")
		routes = append(routes, pattern)
	}
	slices.Sort(routes)
	if diff := cmp.Diff(described, routes); diff != "" {
		t.Errorf("description and routes (-described +served):\n%s", diff)
	}
}

// hashed is the end of a script's path that holds the hash of its text.
var hashed = regexp.MustCompile(`\.[0-9a-f]{12}\.js$`)

// ask asks for a path in good times and in bad ones, for what there is and for
// what there is not.
func (l *lawful) ask(t *testing.T, path string, item *openapi3.PathItem) {
	t.Helper()
	real := filled(t, path, item, "", "")
	first := l.get(t, full(), real)
	for _, f := range []*fake{stale(), empty(), newer(), broken()} {
		l.get(t, f, real)
	}
	l.get(t, full(), real, "If-None-Match", first.Header().Get("ETag"))
	l.get(t, full(), real, "Accept", "text/html")
	l.get(t, broken(), real, "Accept", "text/html")
	for _, p := range item.Parameters {
		for _, other := range []string{"nothing", "nothing.svg", "nothing.json"} {
			l.get(t, full(), filled(t, path, item, p.Value.Name, other))
			l.get(t, full(), filled(t, path, item, p.Value.Name, other), "Accept", "text/html")
		}
	}
	for _, p := range item.Get.Parameters {
		l.get(t, full(), real+"?"+p.Value.Name+"=nonsense")
		l.get(t, full(), real+"?"+p.Value.Name+"=")
		l.get(t, full(), real+"?"+p.Value.Name+"="+url.QueryEscape(toText(p.Value.Example)))
	}
}

// filled is a path with an example for each parameter, but for one that is given.
func filled(t *testing.T, path string, item *openapi3.PathItem, name, value string) string {
	t.Helper()
	for _, p := range item.Parameters {
		text := toText(p.Value.Example)
		switch {
		case p.Value.Name == name:
			text = value
		case strings.Contains(path, "/incidents/{id}"):
			text = "abc"
		case p.Value.Name == "hash":
			text = hashOf(t, path)
		}
		path = strings.Replace(path, "{"+p.Value.Name+"}", text, 1)
	}
	return path
}

// hashOf is the hash that a script is served under.
func hashOf(t *testing.T, path string) string {
	t.Helper()
	paths, err := widget.VersionedPaths()
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(path, ".")
	for _, p := range paths {
		if strings.HasPrefix(p, name+".") {
			return strings.TrimSuffix(strings.TrimPrefix(p, name+"."), ".js")
		}
	}
	t.Fatalf("no script is served at %s", path)
	return ""
}

// TestPosts: what is sent is answered as described: pings, and subscriptions where
// there are none and where they are refused.
func TestPosts(t *testing.T) {
	l := newLawful(t)
	for _, test := range []struct {
		path   string
		f      *fake
		status int
	}{
		{"/ping/known", full(), 200}, {"/ping/known", broken(), 503}, {"/ping/known/fail", full(), 200}, {"/ping/known/300", full(), 404},
		{"/ping/known/3", broken(), 503}, {"/subscribe", full(), 404}, {"/subscribe", broken(), 503},
	} {
		for _, accept := range []string{"application/json", "text/html"} {
			w := serve(test.f, "POST", test.path, "Accept", accept)
			known, err := l.check(httptest.NewRequest("POST", test.path, nil), w)
			if !known || err != nil || w.Code != test.status {
				t.Errorf("POST %s: %d, want %d; described %t: %v\n%s", test.path, w.Code, test.status, known, err, w.Body)
			}
		}
	}
}

// toText is an example as it stands in an address.
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
