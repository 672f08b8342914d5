// Package signed makes single signed calls of AWS's APIs without their clients,
// which are larger than all else in a function. It keeps no state between calls
// but the HTTP client's connections, and may be used from several goroutines.
package signed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Caller calls one service.
type Caller struct {
	service, region, endpoint string
	credentials               aws.CredentialsProvider
	client                    *http.Client
	signer                    *v4.Signer
	now                       func() time.Time
}

const (
	timeLimit = 5 * time.Second // for one try
	tries     = 3
	maxAnswer = 64 << 10
)

// New returns a caller of a service in a Region, such as "sns". The endpoint is
// AWS_ENDPOINT_URL_{SERVICE}, AWS_ENDPOINT_URL or the Region's own.
func New(cfg aws.Config, service, region string, getenv func(string) string, now func() time.Time) *Caller {
	c := &Caller{service: service, region: region, credentials: cfg.Credentials, now: now, endpoint: getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(service))}
	if c.endpoint == "" {
		c.endpoint = getenv("AWS_ENDPOINT_URL")
	}
	if c.endpoint == "" {
		domain := "amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			domain += ".cn"
		}
		c.endpoint = "https://" + service + "." + region + "." + domain
	}
	c.endpoint = strings.TrimSuffix(c.endpoint, "/")
	c.client = &http.Client{
		Timeout:       timeLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.signer = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" }) // S3 signs the path as it is sent
	return c
}

// Refusal is an answer other than success. Text is the beginning of its body.
type Refusal struct {
	Status int
	Text   string
}

// Error names the status; the text may repeat what was asked.
func (r *Refusal) Error() string { return fmt.Sprintf("answered with status %d", r.Status) }

// Do sends a request, which must be safe to repeat: what may be different the
// next time, no answer, a fault, throttling, is tried three times in all. The
// path is escaped already.
func (c *Caller) Do(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, error) {
	if c.credentials == nil {
		return nil, fmt.Errorf("call %s: there are no AWS credentials", c.service)
	}
	var last error
	for try := range tries {
		if try > 0 && !wait(ctx, time.Duration(try)*200*time.Millisecond) {
			return nil, fmt.Errorf("call %s: %w", c.service, ctx.Err())
		}
		answer, err := c.once(ctx, method, path, header, body)
		if err == nil {
			return answer, nil
		}
		last = fmt.Errorf("call %s: %w", c.service, err)
		var refusal *Refusal
		if errors.As(err, &refusal) && refusal.Status < 500 && refusal.Status != http.StatusTooManyRequests && !strings.Contains(refusal.Text, "Throttl") {
			return nil, last
		}
	}
	return nil, last
}

func (c *Caller) once(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, error) {
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	request.Header.Set("X-Amz-Content-Sha256", hash)
	if err := c.signer.SignHTTP(ctx, credentials, request, hash, c.service, c.region, c.now()); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return nil, &Refusal{response.StatusCode, string(answer[:min(len(answer), 1024)])}
	}
	return answer, nil
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
