package probe_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sondehq/sonde/internal/monitor"
)

// grpcServer is a real one, with its health service where asked.
func grpcServer(t *testing.T, withHealth bool, options ...grpc.ServerOption) string {
	t.Helper()
	s := grpc.NewServer(options...)
	if withHealth {
		h := health.NewServer()
		h.SetServingStatus("shop.Orders", healthpb.HealthCheckResponse_SERVING)
		h.SetServingStatus("shop.Stock", healthpb.HealthCheckResponse_NOT_SERVING)
		healthpb.RegisterHealthServer(s, h)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// denied asks for a token, and repeats what it got.
func denied(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if got := strings.Join(md.Get("authorization"), ","); got != "Bearer sesame-open" {
		return nil, status.Error(codes.Unauthenticated, "not "+got+" ünd\x1b[31m no more")
	}
	if string(md.Get("trace-bin")[0]) != "\x00\x01" {
		return nil, status.Error(codes.InvalidArgument, "binary metadata is broken")
	}
	return handler(ctx, request)
}

// answers speaks HTTP/2 without TLS and says whatever it is told to.
func answers(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{Handler: f, Protocols: protocols, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

func says2(body, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = io.WriteString(w, body)
		if code != "" {
			w.Header().Set("Grpc-Status", code)
		}
	}
}

func message(text string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text)))) + text
}

// http1 answers in HTTP/1, whatever it is asked. It reads all that comes: a server that
// closes what it has not read resets the connection, and its answer may be lost.
func http1(t *testing.T) string {
	t.Helper()
	return serve(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
}

func TestGRPC(t *testing.T) {
	good := issue(t, issueOptions{names: []string{"127.0.0.1"}})
	other := issue(t, issueOptions{names: []string{"127.0.0.1"}})
	plain := grpcServer(t, true)
	secure := grpcServer(t, true, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{good.certificate}, MinVersion: tls.VersionTLS12})))
	guarded := grpcServer(t, true, grpc.UnaryInterceptor(denied))
	for _, c := range []struct {
		name    string
		g       monitor.GRPC
		expect  string
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"serving", monitor.GRPC{Address: plain, Plaintext: true}, `health == "SERVING" && code == 0`, "up", "", ""},
		{"a service", monitor.GRPC{Address: plain, Plaintext: true, Service: "shop.Orders"}, "", "up", "", ""},
		{"not serving", monitor.GRPC{Address: plain, Plaintext: true, Service: "shop.Stock"}, "", "down", "grpc", "the service is NOT_SERVING"},
		{"no such service", monitor.GRPC{Address: plain, Plaintext: true, Service: "shop.Nothing"}, "", "down", "grpc", "NOT_FOUND: the health service does not know this service: unknown service"},
		{"no health service", monitor.GRPC{Address: grpcServer(t, false), Plaintext: true}, "", "down", "grpc", "UNIMPLEMENTED: the server has no health service"},
		{"over TLS", monitor.GRPC{Address: secure, CA: good.ca}, "cert_days > 0", "up", "", ""},
		{"another authority", monitor.GRPC{Address: secure, CA: other.ca}, "", "down", "certificate", ""},
		{"another name", monitor.GRPC{Address: secure, CA: good.ca, ServerName: "example.org"}, "", "down", "certificate", "example.org"},
		{"TLS where none is", monitor.GRPC{Address: plain, CA: good.ca}, "", "down", "tls", ""},
		{"none where TLS is", monitor.GRPC{Address: secure, Plaintext: true}, "", "down", "", ""},
		{"metadata", monitor.GRPC{Address: guarded, Plaintext: true, Metadata: map[string]string{"authorization": "Bearer sesame-open", "trace-bin": "\x00\x01"}}, "", "up", "", ""},
		{"denied, and the secret is hidden", monitor.GRPC{Address: guarded, Plaintext: true, Metadata: map[string]string{"authorization": "Bearer sesame-shut"}}, "", "down", "grpc", "UNAUTHENTICATED: not *** ünd"},
		{"refused", monitor.GRPC{Address: closedPort(t), Plaintext: true}, "", "down", "refused", ""},
		{"HTTP/1 only", monitor.GRPC{Address: http1(t), Plaintext: true}, "", "down", "grpc", "does not speak HTTP/2"},
		{"a web page", monitor.GRPC{Address: answers(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }), Plaintext: true}, "", "down", "grpc", "the answer is of type \"text/html"},
		{"a proxy's error", monitor.GRPC{Address: answers(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }), Plaintext: true}, "", "down", "grpc", "the answer is HTTP 502"},
		{"no status", monitor.GRPC{Address: answers(t, says2(message("\x08\x01"), "")), Plaintext: true}, "", "down", "grpc", "ended without a gRPC status"},
		{"half a message", monitor.GRPC{Address: answers(t, says2(message("\x08\x01")[:4], "0")), Plaintext: true}, "", "down", "grpc", "not one gRPC message"},
		{"two messages", monitor.GRPC{Address: answers(t, says2(message("\x08\x01")+message("\x08\x01"), "0")), Plaintext: true}, "", "down", "grpc", "not one gRPC message"},
		{"empty message: unknown", monitor.GRPC{Address: answers(t, says2(message(""), "0")), Plaintext: true}, "", "down", "grpc", "the service is UNKNOWN"},
		{"broken field", monitor.GRPC{Address: answers(t, says2(message("\x08\xff"), "0")), Plaintext: true}, "", "down", "grpc", "not one gRPC message"},
		{"other fields are passed over", monitor.GRPC{Address: answers(t, says2(message("\x12\x02hi\x1d\x00\x00\x00\x00\x08\x01"), "0")), Plaintext: true}, "", "up", "", ""},
		{"a health of a later version", monitor.GRPC{Address: answers(t, says2(message("\x08\x09"), "0")), Plaintext: true}, "", "down", "grpc", "the service is status 9"},
		{"endless", monitor.GRPC{Address: answers(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			for i := 0; i < 100; i++ {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}), Plaintext: true}, "", "down", "grpc", ""},
		{"silent", monitor.GRPC{Address: answers(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), Plaintext: true}, "", "down", "timeout", "waiting for the first byte"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := monitor.Monitor{Private: true, Timeout: 2 * time.Second, GRPC: &c.g}
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			r := run(t, m)
			if c.kind == "" && c.outcome == "down" {
				if r.Outcome != "down" {
					t.Errorf("got %s", r.Outcome)
				}
				return
			}
			want(t, r, c.outcome, c.kind, c.detail)
			if r.Failure != nil {
				clean(t, r.Failure.Detail)
			} else if r.Address != c.g.Address || r.Timing.Connect == 0 || r.Timing.TTFB == 0 {
				t.Errorf("address %s, timing %+v", r.Address, r.Timing)
			}
		})
	}
}
