package probe_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// registered is what a registry answers; what stands in states is put into it.
func registered(end, states string) string {
	return fmt.Sprintf(`{"objectClassName":"domain","ldhName":"EXAMPLE.com","status":[%s],
		"events":[{"eventAction":"registration","eventDate":"1995-08-14T04:00:00Z"},{"eventAction":"expiration","eventDate":%q}],
		"entities":[{"roles":["abuse"],"handle":"no"},
			{"roles":["registrar"],"handle":"376","vcardArray":["vcard",[["version",{},"text","4.0"],["fn",{},"text","Example Registrar"]]]}]}`, states, end)
}

func TestDomain(t *testing.T) {
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	const day = 24 * time.Hour
	later := in(40*day + time.Hour)
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/domain/example.com" || r.Header.Get("Accept") != "application/rdap+json" {
				status, body = http.StatusBadRequest, ""
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	to := func(url string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, url, http.StatusFound) }
	}
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		expect  string
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"good", says(200, registered(later, `"active"`)), "", "up", "", ""},
		{"values", says(200, registered(later, `"active"`)), `days == 40 && registrar == "Example Registrar" && "active" in status`, "up", "", ""},
		{"soon", says(200, registered(later, "")), "days > 60", "down", "expect", "days was 40"},
		{"redirected", func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/v1/") {
				http.Redirect(w, r, "/registry", http.StatusFound)
				return
			}
			_, _ = io.WriteString(w, registered(later, ""))
		}, "days == 40", "up", "", ""},
		{"ended", says(200, registered(in(-day), "")), "", "down", "domain", "ended at"},
		{"lapsing", says(200, registered(later, `"Pending Delete"`)), "", "down", "domain", "Pending Delete"},
		{"no end", says(200, `{"objectClassName":"domain","ldhName":"example.com"}`), "", "down", "domain", "does not tell when"},
		{"another name", says(200, strings.Replace(registered(later, ""), "EXAMPLE.com", "example.net", 1)), "", "down", "http", `about "example.net"`},
		{"another thing", says(200, `{"objectClassName":"ip network"}`), "", "down", "http", `about a "ip network"`},
		{"bad date", says(200, registered("soon", "")), "", "down", "http", `"soon" cannot be read`},
		{"no JSON", says(200, "<html>"), "", "down", "http", "not the JSON of RDAP"},
		{"control characters", says(200, registered(later, `"\u001b[31m\u202epending delete"`)), "", "up", "", ""},
		{"not registered", says(404, "{}"), "", "down", "domain", "not registered"},
		{"too often", says(429, ""), "", "not_run", "internal", "429"},
		{"broken", says(502, ""), "", "down", "http", "answers 502"},
		{"endless", says(200, strings.Repeat(" ", 1<<20+1)), "", "down", "body", "longer than"},
		{"redirected without end", to("/v1/domain/example.com"), "", "down", "http", "redirected more than"},
		{"redirected to plain HTTP", to("http://127.0.0.1:1/"), "", "down", "http", "not https"},
		{"redirected to metadata", to("https://169.254.169.254/"), "", "down", "blocked", "169.254.169.254"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewTLSServer(c.answer)
			defer s.Close()
			ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
			m := monitor.Monitor{Private: true, Domain: &monitor.Domain{Name: "example.com", Server: s.URL + "/v1/", CA: ca}}
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			r := run(t, m)
			want(t, r, c.outcome, c.kind, c.detail)
			for _, line := range r.Answers {
				clean(t, line)
			}
			if c.name == "good" && !slices.Contains(r.Answers, "registrar Example Registrar") {
				t.Errorf("answers %q", r.Answers)
			}
		})
	}
	t.Run("blocked", func(t *testing.T) {
		want(t, run(t, monitor.Monitor{Domain: &monitor.Domain{Name: "example.com", Server: "https://127.0.0.1:1/"}}), "down", "blocked", "loopback")
	})
	t.Run("silent", func(t *testing.T) {
		m := monitor.Monitor{Private: true, Timeout: 200 * time.Millisecond, Domain: &monitor.Domain{Name: "example.com", Server: "https://" + serve(t, hold)}}
		want(t, run(t, m), "down", "timeout", "timeout in")
	})
}

// FuzzRDAP: no panic; what is read of a hostile answer is bounded and printable.
func FuzzRDAP(f *testing.F) {
	f.Add([]byte(registered("2027-01-02T03:04:05Z", `"active"`)))
	f.Add([]byte(registered("2027-01-02", "")))
	f.Add([]byte(`{"objectClassName":"domain","entities":[{"roles":["registrar"],"vcardArray":["vcard",[[],["fn"],["fn",1,2,3]]]}]}`))
	f.Add([]byte(`{"objectClassName":"domain","status":["\u001b\u202e\ud800"],"events":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		texts, err := probe.RDAPTexts(body)
		if err != nil {
			texts = []string{err.Error()}
		}
		if len(texts) > 25 {
			t.Fatalf("%d texts", len(texts))
		}
		for _, text := range texts {
			if len(text) > 300 || strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) }) {
				t.Fatalf("unbounded, or not printable: %q", text)
			}
		}
	})
}
