package probe

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// Bounds of what a server may say before TLS.
const (
	maxLine  = 8 << 10
	maxLines = 200
)

// upgrades are the dialogues that lead to TLS, by protocol.
var upgrades = map[string]func(*plain) error{
	"smtp": startSMTP, "imap": startIMAP, "pop3": startPOP3, "ftp": startFTP,
	"ldap": startLDAP, "postgres": startPostgres, "mysql": startMySQL,
}

// plain is a connection before it goes over to TLS.
type plain struct {
	r *bufio.Reader
	w io.Writer
}

// notOffered is a server that works, and does not go over to TLS.
type notOffered struct{ said string }

func (n *notOffered) Error() string { return "the server does not offer STARTTLS: " + n.said }

// unexpected is an answer that the protocol does not know at this point.
type unexpected struct{ want, got string }

func (u *unexpected) Error() string { return fmt.Sprintf("expected %s, got %s", u.want, u.got) }

// errInjected: what was sent in plain text must not be taken for protected
// (CVE-2011-0411).
var errInjected = errors.New("the server sent more in plain text after it agreed to STARTTLS")

// upgrade leads a connection to where the TLS hand-shake begins.
func upgrade(conn net.Conn, protocol string) *monitor.Failure {
	start, known := upgrades[protocol]
	if !known {
		return fail(monitor.FailInternal, "this version knows no STARTTLS for %q", protocol)
	}
	p := &plain{bufio.NewReaderSize(conn, maxLine), conn}
	err := start(p)
	if err == nil && p.r.Buffered() > 0 {
		err = errInjected
	}
	if err == nil {
		return nil
	}
	return classify(err, "STARTTLS over "+protocol, monitor.FailTLS)
}

// line reads one line, without its end.
func (p *plain) line() (string, error) {
	line, err := p.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", &unexpected{"a line", fmt.Sprintf("more than %d bytes without an end", maxLine)}
	}
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// lines reads until last says that a line is the last one.
func (p *plain) lines(last func(string) bool) ([]string, error) {
	var all []string
	for range maxLines {
		line, err := p.line()
		if err != nil {
			return nil, err
		}
		all = append(all, line)
		if last(line) {
			return all, nil
		}
	}
	return nil, &unexpected{"an answer", fmt.Sprintf("more than %d lines", maxLines)}
}

func (p *plain) send(text string) error {
	_, err := io.WriteString(p.w, text)
	return err
}

// reply reads an answer of SMTP (RFC 5321, 4.2.1) or FTP (RFC 959, 4.2): a code,
// a hyphen where more lines follow, and a text. It returns code and lines.
func (p *plain) reply() (code string, all []string, err error) {
	all, err = p.lines(func(line string) bool {
		if code == "" {
			code = codeOf(line)
		}
		return code == "" || codeOf(line) == code && !strings.HasPrefix(line[3:], "-")
	})
	if err == nil && code == "" {
		err = &unexpected{"a code of three digits", quoted([]byte(all[len(all)-1]))}
	}
	return code, all, err
}

// codeOf is the code that a line begins with; empty if it does not.
func codeOf(line string) string {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return ""
	}
	for _, c := range []byte(line[:3]) {
		if c < '0' || c > '9' {
			return ""
		}
	}
	return line[:3]
}

// command sends a line and reads the reply.
func (p *plain) command(text string) (code string, all []string, err error) {
	if err := p.send(text + "\r\n"); err != nil {
		return "", nil, err
	}
	return p.reply()
}

// greeting reads the reply with which a server begins.
func (p *plain) greeting() error {
	code, all, err := p.reply()
	if err == nil && code != "220" {
		err = &unexpected{"220 at the beginning", quoted([]byte(all[0]))}
	}
	return err
}

