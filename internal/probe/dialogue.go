package probe

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// Bounds of what a target may say in a dialogue.
const (
	maxTalk   = 64 << 10 // bytes
	maxPieces = 1000     // reads: every one looks at all that has come again
	maxShownT = 80       // bytes of it in a failure
)

// settle is how long a match that ends where the text so far ends may grow: a
// capture could be cut off between two packets.
const settle = 50 * time.Millisecond

// talk is a dialogue under way.
type talk struct {
	conn     net.Conn
	deadline time.Time
	all      []byte // what has come
	used     int    // of it, by steps before
	pieces   int
	captures map[string]string
}

// run makes all steps. The failure names the step, counted from 1.
func (t *talk) run(steps []monitor.Turn) *monitor.Failure {
	for i, step := range steps {
		name := fmt.Sprintf("step %d", i+1)
		if f := t.send(name, step); f != nil {
			return f
		}
		match, want, err := matcher(step)
		if err != nil {
			return fail(monitor.FailInternal, "%s: %s", name, err)
		}
		if match == nil {
			continue
		}
		if f := t.await(name, match, want); f != nil {
			return f
		}
	}
	return nil
}

func (t *talk) send(name string, step monitor.Turn) *monitor.Failure {
	out, err := payload(step.Send, step.SendHex)
	if err != nil {
		return fail(monitor.FailInternal, "%s: %s", name, err)
	}
	if len(out) == 0 {
		return nil
	}
	if _, err := t.conn.Write(out); err != nil {
		return classify(err, name+": sending", monitor.FailReset)
	}
	return nil
}

// payload is the bytes to send: a text, or hex.
func payload(text, inHex string) ([]byte, error) {
	if inHex == "" {
		return []byte(text), nil
	}
	out, err := hex.DecodeString(inHex)
	if err != nil {
		return nil, fmt.Errorf("%q is not hex", inHex)
	}
	return out, nil
}

// match finds what is expected, and where it ends; nothing if it is not there.
// Named groups become captures.
type match func(text []byte, captures map[string]string) (end int, found bool)

// matcher makes the match of a step, and its name for people; nil where the step
// expects nothing.
func matcher(step monitor.Turn) (match, string, error) {
	switch {
	case step.ExpectHex != "":
		want, err := hex.DecodeString(step.ExpectHex)
		if err != nil {
			return nil, "", fmt.Errorf("%q is not hex", step.ExpectHex)
		}
		return func(text []byte, _ map[string]string) (int, bool) {
			at := bytes.Index(text, want)
			return at + len(want), at >= 0
		}, "bytes " + step.ExpectHex, nil
	case step.Expect != "":
		m, err := pattern(step.Expect)
		return m, fmt.Sprintf("%q", step.Expect), err
	}
	return nil, "", nil
}

func pattern(source string) (match, error) {
	re, err := regexp.Compile("(?m)" + source)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression", source)
	}
	return func(text []byte, captures map[string]string) (int, bool) {
		at := re.FindSubmatchIndex(text)
		if at == nil {
			return 0, false
		}
		for i, name := range re.SubexpNames() {
			if name != "" && at[2*i] >= 0 {
				captures[name] = strings.ToValidUTF8(string(text[at[2*i]:at[2*i+1]]), "?")
			}
		}
		return at[1], true
	}, nil
}

// await reads until the match is there.
func (t *talk) await(name string, m match, want string) *monitor.Failure {
	for {
		rest := t.all[t.used:]
		end, found := m(rest, t.captures)
		if found && end == len(rest) && len(t.all) < maxTalk {
			t.more(time.Now().Add(settle))
			end, found = m(t.all[t.used:], t.captures)
		}
		switch {
		case found:
			t.used += end
			return nil
		case len(t.all) >= maxTalk:
			return fail(monitor.FailExpect, "%s: expected %s, got %d bytes without it, beginning with %s", name, want, maxTalk, quoted(t.all[t.used:]))
		case t.pieces >= maxPieces:
			return fail(monitor.FailExpect, "%s: expected %s, got an answer in more than %d pieces", name, want, maxPieces)
		}
		if err := t.more(t.deadline); err != nil {
			return t.broken(name, want, err)
		}
	}
}

// more reads once, until a time at most.
func (t *talk) more(until time.Time) error {
	if !t.deadline.IsZero() && (until.IsZero() || until.After(t.deadline)) {
		until = t.deadline
	}
	_ = t.conn.SetReadDeadline(until)
	piece := make([]byte, min(4<<10, maxTalk-len(t.all)))
	n, err := t.conn.Read(piece)
	t.all = append(t.all, piece[:n]...)
	t.pieces++
	if n > 0 {
		return nil
	}
	return err
}

// broken says what had come when no more did.
func (t *talk) broken(name, want string, err error) *monitor.Failure {
	got := quoted(t.all[t.used:])
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return fail(monitor.FailTimeout, "timeout in %s: expected %s, got %s", name, want, got)
	case errors.Is(err, io.EOF) && t.used < len(t.all):
		return fail(monitor.FailExpect, "%s: expected %s, got %s and the end of the connection", name, want, got)
	}
	return classify(err, fmt.Sprintf("%s: expected %s, got %s", name, want, got), monitor.FailReset)
}

// quoted shows what a target said: its beginning, as text or in hex.
func quoted(text []byte) string {
	if len(text) == 0 {
		return "nothing"
	}
	cut := text[:min(len(text), maxShownT)]
	for _, c := range cut {
		if c < ' ' && c != '\r' && c != '\n' && c != '\t' {
			return fmt.Sprintf("bytes %x", cut[:min(len(cut), maxShownT/2)])
		}
	}
	return `"` + strings.TrimSpace(printable(string(cut), maxShownT)) + `"`
}

// values is what expressions may use of a dialogue.
func (t *talk) values() expect.Values {
	return expect.Values{"banner": firstLine(t.all), "captures": t.captures, "cert_days": 0}
}

// firstLine is the first line that came, without its end.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return strings.ToValidUTF8(strings.TrimRight(string(line), "\r"), "?")
}

// hangUp closes a connection when a check is over, also one that is being read.
func hangUp(ctx context.Context, conn net.Conn) (done func()) {
	stop := bounded(ctx, conn)
	return func() { stop(); _ = conn.Close() }
}

// bounded ends what is read and written on a connection when a check is over.
func bounded(ctx context.Context, conn net.Conn) (stop func() bool) {
	if deadline, has := ctx.Deadline(); has {
		_ = conn.SetDeadline(deadline)
	}
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}
