package probe

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// probeGRPC makes one call of grpc.health.v1.Health/Check over a new HTTP/2
// connection (gRPC over HTTP2, and GRPC Health Checking Protocol, both of
// grpc/grpc's doc folder). The messages have one field each: grpc-go would make
// the function 6 MB larger.
func probeGRPC(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	g := m.GRPC
	m.HTTP = &monitor.HTTP{URL: healthURL(g), Version: "2", CA: g.CA, ClientCert: g.ClientCert, Address: ""}
	line, err := newWire(m, env)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: classify(err, "before the call", monitor.FailInternal)}}
	}
	defer line.close()
	line.settings.ServerName = g.ServerName
	trace := &hops{}
	request, err := healthCall(ctx, g)
	if err != nil {
		return Observation{Result: monitor.Result{Failure: fail(monitor.FailInternal, "the call cannot be made: %s", innermost(err))}}
	}
	response, err := line.under(trace).RoundTrip(request)
	if err != nil {
		o := trace.observation()
		o.Failure = callFailure(err, trace)
		o.Certificate = unverified(err, env.Now())
		o.Values = healthValues("", -1)
		return o
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxCall+1))
	trace.finished()
	o := trace.observation()
	if response.TLS != nil {
		o.Certificate = certificate(response.TLS.PeerCertificates, env.Now())
	}
	health, code, failure := judgeHealth(response, body, err)
	o.Failure, o.Values = failure, healthValues(health, code)
	return o
}

// maxCall is how much of an answer is read: a health message has two bytes.
const maxCall = 64 << 10

func healthValues(health string, code int) expect.Values {
	return expect.Values{"health": health, "code": code, "cert_days": 0}
}

func healthURL(g *monitor.GRPC) string {
	scheme := "https"
	if g.Plaintext {
		scheme = "http"
	}
	return (&url.URL{Scheme: scheme, Host: g.Address, Path: "/grpc.health.v1.Health/Check"}).String()
}

func healthCall(ctx context.Context, g *monitor.GRPC) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, healthURL(g), bytes.NewReader(frame(healthRequest(g.Service))))
	if err != nil {
		return nil, err
	}
	if g.ServerName != "" {
		request.Host = g.ServerName
	}
	for name, value := range g.Metadata {
		if strings.HasSuffix(name, "-bin") { // binary values travel in base64
			value = base64.RawStdEncoding.EncodeToString([]byte(value))
		}
		request.Header.Set(name, value)
	}
	request.Header.Set("User-Agent", UserAgent)
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	return request, nil
}

// healthRequest is the message HealthCheckRequest{service}.
func healthRequest(service string) []byte {
	if service == "" {
		return nil
	}
	out := binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(service)))
	return append(out, service...)
}

// frame puts a message's flag and length before it.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

var errFrame = errors.New("the answer is not one gRPC message")

// unframe takes one message out of an answer.
func unframe(body []byte) ([]byte, error) {
	if len(body) < 5 || body[0] != 0 || uint64(binary.BigEndian.Uint32(body[1:5])) != uint64(len(body)-5) {
		return nil, errFrame
	}
	return body[5:], nil
}

// healths are the values of HealthCheckResponse.ServingStatus.
var healths = []string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}

// health reads field 1 of HealthCheckResponse; other fields are passed over. A
// message without it says UNKNOWN, the zero value.
func health(message []byte) (string, error) {
	value := uint64(0)
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return "", errFrame
		}
		message = message[n:]
		var size uint64
		switch tag & 7 {
		case 0:
			v, n := binary.Uvarint(message)
			if n <= 0 {
				return "", errFrame
			}
			if tag>>3 == 1 {
				value = v
			}
			size = uint64(n)
		case 1:
			size = 8
		case 2:
			length, n := binary.Uvarint(message)
			if n <= 0 || length > maxCall {
				return "", errFrame
			}
			size = uint64(n) + length
		case 5:
			size = 4
		default:
			return "", errFrame
		}
		if size > uint64(len(message)) {
			return "", errFrame
		}
		message = message[size:]
	}
	if value >= uint64(len(healths)) {
		return "status " + strconv.FormatUint(value, 10), nil
	}
	return healths[value], nil
}

// codes are the names of gRPC's status codes (statuscodes.md).
var codes = []string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

// judgeHealth says what an answer means: the health, the status code, -1 where
// there is none, and why it is no good.
func judgeHealth(response *http.Response, body []byte, err error) (string, int, *monitor.Failure) {
	if response.StatusCode != http.StatusOK {
		return "", -1, fail(monitor.FailGRPC, "the answer is HTTP %d: not a gRPC server, or one that a proxy stands before", response.StatusCode)
	}
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/grpc") {
		return "", -1, fail(monitor.FailGRPC, "the answer is of type %q, not application/grpc", kind)
	}
	status, message := response.Trailer.Get("Grpc-Status"), response.Trailer.Get("Grpc-Message")
	if status == "" { // an answer without a message has its trailers in the header
		status, message = response.Header.Get("Grpc-Status"), response.Header.Get("Grpc-Message")
	}
	code, bad := strconv.Atoi(status)
	switch {
	case err != nil:
		return "", -1, classify(err, fmt.Sprintf("answer after %d bytes", len(body)), monitor.FailGRPC)
	case len(body) > maxCall:
		return "", -1, fail(monitor.FailGRPC, "the answer is longer than %d bytes", maxCall)
	case bad != nil || code < 0:
		return "", -1, fail(monitor.FailGRPC, "the answer ended without a gRPC status")
	case code != 0:
		return "", code, statusFailure(code, message)
	}
	inner, err := unframe(body)
	if err != nil {
		return "", code, fail(monitor.FailGRPC, "%s", err)
	}
	found, err := health(inner)
	if err != nil {
		return "", code, fail(monitor.FailGRPC, "%s", err)
	}
	if found != "SERVING" {
		return found, code, fail(monitor.FailGRPC, "the service is %s", found)
	}
	return found, code, nil
}

func statusFailure(code int, message string) *monitor.Failure {
	name := "status " + strconv.Itoa(code)
	if code < len(codes) {
		name = codes[code]
	}
	switch name {
	case "UNIMPLEMENTED":
		name += ": the server has no health service"
	case "NOT_FOUND":
		name += ": the health service does not know this service"
	}
	if plain, err := url.PathUnescape(message); err == nil && plain != "" { // percent-encoded on the wire
		name += ": " + plain
	}
	return fail(monitor.FailGRPC, "%s", name)
}

// callFailure classifies what ended a call. A server that speaks no HTTP/2 shows
// in the hand-shake, or in frames that are none.
func callFailure(err error, trace *hops) *monitor.Failure {
	text := err.Error()
	for _, sign := range []string{"malformed HTTP response", "unexpected ALPN", "no_application_protocol", "no application protocol", "http2: frame too large", "HTTP/1.1", "client conn could not be established"} {
		if strings.Contains(text, sign) {
			phase, _ := trace.phase()
			return fail(monitor.FailGRPC, "%s: the server does not speak HTTP/2", phase)
		}
	}
	f := requestFailure(err, trace)
	if f.Kind == monitor.FailHTTP {
		f.Kind = monitor.FailGRPC
	}
	return f
}
