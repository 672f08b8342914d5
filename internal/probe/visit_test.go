package probe_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// handled serves a handler, and returns its URL.
func handled(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

func TestHTTPBodies(t *testing.T) {
	got := make(chan string, 1)
	url := handled(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		got <- strings.Join([]string{r.Method, r.Header.Get("Content-Type"), string(body), user + ":" + password, r.Header.Get("Authorization")}, " | ")
	})
	const quote = `se"cret&\x`
	for _, test := range []struct {
		name   string
		change func(*monitor.HTTP)
		want   string
	}{
		{"json", func(h *monitor.HTTP) { h.JSON = `{"a":"${env:A}","n":12345678901234567890}` },
			`POST | application/json | {"a":"se\"cret&\\x","n":12345678901234567890} | : | `},
		{"form", func(h *monitor.HTTP) { h.Form = map[string][]string{"a": {"${env:A}", "2"}, "b": {"c d"}} },
			`POST | application/x-www-form-urlencoded | a=se%22cret%26%5Cx&a=2&b=c+d | : | `},
		{"own type", func(h *monitor.HTTP) {
			h.JSON, h.Headers = `1`, map[string]string{"content-type": "application/problem+json"}
		}, `POST | application/problem+json | 1 | : | `},
		{"bearer", func(h *monitor.HTTP) { h.Auth = &monitor.Auth{Bearer: "${env:A}"} }, `POST |  |  | : | Bearer ` + quote},
		{"basic", func(h *monitor.HTTP) { h.Auth = &monitor.Auth{Basic: &monitor.Basic{User: "u", Password: "${env:A}"}} },
			`POST |  |  | u:` + quote + ` | Basic dTpzZSJjcmV0Jlx4`},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := httpMonitor(url)
			m.HTTP.Method = "POST"
			test.change(m.HTTP)
			engine := probe.Steady(probe.New(probe.Env{Now: time.Now, Secret: secretsOf(map[string]string{"A": quote})}, probe.Options{}))
			want(t, engine.Run(t.Context(), []monitor.Check{{Monitor: m}})[0], "up", "", "")
			if sent := <-got; sent != test.want {
				t.Errorf("sent %s\nwant %s", sent, test.want)
			}
		})
	}
}

func TestHTTPCompressed(t *testing.T) {
	pack := func(make func(io.Writer) io.WriteCloser) string {
		var b bytes.Buffer
		w := make(&b)
		_, _ = io.WriteString(w, "hello")
		_ = w.Close()
		return b.String()
	}
	bodies := map[string]string{
		"gzip":     pack(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"deflate":  pack(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"deflate ": pack(func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, 1); return z }),
		"identity": "hello",
	}
	for encoding, body := range bodies {
		m := httpMonitor(handled(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", encoding)
			_, _ = io.WriteString(w, body)
		}))
		m.Expect = []string{`text == "hello"`}
		want(t, run(t, m), "up", "", "")
		m.HTTP.Method, m.Expect = "HEAD", []string{`text == ""`}
		want(t, run(t, m), "up", "", "")
	}
}

func TestHTTPPolicies(t *testing.T) {
	other := handled(t, func(w http.ResponseWriter, r *http.Request) {})
	url := handled(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other, http.StatusFound)
		case "/in":
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "c00kie", Path: "/"})
			http.Redirect(w, r, "/inside", http.StatusFound)
		case "/inside":
			if c, err := r.Cookie("sid"); err != nil || c.Value != "c00kie" {
				w.WriteHeader(http.StatusForbidden)
			}
		}
	})
	m := httpMonitor(url + "/away")
	m.HTTP.SameHost = true
	want(t, run(t, m), "down", "http", "redirected to another host")
	m.HTTP.URL, m.Expect = url+"/in", []string{"status == 200", "hops == 2", `cookies.sid == "c00kie"`}
	r := run(t, m)
	want(t, r, "up", "", "")
	if r.Hops != 2 {
		t.Errorf("%d hops", r.Hops)
	}
	m = httpMonitor(url)
	m.HTTP.Family = "ipv6"
	if r := run(t, m); r.Outcome != "down" {
		t.Errorf("IPv4 only, by IPv6: %s", r.Outcome)
	}
}

