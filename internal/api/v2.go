package api

import (
	"net"
	"net/http"
	"strings"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/api/statuspage"
)

// v2 is Atlassian Statuspage's JSON, where its clients look for it.
func (s *server) v2() []route {
	var routes []route
	for _, e := range statuspage.Endpoints() {
		routes = append(routes, route{"GET /api/v2/" + e.Path, s.same(func(v page.View, r *http.Request) (any, error) {
			return e.Answer(statuspage.New(v.Snapshot, base(v, r), v.Now)), nil
		})})
	}
	return append(routes, route{"/api/v2/subscribers.json", notHere})
}

// notHere answers what Statuspage's clients may ask to change.
func notHere(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "OPTIONS")
	problem(w, http.StatusMethodNotAllowed, "subscriptions are not managed through this API; the status page says how to subscribe")
}

// base is the page's public address without a trailing slash: the configured
// one, or else the one that was asked for.
func base(v page.View, r *http.Request) string {
	if v.Site.URL != "" {
		return v.Site.URL
	}
	if r.Host == "" || strings.ContainsFunc(r.Host, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-:[]", c))
	}) {
		return "http://localhost" // whoever asked has named no host
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	if r.TLS == nil && (host == "localhost" || net.ParseIP(host) != nil) {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}
