package zoo

import (
	"io"
	"net"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// greets says something and stays.
func greets(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text); hold(c) }
}

// dialogues is TCP that says something else.
func dialogues(c *cage) {
	tcp := func(f func(net.Conn), turns ...monitor.Turn) monitor.Monitor {
		if len(turns) == 0 {
			turns = []monitor.Turn{{Expect: "^220 "}}
		}
		return monitor.Monitor{TCP: &monitor.TCP{Address: c.serve(f), Dialogue: turns}}
	}
	c.put("refuses", monitor.Monitor{TCP: &monitor.TCP{Address: c.closed()}}, "refused", "connect to 127.0.0.1", "connection refused")
	c.put("resets at accept", tcp(reset), "reset", "", "")
	c.put("closes", tcp(func(net.Conn) {}), "reset", "step 1", "got nothing")
	c.put("silent", tcp(hold), "timeout", "step 1", "got nothing")
	c.put("trickles", tcp(func(c net.Conn) { trickle(c, "220 mail\r\n") }), "timeout", "step 1", "got")
	c.put("another banner", tcp(func(c net.Conn) { _, _ = io.WriteString(c, "554 go away\r\n") }), "expect", "step 1", "554 go away")
	c.put("a banner of binary noise", tcp(func(c net.Conn) { _, _ = io.WriteString(c, noise(300)) }), "expect", "step 1", "bytes 00ff1b")
	c.put("a banner that hurts", tcp(func(c net.Conn) { _, _ = io.WriteString(c, Nasty) }), "expect", "step 1", "bytes 1b5b")
	c.put("a banner without end", tcp(func(c net.Conn) { flood(c, "a") }), "expect", "step 1", "65536 bytes without it")
	c.put("lines without end", tcp(func(c net.Conn) { flood(c, "22\n") }), "expect", "step 1", "65536 bytes without it")
	c.put("bytes one by one without end", tcp(func(c net.Conn) {
		quickly(func() error { _, err := c.Write([]byte("a")); return err })
	}), "expect", "step 1", "more than 1000 pieces")
	c.put("the second answer is wrong", tcp(func(c net.Conn) {
		_, _ = io.WriteString(c, "220 mail\r\n")
		_, _ = c.Read(make([]byte, 100))
		_, _ = io.WriteString(c, "502 what\r\n")
	}, monitor.Turn{Expect: "^220 "}, monitor.Turn{Send: "EHLO x\r\n", Expect: "^250 "}), "expect", "step 2", "502 what")
	c.put("resets in the middle", tcp(func(c net.Conn) {
		_, _ = io.WriteString(c, "220 mail\r\n")
		_, _ = c.Read(make([]byte, 100))
		reset(c)
	}, monitor.Turn{Expect: "^220 "}, monitor.Turn{Send: "EHLO x\r\n", Expect: "^250 "}), "reset", "step 2", "reset")
	hurt := tcp(greets("220 "+Nasty+"\r\n"), monitor.Turn{Expect: `^220 (?P<rest>(?s:.*))`})
	hurt.Expect = []string{`captures.rest == "fine" && banner == "fine"`}
	c.put("a capture that hurts", hurt, "expect", "captures", "was")
	long := tcp(func(c net.Conn) { flood(c, "a") }, monitor.Turn{Expect: `(?P<all>a+)`})
	long.Expect = []string{`len(captures.all) < 10`}
	c.put("a capture without end", long, "expect", "captures", "aaaa")
	c.put("a pattern that is slow elsewhere", tcp(func(c net.Conn) { _, _ = io.WriteString(c, strings.Repeat("a", 60_000)) },
		monitor.Turn{Expect: `^(a+)+$b`}), "expect", "step 1", "")
}

// datagrams is UDP.
func datagrams(c *cage) {
	udp := func(f func(pc net.PacketConn, from net.Addr), expect string) monitor.Monitor {
		return monitor.Monitor{UDP: &monitor.UDP{Address: c.hear(func(pc net.PacketConn, from net.Addr, _ []byte) { f(pc, from) }), Send: "ping", Expect: expect}}
	}
	answer := func(text string) func(net.PacketConn, net.Addr) {
		return func(pc net.PacketConn, from net.Addr) { _, _ = pc.WriteTo([]byte(text), from) }
	}
	// A socket that hears one peer only.
	gone, err := net.Dial("udp", c.hear(func(net.PacketConn, net.Addr, []byte) {}))
	c.must(err)
	c.Cleanup(func() { _ = gone.Close() })
	c.put("refuses", monitor.Monitor{UDP: &monitor.UDP{Address: gone.LocalAddr().String(), Send: "ping"}}, "refused", "waiting for an answer", "connection refused")
	c.put("silent", udp(func(net.PacketConn, net.Addr) {}, ""), "timeout", "waiting for an answer", "")
	c.put("another answer", udp(answer("what"), "^pong$"), "expect", "", `expected "^pong$", got "what"`)
	c.put("an empty answer", udp(answer(""), "^pong$"), "expect", "", "got nothing")
	c.put("binary noise", udp(answer(noise(500)), "^pong$"), "expect", "", "bytes 00ff1b")
	c.put("an answer that hurts", udp(answer(Nasty), "^pong$"), "expect", "", "bytes 1b5b")
	c.put("as much as there can be", udp(answer(strings.Repeat("a", 60_000)), "^pong$"), "expect", "", "aaaa")
	c.put("answers without end", udp(func(pc net.PacketConn, from net.Addr) {
		for range 1000 {
			_, _ = pc.WriteTo([]byte("what"), from)
		}
	}, "^pong$"), "expect", "", "what")
	c.put("an answer from elsewhere", udp(func(_ net.PacketConn, from net.Addr) {
		if other, err := net.ListenPacket("udp", "127.0.0.1:0"); err == nil {
			_, _ = other.WriteTo([]byte("pong"), from)
			_ = other.Close()
		}
	}, "^pong$"), "timeout", "waiting for an answer", "")
}

// hear takes datagrams, and returns the address.
func (c *cage) hear(f func(pc net.PacketConn, from net.Addr, said []byte)) string {
	c.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	c.must(err)
	c.Cleanup(func() { _ = pc.Close() })
	go func() {
		for {
			said := make([]byte, 64<<10)
			n, from, err := pc.ReadFrom(said)
			if err != nil {
				return
			}
			f(pc, from, said[:n])
		}
	}()
	return pc.LocalAddr().String()
}

func tenth() <-chan time.Time { return time.After(100 * time.Millisecond) }
