package probe

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// The messages of a key exchange (RFC 4250, 4.1.2; RFC 5656, 7.1).
const (
	msgDisconnect = 1
	msgIgnore     = 2
	msgDebug      = 4
	msgKexInit    = 20
	msgECDHInit   = 30
	msgECDHReply  = 31
)

const (
	sshVersion = "SSH-2.0-Sonde"
	maxPacket  = 35000 // bytes; RFC 4253, 6.1
	maxPackets = 50    // until the host key has come
)

// agreements are the key exchanges that are spoken (RFC 8731, RFC 5656), with
// SHA-256 all of them; every server of today knows one.
var agreements = []struct {
	name  string
	curve ecdh.Curve
}{
	{"curve25519-sha256", ecdh.X25519()}, {"curve25519-sha256@libssh.org", ecdh.X25519()}, {"ecdh-sha2-nistp256", ecdh.P256()},
}

// unused are the algorithms of what comes after the host key, which never does:
// a server only has to know one of each.
var unused = []string{
	"aes128-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com",
	"hmac-sha2-256,hmac-sha2-512,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1",
	"none,zlib@openssh.com",
}

var errCut = errors.New("a message is cut off")

// kex is the beginning of a connection: two banners, then packets in plain text.
type kex struct {
	r      *bufio.Reader
	w      io.Writer
	banner string // of the server
	before string // what it said that is no banner
}

// hello exchanges banners. A server may say other lines first (RFC 4253, 4.2).
func (k *kex) hello() error {
	if _, err := io.WriteString(k.w, sshVersion+"\r\n"); err != nil {
		return err
	}
	for range maxLines {
		line, err := k.r.ReadSlice('\n')
		if err == nil && bytes.HasPrefix(line, []byte("SSH-")) {
			k.banner = firstLine(line)
			return k.version()
		}
		if k.before == "" {
			k.before = string(line[:min(len(line), maxShownT)])
		}
		if err != nil && (k.before == "" || isTimeout(err)) {
			return err
		}
		if err != nil {
			break // what it said before it hung up tells more
		}
	}
	return fmt.Errorf("the answer is not SSH: %s", quoted([]byte(k.before)))
}

// version: a server that says 1.99 knows 2.0 too (RFC 4253, 5.1); an older one
// waits for what nobody will send.
func (k *kex) version() error {
	if strings.HasPrefix(k.banner, "SSH-2.0-") || strings.HasPrefix(k.banner, "SSH-1.99-") {
		return nil
	}
	return fmt.Errorf("the server does not speak SSH 2.0: %s", quoted([]byte(k.banner)))
}

// hostKey makes an exchange of keys and returns the server's own, once it has
// proved with a signature that it has it.
func (k *kex) hostKey(algorithms []string) ([]byte, error) {
	if err := k.hello(); err != nil {
		return nil, err
	}
	ours := kexInit(algorithms)
	if err := k.write(ours); err != nil {
		return nil, err
	}
	theirs, err := k.read(msgKexInit)
	if err != nil {
		return nil, err
	}
	curve, err := agree(theirs)
	if err != nil {
		return nil, err
	}
	secret, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	point := secret.PublicKey().Bytes()
	if err := k.write(put([]byte{msgECDHInit}, point)); err != nil {
		return nil, err
	}
	reply, err := k.read(msgECDHReply)
	if err != nil {
		return nil, err
	}
	f := fields{reply[1:], false}
	key, other, signature := f.next(), f.next(), f.next()
	peer, err := curve.NewPublicKey(other)
	if f.cut || err != nil {
		return nil, errors.New("the server's part of the key exchange cannot be read")
	}
	shared, err := secret.ECDH(peer)
	if err != nil {
		return nil, errors.New("the server's part of the key exchange is not a point of the curve")
	}
	h := exchangeHash(k.banner, ours, theirs, key, point, other, shared)
	return key, proves(key, signature, h, algorithms)
}

// kexInit is our side of the negotiation (RFC 4253, 7.1).
func kexInit(algorithms []string) []byte {
	out := make([]byte, 17)
	out[0] = msgKexInit
	_, _ = rand.Read(out[1:])
	var names []string
	for _, a := range agreements {
		names = append(names, a.name)
	}
	for _, list := range []string{strings.Join(names, ","), strings.Join(algorithms, ","), unused[0], unused[0], unused[1], unused[1], unused[2], unused[2], "", ""} {
		out = put(out, []byte(list))
	}
	return append(out, 0, 0, 0, 0, 0)
}

// agree picks the first key exchange of ours that the server knows.
func agree(theirs []byte) (ecdh.Curve, error) {
	if len(theirs) < 17 {
		return nil, errCut
	}
	f := fields{theirs[17:], false}
	known := strings.Split(string(f.next()), ",")
	for _, a := range agreements {
		if slices.Contains(known, a.name) {
			return a.curve, nil
		}
	}
	return nil, fmt.Errorf("the server knows no key exchange of ours, only %s", quoted([]byte(strings.Join(known, ","))))
}

// exchangeHash is what the server signs (RFC 5656, 4).
func exchangeHash(banner string, ours, theirs, key, point, other, shared []byte) []byte {
	var all []byte
	for _, part := range [][]byte{[]byte(sshVersion), []byte(banner), ours, theirs, key, point, other, mpint(shared)} {
		all = put(all, part)
	}
	sum := sha256.Sum256(all)
	return sum[:]
}

