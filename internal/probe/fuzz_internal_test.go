package probe

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/miekg/dns"

	"github.com/sondehq/sonde/internal/monitor"
)

// shows fails where a text is not one line of bounded, printable text.
func shows(t *testing.T, text string, most int) {
	t.Helper()
	bad := func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) }
	if len(text) > most || !utf8.ValidString(text) || strings.ContainsFunc(text, bad) {
		t.Errorf("%d bytes, at most %d: %q", len(text), most, text)
	}
}

// FuzzPrintable: whatever comes is one line that hurts nobody.
func FuzzPrintable(f *testing.F) {
	for _, text := range []string{"", "hello", "\x1b[31m\x00\u202e\u2028\r\n\xff", strings.Repeat("\u00fc", 200), "\ufffd\U000e0041"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shows(t, printable(text, maxDetail), maxDetail)
		shows(t, quoted([]byte(text)), 200)
		shows(t, printableBody([]byte(text)), keptBody)
	})
}

// FuzzAnswer: no answer of HTTP, in any encoding, makes the reader go over its
// cap, and what expressions see of it is what it should be.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00",
		"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n\x78\x9c\x4b\x04\x00\x00\x62\x00\x62",
		"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n\x4b\x04\x00",
		"HTTP/1.1 302 Found\r\nLocation: //x\r\nSet-Cookie: a=b\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	wanted := []string{"body", "text", "headers"}
	f.Fuzz(func(t *testing.T, text []byte) {
		const most = 4096
		response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if err != nil {
			shows(t, classify(err, "answer", monitor.FailHTTP).Detail, maxDetail)
			return
		}
		body, err := readBody(response, most)
		if len(body) > most {
			t.Errorf("read %d bytes", len(body))
		}
		if err != nil {
			shows(t, classify(err, "body", monitor.FailBody).Detail, maxDetail)
		}
		values, _ := valuesOf(wanted, response, body)
		if text, _ := values["text"].(string); !utf8.ValidString(text) {
			t.Errorf("text is %q", text)
		}
	})
}

// FuzzValues: no JSON has more values than are counted before it is read.
func FuzzValues(f *testing.F) {
	for _, text := range []string{`{"a":[1,2,{"b":"x,[{\"y"}],"c":{}}`, `[[],[[]],{}]`, `"a"`, ` null`, `[1`, `{"a":"\\"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var v any
		if json.Unmarshal(text, &v) != nil {
			return
		}
		if counted, has := valuesIn(text), count(v); has > counted {
			t.Errorf("%q has %d values, counted %d", text, has, counted)
		}
	})
}

func count(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			n += count(one)
		}
	case map[string]any:
		for _, one := range v {
			n += count(one)
		}
	}
	return n
}

// FuzzToken: a token that is taken can be sent, and lives a day at most.
func FuzzToken(f *testing.F) {
	f.Add(200, []byte(`{"access_token":"abc","token_type":"Bearer","expires_in":3600}`))
	f.Add(200, []byte(`{"access_token":"abc","expires_in":"-1e400"}`))
	f.Add(400, []byte(`{"error":"invalid_client\u001b"}`))
	f.Add(200, []byte(`{"access_token":"a\r\nb"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		text, life, failure := readToken(status, body)
		if failure != nil {
			shows(t, failure.Detail, maxDetail)
			return
		}
		request := http.Request{Header: http.Header{"Authorization": {"Bearer " + text}}, URL: &url.URL{Host: "h"}}
		if err := request.Write(io.Discard); err != nil || text == "" || len(text) > maxToken || life < 0 || life > 24*time.Hour {
			t.Errorf("token %q for %s: %v", text, life, err)
		}
	})
}

// FuzzSavedURL: what a target had saved never chooses whom the next step asks.
func FuzzSavedURL(f *testing.F) {
	f.Add("https://example.com/a/${id}?q=${id}", "x")
	f.Add("https://example.com${id}/a", "@evil.example")
	f.Add("https://${id}.example.com/", "evil.example/#")
	f.Add("https://example.com/${id}", "../../\r\n\x00%2f?#")
	f.Fuzz(func(t *testing.T, template, value string) {
		v := &visit{saved: map[string]string{"id": value}}
		got, err := v.fillURL(template)
		if err != nil {
			return
		}
		own, errOwn := url.Parse(monitor.ExpandSaved(template, func(string) string { return "" }))
		to, errTo := url.Parse(got)
		if errOwn != nil || errTo != nil || own.Host != to.Host || own.Scheme != to.Scheme {
			t.Errorf("%q with %q leads to %q", template, value, got)
		}
	})
}

// FuzzSavedText: what is saved is bounded text, or there is a reason.
func FuzzSavedText(f *testing.F) {
	f.Add("a=1; b=2", `b=(\d)`)
	f.Add(strings.Repeat("a", maxSaved+1), "")
	f.Fuzz(func(t *testing.T, value, match string) {
		text, why := savedText(value, match)
		if (why == "") == (text == "") || len(text) > maxSaved || why == "" && !strings.Contains(value, text) {
			t.Errorf("%q of %q: %q, %q", match, value, text, why)
		}
	})
}

