package probe

import (
	"bufio"
	"context"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// families are the kinds of host key, as a client prefers them. A server shows
// one in each key exchange, so one that is pinned may need more than one.
var families = [][]string{
	{"ssh-ed25519"},
	{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"},
	{"rsa-sha2-512", "rsa-sha2-256"},
}

// probeSSH reads the banner and sees the host key in a key exchange, which it
// ends there: nobody is logged in.
func probeSSH(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	o, key := greet(ctx, m, env, slices.Concat(families...))
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

// greet connects once and returns the fingerprint of the key that was shown;
// empty if there was none, and then a failure. golang.org/x/crypto/ssh would do
// it too, and make the function 330 KB larger than this does.
func greet(ctx context.Context, m monitor.Monitor, env *Env, algorithms []string) (o Observation, print string) {
	conn, o := dial(ctx, m, env, "tcp", m.SSH.Address)
	o.Values = expect.Values{"banner": "", "fingerprint": ""}
	if conn == nil {
		return o, ""
	}
	defer hangUp(ctx, conn)()
	k := &kex{r: bufio.NewReaderSize(conn, maxLine), w: conn}
	start := time.Now()
	key, err := k.hostKey(algorithms)
	o.Timing.TTFB = time.Since(start)
	o.Values["banner"] = printable(k.banner, maxLine)
	if err != nil {
		o.Failure = classify(err, "SSH key exchange with "+o.Address, monitor.FailSSH)
		return o, ""
	}
	o.Values["fingerprint"] = fingerprint(key)
	return o, fingerprint(key)
}
