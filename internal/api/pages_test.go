package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

const browserAccepts = "text/html,application/xhtml+xml,*/*;q=0.8"

// TestLanguage: a page comes in the language asked for by name, or else in the
// reader's, and caches keep languages apart.
func TestLanguage(t *testing.T) {
	for _, test := range []struct{ path, header, want string }{
		{"/", "", "en"},
		{"/", "de-AT, en;q=0.4", "de"},
		{"/?lang=fr", "de", "fr"},
		{"/history?lang=es", "", "es"},
		{"/incidents/abc", "ja", "ja"},
		{"/services/web?lang=nonsense", "ja", "ja"},
	} {
		w := serve(night(), "GET", test.path, "Accept-Language", test.header)
		if got := w.Header().Get("Content-Language"); got != test.want || !strings.Contains(w.Body.String(), `<html lang="`+test.want+`"`) {
			t.Errorf("%s for %q is in %s, want %s", test.path, test.header, got, test.want)
		}
		if vary := strings.Join(w.Header().Values("Vary"), ", "); !strings.Contains(vary, "Accept-Language") || !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("%s: Vary is %q", test.path, vary)
		}
		keeps := strings.Contains(w.Body.String(), `href="/?lang=`+test.want+`"><span`)
		if asked := strings.Contains(test.path, "lang="+test.want) && test.path != "/?lang=fr"; keeps != asked {
			t.Errorf("%s: links keep the language: %t, want %t", test.path, keeps, asked)
		}
	}
}

// TestErrorPages: a browser gets a page, a program problem details.
func TestErrorPages(t *testing.T) {
	for _, test := range []struct {
		path, accept string
		err          error
		status       int
		contentType  string
		contains     string
	}{
		{"/nothing", browserAccepts, nil, http.StatusNotFound, "text/html; charset=utf-8", "There is no such page"},
		{"/incidents/nothing", browserAccepts, nil, http.StatusNotFound, "text/html; charset=utf-8", "There is no such page"},
		{"/services/nothing", browserAccepts, nil, http.StatusNotFound, "text/html; charset=utf-8", "There is no such page"},
		{"/nothing", "*/*", nil, http.StatusNotFound, "application/problem+json", "nothing at /nothing"},
		{"/nothing", "application/json", nil, http.StatusNotFound, "application/problem+json", "nothing at /nothing"},
		{"/api/v1/nothing", browserAccepts, nil, http.StatusNotFound, "application/problem+json", "nothing at"},
		{"/", browserAccepts, errors.New("secret"), http.StatusServiceUnavailable, "text/html; charset=utf-8", "This says nothing about the services themselves"},
		{"/", "*/*", errors.New("secret"), http.StatusServiceUnavailable, "application/problem+json", "says nothing about the services"},
	} {
		f := night()
		f.err = test.err
		w := serve(f, "GET", test.path, "Accept", test.accept)
		if w.Code != test.status || w.Header().Get("Content-Type") != test.contentType || !strings.Contains(w.Body.String(), test.contains) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s for %s: %d %s\n%s", test.path, test.accept, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s for %s: an error may be cached", test.path, test.accept)
		}
	}
}