// FuzzRecords: no message of DNS makes following its aliases run for ever, and
// what is kept of it is bounded and can be shown.
func FuzzRecords(f *testing.F) {
	kinds := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeMX, dns.TypeNS, dns.TypeTXT, dns.TypeSOA, dns.TypeSRV, dns.TypeCAA, dns.TypePTR}
	for i, texts := range [][]string{
		{"a.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME a.test."}, {"a.test. 60 IN A 192.0.2.1"}, {`a.test. 60 IN TXT "\027[31m" "\\\""`},
		{"a.test. 60 IN MX 0 ."}, {"a.test. 60 IN SOA a. b. 1 2 3 4 5"}, {`a.test. 4294967295 IN CAA 0 issue "x"`},
	} {
		m := new(dns.Msg).SetQuestion("a.test.", dns.TypeA)
		for _, text := range texts {
			r, err := dns.NewRR(text)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, r)
		}
		packed, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed, byte(i))
	}
	f.Fuzz(func(t *testing.T, packed []byte, kind byte) {
		m := new(dns.Msg)
		if m.Unpack(packed) != nil || len(m.Question) != 1 {
			return // exchange passes over it: see isAnswer
		}
		found := recordsOf(m, kinds[int(kind)%len(kinds)])
		if found.ttl > math.MaxInt32 || found.keeps > math.MaxInt32 {
			t.Errorf("TTL %d, %d", found.ttl, found.keeps)
		}
		for _, text := range shownAnswers(found.texts) {
			shows(t, text, maxAnswer)
		}
		if zone := above("www.a.test.", soaOf(m.Ns)); len(zone) >= len("www.a.test.") {
			t.Errorf("the search for a zone goes from www.a.test. to %s", zone)
		}
	})
}

// FuzzFrames: whatever frames come, messages are bounded and reading ends.
func FuzzFrames(f *testing.F) {
	for _, text := range []string{"\x81\x02hi", "\x01\x02wa\x89\x00\x80\x03nte", "\x88\x05\x03\xe8bye", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "\x81\x7e\x00\x01a", "\x88\x01\x03"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		fr := newFrames(stream{bytes.NewReader(said)})
		for range len(said) + 1 {
			message, err := fr.receive()
			if err != nil {
				shows(t, fr.reason, maxDetail)
				shows(t, classify(err, "message", monitor.FailWebSocket).Detail, maxDetail)
				return
			}
			if len(message) > maxMessage {
				t.Fatalf("a message of %d bytes", len(message))
			}
		}
		t.Error("reads more messages than there are bytes")
	})
}

type stream struct{ io.Reader }

func (stream) Write(p []byte) (int, error) { return len(p), nil }
func (stream) Close() error                { return nil }

// FuzzHealth: an answer of gRPC is one message with one field, or is none.
func FuzzHealth(f *testing.F) {
	for _, text := range []string{"\x00\x00\x00\x00\x02\x08\x01", "\x00\x00\x00\x00\x00", "\x00\xff\xff\xff\xff", "\x00\x00\x00\x00\x04\x12\x02hi", "\x00\x00\x00\x00\x02\x08\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		message, err := unframe(body)
		if err != nil {
			return
		}
		if !bytes.Equal(frame(message), body) {
			t.Errorf("%x is the message %x", body, message)
		}
		if status, err := health(message); err == nil {
			shows(t, status, 40)
		}
	})
}

// FuzzCertificate: no certificate that can be read makes what is shown of it
// more than it should be.
func FuzzCertificate(f *testing.F) {
	ca, key := pair(f, 1, nil, nil)
	leaf, _ := pair(f, 2, ca, key)
	f.Add(leaf.Raw, ca.Raw)
	f.Fuzz(func(t *testing.T, one, other []byte) {
		a, err := x509.ParseCertificate(one)
		b, errOther := x509.ParseCertificate(other)
		if err != nil || errOther != nil {
			return
		}
		chain := []*x509.Certificate{a, b}
		shows(t, printable(authorityFault(chain), maxDetail), maxDetail)
		for _, link := range links(chain) {
			shows(t, link.Subject+link.Issuer, 400)
			for _, name := range link.Names {
				shows(t, name, 253)
			}
		}
		c := certificate(chain, time.Unix(2e9, 0))
		if c.NotAfter.After(a.NotAfter) {
			t.Errorf("ends at %s, its leaf at %s", c.NotAfter, a.NotAfter)
		}
		if first := map[bool]*x509.Certificate{true: b, false: a}[b.NotAfter.Before(a.NotAfter)]; !c.NotBefore.Equal(first.NotBefore) {
			t.Errorf("valid from %s, the first to end from %s", c.NotBefore, first.NotBefore)
		}
	})
}
