package bucket_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sondehq/sonde/internal/cloud/bucket"
	"github.com/sondehq/sonde/internal/cloud/signed"
	"github.com/sondehq/sonde/internal/publish"
)

func TestPut(t *testing.T) {
	for _, test := range []struct {
		name, key, path string
		statuses        []int
		fails           bool
		calls           int
	}{
		{"page", "index.html", "/my.bucket/index.html", []int{200}, false, 1},
		{"below", "api/v1/incidents/a+b c~é", "/my.bucket/api/v1/incidents/a%2Bb%20c~%C3%A9", []int{200}, false, 1},
		{"slow down", "x", "/my.bucket/x", []int{503, 200}, false, 2},
		{"refused", "x", "/my.bucket/x", []int{403}, true, 1},
		{"moved", "x", "/my.bucket/x", []int{301}, true, 1},
		{"gone", "x", "/my.bucket/x", []int{500}, true, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				status := test.statuses[min(calls, len(test.statuses)-1)]
				calls++
				if r.Method != http.MethodPut || r.URL.EscapedPath() != test.path || string(body) != "text" || r.Header.Get("Content-Type") != "text/html" ||
					r.Header.Get("Cache-Control") != "public" || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/s3/aws4_request") ||
					r.Header.Get("X-Amz-Content-Sha256") != "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1" {
					t.Errorf("%s %s %q %v", r.Method, r.URL.EscapedPath(), body, r.Header)
				}
				w.WriteHeader(status)
			}))
			defer server.Close()
			cfg := aws.Config{Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
			getenv := func(name string) string { return map[string]string{"AWS_ENDPOINT_URL_S3": server.URL}[name] }
			b := bucket.New(signed.New(cfg, "s3", "eu-west-1", getenv, func() time.Time { return time.Unix(1_800_000_000, 0) }), "my.bucket")
			err := b.Put(context.Background(), test.key, publish.Object{ContentType: "text/html", CacheControl: "public", Body: []byte("text")})
			if (err != nil) != test.fails || calls != test.calls {
				t.Errorf("got %v after %d calls", err, calls)
			}
		})
	}
}
