package probe

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// bombRatio is how many bytes one byte of a compressed body may become, where
// the body is also over the cap. Text comes to ten or twenty; DEFLATE can do 1032
// (RFC 1951; zlib's technical notes).
const bombRatio = 100

var errBomb = errors.New("the compressed body swells beyond measure: it may be a bomb")

// readBody reads as much of a body as the cap allows, inflated. What was read is
// returned with an error, too.
func readBody(response *http.Response, most int64) ([]byte, error) {
	raw := &counter{from: response.Body}
	plain, compressed, err := inflated(response.Header.Get("Content-Encoding"), raw)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(plain, most))
	if err != nil || !compressed || int64(len(body)) < most || raw.count*bombRatio > most {
		return body, err
	}
	if n, _ := io.ReadFull(plain, make([]byte, 1)); n > 0 {
		return body, errBomb
	}
	return body, nil
}

// inflated undoes an encoding that was asked for; any other stays as it is. An
// empty body is empty in every encoding: answers to HEAD have none.
func inflated(encoding string, raw io.Reader) (plain io.Reader, compressed bool, err error) {
	encoding = strings.ToLower(strings.TrimSpace(encoding))
	if encoding != "gzip" && encoding != "x-gzip" && encoding != "deflate" {
		return raw, false, nil
	}
	in := bufio.NewReader(raw)
	first, err := in.Peek(2)
	if len(first) == 0 {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return in, false, err
	}
	if encoding != "deflate" {
		plain, err = gzip.NewReader(in)
	} else if isZlib(first) {
		plain, err = zlib.NewReader(in)
	} else {
		plain = flate.NewReader(in)
	}
	if err != nil {
		return nil, true, fmt.Errorf("read %s: %w", encoding, err)
	}
	return plain, true, nil
}

// isZlib: "deflate" is zlib (RFC 9110, 8.4.1.2), but some servers send bare
// DEFLATE. The header is a multiple of 31 and names method 8 (RFC 1950, 2.2).
func isZlib(first []byte) bool {
	return len(first) == 2 && first[0]&0x0f == 8 && (int(first[0])<<8|int(first[1]))%31 == 0
}

// counter counts what was read.
type counter struct {
	from  io.Reader
	count int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.count += int64(n)
	return n, err
}
