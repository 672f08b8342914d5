package sns_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/credentials"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/notify/sns"
)

const topic = "arn:aws:sns:eu-west-1:123456789012:oncall"

// service answers the SNS query API, through the real client. What was sent
// last stands in the values.
func service(t *testing.T, status int, answer string) (*sns.Publisher, *url.Values) {
	t.Helper()
	sent := new(url.Values)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			*sent, err = url.ParseQuery(string(body))
		}
		if err != nil || r.Method != http.MethodPost {
			t.Errorf("request %s: %v", r.Method, err)
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return publisher(server.URL), sent
}

func publisher(endpoint string) *sns.Publisher {
	client := awssns.New(awssns.Options{
		Region: "eu-west-1", BaseEndpoint: &endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	return sns.New(client, map[monitor.TierID]string{"oncall": topic, "later": ""})
}

const published = `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>`

func message() notify.Message {
	return notify.Message{
		ID: "n", Tier: "oncall", Subject: "ALARM: Web: outage", Email: "Web: down.\n", SMS: "DOWN: Web", Machine: `{"AlarmName":"x <y>"}`,
		Attributes: map[string]string{"event": "opened", "impact": "critical", "tier": "oncall", "service": ""},
	}
}

func update() notify.Message {
	m := message()
	m.Subject, m.SMS, m.Attributes["event"] = "UPDATE: Web: outage", "", "updated"
	return m
}

// sentAttributes reads MessageAttributes.entry.N of the query API.
func sentAttributes(sent url.Values) map[string]string {
	out := map[string]string{}
	for i := 1; ; i++ {
		key := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		if !sent.Has(key + "Name") {
			return out
		}
		out[sent.Get(key+"Name")] = sent.Get(key+"Value.DataType") + " " + sent.Get(key+"Value.StringValue")
	}
}

func publish(t *testing.T, p *sns.Publisher, m notify.Message) {
	t.Helper()
	if id, err := p.Publish(context.Background(), m); err != nil || id != "m-1" {
		t.Fatalf("got %q, %v", id, err)
	}
}

func TestPublish(t *testing.T) {
	p, sent := service(t, 200, published)
	m := message()
	publish(t, p, m)
	if sent.Get("Action") != "Publish" || sent.Get("TopicArn") != topic || sent.Get("Subject") != m.Subject || sent.Get("MessageStructure") != "json" {
		t.Errorf("sent: %v", sent)
	}
	var forms map[string]string
	if err := json.Unmarshal([]byte(sent.Get("Message")), &forms); err != nil {
		t.Fatalf("message: %v", err)
	}
	want := map[string]string{
		"default": m.Email, "email": m.Email, "sms": m.SMS, "http": m.Machine, "https": m.Machine, "sqs": m.Machine, "lambda": m.Machine,
	}
	if diff := cmp.Diff(want, forms); diff != "" {
		t.Errorf("forms differ (-want +got):\n%s", diff)
	}
	want = map[string]string{
		"event": "String opened", "impact": "String critical", "tier": "String oncall", "AWS.SNS.SMS.SMSType": "String Transactional",
	}
	if diff := cmp.Diff(want, sentAttributes(*sent)); diff != "" {
		t.Errorf("attributes differ (-want +got):\n%s", diff)
	}
}

// TestSubscribed: who has not confirmed does not count, and an answer without a count is
// no answer.
func TestSubscribed(t *testing.T) {
	answer := func(entry string) string {
		return `<GetTopicAttributesResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><GetTopicAttributesResult><Attributes>` +
			`<entry><key>SubscriptionsPending</key><value>7</value></entry>` + entry + `</Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>`
	}
	p, sent := service(t, 200, answer(`<entry><key>SubscriptionsConfirmed</key><value>3</value></entry>`))
	if n, err := p.Subscribed(context.Background(), "oncall"); n != 3 || err != nil || sent.Get("Action") != "GetTopicAttributes" || sent.Get("TopicArn") != topic {
		t.Errorf("%d, %v, asked %v", n, err, sent)
	}
	p, _ = service(t, 200, answer(""))
	if n, err := p.Subscribed(context.Background(), "oncall"); err == nil {
		t.Errorf("without a count: %d", n)
	}
	p, _ = service(t, 403, `<ErrorResponse><Error><Code>AuthorizationError</Code></Error></ErrorResponse>`)
	if n, err := p.Subscribed(context.Background(), "oncall"); err == nil {
		t.Errorf("not allowed: %d", n)
	}
}

// TestUpdateIsPlain: what phones must not get is plain text with its event, so
// that their filter policy can leave it out.
func TestUpdateIsPlain(t *testing.T) {
	p, sent := service(t, 200, published)
	m := update()
	publish(t, p, m)
	if sent.Has("MessageStructure") || sent.Get("Message") != m.Email || sent.Get("Subject") != m.Subject {
		t.Errorf("sent: %v", sent)
	}
	want := map[string]string{"event": "String updated", "impact": "String critical", "tier": "String oncall"}
	if diff := cmp.Diff(want, sentAttributes(*sent)); diff != "" {
		t.Errorf("attributes differ (-want +got):\n%s", diff)
	}
}

// TestProgram: a tier for programs gets the body for machines whatever has happened.
func TestProgram(t *testing.T) {
	p, sent := service(t, 200, published)
	m := update()
	m.Program, m.Machine = true, `{"AlarmName":"sonde/x"}`
	publish(t, p, m)
	if sent.Has("MessageStructure") || sent.Get("Message") != m.Machine {
		t.Errorf("sent: %v", sent)
	}
}

// TestTooLong: no text is too long. What is cut is the e-mail, and only a
// machine body that leaves no room for it gives way.
func TestTooLong(t *testing.T) {
	email := "Web: down.\n" + strings.Repeat("ä \"line\" <b>\u2028\n", 20_000)
	control := strings.Repeat("\x01", 300_000)
	for _, test := range []struct {
		name           string
		email, machine string
		service        string // attribute
		arrives        bool   // the machine body
		least          int    // bytes of the e-mail that arrive
	}{
		{"e-mail", email, "{}", "", true, 100_000},
		{"e-mail, and the largest machine body of Compose", email, `"` + strings.Repeat(`\"`, 10_000) + `"`, "", true, 50_000},
		{"twice an e-mail that fits once", strings.Repeat("line\n", 30_000), "{}", "", true, 150_000},
		{"machine body", "Web: down.\n", control, "", false, 11},
		{"control characters", control, control, "", false, 40_000},
		{"attributes", email, "{}", strings.Repeat("s", 20_000), true, 100_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, sent := service(t, 200, published)
			m := message()
			m.Email, m.Machine, m.Attributes["service"] = test.email, test.machine, test.service
			publish(t, p, m)
			if n := size(*sent); n > 262_144 {
				t.Errorf("a message of %d bytes", n)
			}
			var forms map[string]string
			if err := json.Unmarshal([]byte(sent.Get("Message")), &forms); err != nil {
				t.Fatal(err)
			}
			if forms["sms"] != m.SMS || forms["default"] == "" || (forms["https"] == m.Machine) != test.arrives {
				t.Errorf("sms %q, default of %d bytes, https of %d", forms["sms"], len(forms["default"]), len(forms["https"]))
			}
			if len(forms["email"]) < test.least || !strings.HasPrefix(m.Email, strings.TrimSuffix(forms["email"], "\n[cut]\n")) {
				t.Errorf("an e-mail of %d bytes: %.40q", len(forms["email"]), forms["email"])
			}
		})
	}
}

func TestLongUpdate(t *testing.T) {
	p, sent := service(t, 200, published)
	m := update()
	m.Email = strings.Repeat("ä line\n", 100_000)
	publish(t, p, m)
	text := sent.Get("Message")
	if n := size(*sent); n > 262_144 || n < 250_000 || !utf8.ValidString(text) || !strings.HasSuffix(text, "\n[cut]\n") {
		t.Errorf("a message of %d bytes that ends with %q", n, text[len(text)-20:])
	}
}

// size is what SNS counts, and the subject.
func size(sent url.Values) int {
	n := len(sent.Get("Message")) + len(sent.Get("Subject"))
	for name, value := range sentAttributes(sent) {
		n += len(name) + len(value)
	}
	return n
}

func fault(code string) string {
	return `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>no</Message></Error></ErrorResponse>`
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name      string
		status    int
		answer    string
		permanent bool
	}{
		{"no such topic", 404, fault("NotFound"), true},
		{"not allowed", 403, fault("AuthorizationError"), true},
		{"not allowed by IAM", 403, fault("AccessDenied"), true},
		{"bad parameter", 400, fault("InvalidParameter"), true},
		{"bad value", 400, fault("ParameterValueInvalid"), true},
		{"key gone", 400, fault("KMSNotFound"), true},
		{"throttled", 400, fault("Throttling"), false},
		{"throttled otherwise", 400, fault("Throttled"), false},
		{"key throttled", 400, fault("KMSThrottling"), false},
		{"credentials expired", 403, fault("ExpiredToken"), false},
		{"fault", 500, fault("InternalError"), false},
		{"unavailable", 503, fault("ServiceUnavailable"), false},
		{"no XML", 502, "<html>Bad gateway", false},
		{"nothing", 500, "", false},
		{"success that is none", 200, "<PublishResponse>", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, _ := service(t, test.status, test.answer)
			if _, err := p.Publish(context.Background(), message()); err == nil || errors.Is(err, notify.ErrPermanent) != test.permanent {
				t.Errorf("got %v, want permanent %t", err, test.permanent)
			}
		})
	}
}

func TestNoTopic(t *testing.T) {
	for _, tier := range []monitor.TierID{"nobody", "later"} {
		p, sent := service(t, 200, published)
		m := message()
		m.Tier = tier
		if _, err := p.Publish(context.Background(), m); !errors.Is(err, notify.ErrPermanent) || len(*sent) > 0 {
			t.Errorf("%s: got %v, sent %v", tier, err, sent)
		}
	}
}

// TestNetwork: a service that cannot be reached, or that is not waited for, may
// be asked again.
func TestNetwork(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if _, err := publisher(server.URL).Publish(context.Background(), message()); err == nil || errors.Is(err, notify.ErrPermanent) {
		t.Errorf("closed: got %v", err)
	}
	p, _ := service(t, 200, published)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Publish(ctx, message()); !errors.Is(err, context.Canceled) || errors.Is(err, notify.ErrPermanent) {
		t.Errorf("cancelled: got %v", err)
	}
}
