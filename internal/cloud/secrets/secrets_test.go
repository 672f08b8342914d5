package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sondehq/sonde/internal/cloud/secrets"
	"github.com/sondehq/sonde/internal/monitor"
)

// service is Parameter Store: it gives the answers one after another, and the last
// one again.
type service struct {
	calls   atomic.Int32
	answers []answer
	mu      sync.Mutex
	last    *http.Request
	body    string
}

type answer struct {
	status int
	body   string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(s.calls.Add(1))
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.last, s.body = r, string(body)
	a := s.answers[min(n, len(s.answers))-1]
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

var (
	fine     = answer{200, `{"Parameter":{"Type":"SecureString","Value":"the value"}}`}
	missing  = answer{400, `{"__type":"ParameterNotFound"}`}
	denied   = answer{400, `{"__type":"com.amazonaws.ssm#AccessDeniedException","message":"User: arn:aws:iam::1:user/x"}`}
	busy     = answer{400, `{"__type":"ThrottlingException"}`}
	broken   = answer{503, `the value`}
	token    = monitor.Reference{Source: monitor.SourceSSM, Name: "/sonde/token"}
	variable = monitor.Reference{Source: monitor.SourceEnv, Name: "TOKEN"}
)

type stand struct {
	*secrets.Resolver
	*service
	now time.Time
	log bytes.Buffer
}

func newStand(t *testing.T, answers ...answer) *stand {
	t.Helper()
	s := &stand{service: &service{answers: answers}, now: time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)}
	server := httptest.NewServer(s.service)
	t.Cleanup(server.Close)
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "example", SessionToken: "session"}, nil
	})
	getenv := func(name string) string { return map[string]string{"AWS_ENDPOINT_URL": server.URL}[name] }
	s.Resolver = secrets.New(secrets.Deps{
		LookupEnv:  func(name string) (string, bool) { return "of the environment", name == "TOKEN" },
		Parameters: secrets.NewSSM(aws.Config{Region: "eu-west-1", Credentials: credentials}, getenv),
		Now:        func() time.Time { return s.now }, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	return s
}

// get resolves, and checks the value or a part of the error, and that errors
// hold no value.
func (s *stand) get(t *testing.T, ref monitor.Reference, want, wantErr string) {
	t.Helper()
	got, err := s.Secret(context.Background(), ref)
	switch {
	case got != want || (err == nil) != (wantErr == ""):
		t.Errorf("%s: %q, %v; want %q, %q", ref, got, err, want, wantErr)
	case err != nil && (!strings.Contains(err.Error(), wantErr) || strings.Contains(err.Error(), "the value")):
		t.Errorf("%s: error %q, want %q", ref, err, wantErr)
	}
}

func TestEnvironment(t *testing.T) {
	s := newStand(t, fine)
	s.get(t, variable, "of the environment", "")
	s.get(t, monitor.Reference{Source: "env", Name: "OTHER"}, "", "is not set where this check runs")
	s.get(t, monitor.Reference{Source: "vault", Name: "x"}, "", "does not know")
	s.get(t, monitor.Reference{Source: "ssm", Name: "token"}, "", "begins with a slash")
	if n := s.calls.Load(); n != 0 {
		t.Errorf("%d calls of Parameter Store", n)
	}
}

func TestRequest(t *testing.T) {
	s := newStand(t, fine)
	s.get(t, token, "the value", "")
	if got := s.last.Header.Get("X-Amz-Target"); got != "AmazonSSM.GetParameter" || s.last.Method != "POST" || s.last.URL.Path != "/" {
		t.Errorf("%s %s %s", s.last.Method, s.last.URL, got)
	}
	auth := s.last.Header.Get("Authorization")
	if !strings.Contains(auth, "/eu-west-1/ssm/aws4_request") || s.last.Header.Get("X-Amz-Security-Token") != "session" {
		t.Errorf("signed as %s", auth)
	}
	if s.body != `{"Name":"/sonde/token","WithDecryption":true}` {
		t.Errorf("body %s", s.body)
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		answers []answer
		value   string
		err     string
		calls   int32
	}{
		"not found":            {[]answer{missing}, "", "is not found in Parameter Store of eu-west-1: create", 1},
		"denied":               {[]answer{denied}, "", "access denied: allow ssm:GetParameter", 1},
		"busy once":            {[]answer{busy, fine}, "the value", "", 2},
		"busy":                 {[]answer{busy}, "", "ThrottlingException in eu-west-1", 2},
		"broken once":          {[]answer{broken, fine}, "the value", "", 2},
		"broken":               {[]answer{broken}, "", "status 503 in eu-west-1", 2},
		"another's answer":     {[]answer{{200, `{"a":"the value"}`}}, "", "none of Parameter Store", 1},
		"redirect":             {[]answer{{302, ""}}, "", "status 302", 1},
		"expired credentials":  {[]answer{{400, `{"__type":"ExpiredTokenException"}`}}, "", "no AWS credentials here, or they have ended", 1},
		"answer without bound": {[]answer{{200, `{"Parameter":{"Value":"` + strings.Repeat("x", 1<<20)}}, "", "none of Parameter Store", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, test.answers...)
			s.get(t, token, test.value, test.err)
			if got := s.calls.Load(); got != test.calls {
				t.Errorf("%d calls, want %d", got, test.calls)
			}
		})
	}
}