// startSMTP: RFC 3207.
func startSMTP(p *plain) error {
	if err := p.greeting(); err != nil {
		return err
	}
	code, all, err := p.command("EHLO sonde")
	switch {
	case err != nil:
		return err
	case code != "250":
		return &unexpected{"250 to EHLO", quoted([]byte(all[0]))}
	case !slices.ContainsFunc(all[1:], func(line string) bool {
		return strings.EqualFold(strings.TrimSpace(line[min(4, len(line)):]), "STARTTLS")
	}):
		return &notOffered{"it is not in the answer to EHLO"}
	}
	code, all, err = p.command("STARTTLS")
	switch {
	case err != nil:
		return err
	case code == "220":
		return nil
	}
	return refusal("STARTTLS", all)
}

// refusal is an answer that declines.
func refusal(command string, all []string) error {
	return &notOffered{fmt.Sprintf("it answers %s to %s", quoted([]byte(all[len(all)-1])), command)}
}

// startIMAP: RFC 3501, 6.2.1.
func startIMAP(p *plain) error {
	hello, err := p.line()
	switch {
	case err != nil:
		return err
	case !hasFold(hello, "* OK"):
		return &unexpected{"* OK at the beginning", quoted([]byte(hello))}
	}
	all, err := p.tagged("s1", "CAPABILITY")
	switch {
	case err != nil:
		return err
	case !slices.ContainsFunc(all, offersIMAP):
		return &notOffered{"it is not among its capabilities"}
	}
	all, err = p.tagged("s2", "STARTTLS")
	switch {
	case err != nil:
		return err
	case hasFold(all[len(all)-1], "s2 OK"):
		return nil
	}
	return refusal("STARTTLS", all)
}

func offersIMAP(line string) bool {
	return hasFold(line, "* CAPABILITY ") && slices.ContainsFunc(strings.Fields(line), func(word string) bool { return strings.EqualFold(word, "STARTTLS") })
}

// tagged sends a command of IMAP and reads up to the line that ends it.
func (p *plain) tagged(tag, command string) ([]string, error) {
	if err := p.send(tag + " " + command + "\r\n"); err != nil {
		return nil, err
	}
	return p.lines(func(line string) bool { return hasFold(line, tag+" ") })
}

func hasFold(text, prefix string) bool {
	_, has := cutFold(text, prefix)
	return has
}

// startPOP3: RFC 2595, 4. A server without CAPA (RFC 2449) is asked all the
// same.
func startPOP3(p *plain) error {
	hello, err := p.line()
	switch {
	case err != nil:
		return err
	case !hasFold(hello, "+OK"):
		return &unexpected{"+OK at the beginning", quoted([]byte(hello))}
	}
	if err := p.send("CAPA\r\n"); err != nil {
		return err
	}
	first := true
	all, err := p.lines(func(line string) bool {
		refused := first && !hasFold(line, "+OK")
		first = false
		return refused || line == "."
	})
	switch {
	case err != nil:
		return err
	case len(all) > 1 && !slices.ContainsFunc(all, func(line string) bool { return strings.EqualFold(strings.TrimSpace(line), "STLS") }):
		return &notOffered{"STLS is not among its capabilities"}
	}
	if err := p.send("STLS\r\n"); err != nil {
		return err
	}
	answer, err := p.line()
	switch {
	case err != nil:
		return err
	case hasFold(answer, "+OK"):
		return nil
	}
	return refusal("STLS", []string{answer})
}

// startFTP: RFC 4217, 4.
func startFTP(p *plain) error {
	if err := p.greeting(); err != nil {
		return err
	}
	code, all, err := p.command("AUTH TLS")
	switch {
	case err != nil:
		return err
	case code == "234":
		return nil
	}
	return refusal("AUTH TLS", all)
}

// startLDAP sends the StartTLS request of RFC 4511, 4.14: message 1, an extended
// request of that name.
func startLDAP(p *plain) error {
	const name = "1.3.6.1.4.1.1466.20037"
	request := append([]byte{0x30, byte(len(name) + 7), 0x02, 0x01, 0x01, 0x77, byte(len(name) + 2), 0x80, byte(len(name))}, name...)
	if _, err := p.w.Write(request); err != nil {
		return err
	}
	message, err := p.element(0x30)
	if err != nil {
		return err
	}
	result, err := ldapResult(message)
	switch {
	case err != nil:
		return err
	case result != 0:
		return &notOffered{fmt.Sprintf("it answers with result code %d", result)}
	}
	return nil
}

