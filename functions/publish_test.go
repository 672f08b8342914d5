package functions_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestPublish: the function reads the snapshot and puts what the API would
// answer into the bucket, once.
func TestPublish(t *testing.T) {
	w := newWorld(t)
	w.configure()
	var mu sync.Mutex
	var put []string
	s3 := newRecorder(t, func(r *http.Request, body []byte) string {
		mu.Lock()
		defer mu.Unlock()
		put = append(put, fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, r.Header.Get("Content-Type")))
		if r.URL.Path == "/copies/index.html" && !strings.Contains(string(body), "The current state is not known") {
			t.Errorf("the page speaks of the present:\n%.500s", body)
		}
		return ""
	})
	w.env = append(w.env, "SONDE_BUCKET=copies", "AWS_ENDPOINT_URL_S3="+s3.url)
	f := w.start("publish")
	if a := f.Invoke(event(t, "publish")); a.Failed || len(put) > 0 {
		t.Errorf("without a snapshot: %s, put %q", a.Payload, put)
	}
	if a := w.start("rollup").Invoke(event(t, "rollup")); a.Failed {
		t.Fatalf("rollup: %s", a.Payload)
	}
	for range 2 {
		if a := f.Invoke(event(t, "publish")); a.Failed {
			t.Fatalf("publish: %s\n%s", a.Payload, f.Log())
		}
	}
	for _, want := range []string{"PUT /copies/index.html text/html; charset=utf-8", "PUT /copies/api/v1/status application/json", "PUT /copies/widget.js text/javascript; charset=utf-8"} {
		if n := len(slices.DeleteFunc(slices.Clone(put), func(got string) bool { return got != want })); n != 1 {
			t.Errorf("%s: %d times, want once", want, n)
		}
	}
	if a := f.Invoke(event(t, "publish-malformed")); !a.Failed {
		t.Errorf("malformed: got %s, want an error", a.Payload)
	}
}
