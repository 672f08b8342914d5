package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
)

// How long caches may keep an answer that says something about now: for half a
// minute; for a minute more while they ask again; and while we are the ones that
// are down.
const (
	maxAge     = 30 * time.Second
	revalidate = 60 * time.Second
	whileDown  = 24 * time.Hour
)

// caching is for answers that name no time of their own.
var caching = cacheControl(maxAge, revalidate, 2*time.Minute)

func cacheControl(age, revalidate, whileDown time.Duration) string {
	s := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	return "public, max-age=" + s(age) + ", s-maxage=" + s(age) + ", stale-while-revalidate=" + s(revalidate) + ", stale-if-error=" + s(whileDown)
}

// keepFor sets for how long caches may keep an answer made from a view: never
// for longer than the view is true, so that no cache shows as green what is too
// old to be known. An answer that says so already may be kept for a day while we
// are down.
func keepFor(w http.ResponseWriter, v page.View) {
	h := w.Header()
	if !v.Generated.IsZero() {
		h.Set("Last-Modified", v.Generated.UTC().Format(http.TimeFormat))
	}
	if v.Stale {
		h.Set("Cache-Control", cacheControl(maxAge, revalidate, whileDown))
		return
	}
	left := max(v.Generated.Add(v.Fresh).Sub(v.Now), 0)
	age := min(maxAge, left)
	h.Set("Cache-Control", cacheControl(age, min(revalidate, left-age), left-age))
}

// smallest is the least body worth compressing.
const smallest = 1 << 10

// writers are kept: one takes a megabyte to make.
var writers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// ready is a body as it is sent, with its tag. It may be sent any number of
// times.
type ready struct {
	contentType string
	plain       []byte
	tag         string // without quotes
	small       func() []byte
}

func prepare(contentType string, body []byte) *ready {
	sum := sha256.Sum256(body)
	return &ready{contentType, body, hex.EncodeToString(sum[:12]), sync.OnceValue(func() []byte { return pack(body) })}
}

// pack compresses; nil where it is not worth it.
func pack(body []byte) []byte {
	if len(body) < smallest {
		return nil
	}
	var small bytes.Buffer
	z := writers.Get().(*gzip.Writer)
	defer writers.Put(z)
	z.Reset(&small)
	if _, err := z.Write(body); err != nil || z.Close() != nil {
		return nil
	}
	return small.Bytes()
}

// send answers a read: with 304 where the reader has it already.
func send(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	prepare(contentType, body).send(w, r)
}

func (b *ready) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", caching)
	}
	h.Add("Vary", "Accept-Encoding")
	body, etag := b.plain, `"`+b.tag+`"`
	compress := len(body) >= smallest && accepts(r, "gzip")
	if compress {
		etag = `"` + b.tag + `-gz"` // another text of it is another entity
	}
	h.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", b.contentType)
	if compress {
		if small := b.small(); small != nil {
			h.Set("Content-Encoding", "gzip")
			body = small
		}
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// accepts reports whether a reader takes an encoding; "gzip;q=0" refuses it.
func accepts(r *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			weight = strings.ReplaceAll(weight, " ", "")
			return strings.TrimRight(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

// matches compares weakly (RFC 9110, If-None-Match), since a cache may have
// weakened the tag.
func matches(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		tag := strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// problemDetails is an error as RFC 9457 has it.
type problemDetails struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Del("Last-Modified")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problemDetails{"about:blank", http.StatusText(status), status, detail})
}
