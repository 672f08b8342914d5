package sns_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/notify/sns"
)

// service answers the SNS query API, through the real client.
func service(t *testing.T, status int, answer string) (*sns.Publisher, *url.Values) {
	t.Helper()
	sent := new(url.Values)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*sent, _ = url.ParseQuery(string(body))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	client := awssns.New(awssns.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	return sns.New(client, map[monitor.TierID]string{"oncall": "arn:aws:sns:eu-west-1:123456789012:oncall"}), sent
}

const published = `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>`

func message() notify.Message {
	return notify.Message{
		ID: "n", Tier: "oncall", Subject: "ALARM: Web: outage", Email: "Web: down.\n", SMS: "ALARM Web: outage", Machine: `{"AlarmName":"x"}`,
		Attributes: map[string]string{"event": "opened", "service": ""},
	}
}

func TestPublish(t *testing.T) {
	p, sent := service(t, 200, published)
	id, err := p.Publish(context.Background(), message())
	if err != nil || id != "m-1" {
		t.Fatalf("got %q, %v", id, err)
	}
	var forms map[string]string
	if err := json.Unmarshal([]byte(sent.Get("Message")), &forms); err != nil || sent.Get("MessageStructure") != "json" {
		t.Fatalf("message: %v, %v", err, sent)
	}
	for protocol, want := range map[string]string{"default": "Web: down.\n", "email": "Web: down.\n", "sms": "ALARM Web: outage", "https": `{"AlarmName":"x"}`, "sqs": `{"AlarmName":"x"}`} {
		if forms[protocol] != want {
			t.Errorf("%s: got %q, want %q", protocol, forms[protocol], want)
		}
	}
	if text := sent.Encode(); !strings.Contains(text, "Transactional") || strings.Contains(text, "Name=service") {
		t.Errorf("attributes: %s", text)
	}
}

// TestUpdateIsPlain: what phones must not get is plain text with its event, so
// that their filter policy can leave it out.
func TestUpdateIsPlain(t *testing.T) {
	p, sent := service(t, 200, published)
	m := message()
	m.SMS, m.Attributes["event"] = "", "updated"
	if _, err := p.Publish(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	if sent.Get("MessageStructure") != "" || sent.Get("Message") != m.Email || !strings.Contains(sent.Encode(), "updated") {
		t.Errorf("sent: %v", sent)
	}
}

func TestTooLong(t *testing.T) {
	p, sent := service(t, 200, published)
	for _, withSMS := range []bool{true, false} {
		m := message()
		m.Email, m.Machine = strings.Repeat("ä line\n", 100_000), `"`+strings.Repeat("\x01", 100_000)+`"`
		if !withSMS {
			m.SMS = ""
		}
		if _, err := p.Publish(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		if n := len(sent.Get("Message")); n > 262_144-1000 {
			t.Errorf("SMS %t: a message of %d bytes", withSMS, n)
		}
	}
}

func TestErrors(t *testing.T) {
	fault := func(code string) string {
		return `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>no</Message></Error></ErrorResponse>`
	}
	for _, test := range []struct {
		name      string
		status    int
		answer    string
		permanent bool
	}{
		{"no such topic", 404, fault("NotFound"), true},
		{"not allowed", 403, fault("AuthorizationError"), true},
		{"bad parameter", 400, fault("InvalidParameter"), true},
		{"throttled", 400, fault("Throttling"), false},
		{"broken", 500, fault("InternalError"), false},
	} {
		p, _ := service(t, test.status, test.answer)
		if _, err := p.Publish(context.Background(), message()); err == nil || errors.Is(err, notify.ErrPermanent) != test.permanent {
			t.Errorf("%s: got %v, want permanent %t", test.name, err, test.permanent)
		}
	}
	p, _ := service(t, 200, published)
	m := message()
	m.Tier = "nobody"
	if _, err := p.Publish(context.Background(), m); !errors.Is(err, notify.ErrPermanent) {
		t.Errorf("a tier without a topic: got %v", err)
	}
}
