package probe

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// pair makes a certificate below another; below itself where that is nil.
func pair(t testing.TB, serial int64, above *x509.Certificate, aboveKey crypto.Signer, usage ...x509.ExtKeyUsage) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{SerialNumber: big.NewInt(serial).String()},
		NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(4e9, 0), ExtKeyUsage: usage,
		IsCA: above == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	if above == nil {
		above, aboveKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, above, key.Public(), aboveKey)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c, key
}

func TestOCSP(t *testing.T) {
	now := time.Unix(2e9, 0)
	ca, caKey := pair(t, 1, nil, nil)
	leaf, leafKey := pair(t, 2, ca, caKey)
	responder, responderKey := pair(t, 3, ca, caKey, x509.ExtKeyUsageOCSPSigning)
	staple := func(signer *x509.Certificate, key crypto.Signer, change func(*ocsp.Response)) []byte {
		r := ocsp.Response{Status: ocsp.Good, SerialNumber: leaf.SerialNumber, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)}
		if signer != ca {
			r.Certificate = signer
		}
		change(&r)
		out, err := ocsp.CreateResponse(ca, signer, r, key)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	as := func(*ocsp.Response) {}
	forged := staple(ca, caKey, as)
	forged[len(forged)-1] ^= 1
	for _, c := range []struct {
		name   string
		staple []byte
		chain  []*x509.Certificate
		want   string
	}{
		{"good", staple(ca, caKey, as), []*x509.Certificate{leaf, ca}, "good"},
		{"good, by a responder", staple(responder, responderKey, as), []*x509.Certificate{leaf, ca}, "good"},
		{"by somebody without the right", staple(leaf, leafKey, as), []*x509.Certificate{leaf, ca}, "unknown"},
		{"revoked", staple(ca, caKey, func(r *ocsp.Response) { r.Status, r.RevokedAt = ocsp.Revoked, now.Add(-time.Minute) }), []*x509.Certificate{leaf, ca}, "revoked"},
		{"unknown", staple(ca, caKey, func(r *ocsp.Response) { r.Status = ocsp.Unknown }), []*x509.Certificate{leaf, ca}, "unknown"},
		{"of another", staple(ca, caKey, func(r *ocsp.Response) { r.SerialNumber = big.NewInt(9) }), []*x509.Certificate{leaf, ca}, "unknown"},
		{"old", staple(ca, caKey, func(r *ocsp.Response) { r.NextUpdate = now.Add(-time.Minute) }), []*x509.Certificate{leaf, ca}, "unknown"},
		{"of tomorrow", staple(ca, caKey, func(r *ocsp.Response) { r.ThisUpdate = now.Add(time.Minute) }), []*x509.Certificate{leaf, ca}, "unknown"},
		{"forged", forged, []*x509.Certificate{leaf, ca}, "unknown"},
		{"issuer not sent", staple(ca, caKey, as), []*x509.Certificate{leaf}, "unknown"},
		{"try later", []byte("\x30\x03\x0a\x01\x03"), []*x509.Certificate{leaf, ca}, "unknown"},
		{"garbage", []byte("garbage"), []*x509.Certificate{leaf, ca}, "unknown"},
		{"none", nil, []*x509.Certificate{leaf, ca}, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, at := ocspOf(c.staple, c.chain, now)
			if got != c.want || at.IsZero() != (c.want != "revoked") {
				t.Errorf("got %s at %s, want %s", got, at, c.want)
			}
		})
	}
}

