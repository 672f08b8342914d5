package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write openapi.json from openapi.yaml")

// TestSpec: the description that is served is the one that is written, and is
// valid OpenAPI 3.1, its examples included.
func TestSpec(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		t.Fatal(err)
	}
	if *update {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // a level that exists
		_, _ = z.Write(want.Bytes())
		if err := errors.Join(z.Close(), os.WriteFile("openapi.json", want.Bytes(), 0o644), os.WriteFile("openapi.json.gz", packed.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler(night()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	if !bytes.Equal(want.Bytes(), got) || !bytes.Equal(got, w.Body.Bytes()) {
		t.Error("openapi.json is not openapi.yaml: run go test ./internal/api -run TestSpec -update")
	}
	if err := spec(t).Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Errorf("openapi.json: %v", err)
	}
}

func spec(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
