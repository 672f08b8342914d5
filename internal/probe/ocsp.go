package probe

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"
)

// What a staple says of a leaf. Unknown is also one that cannot be read or
// believed, or is not of now.
const (
	ocspNone    = "none"
	ocspGood    = "good"
	ocspRevoked = "revoked"
	ocspUnknown = "unknown"
)

// maxStaple is how large a staple may be, in bytes; real ones have some hundred,
// or some thousand with a responder's own certificate.
const maxStaple = 32 << 10

// The structures of RFC 6960, 4.2.1.
type (
	ocspResponse struct {
		Status   asn1.Enumerated
		Response struct {
			Type     asn1.ObjectIdentifier
			Response []byte
		} `asn1:"explicit,tag:0,optional"`
	}
	ocspBasic struct {
		Data         ocspData
		Algorithm    pkix.AlgorithmIdentifier
		Signature    asn1.BitString
		Certificates []asn1.RawValue `asn1:"explicit,tag:0,optional"`
	}
	ocspData struct {
		Raw        asn1.RawContent
		Version    int `asn1:"optional,default:0,explicit,tag:0"`
		Responder  asn1.RawValue
		ProducedAt time.Time `asn1:"generalized"`
		Responses  []ocspSingle
		Extensions []pkix.Extension `asn1:"explicit,tag:1,optional"`
	}
	ocspSingle struct {
		ID         ocspID
		Good       asn1.Flag        `asn1:"tag:0,optional"`
		Revoked    ocspRevoke       `asn1:"tag:1,optional"`
		Unknown    asn1.Flag        `asn1:"tag:2,optional"`
		ThisUpdate time.Time        `asn1:"generalized"`
		NextUpdate time.Time        `asn1:"generalized,explicit,tag:0,optional"`
		Extensions []pkix.Extension `asn1:"explicit,tag:1,optional"`
	}
	ocspID struct {
		Hash   pkix.AlgorithmIdentifier
		Name   []byte
		Key    []byte
		Serial *big.Int
	}
	ocspRevoke struct {
		At     time.Time       `asn1:"generalized"`
		Reason asn1.Enumerated `asn1:"explicit,tag:0,optional"`
	}
)

var oidBasicOCSP = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}

// ocspOf reads a staple: what it says of the first certificate of a chain at a
// time, and when that was revoked.
func ocspOf(staple []byte, chain []*x509.Certificate, now time.Time) (status string, revoked time.Time) {
	if len(staple) == 0 || len(chain) == 0 {
		return ocspNone, time.Time{}
	}
	basic, read := readStaple(staple)
	if !read || len(chain) < 2 || !signedBy(basic, chain[1]) {
		return ocspUnknown, time.Time{}
	}
	for _, one := range basic.Data.Responses {
		if one.ID.Serial == nil || one.ID.Serial.Cmp(chain[0].SerialNumber) != 0 {
			continue
		}
		switch {
		case now.Before(one.ThisUpdate), !one.NextUpdate.IsZero() && now.After(one.NextUpdate):
			return ocspUnknown, time.Time{}
		case bool(one.Good):
			return ocspGood, time.Time{}
		case !one.Revoked.At.IsZero():
			return ocspRevoked, one.Revoked.At.UTC()
		}
		return ocspUnknown, time.Time{}
	}
	return ocspUnknown, time.Time{}
}

func readStaple(staple []byte) (basic ocspBasic, read bool) {
	var outer ocspResponse
	if len(staple) > maxStaple {
		return basic, false
	}
	if rest, err := asn1.Unmarshal(staple, &outer); err != nil || len(rest) > 0 || outer.Status != 0 || !outer.Response.Type.Equal(oidBasicOCSP) {
		return basic, false
	}
	rest, err := asn1.Unmarshal(outer.Response.Response, &basic)
	return basic, err == nil && len(rest) == 0
}

// signedBy reports whether the issuer has signed a response, or a responder to
// which it has given that right (RFC 6960, 4.2.2.2).
func signedBy(basic ocspBasic, issuer *x509.Certificate) bool {
	algorithm := signatureOf(basic.Algorithm)
	signs := func(c *x509.Certificate) bool {
		return c.CheckSignature(algorithm, basic.Data.Raw, basic.Signature.RightAlign()) == nil
	}
	if signs(issuer) {
		return true
	}
	if len(basic.Certificates) == 0 {
		return false
	}
	responder, err := x509.ParseCertificate(basic.Certificates[0].FullBytes)
	return err == nil && bytes.Equal(responder.RawIssuer, issuer.RawSubject) && responder.CheckSignatureFrom(issuer) == nil &&
		mayAnswer(responder) && signs(responder)
}

func mayAnswer(c *x509.Certificate) bool {
	for _, usage := range c.ExtKeyUsage {
		if usage == x509.ExtKeyUsageOCSPSigning {
			return true
		}
	}
	return false
}

// signatureOf names an algorithm (RFC 4055, RFC 5758, RFC 8410).
func signatureOf(a pkix.AlgorithmIdentifier) x509.SignatureAlgorithm {
	switch a.Algorithm.String() {
	case "1.2.840.113549.1.1.11":
		return x509.SHA256WithRSA
	case "1.2.840.113549.1.1.12":
		return x509.SHA384WithRSA
	case "1.2.840.113549.1.1.13":
		return x509.SHA512WithRSA
	case "1.2.840.10045.4.3.2":
		return x509.ECDSAWithSHA256
	case "1.2.840.10045.4.3.3":
		return x509.ECDSAWithSHA384
	case "1.2.840.10045.4.3.4":
		return x509.ECDSAWithSHA512
	case "1.3.101.112":
		return x509.PureEd25519
	}
	return x509.UnknownSignatureAlgorithm
}
