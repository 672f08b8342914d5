// Package echotest is targets that repeat the secrets they are sent, each in
// another place, for tests that none of these reaches anybody. File is a
// monitors.yaml of all of them; whatever comes out of checking it goes through
// Leak.
package echotest

import (
	"bufio"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The secrets, and what refers to them.
const (
	Variable  = "SONDE_ECHO" // EnvSecret
	EnvSecret = `Env+S3cret/<Val>'x%41zQ`
	Parameter = "/sonde/echo/token" // SSMSecret
	SSMSecret = "ssm-Planted-Parameter-9f8e7d"
)

// SSM starts a stand-in for Parameter Store and returns its endpoint. It insists
// on a signature.
func SSM(t testing.TB) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Name           string
			WithDecryption bool
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		signed := strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") && strings.Contains(r.Header.Get("Authorization"), "/ssm/aws4_request")
		if !signed || !in.WithDecryption || in.Name != Parameter || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"ParameterNotFound"}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": in.Name, "Type": "SecureString", "Value": SSMSecret}})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// File starts the targets, and returns a monitors.yaml that sends both secrets
// to each in path, query, headers and body. The ids are those of its monitors.
func File(t testing.TB) (text []byte, ids []string) {
	var monitors []any
	add := func(id, base string, more map[string]any, expect ...string) {
		h := map[string]any{
			"url":    base + "/p/${env:" + Variable + "}?q=${ssm:" + Parameter + "}&r=${env:" + Variable + "}",
			"method": "POST", "body": "${env:" + Variable + "} ${ssm:" + Parameter + "}",
			"headers": map[string]string{"X-Plain": "${env:" + Variable + "}", "Authorization": "Bearer ${ssm:" + Parameter + "}"},
		}
		for name, value := range more {
			h[name] = value
		}
		for name, value := range h {
			if value == nil {
				delete(h, name)
			}
		}
		if h["steps"] != nil {
			h = map[string]any{"steps": h["steps"]}
		}
		ids = append(ids, id)
		monitors = append(monitors, map[string]any{
			"id": id, "http": h, "private": true, "every": "10s", "timeout": "2s", "recheck": "2s",
			"expect": append([]string{"status == 200", `text == "x"`}, expect...), "warn": []string{`headers["x-echo"] == "x"`},
		})
	}
	for id, handler := range handlers {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		add(id, server.URL, nil, `headers["set-cookie"] == "x"`, `upper(text) == "x"`, `len(text) < 12 || text[0:12] == "x"`)
	}
	for id, answer := range answers {
		add(id, "http://"+serveRaw(t, answer), nil)
	}
	secure := httptest.NewUnstartedServer(handlers["body"])
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	basic := map[string]any{"basic": map[string]any{"user": "sonde", "password": "${env:" + Variable + "}"}}
	add("auth-basic", echoAll(t), map[string]any{"auth": basic, "headers": map[string]string{}})
	add("auth-bearer", echoAll(t), map[string]any{"auth": map[string]any{"bearer": "${ssm:" + Parameter + "}"}, "headers": map[string]string{}})
	for id, answer := range map[string]string{
		"token":          `{"access_token": "` + SSMSecret + `-of-the-endpoint"}`,
		"token-error":    `{"error": "no ` + SSMSecret + `"}`,
		"token-type":     `{"access_token": "x", "token_type": "` + SSMSecret + `"}`,
		"token-nonsense": SSMSecret,
	} {
		oauth2 := map[string]any{"token_url": serveToken(t, answer), "client_id": "sonde", "client_secret": "${env:" + Variable + "}", "scopes": "${ssm:" + Parameter + "}"}
		add("auth-"+id, echoAll(t), map[string]any{"auth": map[string]any{"oauth2": oauth2}, "headers": map[string]string{}})
	}
	add("json-body", echoAll(t), map[string]any{"body": nil, "json": map[string]any{"a": []string{"${env:" + Variable + "}"}}})
	add("form-body", echoAll(t), map[string]any{"body": nil, "form": map[string]any{"a": "${env:" + Variable + "}"}})
	add("steps", "", map[string]any{"steps": []any{
		map[string]any{"name": "first", "url": echoAll(t), "headers": map[string]string{"X-Plain": "${env:" + Variable + "}"}, "save": map[string]any{"all": "text"}},
		map[string]any{"name": "second", "url": echoAll(t), "json": "${all}", "method": "POST", "expect": `upper(text) == "x"`},
	}})
	add("each", echoAll(t), map[string]any{"resolve": "each"})
	add("certificate", secure.URL, nil)
	add("insecure", secure.URL, map[string]any{"insecure": true})
	add("alert", "https://"+serveRaw(t, SSMSecret+"\r\n"), nil)
	text, err := json.Marshal(map[string]any{"monitors": monitors, "tiers": []any{
		map[string]any{"id": "oncall", "impact": "minor"}, map[string]any{"id": "customers", "impact": "minor", "public": true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return text, ids
}

// echoAll repeats a whole request, and what its Authorization says in plain.
func echoAll(t testing.TB) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		var all strings.Builder
		_ = r.Write(&all)
		w.Header().Set("X-Echo", password)
		_, _ = io.WriteString(w, password+" "+all.String())
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// serveToken is a token endpoint with one answer.
func serveToken(t testing.TB, answer string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(answer, "error") {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// handlers repeat secrets in valid answers.
var handlers = map[string]http.HandlerFunc{
	"body": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, echo(r))
	},
	"escaped": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		for _, secret := range []string{EnvSecret, SSMSecret} {
			for _, form := range forms(secret) {
				_, _ = io.WriteString(w, form+" ")
			}
		}
	},
	"long": func(w http.ResponseWriter, r *http.Request) { // cut in the middle of a secret
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, strings.Repeat("x", 1010)+EnvSecret+SSMSecret)
	},
	"json": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_ = json.NewEncoder(w).Encode(map[string]any{EnvSecret: SSMSecret, "all": []string{echo(r)}})
	},
	"header": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", echo(r))
		w.Header().Set(SSMSecret, EnvSecret)
		w.WriteHeader(http.StatusTeapot)
	},
	"cookie": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session="+url.QueryEscape(EnvSecret)+SSMSecret+"; Path=/"+SSMSecret)
		w.WriteHeader(http.StatusTeapot)
	},
	"redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+SSMSecret+".invalid/"+url.PathEscape(EnvSecret), http.StatusFound)
	},
	"location": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://"+EnvSecret+"\x7f:"+SSMSecret+"/")
		w.WriteHeader(http.StatusFound)
	},
	"gzip": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusTeapot)
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, echo(r))
		_ = z.Close()
	},
}

