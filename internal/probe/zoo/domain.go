package zoo

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// registered is the answer of a registry.
func registered(name, end, registrar string) string {
	return fmt.Sprintf(`{"objectClassName":"domain","ldhName":"%s","status":["active"],"events":[{"eventAction":"expiration","eventDate":"%s"}],
		"entities":[{"roles":["registrar"],"vcardArray":["vcard",[["fn",{},"text",%s]]]}]}`, name, end, registrar)
}

// registries is RDAP.
func registries(c *cage) {
	var ca string
	ask := func(f http.HandlerFunc) monitor.Monitor {
		s := httptest.NewUnstartedServer(f)
		s.Config.ErrorLog = quiet()
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		s.StartTLS()
		c.Cleanup(s.Close)
		ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
		return monitor.Monitor{Domain: &monitor.Domain{Name: "example.com", Server: s.URL, CA: ca}}
	}
	says := func(status int, body string) monitor.Monitor {
		return ask(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, body) })
	}
	later := time.Now().AddDate(1, 0, 0).UTC().Format(time.RFC3339)
	const about = "answer of the RDAP server"
	c.put("not registered", says(404, ""), "domain", "is not registered", "404")
	c.put("a fault", says(500, Nasty), "http", "the RDAP server answers 500", "")
	busy := c.put("asked too often", says(429, ""), "internal", "the RDAP server answers 429", "")
	busy.Outcome = monitor.OutcomeNotRun
	c.put("no JSON", says(200, "<html>"+Nasty), "http", about, "not the JSON of RDAP")
	c.put("JSON of another kind", says(200, `[1,2,3]`), "http", about, "not the JSON of RDAP")
	c.put("a nest of JSON", says(200, strings.Repeat("[", 500_000)), "http", about, "not the JSON of RDAP")
	c.put("another class", says(200, `{"objectClassName":"\u001b[31m entity"}`), "http", about, "not a domain")
	c.put("another name", says(200, registered(`evil\u001b.example`, later, `"x"`)), "http", about, "not about example.com")
	c.put("no end", says(200, `{"objectClassName":"domain"}`), "domain", "does not tell when", "")
	c.put("an end of words", says(200, registered("example.com", `soon\u001b[31m`, `"x"`)), "http", about, "cannot be read")
	c.put("an end in the year 99999", says(200, registered("example.com", "99999-01-01T00:00:00Z", `"x"`)), "http", about, "cannot be read")
	c.put("ended", says(200, registered("example.com", "2001-01-01T00:00:00Z", `"x"`)), "domain", "ended at 2001-01-01", "")
	c.put("on hold", says(200, strings.Replace(registered("example.com", later, `"x"`), `"active"`, `"client hold"`, 1)), "domain", "in the state", "client hold")
	hurt := says(200, registered("example.com", later, `"\u001b[31m</script>\r\nBcc: x\u202e\ud800`+strings.Repeat("long", 1000)+`"`))
	hurt.Expect = []string{`registrar == "fine"`}
	c.put("a registrar that hurts", hurt, "expect", "registrar", "was")
	states := says(200, strings.Replace(registered("example.com", later, `"x"`), `"active"`, strings.Repeat(`"\u001b[31mstate`+strings.Repeat("x", 500)+`",`, 200)+`"z"`, 1))
	states.Expect = []string{`"z" in status`}
	c.put("states without end", states, "expect", "status", "was")
	c.put("endless", ask(func(w http.ResponseWriter, _ *http.Request) {
		for err := error(nil); err == nil; {
			_, err = io.WriteString(w, strings.Repeat(" ", 4096))
		}
	}), "body", about[:6], "longer than 1048576 bytes")
	c.put("silent", ask(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), "timeout", "waiting for the first byte", "")
	c.put("redirects to plain HTTP", ask(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	}),
		"http", "the RDAP server redirected", "not https")
	c.put("redirects for ever", ask(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }),
		"http", "the RDAP server redirected", "more than 5 times")
	c.put("redirects to a metadata address", ask(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://169.254.169.254/", http.StatusFound)
	}),
		"blocked", "connect to 169.254.169.254", "never checked")
	c.put("endless headers", ask(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 200 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("a", 1000))
		}
	}), "http", "answer of", "header is longer than 64 KiB")
}
