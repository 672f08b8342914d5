package config

import (
	"encoding/hex"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

// Bounds of dialogues.
const (
	maxTurns   = 50
	maxSend    = 16 << 10 // bytes of one step
	maxPattern = 1000     // bytes of one regular expression
)

var tlsVersions = []string{"1.0", "1.1", "1.2", "1.3"}

func (r *reader) dialogue(c cursor, into *[]monitor.Turn) {
	r.list(c, false, func(c cursor) {
		step := monitor.Turn{}
		if !r.mapping(c.node, c.path, func(c cursor) { turnKeys.read(r, c, &step) }) || r.reported(c.path) {
			return
		}
		switch {
		case step == monitor.Turn{}:
			r.report(c.node, c.path, "", "a step sends something, or expects something, or both")
		case step.Send != "" && step.SendHex != "":
			r.report(c.node, c.path, "make two steps", "a step has send or send_hex, not both")
		case step.Expect != "" && step.ExpectHex != "":
			r.report(c.node, c.path, "make two steps", "a step has expect or expect_hex, not both")
		}
		if len(*into) == maxTurns {
			r.report(c.node, c.path, "", "a dialogue has at most %d steps", maxTurns)
		}
		*into = append(*into, step)
	})
}

var turnKeys = keys[monitor.Turn]{
	{"send", "text to send; in double quotes \\r\\n is the end of a line", func(r *reader, c cursor, s *monitor.Turn) { r.payload(c, &s.Send) }},
	{"send_hex", "bytes to send, in hex", func(r *reader, c cursor, s *monitor.Turn) { r.hex(c, &s.SendHex) }},
	{"expect", "regular expression over what has come; named groups become captures", func(r *reader, c cursor, s *monitor.Turn) { r.pattern(c, &s.Expect) }},
	{"expect_hex", "bytes that must come, in hex", func(r *reader, c cursor, s *monitor.Turn) { r.hex(c, &s.ExpectHex) }},
}

func (r *reader) payload(c cursor, into *string) {
	n := r.scalar(c, "text")
	if n == nil {
		return
	}
	if len(n.Value) > maxSend {
		r.report(n, c.path, "", "at most %d bytes are sent at once, found %d", maxSend, len(n.Value))
	}
	r.secrets(c, n.Value)
	*into = n.Value
}

func (r *reader) hex(c cursor, into *string) {
	n := r.scalar(c, "bytes in hex")
	if n == nil {
		return
	}
	text := strings.ToLower(strings.ReplaceAll(n.Value, " ", ""))
	if _, err := hex.DecodeString(text); err != nil || text == "" || len(text) > 2*maxSend {
		r.report(n, c.path, "", "expected up to %d bytes in hex, two digits each, such as \"00ff\", found %q", maxSend, shorten(n.Value))
		return
	}
	*into = text
}

func (r *reader) pattern(c cursor, into *string) {
	n := r.scalar(c, "a regular expression")
	if n == nil {
		return
	}
	if _, err := regexp.Compile("(?m)" + n.Value); err != nil || n.Value == "" || len(n.Value) > maxPattern {
		r.report(n, c.path, "the syntax is that of Go (RE2)", "expected a regular expression of at most %d bytes, found %q", maxPattern, shorten(n.Value))
		return
	}
	*into = n.Value
}

func (r *reader) clientCert(c cursor, into **monitor.ClientCert) {
	own := &monitor.ClientCert{}
	*into = own
	if !r.mapping(c.node, c.path, func(c cursor) { clientCertKeys.read(r, c, own) }) || r.reported(c.path) {
		return
	}
	if own.Cert == "" || own.Key == "" {
		r.report(c.key, c.path, "", "client_cert needs cert and key")
	}
}

var clientCertKeys = keys[monitor.ClientCert]{
	{"cert", "PEM certificates, the client's own first; or a secret", func(r *reader, c cursor, own *monitor.ClientCert) {
		r.may(scalars()["a secret such as ${ssm:/path}"][0])
		if n := r.enter(c.node, c.path); n != nil && n.Kind == yaml.ScalarNode && isLoneReference(n.Value) {
			own.Cert = n.Value
			return
		}
		r.certificates(c, &own.Cert)
	}},
	{"key", "its key in PEM form, as a secret", func(r *reader, c cursor, own *monitor.ClientCert) {
		n := r.scalar(c, "a secret such as ${ssm:/path}")
		switch {
		case n == nil:
		case !isLoneReference(n.Value):
			r.report(n, c.path, "a configuration is stored and shown", "expected a key as a secret, ${env:NAME} or ${ssm:/path}, found something else")
		default:
			own.Key = n.Value
		}
	}},
}

// isLoneReference reports whether a text is one reference to a secret.
func isLoneReference(text string) bool {
	_, err := monitor.ReadReference(text)
	return err == nil
}

func (e *entry) readUDP(r *reader, c cursor) {
	e.is(c)
	u := &monitor.UDP{}
	e.m.UDP = u
	if !r.mapping(c.node, c.path, func(c cursor) { udpKeys.read(r, c, u) }) || r.reported(c.path) {
		return
	}
	switch {
	case u.Address == "":
		r.report(c.key, c.path, "", "address is missing")
	case u.Send != "" && u.SendHex != "":
		r.report(c.key, c.path, "", "a datagram is send or send_hex, not both")
	case u.Send == "" && u.SendHex == "":
		r.report(c.key, c.path, "a server answers what it is sent", "send or send_hex is missing")
	}
}

var udpKeys = keys[monitor.UDP]{
	{"address", "host:port", func(r *reader, c cursor, u *monitor.UDP) { r.hostPort(c, &u.Address) }},
	{"send", "text of the datagram", func(r *reader, c cursor, u *monitor.UDP) { r.datagram(c, &u.Send, r.payload, 1) }},
	{"send_hex", "bytes of the datagram, in hex", func(r *reader, c cursor, u *monitor.UDP) { r.datagram(c, &u.SendHex, r.hex, 2) }},
	{"expect", "regular expression over the answer; any answer by default", func(r *reader, c cursor, u *monitor.UDP) { r.pattern(c, &u.Expect) }},
}

// maxDatagram is how much is sent in one datagram: what no path has to take apart
// (RFC 8085, 3.2: 1280 bytes of IPv6 without headers).
const maxDatagram = 1232

func (r *reader) datagram(c cursor, into *string, read func(cursor, *string), digits int) {
	read(c, into)
	if len(*into) > maxDatagram*digits && !r.reported(c.path) {
		r.report(c.node, c.path, "", "a datagram has at most %d bytes, found %d", maxDatagram, len(*into)/digits)
	}
}

func (e *entry) readSSH(r *reader, c cursor) {
	e.is(c)
	s := &monitor.SSH{}
	e.m.SSH = s
	shorthand(r, c, s, sshKeys, func(c cursor) { r.hostPort(c, &s.Address) })
	if s.Address == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "address is missing")
	}
}

// fingerprintForm is 32 bytes in base64 without padding, as ssh-keygen -l writes
// them.
var fingerprintForm = regexp.MustCompile(`^SHA256:[A-Za-z0-9+/]{43}$`)

var sshKeys = keys[monitor.SSH]{
	{"address", "host:port", func(r *reader, c cursor, s *monitor.SSH) { r.hostPort(c, &s.Address) }},
	{"fingerprint", "of the host key, as ssh-keygen -l shows it; any by default", func(r *reader, c cursor, s *monitor.SSH) {
		n := r.scalar(c, "a fingerprint such as SHA256:...")
		if n == nil {
			return
		}
		if !fingerprintForm.MatchString(n.Value) {
			r.report(n, c.path, "ssh-keyscan HOST | ssh-keygen -lf -", "expected SHA256: and 43 characters of base64, found %q", shorten(n.Value))
			return
		}
		s.Fingerprint = n.Value
	}},
}
