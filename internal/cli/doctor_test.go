package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
)

// cloud stands for AWS: DynamoDB is real, the rest answers as its API reference
// says, for a stack "sonde" whose on-call tier has one subscriber, and one who has
// not confirmed.
func cloud(t *testing.T, table string) (endpoint string) {
	t.Helper()
	local, err := url.Parse(dynamotest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	store := httputil.NewSingleHostReverseProxy(local)
	xml := func(w http.ResponseWriter, status int, body string, args ...any) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, body, args...)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := r.Header.Get("X-Amz-Target")
		if strings.HasPrefix(target, "DynamoDB") {
			store.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if target == "AmazonSQS.GetQueueAttributes" {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			n := 0
			if strings.Contains(string(body), "StreamFailures") {
				n = 3
			}
			_, _ = fmt.Fprintf(w, `{"Attributes":{"ApproximateNumberOfMessages":"%d"}}`, n)
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return
		}
		member := func(name, value string) string {
			return "<member><OutputKey>" + name + "</OutputKey><OutputValue>" + value + "</OutputValue></member>"
		}
		switch form.Get("Action") {
		case "DescribeStacks":
			outputs := member("TableName", table) + member("OncallTopicArn", "arn:aws:sns:us-west-2:123456789012:oncall") +
				member("ProbeFailuresUrl", "https://sqs.us-west-2.amazonaws.com/123456789012/ProbeFailures") +
				member("StreamFailuresUrl", "https://sqs.us-west-2.amazonaws.com/123456789012/StreamFailures")
			switch form.Get("StackName") {
			case "sonde":
			case "other":
				outputs = ""
			default:
				xml(w, http.StatusBadRequest, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id %s does not exist</Message></Error></ErrorResponse>`, form.Get("StackName"))
				return
			}
			xml(w, http.StatusOK, `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member><StackName>sonde</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-01T00:00:00Z</CreationTime><Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, outputs)
		case "GetCallerIdentity":
			xml(w, http.StatusOK, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/Admin/anna</Arn><UserId>x</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		case "ListSubscriptionsByTopic":
			xml(w, http.StatusOK, `<ListSubscriptionsByTopicResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ListSubscriptionsByTopicResult><Subscriptions><member><SubscriptionArn>arn:aws:sns:us-west-2:123456789012:oncall:1</SubscriptionArn><Protocol>sms</Protocol></member><member><SubscriptionArn>PendingConfirmation</SubscriptionArn><Protocol>email</Protocol></member></Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`)
		case "GetSMSSandboxAccountStatus":
			xml(w, http.StatusOK, `<GetSMSSandboxAccountStatusResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><GetSMSSandboxAccountStatusResult><IsInSandbox>true</IsInSandbox></GetSMSSandboxAccountStatusResult></GetSMSSandboxAccountStatusResponse>`)
		case "GetSMSAttributes":
			xml(w, http.StatusOK, `<GetSMSAttributesResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><GetSMSAttributesResult><attributes/></GetSMSAttributesResult></GetSMSAttributesResponse>`)
		default:
			xml(w, http.StatusForbidden, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not allowed to %s</Message></Error></ErrorResponse>`, form.Get("Action"))
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_REGION", dynamotest.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", dynamotest.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", dynamotest.SecretKey)
	return server.URL
}

// TestStack: a stack's name is enough to find the table, and who applies is
// written down.
func TestStack(t *testing.T) {
	_, table := dynamotest.Table(t)
	endpoint := cloud(t, table)
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(file, []byte("monitors:\n  - {id: web, tcp: web.example.com:443}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, says string, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		code := cli.Run(context.Background(), append(args, "--endpoint-url", endpoint), &out, &out)
		if code != want || !strings.Contains(out.String(), says) {
			t.Errorf("%v: exit %d, want %d with %q\n%s", args, code, want, says, out.String())
		}
		return out.String()
	}
	run(cli.ExitFine, "version 1 is in force", "apply", "-f", file, "--stack", "sonde")
	run(cli.ExitFine, "by arn:aws:sts::123456789012:assumed-role/Admin/anna", "config", "history", "--stack", "sonde")
	run(cli.ExitFine, "web", "status", "--stack", "sonde")
	run(cli.ExitUsage, "there is no stack nowhere in us-west-2", "status", "--stack", "nowhere")
	run(cli.ExitUsage, "has no output TableName", "status", "--stack", "other")

	text := run(cli.ExitFound, "ok       stack: sonde is CREATE_COMPLETE", "doctor", "--stack", "sonde")
	for _, line := range []string{
		"ok       configuration: version 1, applied ",
		"bad      location us-west-2: no result yet",
		"ok       tier oncall: 1 sms",
		"warning  tier oncall: 1 not confirmed",
		"bad      tier operations: has no topic",
		"bad      SMS: the account is in the sandbox",
		"ok       dead letters: none in ProbeFailures",
		"bad      dead letters: 3 in StreamFailures",
		"ok       outbox: everything is delivered",
		"ok       clock: agrees with AWS's",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("doctor does not say %q:\n%s", line, text)
		}
	}
	run(cli.ExitFound, `"level": "bad"`, "doctor", "--stack", "sonde", "--json")
	run(cli.ExitFound, "warning  topics, queues: not looked at", "doctor", "--table", table)
	run(cli.ExitFound, "bad      table: there is no table nowhere", "doctor", "--table", "nowhere")
	run(cli.ExitUsage, "no table is given", "doctor")
}
