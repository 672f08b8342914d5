package probe_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sondehq/sonde/internal/monitor"
)

// sshServer shows three host keys, of which a client sees one at a time.
func sshServer(t *testing.T) (address string, prints []string) {
	t.Helper()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	settings := &ssh.ServerConfig{NoClientAuth: true, ServerVersion: "SSH-2.0-Test_1.0"}
	for _, key := range []any{edwards, curve, large} {
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			t.Fatal(err)
		}
		settings.AddHostKey(signer)
		prints = append(prints, ssh.FingerprintSHA256(signer.PublicKey()))
	}
	address = serve(t, func(c net.Conn) { _, _, _, _ = ssh.NewServerConn(c, settings) })
	return address, prints
}

func TestSSH(t *testing.T) {
	good, prints := sshServer(t)
	first, second := prints[0], prints[1]
	none := "SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpKZIDTMczCvj3tD2s"
	for _, c := range []struct {
		name, address, fingerprint string
		expect                     string
		outcome                    monitor.Outcome
		kind                       monitor.FailureKind
		detail                     string
	}{
		{"any key", good, "", `banner == "SSH-2.0-Test_1.0" && fingerprint == "` + first + `"`, "up", "", ""},
		{"first key", good, first, "", "up", "", ""},
		{"second key", good, second, `fingerprint == "` + second + `"`, "up", "", ""},
		{"third key", good, prints[2], "", "up", "", ""},
		{"another key", good, none, "", "down", "ssh", "the host key is " + first + ", expected " + none},
		{"not SSH", serve(t, script("HTTP/1.1 400 Bad Request\r\n\r\n\n")), "", "", "down", "timeout", "SSH key exchange"},
		{"not SSH and closed", serve(t, func(c net.Conn) { _, _ = io.WriteString(c, "220 mail\r\n") }), "", "", "down", "ssh", "not SSH: \"220 mail"},
		{"silent", serve(t, hold), "", "", "down", "timeout", "SSH key exchange"},
		{"closed", serve(t, func(net.Conn) {}), "", "", "down", "reset", "SSH key exchange"},
		{"banner only", serve(t, script("SSH-2.0-x\r\n\xff\xff\xff\xff garbage")), "", "", "down", "ssh", "a packet of 4294967295 bytes"},
		{"refused", closedPort(t), "", "", "down", "refused", "connect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := monitor.Monitor{Private: true, SSH: &monitor.SSH{Address: c.address, Fingerprint: c.fingerprint}}
			if c.kind == "timeout" {
				m.Timeout = 300 * time.Millisecond
			}
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			want(t, run(t, m), c.outcome, c.kind, c.detail)
		})
	}
}
