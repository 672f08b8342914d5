package zoo

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"net"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

// zipped is a text in gzip, more than once where asked for.
func zipped(text string, times int) string {
	for range times {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		text = b.String()
	}
	return text
}

// deflated is a text in bare DEFLATE.
func deflated(text string) string {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestCompression) // the level is one there is
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// encoded is an answer with a body in some encoding.
func encoded(encoding, body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", encoding, len(body), body)
}

// bodies is what goes wrong behind a good header.
func bodies(c *cage) {
	at := func(f func(net.Conn), expect ...string) monitor.Monitor { return get(c.serve(f), expect...) }
	small := func(m monitor.Monitor) monitor.Monitor {
		m.HTTP.MaxBody = 64 << 10
		return m
	}
	zeros := strings.Repeat("\x00", 64<<20)
	c.put("resets mid-body", at(resets("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")), "reset", "body after 3 bytes", "reset")
	c.put("closes mid-body", at(says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")), "body", "body after 3 bytes", "broke off")
	c.put("stops mid-body", at(stops("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")), "timeout", "body after 3 bytes", "")
	c.put("trickles its body", at(func(c net.Conn) { readRequest(c); trickle(c, "HTTP/1.1 200 OK\r\n\r\n"[:0]); stopsAfter(c) }), "timeout", "body after", "")
	c.put("less than its length", at(says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc")), "body", "body after 3 bytes", "broke off")
	c.put("more than its length", at(says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef"), `text == "abc"`), "", "", "")
	c.put("4 GiB declared, none sent", at(stops("HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n")), "timeout", "body after 0 bytes", "")
	c.put("4 GiB declared, and broken off", at(says("HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\nabc")), "body", "body after 3 bytes", "broke off")
	c.put("4 GiB declared, and sent", at(floods("HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n", "a")), "", "", "")
	c.put("endless body", at(floods("HTTP/1.1 200 OK\r\n\r\n", "a"), "len(text) == 65536"), "", "", "")
	c.put("endless body with a gap", at(func(c net.Conn) { readRequest(c); _, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\nabc")); hold(c) }), "timeout", "body after 3 bytes", "")
	c.put("a body with 204", at(says("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"), `text == ""`), "", "", "")
	c.put("a chunk that has no size", at(says(chunked+"zz\r\nabc")), "body", "body after 0 bytes", "chunk")
	c.put("a chunk that is cut off", at(says(chunked+"9\r\nabc")), "body", "body after 3 bytes", "broke off")
	c.put("a chunk that is longer than it says", at(says(chunked+"3\r\nabcdef\r\n0\r\n\r\n")), "body", "body after 3 bytes", "chunk")
	c.put("a chunk beyond 64 bits", at(says(chunked+"FFFFFFFFFFFFFFFFFF\r\nabc")), "body", "body after 0 bytes", "chunk")
	c.put("chunks without an end", at(says(chunked+"3\r\nabc\r\n")), "body", "body after 3 bytes", "broke off")
	c.put("endless chunks of one byte", small(at(floods(chunked, "1\r\na\r\n"))), "", "", "")
	c.put("an endless size of a chunk", at(floods(chunked, "0")), "body", "body after 0 bytes", "")
	c.put("endless trailers", at(floods(chunked+"0\r\n", "X-A: a\r\n")), "body", "body after 0 bytes", "trailer")
	c.put("gzip bomb", at(says(encoded("gzip", zipped(zeros, 1)))), "body", "body after 1048576 bytes", "bomb")
	c.put("gzip bomb in gzip", at(says(encoded("gzip", zipped(zeros, 3)))), "", "", "")
	c.put("deflate bomb", at(says(encoded("deflate", deflated(zeros)))), "body", "body after 1048576 bytes", "bomb")
	c.put("two encodings", at(says(encoded("gzip, gzip", zipped("hello", 2)))), "", "", "")
	c.put("gzip that is none", at(says(encoded("gzip", "not gzip abc"))), "body", "body after 0 bytes", "gzip")
	c.put("gzip that is cut off", at(says(encoded("gzip", zipped(noise(9000), 1)[:4000]))), "body", "body after", "broke off")
	c.put("gzip with a wrong checksum", at(says(encoded("gzip", zipped("hello", 1)[:20]+"\xff\xff\xff\xff\xff\xff\xff\xff"))), "body", "body after", "")
	c.put("an endless header of gzip", at(floods("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff", "a")), "body", "body after 0 bytes", "gzip")
	c.put("endless empty members of gzip", at(floods("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", zipped("", 1))), "timeout", "body after 0 bytes", "")
	c.put("deflate that is none", at(says(encoded("deflate", "\xff\xff\xff\xff"))), "body", "body after 0 bytes", "")
	c.put("an encoding nobody asked for", at(says(encoded("br", "\x8b\x02\x80"))), "", "", "")
}

func stopsAfter(c net.Conn) {
	_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"))
	trickle(c, strings.Repeat("a", 99))
}