func TestHTTPVersions(t *testing.T) {
	for _, test := range []struct {
		version, speaks string
		clear           bool
		outcome         monitor.Outcome
	}{
		{"", "HTTP/2.0", false, "up"}, {"1.1", "HTTP/1.1", false, "up"}, {"2", "HTTP/2.0", false, "up"},
		{"2", "HTTP/1.1", false, "down"}, {"", "HTTP/1.1", true, "up"}, {"2", "HTTP/2.0", true, "up"}, {"2", "HTTP/1.1", true, "down"},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
			s.Config.Protocols = &http.Protocols{}
			s.Config.Protocols.SetHTTP1(test.version != "2" || test.speaks == "HTTP/1.1")
			s.Config.Protocols.SetHTTP2(test.speaks == "HTTP/2.0")
			s.Config.Protocols.SetUnencryptedHTTP2(test.speaks == "HTTP/2.0")
			if s.EnableHTTP2 = test.speaks == "HTTP/2.0"; test.clear {
				s.Start()
			} else {
				s.StartTLS()
			}
			defer s.Close()
			m := httpMonitor(s.URL)
			m.HTTP.Insecure, m.HTTP.Version = true, test.version
			m.Expect = []string{fmt.Sprintf("text == %q", test.speaks)}
			if r := run(t, m); r.Outcome != test.outcome {
				t.Errorf("%s %+v", r.Outcome, r.Failure)
			}
		})
	}
}

func TestHTTPClientCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) {}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
	s.StartTLS()
	defer s.Close()
	m := httpMonitor(s.URL)
	m.HTTP.Insecure = true
	if r := run(t, m); r.Outcome != "down" {
		t.Errorf("without a certificate: %s", r.Outcome)
	}
	m.HTTP.ClientCert = pemPair(t)
	want(t, run(t, m), "up", "", "")
	m.HTTP.MinTLS = "1.3"
	want(t, run(t, m), "down", "tls", "")
	m.HTTP.ClientCert = &monitor.ClientCert{Cert: "x", Key: "y"}
	want(t, run(t, m), "not_run", "internal", "client_cert")
}