// mpint writes a positive number without leading zeros, but for the one that
// keeps it positive (RFC 4251, 5).
func mpint(number []byte) []byte {
	number = bytes.TrimLeft(number, "\x00")
	if len(number) > 0 && number[0] >= 0x80 {
		return append([]byte{0}, number...)
	}
	return number
}

var errSignature = errors.New("the server does not prove that it has its host key: the signature is wrong")

// proves verifies a signature of a host key over a hash (RFC 4253, 6.6; RFC 5656,
// 3.1; RFC 8332; RFC 8709).
func proves(key, signature, h []byte, algorithms []string) error {
	k, s := fields{key, false}, fields{signature, false}
	kind, algorithm, proof := string(k.next()), string(s.next()), s.next()
	if !slices.Contains(algorithms, algorithm) || kind != algorithm && (kind != "ssh-rsa" || !strings.HasPrefix(algorithm, "rsa-")) {
		return fmt.Errorf("the server shows a host key of a kind that was not agreed on: %s", quoted([]byte(kind+" "+algorithm)))
	}
	good := false
	switch algorithm {
	case "ssh-ed25519":
		public := k.next()
		good = len(public) == ed25519.PublicKeySize && ed25519.Verify(public, h, proof)
	case "rsa-sha2-256", "rsa-sha2-512":
		good = provesRSA(&k, algorithm, h, proof)
	default:
		good = provesECDSA(&k, algorithm, h, proof)
	}
	if k.cut || s.cut || !good {
		return errSignature
	}
	return nil
}

func provesRSA(k *fields, algorithm string, h, proof []byte) bool {
	exponent, modulus := new(big.Int).SetBytes(k.next()), new(big.Int).SetBytes(k.next())
	if exponent.BitLen() > 31 || modulus.BitLen() > 16384 {
		return false
	}
	public := &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
	hash, sum := crypto.SHA256, digest(256, h)
	if algorithm == "rsa-sha2-512" {
		hash, sum = crypto.SHA512, digest(512, h)
	}
	return rsa.VerifyPKCS1v15(public, hash, sum, proof) == nil
}

func provesECDSA(k *fields, algorithm string, h, proof []byte) bool {
	k.next() // the curve again
	var curve elliptic.Curve
	bits := 256
	switch algorithm {
	case "ecdsa-sha2-nistp256":
		curve = elliptic.P256()
	case "ecdsa-sha2-nistp384":
		curve, bits = elliptic.P384(), 384
	case "ecdsa-sha2-nistp521":
		curve, bits = elliptic.P521(), 512
	default:
		return false
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, k.next())
	if err != nil {
		return false
	}
	f := fields{proof, false}
	r, s := new(big.Int).SetBytes(f.next()), new(big.Int).SetBytes(f.next())
	return !f.cut && ecdsa.Verify(public, digest(bits, h), r, s)
}

func digest(bits int, text []byte) []byte {
	switch bits {
	case 384:
		sum := sha512.Sum384(text)
		return sum[:]
	case 512:
		sum := sha512.Sum512(text)
		return sum[:]
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// write sends a packet (RFC 4253, 6).
func (k *kex) write(payload []byte) error {
	padding := 8 - (len(payload)+5)%8 + 8
	out := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	out = append(append(out, byte(padding)), payload...)
	_, err := k.w.Write(append(out, make([]byte, padding)...))
	return err
}

// read returns the next packet of a kind, and passes over what may stand before.
func (k *kex) read(want byte) ([]byte, error) {
	for range maxPackets {
		payload, err := k.packet()
		switch {
		case err != nil:
			return nil, err
		case payload[0] == want:
			return payload, nil
		case payload[0] == msgDisconnect:
			f := fields{payload[min(5, len(payload)):], false}
			return nil, fmt.Errorf("the server disconnects: %s", quoted(f.next()))
		case payload[0] != msgIgnore && payload[0] != msgDebug:
			return nil, fmt.Errorf("expected message %d, got message %d", want, payload[0])
		}
	}
	return nil, fmt.Errorf("more than %d messages, and no host key", maxPackets)
}

// packet reads one packet; its payload is never empty.
func (k *kex) packet() ([]byte, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(k.r, head); err != nil {
		return nil, err
	}
	size, padding := binary.BigEndian.Uint32(head), uint32(head[4])
	if size > maxPacket || size < padding+2 {
		return nil, fmt.Errorf("a packet of %d bytes, %d of them padding", size, padding)
	}
	rest := make([]byte, size-1)
	_, err := io.ReadFull(k.r, rest)
	return rest[:size-1-padding], err
}

// put appends a string of SSH: its length, then itself.
func put(to, text []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(text))), text...)
}

// fields reads strings of SSH one after the other; cut is set if one is not
// there whole.
type fields struct {
	rest []byte
	cut  bool
}

func (f *fields) next() []byte {
	if len(f.rest) < 4 || uint64(binary.BigEndian.Uint32(f.rest)) > uint64(len(f.rest)-4) {
		f.rest, f.cut = nil, true
		return nil
	}
	size := binary.BigEndian.Uint32(f.rest)
	text := f.rest[4 : 4+size]
	f.rest = f.rest[4+size:]
	return text
}

// fingerprint is what ssh-keygen -l shows of a key.
func fingerprint(key []byte) string {
	sum := sha256.Sum256(key)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
