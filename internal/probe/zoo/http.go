package zoo

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// get asks for the root of an address, without TLS.
func get(address string, expect ...string) monitor.Monitor {
	return monitor.Monitor{Expect: expect, HTTP: &monitor.HTTP{URL: "http://" + address + "/", Method: "GET", MaxRedirects: 5, MaxBody: 1 << 20}}
}

// readRequest reads a request with its body.
func readRequest(c net.Conn) {
	if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

// says reads a request, answers with a text, and hangs up. It hears the client
// out: what was not read would make a reset of the end.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, text)
		_ = c.(*net.TCPConn).CloseWrite()
		hold(c)
	}
}

// stops reads a request, answers with a text, and stays silent.
func stops(text string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, text)
		hold(c)
	}
}

// floods reads a request, and answers with a head, then a piece for ever.
func floods(head, piece string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, head)
		flood(c, piece)
	}
}

// connections is what goes wrong before there is a body.
func connections(c *cage) {
	at := func(f func(net.Conn)) monitor.Monitor { return get(c.serve(f)) }
	c.put("refuses", get(c.closed()), "refused", "connect to", "connection refused")
	c.put("resets at accept", at(reset), "reset", "127.0.0.1", "")
	c.put("closes without an answer", at(says("")), "reset", "waiting for the first byte", "closed")
	c.put("never answers", at(hold), "timeout", "waiting for the first byte", "")
	c.put("resets mid-header", at(resets("HTTP/1.1 200 OK\r\nX-A: ")), "reset", "answer of", "")
	c.put("closes mid-header", at(says("HTTP/1.1 200 OK\r\nX-A: ")), "reset", "answer of", "closed")
	c.put("stops mid-header", at(stops("HTTP/1.1 200 OK\r\nX-A: ")), "timeout", "answer of", "")
	c.put("stops mid-status", at(stops("HTTP/1.1 2")), "timeout", "answer of", "")
	c.put("trickles its header", at(func(c net.Conn) { readRequest(c); trickle(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }), "timeout", "answer of", "")
	c.put("half-closed before the request", at(func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite(); hold(c) }), "reset", "127.0.0.1", "closed")
	c.put("half-closed mid-header", at(func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		_ = c.(*net.TCPConn).CloseWrite()
		hold(c)
	}), "reset", "answer of", "closed")
	c.put("reads nothing", post(c.serve(func(net.Conn) { time.Sleep(2 * Soon) })), "timeout", "127.0.0.1", "")
	c.put("endless headers", at(floods("HTTP/1.1 200 OK\r\n", "X-A: "+strings.Repeat("a", 1000)+"\r\n")), "http", "answer of", "header is longer than 64 KiB")
	c.put("endless header line", at(floods("HTTP/1.1 200 OK\r\nX-A: ", "a")), "http", "answer of", "header is longer than 64 KiB")
	c.put("endless small headers", at(floods("HTTP/1.1 200 OK\r\n", "A:\r\n")), "http", "answer of", "header is longer than 64 KiB")
	c.put("endless status line", at(floods("HTTP/1.1 200 ", "a")), "http", "answer of", "header is longer than 64 KiB")
	c.put("storm of 103", at(floods("", "HTTP/1.1 103 Early Hints\r\n\r\n")), "http", "answer of", "")
	c.put("storm of 100", at(floods("", "HTTP/1.1 100 Continue\r\nX-A: a\r\n\r\n")), "http", "answer of", "")
	c.put("storm of 199", at(floods("", "HTTP/1.1 199 What\r\nX-A: "+strings.Repeat("a", 500)+"\r\n\r\n")), "http", "answer of", "")
	c.put("a few 103 first", at(says(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 3)+ok)), "", "", "")
	c.put("switches protocols unasked", at(stops("HTTP/1.1 101 Switching Protocols\r\nUpgrade: chaos\r\nConnection: upgrade\r\n\r\n")), "http", "answer of", "101")
	c.put("answers before it is asked", at(func(c net.Conn) { _, _ = io.WriteString(c, "220 mail\r\n"); hold(c) }), "http", "127.0.0.1", "")
	c.put("TLS on a plain port", at(says("\x15\x03\x01\x00\x02\x02\x46")), "http", "answer of", "malformed")
	c.put("SSH on a plain port", at(says("SSH-2.0-\x1b[31mx\r\n")), "http", "answer of", "malformed")
	c.put("HTTP/0.9", at(says("<html>hello</html>")), "http", "answer of", "malformed")
	c.put("HTTP/9.9", at(says("HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n")), "", "", "")
	c.put("binary noise", at(says(noise(2000))), "http", "answer of", "malformed")
	c.put("a status of six digits", at(says("HTTP/1.1 200000 OK\r\n\r\n")), "http", "answer of", "malformed")
	c.put("a status below 100", at(says("HTTP/1.1 -20 OK\r\n\r\n")), "http", "answer of", "malformed")
	c.put("two lengths", at(says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk")), "http", "answer of", "Content-Length")
	c.put("a length below zero", at(says("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok")), "http", "answer of", "Content-Length")
	c.put("a length beyond 64 bits", at(says("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nok")), "http", "answer of", "Content-Length")
	c.put("a transfer coding of its own", at(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: "+"chaos\r\n\r\nok")), "http", "answer of", "")
	c.put("a header without a colon", at(says("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n")), "http", "answer of", "malformed")
	c.put("a header with NUL", at(says("HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n\r\n")), "http", "answer of", "malformed")
	c.put("a header of broken UTF-8", get(c.serve(says("HTTP/1.1 200 OK\r\nX-A: \xff\xfe\u202e\r\nContent-Length: 0\r\n\r\n")), `headers["x-a"] == ""`),
		"expect", "headers", "was")
	c.put("a flood of cookies", get(c.serve(says("HTTP/1.1 200 OK\r\n"+cookies(1000)+"Content-Length: 0\r\n\r\n")), "len(cookies) == 1"), "expect", "cookies", "c0:")
	c.put("header injection by a bare CR", get(c.serve(says("HTTP/1.1 200 OK\r\nX-A: a\rX-B: b\r\nContent-Length: 0\r\n\r\n")), `headers["x-b"] == "b"`),
		"http", "answer of", "malformed")
}

// resets answers with a text, and resets the connection behind it.
func resets(text string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, text)
		reset(c)
	}
}

// noise is bytes of every kind, always the same.
func noise(n int) string {
	out := make([]byte, n)
	for i, x := 0, uint32(1); i < n; i++ {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return "\x00\xff\x1b" + string(out)
}

func cookies(n int) string {
	var out strings.Builder
	for i := range n {
		_, _ = fmt.Fprintf(&out, "Set-Cookie: c%d=%s\r\n", i, strings.Repeat("x", 20))
	}
	return out.String()
}

// post sends more than the buffers of a connection hold.
func post(address string) monitor.Monitor {
	m := get(address)
	m.HTTP.Method, m.HTTP.Body = "POST", strings.Repeat("a", 4<<20)
	return m
}
