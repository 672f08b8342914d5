package zoo

import (
	"io"
	"net"
	"net/http"
	"strings"

	"golang.org/x/net/http2"

	"github.com/sondehq/sonde/internal/monitor"
)

// texts is what would hurt whoever reads of it.
func texts(c *cage) {
	says500 := func(body string, expect string) monitor.Monitor {
		return get(c.serve(says("HTTP/1.1 500 No\r\n\r\n"+body)), expect)
	}
	c.put("invalid UTF-8", says500("\xff\xfe\xc3(\xed\xa0\x80 and so on", `text == "fine"`), "expect", "text was", "")
	c.put("a page that breaks a page", says500(`</script></style>--><img src=x onerror=alert(1)><script>alert(1)</script>{{.}}${1}`, "status == 200"), "expect", "status was 500", "")
	c.put("a mail header", says500("\r\nBcc: all@example.com\r\n\r\nhello", `text == "fine"`), "expect", "text was", "")
	c.put("a terminal", says500("\x1b]0;owned\a\x1b[2J\x9b31m\x1bP", `text == "fine"`), "expect", "text was", "")
	c.put("marks of direction", says500("\u202egnp.exe\u2066\u2069\u200f\u061c", `text == "fine"`), "expect", "text was", "")
	c.put("marks of no width", says500("fi\u200bne\u2060\ufeff\U000e0041", `text == "fine"`), "expect", "text was", "")
	c.put("separators of lines", says500("a\u2028b\u2029c\u0085d\ve\ff", `text == "fine"`), "expect", "text was", "")
	c.put("a mountain of marks", says500("Z"+strings.Repeat("\u0300\u0489", 400), `text == "fine"`), "expect", "text was", "")
	c.put("all of it", says500(strings.Repeat(Nasty, 100), `text == "fine"`), "expect", "text was", "")
	c.put("in a status", get(c.serve(says("HTTP/1.1 "+Nasty+"\r\n\r\n"))), "http", "answer of", "malformed")
	c.put("in a header", get(c.serve(says("HTTP/1.1 200 OK\r\n"+Nasty+"\r\n\r\n"))), "http", "answer of", "malformed")
	c.put("in a length", get(c.serve(says("HTTP/1.1 200 OK\r\nContent-Length: \u202e\u20281\r\n\r\n"))), "http", "answer of", "Content-Length")
	c.put("in a coding", get(c.serve(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: \u202e\u2028\r\n\r\n"))), "http", "answer of", "transfer encoding")
	c.put("in a redirect", get(c.serve(says("HTTP/1.1 302 Found\r\nLocation: http://[\u202e\u2028</script>\r\n\r\n"))), "http", "answer of", "Location")
	away := get(c.serve(says(moved("http://\u202eevil\u2028.example/<b>"))))
	away.HTTP.SameHost = true
	c.put("in a host", away, "http", "redirected to another host", "same-host")
	c.put("in a GOAWAY", second(get(c.serve(two(func(fr *http2.Framer, c net.Conn, _ uint32) {
		_ = fr.WriteGoAway(0, http2.ErrCode(0xffffffff), []byte(strings.Repeat(Nasty, 100)))
		hold(c)
	})))), "http", "127.0.0.1", "GOAWAY")
	c.put("in a cookie", get(c.web(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=\u202e\u2028\x9b31m", "\u202e=b"}
		_, _ = io.WriteString(w, "hi")
	}), "len(cookies) == 5"), "expect", "cookies", "was")
}

func second(m monitor.Monitor) monitor.Monitor {
	m.HTTP.Version = "2"
	return m
}