// element reads one BER element of definite length with that tag.
func (p *plain) element(tag byte) ([]byte, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(p.r, head); err != nil {
		return nil, err
	}
	size := int(head[1])
	if more := size & 0x7f; size >= 0x80 {
		if more == 0 || more > 4 {
			return nil, &unexpected{"an LDAP message", quoted(head)}
		}
		long := make([]byte, 4)
		if _, err := io.ReadFull(p.r, long[4-more:]); err != nil {
			return nil, err
		}
		size = int(binary.BigEndian.Uint32(long))
	}
	if head[0] != tag || size > maxLine {
		return nil, &unexpected{"an LDAP message", quoted(head)}
	}
	content := make([]byte, size)
	_, err := io.ReadFull(p.r, content)
	return content, err
}

// ldapResult is the result code of an extended response: 0 success, 2 protocol
// error for a name that the server does not know (RFC 4511, 4.1.9).
func ldapResult(message []byte) (int, error) {
	wrong := &unexpected{"an LDAP extended response", quoted(message)}
	p := &plain{r: bufio.NewReader(bytes.NewReader(message))}
	if id, err := p.element(0x02); err != nil || len(id) == 0 {
		return 0, wrong
	}
	response, err := p.element(0x78)
	if err != nil {
		return 0, wrong
	}
	p = &plain{r: bufio.NewReader(bytes.NewReader(response))}
	code, err := p.element(0x0a)
	if err != nil || len(code) != 1 {
		return 0, wrong
	}
	return int(code[0]), nil
}

// startPostgres sends an SSLRequest (PostgreSQL documentation, "Message
// Formats"), answered by S, N, or an error from a server that knows none.
func startPostgres(p *plain) error {
	if _, err := p.w.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return err
	}
	answer, err := p.r.ReadByte()
	switch {
	case err != nil:
		return err
	case answer == 'S':
		return nil
	case answer == 'N', answer == 'E':
		return &notOffered{fmt.Sprintf("it answers %q to SSLRequest", string(rune(answer)))}
	}
	return &unexpected{"S or N to SSLRequest", quoted([]byte{answer})}
}

// The capability flags of MySQL (MySQL source documentation, "Capabilities
// Flags").
const (
	mysqlProtocol41 = 0x0200
	mysqlSSL        = 0x0800
	mysqlSecure     = 0x8000
)

// startMySQL reads the server's first packet and answers with an SSLRequest
// (MySQL source documentation, "Protocol::SSLRequest").
func startMySQL(p *plain) error {
	head := make([]byte, 4)
	if _, err := io.ReadFull(p.r, head); err != nil {
		return err
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size == 0 || size > maxLine {
		return &unexpected{"a first packet of MySQL", quoted(head)}
	}
	packet := make([]byte, size)
	if _, err := io.ReadFull(p.r, packet); err != nil {
		return err
	}
	flags, err := mysqlFlags(packet)
	switch {
	case err != nil:
		return err
	case flags&mysqlSSL == 0:
		return &notOffered{"it is not among its capabilities"}
	}
	request := make([]byte, 36)
	request[0], request[3] = 32, head[3]+1
	binary.LittleEndian.PutUint32(request[4:], mysqlProtocol41|mysqlSSL|mysqlSecure)
	binary.LittleEndian.PutUint32(request[8:], 1<<24)
	request[12] = 45 // utf8mb4
	_, err = p.w.Write(request)
	return err
}

// mysqlFlags is the lower half of the capability flags in a server's first
// packet: after the version 10, a text that ends in 0, and 13 bytes.
func mysqlFlags(packet []byte) (uint16, error) {
	if packet[0] == 0xff {
		return 0, &unexpected{"a first packet of MySQL", "the error " + quoted(packet[min(3, len(packet)):])}
	}
	end := bytes.IndexByte(packet, 0)
	if packet[0] != 10 || end < 0 || len(packet) < end+16 {
		return 0, &unexpected{"a first packet of MySQL", quoted(packet)}
	}
	return binary.LittleEndian.Uint16(packet[end+14:]), nil
}
