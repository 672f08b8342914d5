package cli_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
)

var update = flag.Bool("update", false, "write the golden files")

// cloud stands for AWS: DynamoDB is real, the rest answers as its API reference
// says, for a stack "sonde" whose on-call tier has one subscriber, and one who has
// not confirmed, and a stack "deserted" with administrators that nobody subscribes
// to, too. Calls that are denied, by their names, are answered so.
func cloud(t *testing.T, table string, denied ...string) (endpoint string) {
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
		if _, call, is := strings.Cut(target, "."); is && slices.Contains(denied, call) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"__type":"AccessDeniedException","message":"not allowed to %s"}`, call)
			return
		}
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
		action := form.Get("Action")
		if slices.Contains(denied, action) {
			action = ""
		}
		switch action {
		case "DescribeStacks":
			outputs := member("TableName", table) + member("OncallTopicArn", "arn:aws:sns:us-west-2:123456789012:oncall") +
				member("ProbeFailuresUrl", "https://sqs.us-west-2.amazonaws.com/123456789012/ProbeFailures") +
				member("StreamFailuresUrl", "https://sqs.us-west-2.amazonaws.com/123456789012/StreamFailures")
			switch form.Get("StackName") {
			case "sonde":
			case "deserted":
				outputs += member("AdministratorsTopicArn", "arn:aws:sns:us-west-2:123456789012:administrators")
			case "calm":
				outputs = member("TableName", table)
				for name, topic := range map[string]string{"Oncall": "calm", "Operations": "calm", "Customers": "customers"} {
					outputs += member(name+"TopicArn", "arn:aws:sns:us-west-2:123456789012:"+topic)
				}
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
			confirmed := "<member><SubscriptionArn>arn:aws:sns:us-west-2:123456789012:x:1</SubscriptionArn><Protocol>email</Protocol></member>"
			if topic := form.Get("TopicArn"); strings.HasSuffix(topic, ":calm") || strings.HasSuffix(topic, ":customers") {
				if strings.HasSuffix(topic, ":customers") {
					confirmed = strings.Repeat(confirmed, 12) + "<member><SubscriptionArn>PendingConfirmation</SubscriptionArn><Protocol>email</Protocol></member>"
				}
				xml(w, http.StatusOK, `<ListSubscriptionsByTopicResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ListSubscriptionsByTopicResult><Subscriptions>%s</Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`, confirmed)
				return
			}
			if strings.HasSuffix(form.Get("TopicArn"), ":administrators") {
				xml(w, http.StatusOK, `<ListSubscriptionsByTopicResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ListSubscriptionsByTopicResult><Subscriptions/></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`)
				return
			}
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

	golden(t, "doctor", run(cli.ExitFound, "", "doctor", "--stack", "sonde"), table)
	golden(t, "history", run(cli.ExitFine, "", "config", "history", "--stack", "sonde"), table)
	run(cli.ExitFound, `"level": "bad"`, "doctor", "--stack", "sonde", "--json")
	golden(t, "doctor-table", run(cli.ExitFound, "", "doctor", "--table", table), table)
	run(cli.ExitFound, "bad      table: there is no table nowhere", "doctor", "--table", "nowhere")
	run(cli.ExitUsage, "no table is given", "doctor")
}

// TestDenied: what may not be asked is said, and is no reason to end; no name from
// STS is no reason not to apply.
func TestDenied(t *testing.T) {
	_, table := dynamotest.Table(t)
	endpoint := cloud(t, table, "GetCallerIdentity", "DescribeTimeToLive", "GetItem", "ListSubscriptionsByTopic", "GetQueueAttributes")
	allowed := cloud(t, table, "GetCallerIdentity")
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(file, []byte("monitors:\n  - {id: web, tcp: web.example.com:443}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := cli.Run(context.Background(), []string{"apply", "-f", file, "--stack", "sonde", "--endpoint-url", allowed}, &out, &out); code != cli.ExitFine {
		t.Fatalf("apply: exit %d\n%s", code, out.String())
	}
	out.Reset()
	if code := cli.Run(context.Background(), []string{"config", "history", "--table", table, "--json", "--endpoint-url", allowed}, &out, &out); code != cli.ExitFine ||
		strings.Contains(out.String(), "arn:") || !strings.Contains(out.String(), `"current": true`) {
		t.Errorf("history: exit %d, want 0 with a user of this machine\n%s", code, out.String())
	}
	me := regexp.MustCompile(`"by": "(.*)"`).FindStringSubmatch(out.String())
	if me == nil {
		t.Fatalf("nobody is named\n%s", out.String())
	}
	out.Reset()
	code := cli.Run(context.Background(), []string{"doctor", "--stack", "sonde", "--endpoint-url", endpoint}, &out, &out)
	if code != cli.ExitFound {
		t.Errorf("doctor: exit %d, want %d: the operations topic is missing", code, cli.ExitFound)
	}
	golden(t, "doctor-denied", strings.ReplaceAll(out.String(), "by "+me[1], "by USER"), table)
}

var ages = regexp.MustCompile(`applied \d+\w+ ago`)

var times = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)

// golden compares with testdata/NAME.golden what does not differ from run to run.
func golden(t *testing.T, name, got, table string) {
	t.Helper()
	got = strings.ReplaceAll(got, table, "TABLE")
	got = times.ReplaceAllString(ages.ReplaceAllString(got, "applied AGE ago"), "TIME")
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
