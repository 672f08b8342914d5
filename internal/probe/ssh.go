package probe

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// families are the kinds of host key, as a client prefers them. A server shows
// one in each key exchange, so one that is pinned may need more than one.
var families = [][]string{
	{ssh.KeyAlgoED25519},
	{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521},
	{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256},
}

// probeSSH reads the banner and sees the host key in a key exchange, which it
// ends there: nobody is logged in.
func probeSSH(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	o, key := greet(ctx, m, env, nil)
	if m.SSH.Fingerprint == "" || key == "" || key == m.SSH.Fingerprint {
		return o
	}
	for _, family := range families {
		if again, other := greet(ctx, m, env, family); other == m.SSH.Fingerprint {
			return again
		} else if again.Failure != nil && again.Failure.Kind == monitor.FailTimeout {
			return again // it may have been the one
		}
	}
	o.Failure = fail(monitor.FailSSH, "the host key is %s, expected %s", key, m.SSH.Fingerprint)
	return o
}

// errSeen ends a key exchange once the host key has been seen.
var errSeen = errors.New("the host key was seen")

// greet connects once and returns the fingerprint of the key that was shown;
// empty if there was none, and then a failure. Its signature is verified.
func greet(ctx context.Context, m monitor.Monitor, env *Env, algorithms []string) (o Observation, key string) {
	conn, o := dial(ctx, m, env, "tcp", m.SSH.Address)
	o.Values = expect.Values{"banner": "", "fingerprint": ""}
	if conn == nil {
		return o, ""
	}
	defer hangUp(ctx, conn)()
	if algorithms == nil {
		for _, family := range families {
			algorithms = append(algorithms, family...)
		}
	}
	tape := &recorder{Conn: conn}
	start := time.Now()
	client, _, _, err := ssh.NewClientConn(tape, m.SSH.Address, &ssh.ClientConfig{
		ClientVersion: "SSH-2.0-Sonde", HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			key = ssh.FingerprintSHA256(k)
			return errSeen
		},
	})
	if client != nil {
		_ = client.Close()
	}
	o.Timing.TTFB = time.Since(start)
	heard := tape.heard()
	banner := bannerOf(heard)
	o.Values["banner"], o.Values["fingerprint"] = printable(banner, maxBanner), key
	if key != "" {
		return o, key
	}
	o.Failure = classify(err, "SSH key exchange with "+o.Address, monitor.FailSSH)
	if banner == "" && len(heard) > 0 && o.Failure.Kind != monitor.FailTimeout {
		o.Failure = fail(monitor.FailSSH, "the answer is not SSH: %s", quoted(heard))
	}
	return o, ""
}

// maxBanner is how long the identification line is at most, and how much is
// kept of what comes before it (RFC 4253, 4.2: 255 characters; lines before it
// are allowed).
const maxBanner = 8 << 10

// recorder keeps the first of what is read. The hand-shake reads in a goroutine
// of its own, which may outlive it for a moment.
type recorder struct {
	net.Conn
	mu   sync.Mutex
	text []byte
}

func (r *recorder) heard() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.text)
}

func (r *recorder) Read(into []byte) (int, error) {
	n, err := r.Conn.Read(into)
	r.mu.Lock()
	defer r.mu.Unlock()
	if room := maxBanner - len(r.text); room > 0 {
		r.text = append(r.text, into[:min(n, room)]...)
	}
	return n, err
}

// bannerOf finds the identification line; empty if there is none.
func bannerOf(text []byte) string {
	for len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if whole && bytes.HasPrefix(line, []byte("SSH-")) {
			return firstLine(line)
		}
		text = rest
	}
	return ""
}
