package subscriptions_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sondehq/sonde/internal/cloud/signed"
	"github.com/sondehq/sonde/internal/cloud/subscriptions"
	"github.com/sondehq/sonde/internal/monitor"
)

const arn = "arn:aws:sns:eu-west-1:123456789012:customers"

func fault(code, message string) string {
	return `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error></ErrorResponse>`
}

// sns answers with the statuses and bodies given, the last one for ever.
func sns(t *testing.T, answers ...any) (*subscriptions.Topics, *[]url.Values) {
	t.Helper()
	var got []url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, err := url.ParseQuery(string(body))
		if err != nil || r.Method != http.MethodPost || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/sns/aws4_request") {
			t.Errorf("%s %s: %v, %v", r.Method, body, r.Header, err)
		}
		at := min(2*len(got), len(answers)-2)
		got = append(got, form)
		w.WriteHeader(answers[at].(int))
		_, _ = io.WriteString(w, answers[at+1].(string))
	}))
	t.Cleanup(server.Close)
	cfg := aws.Config{Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
	getenv := func(name string) string { return map[string]string{"AWS_ENDPOINT_URL_SNS": server.URL}[name] }
	caller := signed.New(cfg, "sns", "eu-west-1", getenv, func() time.Time { return time.Unix(1_800_000_000, 0) })
	return subscriptions.New(caller, map[monitor.TierID]string{"customers": arn}), &got
}

func TestSubscribe(t *testing.T) {
	topics, got := sns(t, 200, "<SubscribeResponse/>")
	if err := topics.Subscribe(context.Background(), "customers", "a+b@example.com", []monitor.ServiceID{"app", "mail"}); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"Action": {"Subscribe"}, "Version": {"2010-03-31"}, "TopicArn": {arn}, "Protocol": {"email"}, "Endpoint": {"a+b@example.com"},
		"Attributes.entry.1.key": {"FilterPolicy"}, "Attributes.entry.1.value": {`{"services":[{"exists":false},"app","mail"]}`},
	}
	if (*got)[0].Encode() != want.Encode() {
		t.Errorf("got %v, want %v", (*got)[0], want)
	}
	if err := topics.Subscribe(context.Background(), "customers", "a@example.com", nil); err != nil || (*got)[1].Has("Attributes.entry.1.key") {
		t.Errorf("all services: %v, %v", err, (*got)[1])
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers []any
		fails   bool
		calls   int
	}{
		{"subscribed to others", []any{400, fault("InvalidParameter", "Invalid parameter: Attributes Reason: Subscription already exists with different attributes")}, false, 1},
		{"an address that SNS refuses", []any{400, fault("InvalidParameter", "Invalid parameter: Email address")}, false, 1},
		{"another parameter", []any{400, fault("InvalidParameter", "Invalid parameter: TopicArn")}, true, 1},
		{"not allowed", []any{403, fault("AuthorizationError", "no")}, true, 1},
		{"throttled once", []any{400, fault("Throttling", "slow"), 200, "<ok/>"}, false, 2},
		{"a fault once", []any{500, "", 200, "<ok/>"}, false, 2},
		{"faults", []any{503, ""}, true, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			topics, got := sns(t, test.answers...)
			err := topics.Subscribe(context.Background(), "customers", "secret@example.com", nil)
			if (err != nil) != test.fails || len(*got) != test.calls {
				t.Errorf("got %v after %d calls", err, len(*got))
			}
			if err != nil && strings.Contains(err.Error(), "secret@") {
				t.Errorf("the error names the address: %v", err)
			}
		})
	}
	topics, got := sns(t, 200, "")
	if err := topics.Subscribe(context.Background(), "oncall", "a@example.com", nil); err == nil || len(*got) > 0 {
		t.Errorf("a tier that is not offered: %v, %v", err, *got)
	}
}