func TestKept(t *testing.T) {
	s := newStand(t, fine, missing, fine)
	for range 3 {
		s.get(t, token, "the value", "")
	}
	s.now = s.now.Add(5*time.Minute - time.Second)
	s.get(t, token, "the value", "")
	if n := s.calls.Load(); n != 1 {
		t.Errorf("%d calls in 5 minutes, want 1", n)
	}
	s.now = s.now.Add(time.Second)
	s.get(t, token, "", "is not found") // an answer: the old value is none any more
	s.now = s.now.Add(29 * time.Second)
	s.get(t, token, "", "is not found")
	if n := s.calls.Load(); n != 2 {
		t.Errorf("%d calls, want 2: a failure is kept for 30 seconds", n)
	}
	s.now = s.now.Add(time.Second)
	s.get(t, token, "the value", "")
}

func TestStale(t *testing.T) {
	s := newStand(t, fine, broken)
	s.get(t, token, "the value", "")
	for range 11 {
		s.now = s.now.Add(5 * time.Minute)
		s.get(t, token, "the value", "")
	}
	if n := strings.Count(s.log.String(), "cannot be renewed"); n != 1 || strings.Contains(s.log.String(), "the value") {
		t.Errorf("logged %d times, want 1: %s", n, s.log.String())
	}
	s.now = s.now.Add(5 * time.Minute)
	s.get(t, token, "", "status 503")
}

// TestOneFetch: many checks that need one secret make one call.
func TestOneFetch(t *testing.T) {
	s := newStand(t, fine)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { s.get(t, token, "the value", "") })
	}
	group.Wait()
	if n := s.calls.Load(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// TestCutShort: that one caller has no time left says nothing of the parameter.
func TestCutShort(t *testing.T) {
	s := newStand(t, fine)
	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := s.Secret(ended, token); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	s.get(t, token, "the value", "")
}

func TestNothingSetUp(t *testing.T) {
	none := func(string) string { return "" }
	failing := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no EC2 IMDS role found")
	})
	for name, cfg := range map[string]aws.Config{
		"no AWS Region is set here":      {Credentials: failing},
		"there are no AWS credentials":   {Region: "eu-west-1", Credentials: failing},
		"log in (`aws configure`":        {Region: "cn-north-1"},
		"Parameter Store: there are no ": {Region: "eu-west-1", Credentials: failing},
	} {
		if _, err := secrets.NewSSM(cfg, none).Parameter(context.Background(), "/x"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
}
