package zoo

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// tokens is OAuth 2 token endpoints.
func tokens(c *cage) {
	api := c.web(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("Authorization")) })
	ask := func(target, endpoint string) monitor.Monitor {
		m := get(target)
		m.HTTP.Auth = &monitor.Auth{OAuth2: &monitor.OAuth2{TokenURL: "http://" + endpoint + "/token", ClientID: "zoo", ClientSecret: "sesame-shut"}}
		return m
	}
	by := func(f func(net.Conn)) monitor.Monitor { return ask(api, c.serve(f)) }
	answer := func(status int, body string) monitor.Monitor {
		return ask(api, c.web(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, body) }))
	}
	c.put("refuses", ask(api, c.closed()), "refused", "token: connect to", "")
	c.put("silent", by(hold), "timeout", "token: timeout in", "first byte")
	c.put("resets", by(reset), "reset", "token: ", "")
	c.put("says no", answer(401, `{"error":"invalid_client"}`), "http", "token: the endpoint answers 401", "invalid_client")
	c.put("says no, and hurts", answer(400, `{"error":"\u001b[31m</script>\r\nBcc: x`+strings.Repeat("long", 1000)+`"}`), "http", "token: the endpoint answers 400", "")
	c.put("a page", answer(200, "<html>login"), "body", "token: ", "no access_token")
	c.put("no token", answer(200, `{"token_type":"bearer"}`), "body", "token: ", "no access_token")
	c.put("a token of another type", answer(200, `{"access_token":"x","token_type":"mac\u001b[31m"}`), "body", "token: ", "not bearer")
	c.put("a token that breaks a header", answer(200, `{"access_token":"x\r\nX-Evil: 1"}`), "body", "token: ", "cannot be sent")
	c.put("a token that is too long", answer(200, fmt.Sprintf(`{"access_token":%q}`, strings.Repeat("a", 40_000))), "body", "token: ", "longer than")
	c.put("an answer without end", by(floods("HTTP/1.1 200 OK\r\n\r\n", "a")), "body", "token: ", "no access_token")
	c.put("headers without end", by(floods("HTTP/1.1 200 OK\r\n", "X-A: a\r\n")), "http", "token: answer of", "header is longer than 64 KiB")
	c.put("switches protocols", by(stops("HTTP/1.1 101 Switching Protocols\r\nUpgrade: chaos\r\nConnection: upgrade\r\n\r\n")), "http", "token: answer of", "101")
	c.put("redirects", by(says(moved("http://127.0.0.1:1/"))), "http", "token: the endpoint answers 302", "")
	c.put("a life beyond all", answer(200, `{"access_token":"sesame-open","expires_in":1e400}`), "", "", "")
	// The target knows what is looked for in its answer, and makes that dear.
	same := c.web(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"a":"`+strings.Repeat("a", 900_000)+`"}`)
	})
	dear := ask(same, c.web(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"access_token":%q}`, strings.Repeat("a", 8_000)+"b")
	}))
	dear.Expect = []string{`text == "fine" || body.a == "fine"`}
	c.put("a token that is dear to hide", dear, "expect", "text", "was")
	pieces := ask(same, c.web(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"access_token":%q}`, strings.Repeat("aaaaaaaa%41.;,&", 500))
	}))
	pieces.Expect = dear.Expect
	c.put("a token of many pieces", pieces, "expect", "text", "was")
}