func FuzzOCSP(f *testing.F) {
	ca, caKey := pair(f, 1, nil, nil)
	leaf, _ := pair(f, 2, ca, caKey)
	now := time.Unix(2e9, 0)
	good, err := ocsp.CreateResponse(ca, ca, ocsp.Response{Status: ocsp.Good, SerialNumber: leaf.SerialNumber, ThisUpdate: now, NextUpdate: now}, caKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	stranger, _ := pair(f, 2, nil, nil)
	f.Fuzz(func(t *testing.T, staple []byte) {
		// Nobody can sign for this authority: nothing is good.
		if status, _ := ocspOf(staple, []*x509.Certificate{leaf, stranger}, now); status != ocspUnknown && status != ocspNone {
			t.Errorf("%x is %s", staple, status)
		}
	})
}

// FuzzStartTLS: no dialogue panics, reads without end, or has an odd failure.
func FuzzStartTLS(f *testing.F) {
	for _, text := range []string{"220 a\r\n250 STARTTLS\r\n220 go\r\n", "* OK\r\n* CAPABILITY STARTTLS\r\ns1 OK\r\ns2 OK\r\n", "+OK\r\n-ERR\r\n+OK\r\n",
		"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", "S", "\x10\x00\x00\x00\x0a8\x00123412345678\x00\xff\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		for name, start := range upgrades {
			var sent bytes.Buffer
			err := start(&plain{bufio.NewReaderSize(bytes.NewReader(said), maxLine), &sent})
			if err == nil && sent.Len() == 0 {
				t.Errorf("%s agrees before it was asked", name)
			}
			if err != nil && len(classify(err, "STARTTLS", "tls").Detail) > maxDetail {
				t.Errorf("%s: a long failure", name)
			}
		}
	})
}

// FuzzSSH: no server makes somebody's host key its own without a signature over
// this exchange, and none makes the reader panic. (It can make up a weak key that
// everything is a signature of, which has a fingerprint of its own.)
func FuzzSSH(f *testing.F) {
	init := kexInit(families[0])
	var packets bytes.Buffer
	packets.WriteString("hello\r\nSSH-2.0-x\r\n")
	server := &kex{w: &packets}
	_ = server.write(init)
	public, _ := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	pinned := put(put(nil, []byte("ssh-ed25519")), public)
	_ = server.write(put(put(put([]byte{msgECDHReply}, pinned), bytes.Repeat([]byte{9}, 32)), put(put(nil, []byte("ssh-ed25519")), make([]byte, 64))))
	f.Add(packets.Bytes())
	f.Add([]byte("SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x01\x00"))
	f.Fuzz(func(t *testing.T, said []byte) {
		k := &kex{r: bufio.NewReaderSize(bytes.NewReader(said), maxLine), w: io.Discard}
		if key, err := k.hostKey(slices.Concat(families...)); err == nil && bytes.Equal(key, pinned) {
			t.Error("believes in a key that it has seen no signature of")
		}
		if k.banner != "" && (!strings.HasPrefix(k.banner, "SSH-") || strings.Contains(k.banner, "\n")) {
			t.Errorf("banner %q", k.banner)
		}
	})
}

// FuzzHostKey: no key, signature or hash makes the verification panic.
func FuzzHostKey(f *testing.F) {
	f.Add(put(put(nil, []byte("ssh-rsa")), []byte{3}), put(put(nil, []byte("rsa-sha2-256")), []byte{1}))
	f.Add(put(put(put(nil, []byte("ecdsa-sha2-nistp256")), []byte("nistp256")), []byte{4}), put(put(nil, []byte("ecdsa-sha2-nistp256")), []byte{1}))
	f.Fuzz(func(t *testing.T, key, signature []byte) {
		_ = proves(key, signature, []byte("hash"), slices.Concat(families...))
	})
}

// FuzzPattern: whatever comes, a match ends within it, and captures are text.
func FuzzPattern(f *testing.F) {
	f.Add(`250 (?P<name>\S+)`, []byte("250 mx\r\n"))
	f.Add(`(?P<a>x)?`, []byte("\xff\x00"))
	f.Fuzz(func(t *testing.T, source string, text []byte) {
		m, err := pattern(source)
		if err != nil || len(source) > 1000 {
			return
		}
		captures := map[string]string{}
		if end, found := m(text, captures); found && (end < 0 || end > len(text)) {
			t.Errorf("ends at %d of %d", end, len(text))
		}
		if q := quoted(text); len(q) > 200 {
			t.Errorf("shown %q", q)
		}
	})
}
