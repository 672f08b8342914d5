package probe_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// script is a server that says what it is told to, line by line: an odd text is
// read and must come, an even one is written.
func script(turns ...string) func(net.Conn) {
	return func(c net.Conn) {
		for i, turn := range turns {
			if i%2 == 0 {
				if _, err := io.WriteString(c, turn); err != nil {
					return
				}
				continue
			}
			got := make([]byte, len(turn))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != turn {
				return
			}
		}
		hold(c)
	}
}

func tcp(address string, steps ...monitor.Turn) monitor.Monitor {
	return monitor.Monitor{ID: "m", Private: true, TCP: &monitor.TCP{Address: address, Dialogue: steps}}
}

func TestDialogue(t *testing.T) {
	const short = 300 * time.Millisecond
	hello := monitor.Turn{Expect: "^220 "}
	ehlo := monitor.Turn{Send: "EHLO sonde\r\n", Expect: `^250 (?P<name>\S+)`}
	for _, c := range []struct {
		name    string
		server  func(net.Conn)
		steps   []monitor.Turn
		timeout time.Duration
		expect  string
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"no dialogue", hold, nil, 0, "", "up", "", ""},
		{"good", script("220 mx ESMTP\r\n", "EHLO sonde\r\n", "250-a\r\n250 mx.example\r\n"), []monitor.Turn{hello, ehlo}, 0,
			`captures.name == "mx.example" && banner == "220 mx ESMTP" && cert_days == 0`, "up", "", ""},
		{"bytes", script("", "\x00\xff", "\x05\x01"), []monitor.Turn{{SendHex: "00ff", ExpectHex: "01"}}, 0, "", "up", "", ""},
		{"wrong bytes", script("", "\x00\xff", "\x05\x02"), []monitor.Turn{{SendHex: "00ff", ExpectHex: "01"}}, short, "", "down", "timeout", "step 1: expected bytes 01, got bytes 0502"},
		{"send only", script("", "bye", "", ""), []monitor.Turn{{Send: "bye"}}, 0, "", "up", "", ""},
		{"wrong and closed", func(c net.Conn) { _, _ = io.WriteString(c, "554 go away\r\n") }, []monitor.Turn{hello}, 0, "", "down", "expect", `step 1: expected "^220 ", got "554 go away"`},
		{"closed", func(net.Conn) {}, []monitor.Turn{hello}, 0, "", "down", "reset", "got nothing: the connection was closed"},
		{"reset", reset, []monitor.Turn{hello}, 0, "", "down", "reset", "reset"},
		{"second step", script("220 mx\r\n", "EHLO sonde\r\n", "550 no\r\n"), []monitor.Turn{hello, ehlo}, short, "", "down", "timeout", "550 no"},
		{"silent", hold, []monitor.Turn{hello}, short, "", "down", "timeout", `timeout in step 1: expected "^220 ", got nothing`},
		{"not used twice", script("220 a\r\n"), []monitor.Turn{hello, hello}, short, "", "down", "timeout", "step 2"},
		{"endless", forever("", strings.Repeat("x", 5000)), []monitor.Turn{{Send: "GET / HTTP/1.0\r\n\r\n", Expect: "^220 "}}, 0, "", "down", "expect", "65536 bytes without it"},
		{"hostile", func(c net.Conn) { _, _ = io.WriteString(c, "\x1b[31m\u202e\r\n") }, []monitor.Turn{hello}, 0, "", "down", "expect", "bytes 1b5b33"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := tcp(serve(t, c.server), c.steps...)
			m.Timeout = c.timeout
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			want(t, run(t, m), c.outcome, c.kind, c.detail)
		})
	}
}

// TestCaptureInPieces: a name that comes in two packets is one name.
func TestCaptureInPieces(t *testing.T) {
	m := tcp(serve(t, func(c net.Conn) {
		_ = c.(*net.TCPConn).SetNoDelay(true)
		_, _ = io.WriteString(c, "250 mx.")
		_, _ = io.WriteString(c, "example\r\n")
		hold(c)
	}), monitor.Turn{Expect: `250 (?P<name>\S+)`})
	m.Expect = []string{`captures.name == "mx.example"`}
	want(t, run(t, m), "up", "", "")
}

func TestDialogueOverTLS(t *testing.T) {
	i := issue(t, issueOptions{names: []string{"127.0.0.1"}})
	address := serve(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{i.certificate}})
		_, _ = io.WriteString(s, "220 inside\r\n")
		hold(s)
	})
	m := tcp(address, monitor.Turn{Expect: "^220 inside"})
	m.TCP.TLS, m.TCP.CA = true, i.ca
	m.Expect = []string{"cert_days == 3"}
	want(t, run(t, m), "up", "", "")
	m.TCP.CA = issue(t, issueOptions{names: []string{"127.0.0.1"}}).ca
	r := run(t, m)
	want(t, r, "down", "certificate", "not trusted")
	if r.Certificate == nil {
		t.Error("no certificate")
	}
}

// TestDialogueSecret: what is sent is filled in, and hidden where it comes back.
func TestDialogueSecret(t *testing.T) {
	address := serve(t, func(c net.Conn) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		_, _ = io.WriteString(c, "500 unknown: "+line)
	})
	m := tcp(address, monitor.Turn{Send: "AUTH ${env:PASSWORD}\r\n", Expect: "^235"})
	m.Timeout = 5 * time.Second
	engine := probe.Steady(probe.New(probe.Env{Now: time.Now, Secret: func(context.Context, probe.Reference) (string, error) {
		return "hunter2hunter2", nil
	}}, probe.Options{}))
	r := engine.Run(t.Context(), []monitor.Check{{Monitor: m, Location: "here"}})[0]
	want(t, r, "down", "expect", "500 unknown: AUTH ***")
}

func TestUDP(t *testing.T) {
	server := func(answer string) string {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		go func() {
			in := make([]byte, 2000)
			for {
				n, from, err := c.ReadFrom(in)
				if err != nil {
					return
				}
				if answer != "" {
					_, _ = c.WriteTo([]byte(answer+string(in[:n])), from)
				}
			}
		}()
		return c.LocalAddr().String()
	}
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for _, c := range []struct {
		name, address    string
		send, hex, match string
		expect           string
		outcome          monitor.Outcome
		kind             monitor.FailureKind
		detail           string
	}{
		{"good", server("echo "), "hi", "", `^echo (?P<what>\w+)$`, `captures.what == "hi" && text == "echo hi"`, "up", "", ""},
		{"any answer", server("x"), "", "00ff", "", "", "up", "", ""},
		{"wrong", server("no "), "hi", "", "^yes", "", "down", "expect", `expected "^yes", got "no hi"`},
		{"silent", server(""), "hi", "", "", "", "down", "timeout", "waiting for an answer"},
		{"refused", closed.LocalAddr().String(), "hi", "", "", "", "down", "refused", "connection refused"},
		{"metadata", "169.254.169.254:53", "hi", "", "", "", "down", "blocked", "169.254.169.254"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := monitor.Monitor{Private: true, Timeout: 400 * time.Millisecond,
				UDP: &monitor.UDP{Address: c.address, Send: c.send, SendHex: c.hex, Expect: c.match}}
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			want(t, run(t, m), c.outcome, c.kind, c.detail)
		})
	}
}
