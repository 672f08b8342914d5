package widget

import (
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// Tests is what /affected.json answers: what a visitor's browser may try.
type Tests struct {
	Stale    bool   `json:"stale"` // what the page says is too old to speak of now
	Services []Test `json:"services"`
}

// Test is one service that a browser may try.
type Test struct {
	ID     monitor.ServiceID `json:"id"`
	Name   string            `json:"name"`
	Status monitor.Status    `json:"status"`
	Word   string            `json:"word"` // the status, in the language asked for
	URL    string            `json:"url"`  // the address that everybody uses
	Old    []string          `json:"old"`  // lead to the old address, whatever DNS caches hold
	New    []string          `json:"new"`  // lead to the new one
	// Until is when the last cached DNS answer with the old address runs out.
	Until time.Time `json:"until,omitzero"`
}

// TestsOf is what there is to try of a view; a service's alone if one is named.
func TestsOf(v View, only monitor.ServiceID, lang string) (Tests, error) {
	out := Tests{Stale: v.Stale, Services: []Test{}}
	t, err := part[statusTexts](lang, "status")
	if err != nil {
		return out, err
	}
	for _, s := range v.Services {
		if s.Browser == nil || (only != "" && s.ID != only) {
			continue
		}
		status := s.Status
		if v.Stale {
			status = monitor.NotKnown
		}
		out.Services = append(out.Services, Test{
			ID: s.ID, Name: s.Name, Status: status, Word: t.Words[rank(status)], URL: s.Browser.URL,
			Old: append([]string{}, s.Browser.Old...), New: append([]string{}, s.Browser.New...), Until: until(v, s.ID),
		})
	}
	return out, nil
}

// until is the end of the old DNS answers, by the open incidents of a service.
func until(v View, id monitor.ServiceID) (latest time.Time) {
	for _, i := range v.Incidents {
		if i.State != incident.Resolved && slices.Contains(i.Services, id) && i.DNSUntil.After(latest) {
			latest = i.DNSUntil
		}
	}
	return latest
}

// HasTests reports whether a visitor's browser can try anything of an incident.
func HasTests(s store.Snapshot, i store.IncidentView) bool {
	return slices.ContainsFunc(s.Services, func(v store.ServiceView) bool { return v.Browser != nil && slices.Contains(i.Services, v.ID) })
}

// AffectedPage is the page of "Am I affected?", for one service or, if none is
// named, for all that can be tried.
func AffectedPage(v View, only monitor.ServiceID, lang string) ([]byte, error) {
	t, err := part[map[string]string](lang, "affected")
	if err != nil {
		return nil, err
	}
	tests, err := TestsOf(v, only, lang)
	if err != nil {
		return nil, err
	}
	script, err := Affected()
	if err != nil {
		return nil, err
	}
	// Chromium opens no such address from a link: it is there to be copied.
	code := func(s string) string { return "<code>" + template.HTMLEscapeString(s) + "</code>" }
	chrome := strings.NewReplacer("{0}", code("chrome://net-internals/#dns"), "{1}", code("about:networking#dns")).Replace(template.HTMLEscapeString(t["chrome"]))
	return execute("affected.html", struct {
		View
		Lang    string
		T       map[string]string
		Script  Script
		Service monitor.ServiceID
		Any     bool
		Chrome  template.HTML
	}{v, lang, t, script, only, len(tests.Services) > 0, template.HTML(chrome)})
}

// AffectedPolicy lets the page connect to the origins that its tests name, and
// to its own.
func AffectedPolicy(v View) (string, error) {
	_, source, err := Style()
	if err != nil {
		return "", err
	}
	origins := []string{"'self'"}
	for _, s := range v.Services {
		if s.Browser == nil {
			continue
		}
		for _, address := range slices.Concat([]string{s.Browser.URL}, s.Browser.Old, s.Browser.New) {
			if u, err := url.Parse(address); err == nil && u.Scheme == "https" && !slices.Contains(origins, u.Scheme+"://"+u.Host) {
				origins = append(origins, u.Scheme+"://"+u.Host)
			}
		}
	}
	return "default-src 'none'; script-src 'self'; style-src " + source + "; connect-src " + strings.Join(origins, " ") +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nil
}