func echo(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	return fmt.Sprintf("%s %q %s %s %s %s", r.URL.Path, r.URL.Query().Get("r"), r.URL.Query().Get("q"),
		r.Header.Get("X-Plain"), r.Header.Get("Authorization"), body)
}

// answers repeat secrets in what is no valid answer, but for the first.
var answers = map[string]string{
	"reason":        "HTTP/1.1 500 " + EnvSecret + " " + SSMSecret + "\r\nContent-Length: 0\r\n\r\n",
	"bad-status":    "HTTP/1.1 " + SSMSecret + " no\r\n\r\n",
	"bad-protocol":  EnvSecret + " " + SSMSecret + "\r\n\r\n",
	"bad-header":    "HTTP/1.1 200 OK\r\n" + EnvSecret + " " + SSMSecret + "\r\n\r\n",
	"bad-chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + SSMSecret + "\r\n",
	"bad-encoding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + SSMSecret + "\r\n\r\n",
	"bad-length":    "HTTP/1.1 200 OK\r\nContent-Length: " + EnvSecret + "\r\n\r\n",
	"short-content": "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + EnvSecret,
}

// serveRaw answers every connection with a text and ends it.
func serveRaw(t testing.TB, answer string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
				in := bufio.NewReader(conn)
				if first, _ := in.Peek(1); len(first) == 1 && first[0] != 22 { // no TLS
					if r, err := http.ReadRequest(in); err == nil {
						_, _ = io.Copy(io.Discard, r.Body)
					}
				}
				_, _ = io.WriteString(conn, answer)
			}()
		}
	}()
	return l.Addr().String()
}

// certificate signs itself and holds the secrets in every name.
func certificate(t testing.TB) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		Subject:  pkix.Name{CommonName: EnvSecret, Organization: []string{SSMSecret}},
		DNSNames: []string{strings.ToLower(SSMSecret) + ".example.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// forms is a secret in the forms in which it may be met.
func forms(secret string) []string {
	quoted, _ := json.Marshal(secret)
	percent, entity := "", ""
	for _, c := range []byte(secret) {
		percent += fmt.Sprintf("%%%02x", c)
		entity += fmt.Sprintf("&#%d;", c)
	}
	out := []string{
		secret, strings.ReplaceAll(strings.ReplaceAll(secret, "%41", "A"), "+", " "), strings.ReplaceAll(secret, "%41", "A"),
		url.QueryEscape(secret), url.PathEscape(secret), url.QueryEscape(url.QueryEscape(secret)), html.EscapeString(secret), strings.Trim(string(quoted), `"`),
		hex.EncodeToString([]byte(secret)), percent, entity,
	}
	for _, user := range []string{"", "u", "us", "user:"} {
		text := []byte(user + secret)
		out = append(out, base64.StdEncoding.EncodeToString(text), base64.URLEncoding.EncodeToString(text), base64.RawURLEncoding.EncodeToString(text))
	}
	return out
}

// window is how much of a secret in any form is too much, in bytes.
const window = 12

// Leak returns the first part of a secret that a text holds, in any form; empty
// if there is none.
func Leak(text string) string {
	text = strings.ToLower(text)
	for _, secret := range []string{EnvSecret, SSMSecret} {
		for _, form := range forms(secret) {
			form = strings.ToLower(form)
			for at := 0; at+window <= len(form); at++ {
				if part := form[at : at+window]; strings.Contains(text, part) && !common(part) {
					return fmt.Sprintf("%q of the form %q", part, form)
				}
			}
		}
	}
	return ""
}

// common: the base64 of the user's name is no secret.
func common(part string) bool {
	return strings.Contains(strings.ToLower(base64.StdEncoding.EncodeToString([]byte("user:"))), part)
}
