package secrets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// SSM fetches parameters from Parameter Store with the one call that is needed.
// The SDK's client for it knows some 150 operations and is larger than all else in
// a function.
type SSM struct {
	region, endpoint string
	credentials      aws.CredentialsProvider
	client           *http.Client
}

const (
	timeLimit = 3 * time.Second        // for one parameter, the second try included
	retryWait = 100 * time.Millisecond // before the second try
	maxAnswer = 64 << 10               // bytes; an advanced parameter has 8 KB (SSM API reference, PutParameter)
)

var _ Parameters = (*SSM)(nil)

// NewSSM returns a fetcher for the configuration's region. The endpoint is the
// region's, or AWS_ENDPOINT_URL_SSM or AWS_ENDPOINT_URL. It calls nothing.
func NewSSM(cfg aws.Config, getenv func(string) string) *SSM {
	s := &SSM{region: cfg.Region, credentials: cfg.Credentials, endpoint: getenv("AWS_ENDPOINT_URL_SSM")}
	if s.endpoint == "" {
		s.endpoint = getenv("AWS_ENDPOINT_URL")
	}
	if s.endpoint == "" {
		domain := "amazonaws.com"
		if strings.HasPrefix(cfg.Region, "cn-") {
			domain += ".cn"
		}
		s.endpoint = "https://ssm." + cfg.Region + "." + domain
	}
	s.client = &http.Client{
		// Parameters are fetched minutes apart: a function was frozen in between.
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// refusal is an answer of Parameter Store that another try will not change.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refused(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

func notRead(err error) error { return fmt.Errorf("cannot be read from Parameter Store: %w", err) }

// Parameter implements Parameters. Only what may be different the next time is
// tried again, once.
func (s *SSM) Parameter(ctx context.Context, name string) (string, error) {
	if s.region == "" {
		return "", refused("cannot be read from Parameter Store: no AWS Region is set here: set AWS_REGION, or a region in the AWS profile")
	}
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	if s.credentials == nil {
		return "", s.noCredentials()
	}
	credentials, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return "", s.noCredentials()
	}
	value, again, err := s.call(ctx, credentials, name)
	if err != nil && again && wait(ctx, retryWait) {
		value, _, err = s.call(ctx, credentials, name)
	}
	return value, err
}

// noCredentials leaves out the SDK's own error, which lists every place that it
// has looked in. Where there were some before, it is no answer.
func (s *SSM) noCredentials() error {
	return errors.New("cannot be read from Parameter Store: there are no AWS credentials here, or they have ended: " +
		"log in (`aws configure`, `aws sso login`, AWS_PROFILE), or use ${env:NAME}")
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

// call makes one request, and says whether another one may end differently.
func (s *SSM) call(ctx context.Context, credentials aws.Credentials, name string) (value string, again bool, err error) {
	request, err := s.request(ctx, credentials, name)
	if err != nil {
		return "", false, notRead(err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return "", true, notRead(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return "", true, notRead(errors.New("the answer broke off"))
	}
	if response.StatusCode != http.StatusOK {
		again, err = s.failure(response, body)
		return "", again, err
	}
	var answer struct{ Parameter struct{ Value *string } }
	if json.Unmarshal(body, &answer) != nil || answer.Parameter.Value == nil {
		return "", false, notRead(fmt.Errorf("%s gives an answer that is none of Parameter Store", s.endpoint))
	}
	return *answer.Parameter.Value, false, nil
}

// request is GetParameter in AWS JSON 1.1, signed (SSM API reference,
// GetParameter).
func (s *SSM) request(ctx context.Context, credentials aws.Credentials, name string) (*http.Request, error) {
	body, err := json.Marshal(map[string]any{"Name": name, "WithDecryption": true})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	sum := sha256.Sum256(body)
	return request, v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "ssm", s.region, time.Now())
}

// failure reads an error answer. Its message is left out: the kind says what to
// do.
func (s *SSM) failure(response *http.Response, body []byte) (again bool, err error) {
	var answer struct {
		Type string `json:"__type"`
	}
	_ = json.Unmarshal(body, &answer)
	kind := answer.Type
	if kind == "" {
		kind = response.Header.Get("X-Amzn-Errortype")
	}
	kind, _, _ = strings.Cut(kind[strings.LastIndexByte(kind, '#')+1:], ":")
	switch kind {
	case "ParameterNotFound", "ParameterVersionNotFound":
		return false, refused("is not found in Parameter Store of %s: create that parameter there, or mend its path", s.region)
	case "AccessDeniedException":
		return false, refused("cannot be read from Parameter Store of %s: access denied: allow ssm:GetParameter on it, and kms:Decrypt on its key", s.region)
	case "InvalidKeyId":
		return false, refused("cannot be decrypted in %s: its KMS key is disabled or gone", s.region)
	case "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken":
		return false, s.noCredentials()
	case "ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException":
		return true, notRead(fmt.Errorf("%s in %s", kind, s.region))
	}
	return response.StatusCode >= 500, notRead(fmt.Errorf("it answers with status %d in %s", response.StatusCode, s.region))
}
