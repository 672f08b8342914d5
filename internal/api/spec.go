package api

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"net/http"
	"sync"

	"github.com/sondehq/sonde/internal/api/manual"
)

// packed is openapi.yaml as JSON, since a Lambda function reads no YAML, and
// compressed, since it is loaded at each cold start. A test holds the two together.
//
//go:embed openapi.json.gz
var packed []byte

// description is openapi.json; empty if what was built in is damaged.
var description = sync.OnceValue(func() []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil
	}
	return text
})

var describing = sync.OnceValue(func() *ready { return prepare("application/json", description()) })

func (s *server) openAPI(w http.ResponseWriter, r *http.Request) { describing().send(w, r) }

var explaining = sync.OnceValues(func() (*ready, error) {
	body, err := manual.Page(description())
	return prepare("text/html; charset=utf-8", body), err
})

// docs is the description as a page, for people.
func (s *server) docs(w http.ResponseWriter, r *http.Request) {
	body, err := explaining()
	if err != nil {
		s.Log.Error("manual failed", "error", err)
		problem(w, http.StatusInternalServerError, "the page cannot be shown; the description is at /openapi.json")
		return
	}
	w.Header().Set("Content-Security-Policy", manual.Policy)
	body.send(w, r)
}
