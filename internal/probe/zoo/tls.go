package zoo

import (
	"crypto/tls"
	"io"
	"net"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// hears reads a client's hello, says something and hangs up when the client does.
func hears(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 16<<10))
		_, _ = io.WriteString(c, text)
		hold(c)
	}
}

// handshakes is TLS that does not come about.
func handshakes(c *cage) {
	root := c.sign(nil, authority("root"))
	good := shown(c.sign(root, leaf()))
	const phase = "TLS hand-shake with 127.0.0.1"
	hello := func(name string, f func(net.Conn), kind monitor.FailureKind, says string) {
		c.both(name, c.serve(f), root.pem(), kind, phase, says)
	}
	with := func(name string, change func(*tls.Config), kind monitor.FailureKind, says string) {
		s := settings(good)
		change(s)
		c.both(name, c.secure(s), root.pem(), kind, phase, says)
	}
	hello("alert", hears("\x15\x03\x03\x00\x02\x02\x28"), "tls", "alert: handshake failure")
	hello("alert of no meaning", hears("\x15\x03\x03\x00\x02\x02\xee"), "tls", "alert")
	hello("warnings without end", func(c net.Conn) { go hold(c); flood(c, "\x15\x03\x03\x00\x02\x01\x5a") }, "tls", "")
	hello("SNI refused", hears("\x15\x03\x03\x00\x02\x02\x70"), "tls", "unrecognized name")
	with("TLS 1.0 only", func(s *tls.Config) { s.MinVersion, s.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }, "tls", "version")
	with("TLS 1.1 only", func(s *tls.Config) { s.MinVersion, s.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }, "tls", "version")
	with("no certificate at all", func(s *tls.Config) { s.Certificates = nil; s.GetCertificate = nil }, "tls", "alert")
	hello("SSL 3", hears("\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00"+strings.Repeat("x", 36)), "tls", "")
	hello("plain HTTP", hears("HTTP/1.1 400 Bad Request\r\n\r\n"), "tls", "not TLS")
	hello("plain SMTP", hears("220 mail ESMTP\r\n"), "tls", "not TLS")
	hello("binary noise", hears(noise(3000)), "tls", "not TLS")
	hello("a record of garbage", hears("\x16\x03\x03\x00\x05\xff\xff\xff\xff\xff"), "tls", "")
	hello("a record that is too long", hears("\x16\x03\x03\xff\xff"+strings.Repeat("x", 100)), "tls", "")
	hello("a hello that is too long", hears("\x16\x03\x03\x40\x00\x02\xff\xff\xff"+strings.Repeat("x", 1<<14)), "tls", "")
	hello("empty records without end", func(c net.Conn) { go hold(c); flood(c, "\x16\x03\x03\x00\x00") }, "tls", "")
	hello("closes at the hello", func(c net.Conn) { _, _ = c.Read(make([]byte, 16<<10)) }, "reset", "")
	hello("resets at the hello", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); reset(c) }, "reset", "")
	hello("silent at the hello", hold, "timeout", "")
	hello("trickles its hello", func(c net.Conn) { go hold(c); trickle(c, "\x16\x03\x03\x00\x80\x02\x00\x00\x7c\x03\x03") }, "timeout", "")
	demanding := settings(good)
	demanding.ClientAuth = tls.RequireAnyClientCert
	c.put("demands a certificate", monitor.Monitor{TLS: &monitor.TLS{Address: c.secure(demanding), CA: root.pem()}}, "tls", phase, "set client_cert")
	c.put("TLS under a dialogue that is plain", monitor.Monitor{TCP: &monitor.TCP{Address: c.serve(hears("220 mail\r\n")), TLS: true, CA: root.pem(),
		Dialogue: []monitor.Turn{{Expect: "220"}}}}, "tls", phase, "not TLS")
	stall := get(c.serve(func(conn net.Conn) {
		s := tls.Server(conn, settings(good))
		if s.Handshake() == nil {
			hold(s)
		}
	}))
	stall.HTTP.URL, stall.HTTP.CA = strings.Replace(stall.HTTP.URL, "http:", "https:", 1), root.pem()
	c.put("silent after the hand-shake", stall, "timeout", "waiting for the first byte", "")
}
