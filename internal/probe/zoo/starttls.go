package zoo

import (
	"io"
	"net"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// turns says the texts in turn, each but the first after something was heard, and
// stays.
func turns(texts ...string) func(net.Conn) {
	return func(c net.Conn) {
		for i, text := range texts {
			if i > 0 {
				if _, err := c.Read(make([]byte, 4096)); err != nil {
					return
				}
			}
			_, _ = io.WriteString(c, text)
		}
		hold(c)
	}
}

// upgrades is dialogues that do not lead to TLS.
func upgrades(c *cage) {
	put := func(name, protocol string, f func(net.Conn), kind monitor.FailureKind, says string) {
		m := monitor.Monitor{TLS: &monitor.TLS{Address: c.serve(f), StartTLS: protocol, CA: c.sign(nil, authority("root")).pem()}}
		c.put(protocol+" "+name, m, kind, "STARTTLS over "+protocol, says)
	}
	const offered = "250-mx\r\n250 STARTTLS\r\n"
	put("without STARTTLS", "smtp", turns("220 mx\r\n", "250-mx\r\n250 HELP\r\n"), "tls", "does not offer STARTTLS")
	put("is busy", "smtp", turns("421 too many "+Nasty+"\r\n"), "tls", "expected 220")
	put("offers and refuses", "smtp", turns("220 mx\r\n", offered, "454 not now\r\n"), "tls", "454 not now")
	put("slips something in", "smtp", turns("220 mx\r\n", offered, "220 go\r\n250 injected\r\n"), "tls", "more in plain text")
	put("silent", "smtp", hold, "timeout", "")
	put("lines without end", "smtp", func(c net.Conn) { flood(c, "220-mx\r\n") }, "tls", "more than 200 lines")
	put("a line without end", "smtp", func(c net.Conn) { flood(c, "2") }, "tls", "more than 8192 bytes")
	put("hangs up", "smtp", func(c net.Conn) { _, _ = io.WriteString(c, "220 mx\r\n") }, "reset", "")
	put("without STARTTLS", "imap", turns("* OK\r\n", "* CAPABILITY IMAP4rev1\r\ns1 OK\r\n"), "tls", "does not offer STARTTLS")
	put("says goodbye", "imap", turns("* BYE "+Nasty+"\r\n"), "tls", "")
	put("without STLS", "pop3", turns("+OK\r\n", "+OK\r\nTOP\r\n.\r\n"), "tls", "does not offer STARTTLS")
	put("a list without end", "pop3", turns("+OK\r\n", "+OK\r\n"+strings.Repeat("TOP\r\n", 300)), "tls", "more than 200 lines")
	put("says no", "pop3", turns("-ERR "+Nasty+"\r\n"), "tls", "")
	put("knows no AUTH", "ftp", turns("220 ready\r\n", "500 what\r\n"), "tls", "does not offer STARTTLS")
	put("says no", "ldap", turns("", "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"), "tls", "")
	put("4 GiB declared", "ldap", turns("", "\x30\x84\xff\xff\xff\xff\x02\x01\x01"), "tls", "")
	put("a length without end", "ldap", turns("", "\x30\xff"+strings.Repeat("\xff", 200)), "tls", "")
	put("binary noise", "ldap", turns("", noise(500)), "tls", "")
	put("says no", "postgres", turns("", "N"), "tls", "does not offer STARTTLS")
	put("an error", "postgres", turns("", "E\x00\x00\xff\xffSFATAL\x00M"+Nasty), "tls", "")
	put("slips something in", "postgres", turns("", "SR\x00\x00\x00\x08\x00\x00\x00\x00"), "tls", "more in plain text")
	put("without TLS", "mysql", turns(mysqlHello("\xff\xf7")), "tls", "does not offer STARTTLS")
	put("an error", "mysql", turns("\x1c\x00\x00\x00\xff\x10\x04Too many\x1b[31m connections"), "tls", "")
	put("16 MiB declared", "mysql", turns("\xff\xff\xff\x00\x0a8.4"), "tls", "")
	put("binary noise", "mysql", turns(noise(500)), "tls", "")
	agreed := monitor.Monitor{TLS: &monitor.TLS{Address: c.serve(turns("220 mx\r\n", offered, "220 go\r\n", "250 what\r\n")), StartTLS: "smtp"}}
	c.put("smtp agrees and stays plain", agreed, "tls", "TLS hand-shake", "not TLS")
}

// mysqlHello is a first packet of MySQL with or without the flag CLIENT_SSL.
func mysqlHello(flags string) string {
	body := "\x0a8.4.0\x00" + "\x01\x00\x00\x00" + "12345678\x00" + flags + "\x2d\x02\x00\xff\xdf\x15" + strings.Repeat("\x00", 10) + "123456789012\x00"
	return string([]byte{byte(len(body)), 0, 0, 0}) + body
}

// shells is SSH.
func shells(c *cage) {
	ssh := func(f func(net.Conn)) monitor.Monitor { return monitor.Monitor{SSH: &monitor.SSH{Address: c.serve(f)}} }
	const phase = "SSH key exchange with"
	c.put("refuses", monitor.Monitor{SSH: &monitor.SSH{Address: c.closed()}}, "refused", "connect to", "")
	c.put("silent", ssh(hold), "timeout", phase, "")
	c.put("stops behind its banner", ssh(greets("SSH-2.0-x\r\n")), "timeout", phase, "")
	c.put("closes behind its banner", ssh(turns("SSH-2.0-x\r\n"+"")), "timeout", phase, "")
	c.put("hangs up", ssh(func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n"); _, _ = c.Read(make([]byte, 1)) }), "reset", phase, "")
	c.put("speaks HTTP", ssh(func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), "ssh", phase, "not SSH")
	c.put("version 1", ssh(greets("SSH-1.5-x\r\n")), "ssh", phase, "does not speak SSH 2.0")
	c.put("a banner that hurts", ssh(func(c net.Conn) { _, _ = io.WriteString(c, Nasty+"\r\n") }), "ssh", phase, "not SSH")
	c.put("a banner without end", ssh(func(c net.Conn) { flood(c, "SSH") }), "ssh", phase, "")
	c.put("lines without end", ssh(func(c net.Conn) { flood(c, "hello\r\n") }), "ssh", phase, "")
	c.put("a packet of 4 GiB", ssh(greets("SSH-2.0-x\r\n\xff\xff\xff\xff\x04")), "ssh", phase, "a packet of")
	c.put("binary noise", ssh(greets("SSH-2.0-x\r\n"+noise(3000))), "ssh", phase, "")
	c.put("disconnects", ssh(greets("SSH-2.0-x\r\n"+packet("\x01\x00\x00\x00\x02\x00\x00\x00\x0abye\x1b[31m bye\x00\x00\x00\x00"))), "ssh", phase, "disconnects")
	c.put("debugs without end", ssh(func(c net.Conn) {
		_, _ = io.WriteString(c, "SSH-2.0-x\r\n")
		flood(c, packet("\x02\x00\x00\x00\x00"))
	}), "ssh", phase, "messages")
}

// packet is one message before there are keys (RFC 4253, 6).
func packet(payload string) string {
	pad := 8 - (5+len(payload))%8
	if pad < 4 {
		pad += 8
	}
	n := 1 + len(payload) + pad
	return string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), byte(pad)}) + payload + strings.Repeat("\x00", pad)
}
