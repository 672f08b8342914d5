package probe_test

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

const (
	ldapRequest = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
	ldapYes     = "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"
	ldapNo      = "\x30\x84\x00\x00\x00\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"
	pgRequest   = "\x00\x00\x00\x08\x04\xd2\x16\x2f"
)

// mysqlHello is a first packet of MySQL with or without the flag CLIENT_SSL.
func mysqlHello(flags string) string {
	body := "\x0a8.4.0\x00" + "\x01\x00\x00\x00" + "12345678\x00" + flags + "\x2d\x02\x00\xff\xdf\x15" + strings.Repeat("\x00", 10) + "123456789012\x00"
	return string([]byte{byte(len(body)), 0, 0, 0}) + body
}

var mysqlRequest = "\x20\x00\x00\x01\x00\x8a\x00\x00\x00\x00\x00\x01\x2d" + strings.Repeat("\x00", 23)

// agreeing are dialogues that lead to TLS: what the server says, then what the
// client must, in turn.
var agreeing = map[string][]string{
	"smtp":     {"220-mx\r\n220 mx ESMTP\r\n", "EHLO sonde\r\n", "250-mx\r\n250-SIZE 1\r\n250-StartTLS\r\n250 HELP\r\n", "STARTTLS\r\n", "220 go\r\n"},
	"imap":     {"* OK ready\r\n", "s1 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\ns1 OK done\r\n", "s2 STARTTLS\r\n", "s2 OK begin\r\n"},
	"pop3":     {"+OK ready\r\n", "CAPA\r\n", "+OK list\r\nTOP\r\nSTLS\r\n.\r\n", "STLS\r\n", "+OK begin\r\n"},
	"ftp":      {"220-Welcome\r\n to all\r\n220 ready\r\n", "AUTH TLS\r\n", "234 go\r\n"},
	"ldap":     {"", ldapRequest, ldapYes},
	"postgres": {"", pgRequest, "S"},
	"mysql":    {mysqlHello("\xff\xff"), mysqlRequest, ""},
}

// declining are dialogues of servers that know no TLS.
var declining = map[string][]string{
	"smtp":     {"220 mx\r\n", "EHLO sonde\r\n", "250-mx\r\n250 HELP\r\n"},
	"imap":     {"* OK ready\r\n", "s1 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1\r\ns1 OK done\r\n"},
	"pop3":     {"+OK ready\r\n", "CAPA\r\n", "+OK list\r\nTOP\r\n.\r\n"},
	"ftp":      {"220 ready\r\n", "AUTH TLS\r\n", "500 AUTH not understood\r\n"},
	"ldap":     {"", ldapRequest, ldapNo},
	"postgres": {"", pgRequest, "N"},
	"mysql":    {mysqlHello("\xff\xf7")},
}

func startTLS(address, protocol, ca string) monitor.Monitor {
	return monitor.Monitor{Private: true, TLS: &monitor.TLS{Address: address, StartTLS: protocol, CA: ca}}
}

// agree holds a dialogue, then shakes hands.
func agree(i issued, turns []string) func(net.Conn) {
	return func(c net.Conn) {
		for n, turn := range turns {
			if n%2 == 0 {
				_, _ = io.WriteString(c, turn)
				continue
			}
			got := make([]byte, len(turn))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != turn {
				return
			}
		}
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{i.certificate}})
		_ = s.Handshake()
		hold(s)
	}
}

func TestStartTLS(t *testing.T) {
	i := issue(t, issueOptions{names: []string{"127.0.0.1"}})
	for _, protocol := range monitor.StartTLS {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			m := startTLS(serve(t, agree(i, agreeing[protocol])), protocol, i.ca)
			r := run(t, m)
			want(t, r, "up", "", "")
			if r.Certificate == nil || len(r.Certificate.Chain) != 1 {
				t.Errorf("certificate %v", r.Certificate)
			}
			want(t, run(t, startTLS(serve(t, script(declining[protocol]...)), protocol, i.ca)), "down", "tls", "the server does not offer STARTTLS")
			r = run(t, startTLS(serve(t, func(net.Conn) {}), protocol, i.ca))
			if r.Failure == nil || r.Failure.Kind != "reset" {
				t.Errorf("closed: %+v", r.Failure)
			}
		})
	}
}

func TestStartTLSWrong(t *testing.T) {
	pop3 := []string{"+OK\r\n", "CAPA\r\n", "-ERR what\r\n", "STLS\r\n"}
	for _, c := range []struct {
		name, protocol string
		turns          []string
		kind           monitor.FailureKind
		detail         string
	}{
		{"busy", "smtp", []string{"421 busy\r\n"}, "tls", "expected 220 at the beginning, got \"421 busy\""},
		{"no EHLO", "smtp", []string{"220 a\r\n", "EHLO sonde\r\n", "502 no\r\n"}, "tls", "expected 250 to EHLO"},
		{"not now", "smtp", []string{"220 a\r\n", "EHLO sonde\r\n", "250-a\r\n250 STARTTLS\r\n", "STARTTLS\r\n", "454 not now\r\n"}, "tls", "it answers \"454 not now\" to STARTTLS"},
		{"injected", "smtp", []string{"220 a\r\n", "EHLO sonde\r\n", "250-a\r\n250 STARTTLS\r\n", "STARTTLS\r\n", "220 go\r\n250 mx\r\n"}, "tls", "more in plain text"},
		{"no code", "smtp", []string{"SSH-2.0-x\r\n"}, "tls", "expected a code of three digits, got \"SSH-2.0-x\""},
		{"endless line", "smtp", []string{"220 " + strings.Repeat("x", 20_000)}, "tls", "8192 bytes without an end"},
		{"endless lines", "smtp", []string{strings.Repeat("220-x\r\n", 300)}, "tls", "more than 200 lines"},
		{"silent", "smtp", []string{""}, "timeout", "STARTTLS over smtp"},
		{"bye", "imap", []string{"* BYE\r\n"}, "tls", "expected * OK"},
		{"imap declines", "imap", []string{"* OK\r\n", "s1 CAPABILITY\r\n", "* CAPABILITY STARTTLS\r\ns1 OK\r\n", "s2 STARTTLS\r\n", "s2 BAD no\r\n"}, "tls", "s2 BAD no"},
		{"pop3 without CAPA", "pop3", append(pop3, "-ERR no\r\n"), "tls", "\"-ERR no\" to STLS"},
		{"ldap garbage", "ldap", []string{"", ldapRequest, "HTTP/1.1 400\r\n"}, "tls", "expected an LDAP message"},
		{"ldap short", "ldap", []string{"", ldapRequest, "\x30\x03\x02\x01\x01"}, "tls", "expected an LDAP extended response"},
		{"postgres garbage", "postgres", []string{"", pgRequest, "H"}, "tls", "expected S or N"},
		{"mysql host blocked", "mysql", []string{"\x0b\x00\x00\x00\xff\x69\x04Host 'x'"}, "tls", "Host 'x'"},
		{"mysql garbage", "mysql", []string{"220 mail ESMTP\r\n"}, "tls", "expected a first packet of MySQL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := startTLS(serve(t, script(c.turns...)), c.protocol, "")
			if c.kind == "timeout" {
				m.Timeout = 300 * time.Millisecond
			}
			want(t, run(t, m), "down", c.kind, c.detail)
		})
	}
}
