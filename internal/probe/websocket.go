package probe

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 names it
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// probeWebSocket opens a WebSocket over a new connection (RFC 6455), holds the
// dialogue, and ends with the closing hand-shake.
func probeWebSocket(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	w := m.WebSocket
	captures := map[string]string{}
	values := expect.Values{"text": "", "captures": captures, "subprotocol": "", "close_code": 0, "status": 0, "cert_days": 0}
	m.HTTP = &monitor.HTTP{URL: "http" + strings.TrimPrefix(w.URL, "ws"), Version: "1.1", CA: w.CA}
	line, err := newWire(m, env)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: classify(err, "before the request", monitor.FailInternal)}, Values: values}
	}
	defer line.close()
	line.upgrades = true
	trace := &hops{}
	request, key, err := opening(ctx, m.HTTP.URL, w)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: fail(monitor.FailInternal, "the request cannot be made: %s", innermost(err))}, Values: values}
	}
	response, err := line.under(trace).RoundTrip(request)
	if err != nil {
		o := trace.observation()
		o.Failure, o.Certificate, o.Values = requestFailure(err, trace), unverified(err, env.Now()), values
		return o
	}
	defer func() { _ = response.Body.Close() }()
	o := trace.observation()
	o.Status, o.Values, values["status"] = response.StatusCode, values, response.StatusCode
	if response.TLS != nil {
		o.Certificate = certificate(response.TLS.PeerCertificates, env.Now())
	}
	values["subprotocol"] = printable(response.Header.Get("Sec-Websocket-Protocol"), maxShownT)
	stream, failure := accepted(response, key, w.Subprotocols)
	if failure != nil {
		if response.StatusCode != http.StatusSwitchingProtocols {
			start, _ := io.ReadAll(io.LimitReader(response.Body, keptBody))
			o.Body = printableBody(start)
		}
		o.Failure = failure
		return o
	}
	t := &messages{frames: newFrames(stream), captures: captures}
	defer context.AfterFunc(ctx, t.frames.end)()
	start := time.Now()
	o.Failure = t.run(ctx, w)
	o.Timing.Transfer = time.Since(start)
	values["text"], values["close_code"] = printable(string(t.last), textOfBody), t.frames.closed
	return o
}

func opening(ctx context.Context, url string, w *monitor.WebSocket) (*http.Request, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	key := base64.StdEncoding.EncodeToString(nonce)
	h := request.Header
	h.Set("User-Agent", UserAgent)
	for name, value := range w.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
			continue
		}
		h.Set(name, value)
	}
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Sec-WebSocket-Version", "13")
	h.Set("Sec-WebSocket-Key", key)
	if len(w.Subprotocols) > 0 {
		h.Set("Sec-WebSocket-Protocol", strings.Join(w.Subprotocols, ", "))
	}
	return request, key, nil
}

// accepted judges the answer to the opening hand-shake (RFC 6455, 4.1).
func accepted(response *http.Response, key string, subprotocols []string) (io.ReadWriteCloser, *monitor.Failure) {
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fail(monitor.FailWebSocket, "the answer is HTTP %d, not 101: no WebSocket was opened", response.StatusCode)
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	want := base64.StdEncoding.EncodeToString(sum[:])
	chosen := response.Header.Get("Sec-Websocket-Protocol")
	stream, can := response.Body.(io.ReadWriteCloser)
	switch {
	case !strings.EqualFold(response.Header.Get("Upgrade"), "websocket") || !can:
		return nil, fail(monitor.FailWebSocket, "the answer is 101, and does not go over to WebSocket")
	case response.Header.Get("Sec-Websocket-Accept") != want:
		return nil, fail(monitor.FailWebSocket, "the answer accepts another key than the one that was sent")
	case response.Header.Get("Sec-Websocket-Extensions") != "":
		return nil, fail(monitor.FailWebSocket, "the server uses an extension that nobody asked for: %s", response.Header.Get("Sec-Websocket-Extensions"))
	case chosen == "" && len(subprotocols) > 0:
		return nil, fail(monitor.FailWebSocket, "the server chose none of the subprotocols %s", strings.Join(subprotocols, ", "))
	case chosen != "" && !slices.Contains(subprotocols, chosen):
		return nil, fail(monitor.FailWebSocket, "the server chose the subprotocol %q, which nobody asked for", chosen)
	}
	return stream, nil
}

// messages is a dialogue of messages under way.
type messages struct {
	frames   *frames
	captures map[string]string
	last     []byte // the newest message
}

func (t *messages) run(ctx context.Context, w *monitor.WebSocket) *monitor.Failure {
	for i, step := range w.Dialogue {
		if f := t.turn(fmt.Sprintf("step %d", i+1), step); f != nil {
			return f
		}
	}
	if w.CloseCode != 0 {
		return t.awaitClose(w.CloseCode)
	}
	t.part(ctx)
	return nil
}

func (t *messages) turn(name string, step monitor.Turn) *monitor.Failure {
	out, err := payload(step.Send, step.SendHex)
	if err != nil {
		return fail(monitor.FailInternal, "%s: %s", name, err)
	}
	if len(out) > 0 {
		op := opText
		if step.SendHex != "" {
			op = opBinary
		}
		if err := t.frames.send(op, out); err != nil {
			return classify(err, name+": sending", monitor.FailReset)
		}
	}
	match, want, err := matcher(step)
	if err != nil {
		return fail(monitor.FailInternal, "%s: %s", name, err)
	}
	for n := 0; match != nil; n++ {
		message, err := t.frames.receive()
		switch {
		case err != nil:
			return t.broken(name, want, err)
		case n == maxPieces:
			return fail(monitor.FailExpect, "%s: expected %s, and got %d other messages", name, want, maxPieces)
		}
		t.last = message
		if _, found := match(message, t.captures); found {
			return nil
		}
	}
	return nil
}

func (t *messages) broken(name, want string, err error) *monitor.Failure {
	got := "no message"
	if t.last != nil {
		got = "last " + quoted(t.last)
	}
	if t.frames.closed != 0 {
		return fail(monitor.FailWebSocket, "%s: expected %s, and the server closed with %d%s; %s", name, want, t.frames.closed, t.frames.reason, got)
	}
	f := classify(err, name+": waiting for "+want, monitor.FailWebSocket)
	if f.Kind == monitor.FailTimeout {
		f.Detail = printable(f.Detail+"; "+got, maxDetail)
	}
	return f
}

// awaitClose reads on until the server closes.
func (t *messages) awaitClose(want int) *monitor.Failure {
	for range maxPieces {
		if _, err := t.frames.receive(); err != nil {
			if t.frames.closed == 0 {
				return classify(err, fmt.Sprintf("waiting for the server to close with %d", want), monitor.FailWebSocket)
			}
			break
		}
	}
	switch t.frames.closed {
	case want:
		return nil
	case 0:
		return fail(monitor.FailWebSocket, "expected the server to close with %d, and got %d messages instead", want, maxPieces)
	}
	return fail(monitor.FailWebSocket, "the server closed with %d%s, expected %d", t.frames.closed, t.frames.reason, want)
}

// parting is how long an answer to the closing hand-shake is waited for: one
// that does not come is no failure.
const parting = time.Second

// part closes, and learns the code that the server answers with, if it does soon.
func (t *messages) part(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, parting)
	defer cancel()
	defer context.AfterFunc(ctx, t.frames.end)()
	if t.frames.send(opClose, []byte{1000 >> 8, 1000 & 0xff}) != nil {
		return
	}
	for range maxPieces {
		if _, err := t.frames.receive(); err != nil {
			return
		}
	}
}
