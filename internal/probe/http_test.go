package probe_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

const slack = 2 * time.Second

func newEngine() *probe.Engine {
	return probe.Steady(probe.New(probe.Env{Now: time.Now}, probe.Options{}))
}

// run runs one check, and holds every result to what all of them promise.
func run(t *testing.T, m monitor.Monitor) monitor.Result {
	t.Helper()
	if m.Timeout == 0 {
		m.Timeout = 5 * time.Second
	}
	start := time.Now()
	r := newEngine().Run(t.Context(), []monitor.Check{{Monitor: m, Location: "here"}})[0]
	if took := time.Since(start); took > m.Timeout+slack {
		t.Errorf("took %s, timeout was %s", took, m.Timeout)
	}
	if (r.Outcome == monitor.OutcomeUp) != (r.Failure == nil) {
		t.Errorf("outcome %s with failure %v", r.Outcome, r.Failure)
	}
	if r.Failure != nil {
		if len(r.Failure.Detail) > 300 || r.Failure.Detail == "" {
			t.Errorf("detail has %d bytes", len(r.Failure.Detail))
		}
		clean(t, r.Failure.Detail)
	}
	clean(t, r.Body)
	return r
}

func clean(t *testing.T, text string) {
	t.Helper()
	if strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) }) {
		t.Errorf("control characters in %q", text)
	}
}

// want compares a result with an outcome, kind and part of the detail.
func want(t *testing.T, r monitor.Result, outcome monitor.Outcome, kind monitor.FailureKind, detail string) {
	t.Helper()
	var gotKind monitor.FailureKind
	var gotDetail string
	if r.Failure != nil {
		gotKind, gotDetail = r.Failure.Kind, r.Failure.Detail
	}
	if r.Outcome != outcome || gotKind != kind || !strings.Contains(gotDetail, detail) {
		t.Errorf("got %s, %q: %q\nwant %s, %q: %q", r.Outcome, gotKind, gotDetail, outcome, kind, detail)
	}
}

// serve answers every connection with f, and returns the address.
func serve(t testing.TB, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				defer stop()
				defer func() { _ = c.Close() }()
				f(c)
			}()
		}
	}()
	return l.Addr().String()
}

// closedPort is an address at which nothing listens: its port is taken, so that no
// other test listens there meanwhile.
func closedPort(t testing.TB) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.(*syscall.SockaddrInet4).Port))
}

// hold reads until the other side closes.
func hold(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

// says reads a request and answers with a text, and hangs up.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, text)
	}
}

func readRequest(c net.Conn) {
	if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

// forever writes a head, then a piece until nobody reads.
func forever(head, piece string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		_, err := io.WriteString(c, head)
		for err == nil {
			_, err = io.WriteString(c, piece)
		}
	}
}

// drip writes a head and stays silent.
func drip(head string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, head)
		hold(c)
	}
}

func httpMonitor(url string) monitor.Monitor {
	return monitor.Monitor{ID: "m", Private: true, Timeout: 5 * time.Second,
		HTTP: &monitor.HTTP{URL: url, Method: "GET", MaxRedirects: 3, MaxBody: 1 << 20}}
}

func bomb() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, _ = z.Write(zeros)
	}
	_ = z.Close()
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", b.Len(), b.String())
}

