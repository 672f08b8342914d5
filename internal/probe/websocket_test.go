package probe_test

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/sondehq/sonde/internal/monitor"
)

// webSocket is a real server, which talks for as long as f does.
func webSocket(t *testing.T, f func(ctx context.Context, c *websocket.Conn)) string {
	t.Helper()
	return "ws" + strings.TrimPrefix(handled(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") == "wrong" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "no entry")
			return
		}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat.v2"}, InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		f(r.Context(), c)
	}), "http")
}

// echo says hello, then repeats what it hears.
func echo(ctx context.Context, c *websocket.Conn) {
	_ = c.Write(ctx, websocket.MessageText, []byte("hello 42"))
	for {
		kind, text, err := c.Read(ctx)
		if err != nil || c.Write(ctx, kind, text) != nil {
			return
		}
	}
}

// shut closes at once.
func shut(code websocket.StatusCode, why string) func(context.Context, *websocket.Conn) {
	return func(_ context.Context, c *websocket.Conn) { _ = c.Close(code, why) }
}

// acceptKey is what a server answers a key with (RFC 6455, 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestWebSocket(t *testing.T) {
	talk := webSocket(t, echo)
	turn := func(send, expect string) monitor.Turn { return monitor.Turn{Send: send, Expect: expect} }
	for _, c := range []struct {
		name    string
		w       monitor.WebSocket
		expect  string
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"open", monitor.WebSocket{URL: talk}, "status == 101", "up", "", ""},
		{"dialogue", monitor.WebSocket{URL: talk, Dialogue: []monitor.Turn{turn("", `^hello (?P<n>\d+)$`), turn("ping", "^ping$")}}, `captures.n == "42" && text == "ping"`, "up", "", ""},
		{"other messages are passed over", monitor.WebSocket{URL: talk, Dialogue: []monitor.Turn{turn("later", "^later$")}}, "", "up", "", ""},
		{"binary", monitor.WebSocket{URL: talk, Dialogue: []monitor.Turn{{SendHex: "00ff", ExpectHex: "00ff"}}}, "", "up", "", ""},
		{"long", monitor.WebSocket{URL: talk, Dialogue: []monitor.Turn{turn(strings.Repeat("x", 300), "^x{300}$"), turn(strings.Repeat("y", 16000), "^y")}}, "", "up", "", ""},
		{"subprotocol", monitor.WebSocket{URL: talk, Subprotocols: []string{"chat.v1", "chat.v2"}}, `subprotocol == "chat.v2"`, "up", "", ""},
		{"no subprotocol", monitor.WebSocket{URL: talk, Subprotocols: []string{"chat.v1"}}, "", "down", "websocket", "chose none of the subprotocols chat.v1"},
		{"the server answers our close", monitor.WebSocket{URL: talk}, "close_code == 1000", "up", "", ""},
		{"the server closes", monitor.WebSocket{URL: webSocket(t, shut(1001, "going")), CloseCode: 1001}, "close_code == 1001", "up", "", ""},
		{"with another code", monitor.WebSocket{URL: webSocket(t, shut(1011, "boom\x1b[31m")), CloseCode: 1000}, "", "down", "websocket", "the server closed with 1011: boom [31m, expected 1000"},
		{"in the middle", monitor.WebSocket{URL: webSocket(t, shut(1013, "later")), Dialogue: []monitor.Turn{turn("hi", "hi")}}, "", "down", "websocket", "step 1: expected \"hi\", and the server closed with 1013: later"},
		{"does not close", monitor.WebSocket{URL: talk, CloseCode: 1000}, "", "down", "timeout", "waiting for the server to close with 1000"},
		{"never says it", monitor.WebSocket{URL: talk, Dialogue: []monitor.Turn{turn("", "goodbye")}}, "", "down", "timeout", `step 1: waiting for "goodbye"; last "hello 42"`},
		{"denied", monitor.WebSocket{URL: talk, Headers: map[string]string{"X-Key": "wrong"}}, "", "down", "websocket", "the answer is HTTP 403, not 101"},
		{"no WebSocket", monitor.WebSocket{URL: "ws" + strings.TrimPrefix(handled(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }), "http")}, "", "down", "websocket", "the answer is HTTP 200, not 101"},
		{"wrong key", monitor.WebSocket{URL: "ws://" + serve(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm8=\r\n\r\n")
			hold(c)
		})}, "", "down", "websocket", "accepts another key"},
		{"cut off", monitor.WebSocket{URL: "ws://" + serve(t, func(c net.Conn) { readRequest(c); reset(c) })}, "", "down", "reset", ""},
		{"refused", monitor.WebSocket{URL: "ws://" + closedPort(t)}, "", "down", "refused", ""},
		{"TLS where none is", monitor.WebSocket{URL: "wss" + strings.TrimPrefix(talk, "ws")}, "", "down", "tls", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := monitor.Monitor{Private: true, Timeout: 2 * time.Second, WebSocket: &c.w}
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			r := run(t, m)
			want(t, r, c.outcome, c.kind, c.detail)
			if r.Failure != nil {
				clean(t, r.Failure.Detail)
			} else if r.Timing.Connect == 0 || r.Timing.TTFB == 0 {
				t.Errorf("timing %+v", r.Timing)
			}
		})
	}
}

// TestWebSocketFrames: servers that break the protocol.
func TestWebSocketFrames(t *testing.T) {
	for _, c := range []struct {
		name, frames, detail string
		kind                 monitor.FailureKind
	}{
		{"masked", "\x81\x82\x00\x00\x00\x00hi", "is masked", "websocket"},
		{"reserved bits", "\xc1\x02hi", "bits that are reserved", "websocket"},
		{"unknown kind", "\x83\x02hi", "the unknown kind 3", "websocket"},
		{"long ping", "\x89\x7e\x00\x80" + strings.Repeat("x", 128), "control frame is too long", "websocket"},
		{"4 EiB", "\x81\x7f\x40\x00\x00\x00\x00\x00\x00\x00", "more than 65536 bytes", "websocket"},
		{"goes on without a beginning", "\x80\x02hi", "went on without one", "websocket"},
		{"begins inside another", "\x01\x02hi\x81\x02hi", "began inside another", "websocket"},
		{"pings without end", strings.Repeat("\x89\x00", 1001), "1000 frames in a row", "websocket"},
		{"empty parts without end", "\x01\x00" + strings.Repeat("\x00\x00", 1001), "1000 frames in a row", "websocket"},
		{"half a frame", "\x81\x05hi", "closed", "reset"},
		{"in parts, with a ping between", "\x01\x02wa\x89\x00\x80\x03nte", "", ""},
		{"closed without a code", "\x88\x00", "closed with 1005", "websocket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := "ws://" + serve(t, func(conn net.Conn) {
				key := ""
				head := make([]byte, 4096)
				n, _ := conn.Read(head)
				for line := range strings.SplitSeq(string(head[:n]), "\r\n") {
					if name, value, _ := strings.Cut(line, ": "); strings.EqualFold(name, "Sec-WebSocket-Key") {
						key = value
					}
				}
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n%s", acceptKey(key), c.frames)
				if c.kind == "reset" {
					return
				}
				hold(conn)
			})
			r := run(t, monitor.Monitor{Private: true, Timeout: 2 * time.Second, WebSocket: &monitor.WebSocket{URL: url, Dialogue: []monitor.Turn{{Expect: "wante"}}}})
			if c.kind == "" {
				want(t, r, "up", "", "")
				return
			}
			want(t, r, "down", c.kind, c.detail)
		})
	}
}
