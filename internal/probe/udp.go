package probe

import (
	"context"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// probeUDP sends one datagram and judges the first that comes back. An address
// at which nothing listens may say so with an ICMP message, which the next read
// reports (RFC 1122, 4.1.3.3); a silent one is a timeout.
func probeUDP(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	u := m.UDP
	captures := map[string]string{}
	conn, o := dial(ctx, m, env, "udp", u.Address)
	o.Values = expect.Values{"text": "", "captures": captures}
	if conn == nil {
		return o
	}
	defer hangUp(ctx, conn)()
	out, err := payload(u.Send, u.SendHex)
	if err != nil {
		o.Failure = fail(monitor.FailInternal, "send: %s", err)
		return o
	}
	start := time.Now()
	if _, err := conn.Write(out); err != nil {
		o.Failure = classify(err, "sending to "+o.Address, monitor.FailUnreachable)
		return o
	}
	answer := make([]byte, maxTalk)
	n, err := conn.Read(answer)
	o.Timing.TTFB = time.Since(start)
	if err != nil {
		o.Failure = classify(err, "waiting for an answer from "+o.Address, monitor.FailUnreachable)
		return o
	}
	o.Values["text"] = printable(string(answer[:n]), maxTalk)
	o.Failure = judgeDatagram(u.Expect, answer[:n], captures)
	return o
}

func judgeDatagram(source string, answer []byte, captures map[string]string) *monitor.Failure {
	if source == "" {
		return nil
	}
	m, err := pattern(source)
	if err != nil {
		return fail(monitor.FailInternal, "expect: %s", err)
	}
	if _, found := m(answer, captures); !found {
		return fail(monitor.FailExpect, "expected %q, got %s", source, quoted(answer))
	}
	return nil
}
