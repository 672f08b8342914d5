package zoo

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // RFC 6455, 1.3
	"encoding/base64"
	"fmt"
	"net"
	"net/http"

	"github.com/sondehq/sonde/internal/monitor"
)

// opens opens a WebSocket, and goes on as f does.
func opens(f func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
		_, _ = fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]))
		f(c)
	}
}

// sockets is WebSockets.
func sockets(c *cage) {
	ask := func(f func(net.Conn)) monitor.Monitor {
		return monitor.Monitor{WebSocket: &monitor.WebSocket{URL: "ws://" + c.serve(f) + "/", Dialogue: []monitor.Turn{{Expect: "fine"}}}}
	}
	c.put("without upgrade", ask(says(ok)), "websocket", "", "the answer is HTTP 200, not 101")
	c.put("another key", ask(stops("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm8=\r\n\r\n")), "websocket", "", "another key")
	c.put("silent", ask(hold), "timeout", "", "")
	c.put("resets", ask(reset), "reset", "", "")
	c.put("silent when open", ask(opens(hold)), "timeout", "step 1", "")
	c.put("closes when open", ask(opens(func(net.Conn) {})), "reset", "step 1", "closed")
	c.put("closes with a reason that hurts", ask(opens(greets("\x88\x1b\x03\xf3\x1b[31m</script>\r\nBcc: x\r\n"+"123456"))), "websocket", "step 1", "closed with 1011")
	c.put("a frame of 4 EiB", ask(opens(greets("\x81\x7f\x40\x00\x00\x00\x00\x00\x00\x00"))), "websocket", "step 1", "more than 65536 bytes")
	c.put("pings without end", ask(opens(func(c net.Conn) { go hold(c); flood(c, "\x89\x00") })), "websocket", "step 1", "1000 frames")
	c.put("messages without end", ask(opens(func(c net.Conn) { go hold(c); flood(c, "\x81\x04what") })), "expect", "step 1", "1000 other messages")
	c.put("binary noise", ask(opens(greets(noise(500)))), "websocket", "step 1", "")
	c.put("headers without end", ask(floods("HTTP/1.1 101 Switching Protocols\r\n", "X-A: a\r\n")), "http", "answer of", "header is longer than 64 KiB")
}