func TestHTTPTraceparent(t *testing.T) {
	got := make(chan string, 1)
	m := httpMonitor(handled(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("Traceparent") }))
	m.HTTP.Traceparent = true
	for flags, sampled := range map[string]bool{"00": false, "01": true} {
		m.HTTP.Sampled = sampled
		r := run(t, m)
		sent := <-got
		if !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-`+flags+`$`).MatchString(sent) || r.Trace != sent[3:35] {
			t.Errorf("sent %q, result says %q", sent, r.Trace)
		}
	}
	m.HTTP.Traceparent = false
	if r := run(t, m); <-got != "" || r.Trace != "" {
		t.Errorf("sent none, result says %q", r.Trace)
	}
}

// TestToken fetches a token once for its life, anew after a refusal, and names
// what fails.
func TestToken(t *testing.T) {
	fetched, refuse := 0, false
	tokens := handled(t, func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != "me" || secret != "client%2Fsecret" || r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("scope") != "a b" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fetched++
		_, _ = fmt.Fprintf(w, `{"access_token":"granted-%d","token_type":"Bearer","expires_in":3600}`, fetched)
	})
	target := handled(t, func(w http.ResponseWriter, r *http.Request) {
		if refuse {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	})
	m := httpMonitor(target)
	m.HTTP.Auth = &monitor.Auth{OAuth2: &monitor.OAuth2{TokenURL: tokens, ClientID: "me", ClientSecret: "client/secret", Scopes: []string{"a", "b"}}}
	m.Expect = []string{"status == 200", `text startsWith "Bearer granted-"`}
	now := time.Now()
	engine := probe.Steady(probe.New(probe.Env{Now: func() time.Time { return now }}, probe.Options{}))
	check := func(outcome monitor.Outcome, fetches int) monitor.Result {
		t.Helper()
		r := engine.Run(t.Context(), []monitor.Check{{Monitor: m}})[0]
		if r.Outcome != outcome || fetched != fetches {
			t.Errorf("%s after %d fetches, want %s after %d: %+v", r.Outcome, fetched, outcome, fetches, r.Failure)
		}
		if text, _ := json.Marshal(r); bytes.Contains(text, []byte("granted-")) && r.Outcome == "down" && strings.Contains(r.Body, "granted-") {
			t.Errorf("the token is in %s", text)
		}
		return r
	}
	if r := check("up", 1); r.Timing.Token <= 0 {
		t.Error("no time for the token")
	}
	check("up", 1)
	now = now.Add(time.Hour - 30*time.Second)
	check("up", 2)
	refuse = true
	check("down", 2)
	refuse = false
	check("up", 3)
}

func TestTokenFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		server func(net.Conn)
		kind   monitor.FailureKind
		detail string
	}{
		{"refused", nil, "refused", "token: connect to"},
		{"reset", reset, "reset", "token: "},
		{"silent", hold, "timeout", "token: timeout in waiting for the first byte"},
		{"error", says("HTTP/1.1 401 No\r\nContent-Length: 26\r\n\r\n{\"error\":\"invalid_client\"}"), "http", "token: the endpoint answers 401: invalid_client"},
		{"redirect", says("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), "http", "token: the endpoint answers 302"},
		{"no token", says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), "body", "token: the endpoint's answer holds no access_token"},
		{"line breaks", says("HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"access_token\":\"a\\r\\nX: b\"}"), "body", "token: "},
		{"endless", forever("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("a", 1000)), "body", "token: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address := ""
			if test.server == nil {
				address = closedPort(t)
			} else {
				address = serve(t, test.server)
			}
			m := httpMonitor("http://" + serve(t, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")))
			m.Timeout = time.Second
			m.HTTP.Auth = &monitor.Auth{OAuth2: &monitor.OAuth2{TokenURL: "http://" + address, ClientID: "a", ClientSecret: "bcde"}}
			want(t, run(t, m), "down", test.kind, test.detail)
		})
	}
	m := httpMonitor("http://127.0.0.1:1")
	m.HTTP.Auth = &monitor.Auth{OAuth2: &monitor.OAuth2{TokenURL: "http://169.254.169.254/token", ClientID: "a", ClientSecret: "bcde"}}
	want(t, run(t, m), "down", "blocked", "token: ")
}

// shop is a site with a log-in, an order and its page.
func shop(w http.ResponseWriter, r *http.Request) {
	session, _ := r.Cookie("session")
	switch {
	case r.URL.Path == "/login":
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1"})
		_, _ = io.WriteString(w, `{"access_token":"tok-en/1 &x","id":17,"list":[1]}`)
	case session == nil || r.Header.Get("Authorization") != "Bearer tok-en/1 &x":
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	case r.URL.Path == "/orders":
		w.Header().Set("Location", "/orders/99")
		w.WriteHeader(http.StatusCreated)
	default:
		_, _ = io.WriteString(w, r.URL.RequestURI())
	}
}

func shopSteps(url string) monitor.Monitor {
	m := httpMonitor(url + "/login")
	bearer := &monitor.Auth{Bearer: "${token}"}
	m.HTTP.Steps = []monitor.Step{
		{Name: "login", Request: monitor.Request{URL: url + "/login", Method: "POST"}, Save: []monitor.Save{{Name: "token", From: "body.access_token"}}},
		{Name: "order", Request: monitor.Request{URL: url + "/orders", Method: "POST", Auth: bearer}, Expect: []string{"status == 201"},
			Save: []monitor.Save{{Name: "id", From: "headers.location", Match: `/orders/(\d+)`}}},
		{Request: monitor.Request{URL: url + "/orders/${id}?t=${token}", Method: "GET", Auth: bearer}, Expect: []string{`text == "/orders/99?t=tok-en%2F1+%26x"`}},
	}
	return m
}

func TestSteps(t *testing.T) {
	m := shopSteps(handled(t, shop))
	m.Expect = []string{"status == 200", "hops == 3"}
	r := run(t, m)
	want(t, r, "up", "", "")
	if len(r.Steps) != 3 || r.Steps[1].Status != 201 || r.Steps[0].Name != "login" || r.Steps[2].Timing.Total <= 0 || r.Timing.Total < r.Steps[0].Timing.Total {
		t.Errorf("steps are %+v", r.Steps)
	}
	if text, _ := json.Marshal(r); bytes.Contains(text, []byte("tok-en")) {
		t.Errorf("a saved token is in %s", text)
	}
}

func TestStepsFail(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*monitor.HTTP)
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
		steps   int
	}{
		{"expectation", func(h *monitor.HTTP) { h.Steps[1].Expect = []string{"status == 200"} }, "down", "expect", "step 2 (order): status == 200 (status was 201)", 2},
		{"warning", func(h *monitor.HTTP) { h.Steps[1].Warn = []string{"status == 200"} }, "degraded", "expect", "step 2 (order): status == 200", 3},
		{"refused", func(h *monitor.HTTP) { h.Steps[0].URL = "http://127.0.0.1:1/" }, "down", "refused", "step 1 (login): connect to", 1},
		{"nothing to save", func(h *monitor.HTTP) { h.Steps[0].Save[0].From = "body.token" }, "down", "body", "step 1 (login): save token: body.token gives nothing", 1},
		{"a list", func(h *monitor.HTTP) { h.Steps[0].Save[0].From = "body.list" }, "down", "body", "gives a list", 1},
		{"no match", func(h *monitor.HTTP) { h.Steps[1].Save[0].Match = "x(y)" }, "down", "body", "does not match", 2},
		{"another host", func(h *monitor.HTTP) {
			h.Steps[0].Save = append(h.Steps[0].Save, monitor.Save{Name: "h", From: `"evil.example"`})
			h.Steps[1].URL = "http://${h}/"
		}, "down", "http", "step 2 (order): what was saved would lead the URL to another host", 2},
		{"header broken", func(h *monitor.HTTP) {
			h.Steps[0].Save = append(h.Steps[0].Save, monitor.Save{Name: "h", From: `"a\r\nX: b"`})
			h.Steps[1].Headers = map[string]string{"X-A": "${h}"}
		}, "down", "http", "step 2 (order): ", 2},
		{"token shown", func(h *monitor.HTTP) {
			h.Steps[1].URL = strings.Replace(h.Steps[1].URL, "/orders", "/login", 1)
			h.Steps[1].Expect = []string{`text[17:24] == "x"`}
		}, "down", "expect", "***", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := shopSteps(handled(t, shop))
			test.change(m.HTTP)
			r := run(t, m)
			want(t, r, test.outcome, test.kind, test.detail)
			if r.Failure.Warn != (test.name == "warning") {
				t.Errorf("%s: of warn: %t", r.Failure, r.Failure.Warn)
			}
			if len(r.Steps) != test.steps {
				t.Errorf("%d steps, want %d", len(r.Steps), test.steps)
			}
			if text, _ := json.Marshal(r); bytes.Contains(text, []byte("tok-en")) {
				t.Errorf("a saved token is in %s", text)
			}
		})
	}
}

// TestEach: three addresses of one name, one port, of which some work.
func TestEach(t *testing.T) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := first.Addr().(*net.TCPAddr).Port
	listeners := []net.Listener{first}
	second, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	listeners = append(listeners, second)
	for i, l := range listeners {
		s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, "%d %s", i, r.Host)
		})}
		go func() { _ = s.Serve(l) }()
		t.Cleanup(func() { _ = s.Close() })
	}
	host := fmt.Sprintf("app.test:%d", port)
	for _, test := range []struct {
		name      string
		addresses string
		needs     int
		expect    string
		outcome   monitor.Outcome
		detail    string
	}{
		{"all work", "127.0.0.1 127.0.0.2", 0, `text contains "` + host + `"`, "up", ""},
		{"one is refused", "127.0.0.1 127.0.0.2 127.0.0.3", 0, "", "down", "127.0.0.3: connect to 127.0.0.3"},
		{"enough work", "127.0.0.1 127.0.0.2 127.0.0.3", 2, "", "degraded", "2 of 3 addresses from resolver 127.0.0.1:"},
		{"any works", "127.0.0.1 127.0.0.3", 1, "", "degraded", "127.0.0.3"},
		{"none works", "127.0.0.3 127.0.0.4", 1, "", "down", "127.0.0.4"},
		{"three fail", "127.0.0.3 127.0.0.4 127.0.0.5", 1, "", "down", "failing: 127.0.0.3, 127.0.0.4, 127.0.0.5"},
		{"one expects in vain", "127.0.0.1 127.0.0.2", 0, `text startsWith "0"`, "down", "127.0.0.2: text startsWith"},
		{"blocked", "127.0.0.1 169.254.169.254", 0, "", "down", "169.254.169.254"},
		{"too many", manyAddresses(33), 0, "", "down", "33 addresses"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := httpMonitor("http://" + host + "/")
			m.HTTP.Each, m.HTTP.Needs, m.HTTP.Family = true, test.needs, "ipv4"
			m.HTTP.Resolver = resolver(t, answersA(test.addresses))
			if test.expect != "" {
				m.Expect = []string{test.expect}
			}
			r := run(t, m)
			if r.Outcome != test.outcome || r.Failure != nil && !strings.Contains(r.Failure.Detail, test.detail) {
				t.Errorf("%s %+v, want %s %q", r.Outcome, r.Failure, test.outcome, test.detail)
			}
			if n := len(strings.Fields(test.addresses)); test.name != "too many" && len(r.Addresses) != n {
				t.Errorf("%d addresses, want %d: %+v", len(r.Addresses), n, r.Addresses)
			}
		})
	}
}

func manyAddresses(n int) string {
	var out []string
	for i := range n {
		out = append(out, netip.AddrFrom4([4]byte{127, 0, 2, byte(i + 1)}).String())
	}
	return strings.Join(out, " ")
}

// answersA answers every question for A with these addresses.
func answersA(addresses string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg)
		a.SetReply(q)
		for _, address := range strings.Fields(addresses) {
			if q.Question[0].Qtype == dns.TypeA {
				rr, _ := dns.NewRR(q.Question[0].Name + " 1 IN A " + address)
				a.Answer = append(a.Answer, rr)
			}
		}
		_ = w.WriteMsg(a)
	}
}

// pemPair is a certificate and its key as a file has them.
func pemPair(t *testing.T) *monitor.ClientCert {
	t.Helper()
	c := issue(t, issueOptions{names: []string{"client"}}).certificate
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return &monitor.ClientCert{Cert: block("CERTIFICATE", c.Certificate[0]), Key: block("PRIVATE KEY", key)}
}