func TestHTTPMisbehaving(t *testing.T) {
	const short = 300 * time.Millisecond
	moved := func(to string) string {
		return "HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n"
	}
	cases := []struct {
		name    string
		server  func(net.Conn) // nil: nothing listens
		change  func(*monitor.Monitor)
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"refused", nil, nil, "down", "refused", "connection refused"},
		{"reset at accept", reset, nil, "down", "reset", "127.0.0.1"},
		{"closes without answer", says(""), nil, "down", "reset", "closed"},
		{"never answers", hold, func(m *monitor.Monitor) { m.Timeout = short }, "down", "timeout", "first byte"},
		{"slow header", drip("HTTP/1.1 200 OK\r\nX-A: "), func(m *monitor.Monitor) { m.Timeout = short }, "down", "timeout", "answer of"},
		{"slow body", drip("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), func(m *monitor.Monitor) { m.Timeout = short }, "down", "timeout", "body after 3 bytes"},
		{"endless redirect", says(moved("/again")), nil, "down", "http", "max_redirects"},
		{"redirect is the answer", says(moved("/again")), func(m *monitor.Monitor) { m.HTTP.MaxRedirects = 0 }, "up", "", ""},
		{"redirect to metadata", says(moved("http://169.254.169.254/")), nil, "down", "blocked", "169.254.169.254"},
		{"redirect to ftp", says(moved("ftp://127.0.0.1/")), nil, "down", "http", "scheme"},
		{"redirect to nonsense", says(moved("http://[::1")), nil, "down", "http", "Location"},
		{"wrong length", says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"), nil, "down", "body", "after 3 bytes"},
		{"bad chunks", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"), nil, "down", "body", "chunk"},
		{"broken chunks", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"), nil, "down", "body", "broke off"},
		{"broken gzip", says("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\nnot gzip abc"), nil, "down", "body", "gzip"},
		{"endless header", forever("HTTP/1.1 200 OK\r\n", "X-A: "+strings.Repeat("a", 1000)+"\r\n"), nil, "down", "http", "header is longer than 64 KiB"},
		{"endless header line", forever("HTTP/1.1 200 OK\r\nX-A: ", strings.Repeat("a", 1000)), nil, "down", "http", "header is longer than 64 KiB"},
		{"endless interim answers", forever("", "HTTP/1.1 103 Early Hints\r\n\r\n"), nil, "down", "http", ""},
		{"endless body", forever("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("a", 1000)), nil, "up", "", ""},
		{"gzip bomb", says(bomb()), nil, "down", "body", "bomb"},
		{"not HTTP", says("SSH-2.0-\x1b[31mx\r\n"), nil, "down", "http", "malformed"},
		{"answers before it is asked", func(c net.Conn) { _, _ = io.WriteString(c, "220 mail\r\n"); hold(c) }, nil, "down", "http", ""},
		{"expect false", says("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), func(m *monitor.Monitor) { m.Expect = []string{"status == 200"} }, "down", "expect", "503"},
		{"warn false", says("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), func(m *monitor.Monitor) { m.Warn = []string{"status == 200"} }, "degraded", "expect", "503"},
		{"body JSON", says("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"state\":\"red\"}"), func(m *monitor.Monitor) { m.Expect = []string{`body.state == "green"`} }, "down", "expect", "red"},
		{"body JSON good", says("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"state\":\"red\"}"), func(m *monitor.Monitor) { m.Expect = []string{`body.state == "red"`} }, "up", "", ""},
		{"body is no JSON", says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), func(m *monitor.Monitor) { m.Expect = []string{`body.state == "red"`} }, "down", "expect", ""},
		{"bad expression", says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), func(m *monitor.Monitor) { m.Expect = []string{`status ==`} }, "down", "expect", "cannot be compiled"},
		{"bad ca", says(""), func(m *monitor.Monitor) { m.HTTP.CA = "nonsense" }, "not_run", "internal", "PEM"},
		{"blocked resolver", says(""), func(m *monitor.Monitor) {
			m.Private, m.HTTP.URL, m.HTTP.Resolver = false, "http://example.test/", "10.0.0.1"
		}, "down", "blocked", "10.0.0.1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := ""
			if c.server == nil {
				address = closedPort(t)
			} else {
				address = serve(t, c.server)
			}
			m := httpMonitor("http://" + address + "/")
			if c.change != nil {
				c.change(&m)
			}
			r := run(t, m)
			want(t, r, c.outcome, c.kind, c.detail)
			if r.Failure != nil && strings.HasPrefix(r.Failure.String(), "warn: ") != (c.name == "warn false") {
				t.Errorf("it says %s", r.Failure)
			}
			if c.name == "redirect is the answer" && r.Status != 302 {
				t.Errorf("status %d", r.Status)
			}
		})
	}
}

func TestHTTPBodyCap(t *testing.T) {
	m := httpMonitor("http://" + serve(t, forever("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("a", 1000))))
	m.HTTP.MaxBody = 10
	m.Expect = []string{`text == "aaaaaaaaaa"`}
	want(t, run(t, m), "up", "", "")
}

func TestHTTPSent(t *testing.T) {
	seen := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r = r.Clone(context.Background())
		r.Header.Set("Body", string(body))
		seen <- r
	}))
	defer s.Close()
	m := httpMonitor(s.URL + "/path?q=1")
	m.HTTP.Method, m.HTTP.Body = "POST", "hello"
	m.HTTP.Headers = map[string]string{"host": "other.example", "X-One": "1"}
	want(t, run(t, m), "up", "", "")
	r := <-seen
	for name, pair := range map[string][2]string{
		"host": {r.Host, "other.example"}, "header": {r.Header.Get("X-One"), "1"}, "agent": {r.UserAgent(), probe.UserAgent},
		"method": {r.Method, "POST"}, "body": {r.Header.Get("Body"), "hello"}, "path": {r.RequestURI, "/path?q=1"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", name, pair[0], pair[1])
		}
	}
}

func TestHTTPPinned(t *testing.T) {
	seen := make(chan [2]string, 1)
	good := issue(t, issueOptions{names: []string{"pinned.example"}})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- [2]string{r.Host, r.TLS.ServerName}
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{good.certificate}}
	s.StartTLS()
	defer s.Close()
	m := httpMonitor("https://pinned.example/")
	m.HTTP.Address, m.HTTP.CA = s.Listener.Addr().String(), good.ca
	r := run(t, m)
	want(t, r, "up", "", "")
	if r.Outcome == "up" {
		if got := <-seen; got != [2]string{"pinned.example", "pinned.example"} {
			t.Errorf("Host and SNI are %v", got)
		}
		if r.Address != m.HTTP.Address || r.Certificate == nil || r.Timing.TLS <= 0 || r.Timing.TTFB <= 0 {
			t.Errorf("result is %+v", r)
		}
	}
}

// TestHTTPHidesSecrets makes everything fail, with servers that repeat what they
// were sent.
func TestHTTPHidesSecrets(t *testing.T) {
	secrets := []string{"hunter2secret", "querysecret99", "bearersecret7", "keysecret55", "dXNlcjpodW50ZXIyc2VjcmV0"}
	echo := func(head string) func(net.Conn) {
		return func(c net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(c, head, r.RequestURI)
			_ = r.Write(c)
			_, _ = io.WriteString(c, strings.Join(secrets, " "))
		}
	}
	servers := map[string]func(net.Conn){
		"reset": reset, "silent": hold, "closes": says(""),
		"echo":        echo("HTTP/1.1 500 %s\r\n\r\n"),
		"malformed":   echo("%s"),
		"bad length":  echo("HTTP/1.1 500 %s\r\nContent-Length: 99999\r\n\r\n"),
		"loop":        echo("HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"),
		"bad target":  echo("HTTP/1.1 302 Found\r\nLocation: http://[::1%s\r\nContent-Length: 0\r\n\r\n"),
		"bad header":  echo("HTTP/1.1 200 OK\r\n%s\r\n\r\n"),
		"cut by 1024": echo("HTTP/1.1 500 %s\r\n\r\n" + strings.Repeat("a", 1015) + "hunter2secret"),
	}
	for name, server := range servers {
		for _, bearer := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " ", bearer), func(t *testing.T) {
				t.Parallel()
				m := httpMonitor("http://user:hunter2secret@" + serve(t, server) + "/a?token=" + url.QueryEscape("querysecret99"))
				m.Timeout = 500 * time.Millisecond
				m.HTTP.Headers = map[string]string{"X-Api-Key": "keysecret55"}
				if bearer {
					m.HTTP.Headers["Authorization"] = "Bearer bearersecret7"
				}
				m.Expect = []string{"status == 200", `text == "x"`, `headers["x"] == "y"`}
				r := run(t, m)
				if r.Outcome != "down" {
					t.Fatalf("outcome %s", r.Outcome)
				}
				said := fmt.Sprintf("%s %s %s %v", r.Failure.Detail, r.Body, r.Address, r.Expectations)
				for _, s := range append(slices.Clone(secrets), "hunter2") {
					if s == "bearersecret7" && !bearer {
						continue // it was not sent
					}
					if strings.Contains(said, s) {
						t.Errorf("%q is in %q", s, said)
					}
				}
			})
		}
	}
}

func TestNoControlCharacters(t *testing.T) {
	nasty := "\x1b[31m\x00\a\u202e\u200b\u2028evil"
	for _, head := range []string{
		nasty + "\r\n\r\n",
		"HTTP/1.1 " + nasty + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\n" + nasty + "\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://[" + nasty + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + nasty + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: " + nasty + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Odd: \u202eevil\u2028\r\nContent-Length: 99\r\n\r\n" + nasty,
		"HTTP/1.1 500 No\r\n\r\n" + nasty,
	} {
		m := httpMonitor("http://" + serve(t, says(head)))
		m.Expect = []string{"status == 201", `text == "x"`, `headers["x-odd"] == "y"`}
		r := run(t, m)
		if r.Failure == nil {
			t.Fatalf("%q: no failure", head)
		}
		for _, x := range r.Expectations {
			clean(t, x.Shown)
		}
	}
}

// TestTimeouts holds servers that never end against the timeout of the check.
func TestTimeouts(t *testing.T) {
	const bound = 300 * time.Millisecond
	silent := serve(t, hold)
	for name, m := range map[string]monitor.Monitor{
		"http":          httpMonitor("http://" + silent),
		"https":         httpMonitor("https://" + silent),
		"endless body":  httpMonitor("http://" + serve(t, drip("HTTP/1.1 200 OK\r\n\r\na"))),
		"endless tries": httpMonitor("http://" + serve(t, says("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"))),
		"tls":           {Private: true, TLS: &monitor.TLS{Address: silent}},
		"unroutable":    {TCP: &monitor.TCP{Address: "192.0.2.1:9"}},
		"dns":           {Private: true, DNS: &monitor.DNS{Name: "a.test", Type: "A", Resolvers: []string{silentUDP(t), silentUDP(t)}}},
		"resolver":      {Private: true, HTTP: &monitor.HTTP{URL: "http://a.test/", Method: "GET", Resolver: silentUDP(t), MaxBody: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m.Timeout = bound
			if m.HTTP != nil {
				m.HTTP.MaxRedirects = 1 << 30
			}
			start := time.Now()
			r := run(t, m)
			if took := time.Since(start); took > bound+slack || r.Timing.Total > bound+slack {
				t.Errorf("took %s, total %s", took, r.Timing.Total)
			}
			if name != "unroutable" {
				want(t, r, "down", "timeout", "timeout in")
			}
		})
	}
}

// TestRunOutOfTime: what Sonde had no time for is no fault of the target.
func TestRunOutOfTime(t *testing.T) {
	m := httpMonitor("http://" + serve(t, hold))
	for _, left := range []time.Duration{100 * time.Millisecond, 700 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		start := time.Now()
		r := newEngine().Run(ctx, []monitor.Check{{Monitor: m}, {Monitor: m}})
		cancel()
		if took := time.Since(start); took > left+slack {
			t.Errorf("took %s", took)
		}
		for _, r := range r {
			want(t, r, "not_run", "internal", "time")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	m = httpMonitor("http://" + serve(t, func(c net.Conn) { readRequest(c); cancel(); hold(c) }))
	want(t, newEngine().Run(ctx, []monitor.Check{{Monitor: m}})[0], "not_run", "internal", "")
}
