package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/dynamo"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
)

func credentials(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_REGION", dynamotest.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", dynamotest.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", dynamotest.SecretKey)
}

// TestApplyConflict: a version that somebody else stores between our reading and
// our writing stays in force, for apply and for rollback.
func TestApplyConflict(t *testing.T) {
	client, name := dynamotest.Table(t)
	credentials(t)
	now := func() time.Time { return time.Now().UTC() }
	s, ctx := store.New(dynamo.New(client, name, now), now), context.Background()
	theirs := &monitor.Config{Site: monitor.Site{Name: "Theirs", TimeZone: "UTC"}, Locations: []monitor.Location{"eu-west-1"}}
	if _, err := s.PutConfig(ctx, &monitor.Config{Site: monitor.Site{Name: "First", TimeZone: "UTC"}}, 0, "anna"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutConfig(ctx, &monitor.Config{Site: monitor.Site{Name: "Second", TimeZone: "UTC"}}, 1, "anna"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(file, []byte("monitors:\n  - {id: web, tcp: web.example.com:443}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, args := range [][]string{{"apply", "-f", file}, {"config", "rollback", "1"}} {
		before := int64(2 + i)
		endpoint := hurried(t, func() {
			if _, err := s.PutConfig(ctx, theirs, before, "ben"); err != nil {
				t.Error(err)
			}
		})
		var out, messages bytes.Buffer
		code := cli.Run(ctx, append(args, "--table", name, "--endpoint-url", endpoint), &out, &messages)
		want := fmt.Sprintf("sonde: error: somebody else has stored a version after %d: nothing was written\n", before)
		if code != cli.ExitFailed || !strings.HasPrefix(messages.String(), want) || !strings.Contains(messages.String(), "sonde: hint: ") {
			t.Errorf("%v: exit %d, want %d with %q\n%s", args, code, cli.ExitFailed, want, messages.String())
		}
		cfg, err := s.Config(ctx)
		if err != nil || cfg.Version != before+1 || cfg.Site.Name != "Theirs" {
			t.Errorf("%v: version %d of %q is in force: %v; want %d of theirs", args, cfg.Version, cfg.Site.Name, err, before+1)
		}
	}
}

// hurried stands before DynamoDB and does something just before the first
// transaction.
func hurried(t *testing.T, do func()) (endpoint string) {
	t.Helper()
	local, err := url.Parse(dynamotest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	proxy := httputil.NewSingleHostReverseProxy(local)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") {
			once.Do(do)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestAWSErrors: what AWS refuses is said with what to do about it.
func TestAWSErrors(t *testing.T) {
	credentials(t)
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(file, []byte("monitors:\n  - {id: web, tcp: web.example.com:443}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	commands := [][]string{{"status"}, {"diff", "-f", file}, {"apply", "-f", file}, {"config", "history"}, {"config", "rollback", "1"}, {"heartbeat", "job"}}
	for _, test := range []struct{ code, message, hint string }{
		{"AccessDeniedException", "User: arn:aws:iam::123456789012:user/anna is not authorized to perform: dynamodb:GetItem on resource: x", "need the permission dynamodb:GetItem\n"},
		{"AccessDeniedException", "no", "need the permission dynamodb:"},
		{"ExpiredTokenException", "The security token included in the request is expired", "log in again"},
		{"UnrecognizedClientException", "The security token included in the request is invalid.", "aws sts get-caller-identity"},
		{"ResourceNotFoundException", "Requested resource not found", "the right Region?"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"__type":"com.amazon.coral.service#%s","message":%q}`, test.code, test.message)
		}))
		for _, args := range commands {
			var out, messages bytes.Buffer
			code := cli.Run(context.Background(), append(args, "--table", "prod", "--endpoint-url", server.URL), &out, &messages)
			_, hint, _ := strings.Cut(messages.String(), "sonde: hint: ")
			if code != cli.ExitFailed || !strings.Contains(hint, test.hint) || out.Len() > 0 {
				t.Errorf("%s, %v: exit %d, want %d and the hint %q\n%s%s", test.code, args, code, cli.ExitFailed, test.hint, out.String(), messages.String())
			}
		}
		server.Close()
	}
}

// TestStackDenied: a stack that may not be described leaves the table.
func TestStackDenied(t *testing.T) {
	_, table := dynamotest.Table(t)
	endpoint := cloud(t, table, "DescribeStacks")
	var out bytes.Buffer
	code := cli.Run(context.Background(), []string{"doctor", "--stack", "sonde", "--endpoint-url", endpoint}, &out, &out)
	if want := "permission cloudformation:DescribeStacks; or name the table with --table"; code != cli.ExitFailed || !strings.Contains(out.String(), want) {
		t.Errorf("exit %d, want %d with %q\n%s", code, cli.ExitFailed, want, out.String())
	}
}

// TestEndpoints: --endpoint-url goes before the variable of a service, and that
// before the one for all.
func TestEndpoints(t *testing.T) {
	endpoint := dynamotest.Start(t)
	_, name := dynamotest.Table(t)
	credentials(t)
	closed, err := closedPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for _, test := range []struct {
		all, one, flag string
		want           int
	}{
		{all: endpoint, want: cli.ExitFine},
		{one: endpoint, want: cli.ExitFine},
		{all: "http://" + closed, one: endpoint, want: cli.ExitFine},
		{all: "http://" + closed, one: "http://" + closed, flag: endpoint, want: cli.ExitFine},
		{one: endpoint, flag: "http://" + closed, want: cli.ExitFailed},
	} {
		t.Run("", func(t *testing.T) {
			args := []string{"config", "history", "--table", name}
			for variable, value := range map[string]string{"AWS_ENDPOINT_URL": test.all, "AWS_ENDPOINT_URL_DYNAMODB": test.one} {
				if value != "" {
					t.Setenv(variable, value)
				}
			}
			if test.flag != "" {
				args = append(args, "--endpoint-url", test.flag)
			}
			var out bytes.Buffer
			if code := cli.Run(context.Background(), args, &out, &out); code != test.want {
				t.Errorf("%+v: exit %d\n%s", test, code, out.String())
			}
		})
	}
}
