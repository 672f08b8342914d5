package api

import (
	_ "embed"
	"net/http"
	"sync"

	"github.com/sondehq/sonde/internal/api/manual"
)

// description is openapi.yaml as JSON: a Lambda function reads no YAML. A test
// holds the two together.
//
//go:embed openapi.json
var description []byte

var describing = sync.OnceValue(func() *ready { return prepare("application/json", description) })

func (s *server) openAPI(w http.ResponseWriter, r *http.Request) { describing().send(w, r) }

var explaining = sync.OnceValues(func() (*ready, error) {
	body, err := manual.Page(description)
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
