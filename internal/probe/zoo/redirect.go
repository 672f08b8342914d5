package zoo

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

func moved(to string) string {
	return "HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n"
}

// web serves HTTP by a handler, and returns the address.
func (c *cage) web(f http.HandlerFunc) string {
	c.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	c.must(err)
	s := &http.Server{Handler: f, ErrorLog: quiet()}
	go func() { _ = s.Serve(l) }()
	c.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

// redirects is answers that lead elsewhere.
func redirects(c *cage) {
	to := func(where string) monitor.Monitor { return get(c.serve(says(moved(where)))) }
	c.put("endless", to("/again"), "http", "redirected", "max_redirects")
	c.put("between two", get(c.web(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/other"+r.URL.Path[:1], http.StatusFound)
	})),
		"http", "redirected", "max_redirects")
	c.put("ever longer", get(c.web(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+strings.Repeat("a", 10_000), http.StatusFound)
	})), "http", "redirected", "max_redirects")
	cookies := get(c.web(func(w http.ResponseWriter, r *http.Request) {
		for i := range 100 {
			w.Header().Add("Set-Cookie", fmt.Sprintf("c%d-%d=%s", len(r.Header["Cookie"]), i, strings.Repeat("x", 500)))
		}
		http.Redirect(w, r, r.URL.Path+"a", http.StatusFound)
	}))
	cookies.HTTP.MaxRedirects = 20
	c.put("with ever more cookies", cookies, "http", "", "")
	c.put("slowly and for ever", slowly(c), "timeout", "timeout in", "")
	c.put("to a metadata address", to("http://169.254.169.254/latest/meta-data/"), "blocked", "connect to 169.254.169.254", "never checked")
	c.put("to a metadata address in IPv6", to("http://[fd00:ec2::254]/"), "blocked", "connect to", "never checked")
	c.put("to a metadata address mapped into IPv6", to("http://[::ffff:169.254.169.254]/"), "blocked", "connect to", "169.254.169.254")
	c.put("to a metadata address behind NAT64", to("http://[64:ff9b::a9fe:a9fe]/"), "blocked", "connect to", "169.254.169.254")
	c.put("to the address of nobody", to("http://0.0.0.0/"), "blocked", "connect to 0.0.0.0", "never checked")
	c.put("to ftp", to("ftp://127.0.0.1/"), "http", "redirected", "not http or https")
	c.put("to a file", to("file:///etc/passwd"), "http", "redirected", "not http or https")
	c.put("to a script", to("javascript:alert(1)"), "http", "redirected", "not http or https")
	c.put("to data", to("data:text/html,hello"), "http", "redirected", "not http or https")
	c.put("to nonsense", to("http://[::1"), "http", "answer of", "Location")
	c.put("to control characters", to("http://a\x1b[31m/"), "http", "answer of", "")
	c.put("to a closed port", to("http://"+c.closed()+"/"), "refused", "connect to", "connection refused")
	c.put("to TLS where there is none", to("https://"+c.serve(says(ok))+"/"), "tls", "TLS hand-shake", "plain HTTP")
	c.put("to a port beyond all", to("http://127.0.0.1:99999/"), "unreachable", "connect to 127.0.0.1", "invalid port")
	c.put("to nowhere", get(c.serve(says("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"))), "", "", "")
	same := to("http://localhost:1/")
	same.HTTP.SameHost = true
	c.put("to another host", same, "http", "redirected to another host", "same-host")
	c.put("with a body that never ends", get(c.serve(floods("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "a"))), "http", "redirected", "max_redirects")
}

// slowly redirects ten times a second.
func slowly(c *cage) monitor.Monitor {
	m := get(c.web(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-tenth():
		}
		http.Redirect(w, r, "/", http.StatusFound)
	}))
	m.HTTP.MaxRedirects = 1 << 30
	return m
}
