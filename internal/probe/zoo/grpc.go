package zoo

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// healths is gRPC, as far as a health check goes.
func healths(c *cage) {
	ask := func(address string) monitor.Monitor {
		return monitor.Monitor{GRPC: &monitor.GRPC{Address: address, Plaintext: true}}
	}
	answer := func(body, code, message string) monitor.Monitor {
		return ask(c.web2(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
			_, _ = io.WriteString(w, body)
			w.Header().Set("Grpc-Status", code)
			w.Header().Set("Grpc-Message", message)
		}))
	}
	one := func(text string) string {
		return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text)))) + text //nolint:gosec // short
	}
	c.put("refuses", ask(c.closed()), "refused", "connect to", "")
	c.put("silent", ask(c.serve(hold)), "timeout", "127.0.0.1", "")
	c.put("speaks HTTP/1.1", ask(c.serve(says(ok))), "grpc", "", "does not speak HTTP/2")
	c.put("a page", ask(c.web2(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>"+Nasty) })), "grpc", "", "the answer is of type")
	c.put("not serving", answer(one("\x08\x02"), "0", ""), "grpc", "", "NOT_SERVING")
	c.put("unimplemented", answer("", "12", ""), "grpc", "", "UNIMPLEMENTED: the server has no health service")
	c.put("a message that hurts", answer("", "13", "%1b[31m%0d%0aBcc: x%e2%80%ae</script>%ff"), "grpc", "", "INTERNAL")
	c.put("a code of words", answer(one("\x08\x01"), "fine", ""), "grpc", "", "")
	c.put("4 GiB declared", answer("\x00\xff\xff\xff\xffabc", "0", ""), "grpc", "", "")
	c.put("a number without end", answer(one("\x08"+strings.Repeat("\xff", 100)), "0", ""), "grpc", "", "not one gRPC message")
	c.put("a body without end", ask(c.web2(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 4096))
		}
	})), "grpc", "", "")
}

// web2 serves HTTP/2 without TLS by a handler, and returns the address.
func (c *cage) web2(f http.HandlerFunc) string {
	c.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	c.must(err)
	p := &http.Protocols{}
	p.SetUnencryptedHTTP2(true)
	s := &http.Server{Handler: f, Protocols: p, ErrorLog: quiet(), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	c.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}
