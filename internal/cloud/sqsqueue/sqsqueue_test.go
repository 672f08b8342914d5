package sqsqueue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/cloud/sqsqueue"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
)

// fake is an SQS that fails messages as it is told.
type fake struct {
	sent  map[string][]types.SendMessageBatchRequestEntry // by queue
	calls int
	fail  func(call int, e types.SendMessageBatchRequestEntry) bool
	err   error

	missing []string // queues
}

func (f *fake) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	f.calls++
	if f.err != nil {
		return nil, f.err
	}
	if slices.Contains(f.missing, *in.QueueUrl) {
		return nil, fmt.Errorf("operation error SQS: SendMessageBatch: %w", &types.QueueDoesNotExist{})
	}
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		if f.fail != nil && f.fail(f.calls, e) {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("InternalError"), Message: aws.String("no")})
			continue
		}
		f.sent[*in.QueueUrl] = append(f.sent[*in.QueueUrl], e)
	}
	return out, nil
}

var now = time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)

func queue(f *fake) *sqsqueue.Queue {
	f.sent = map[string][]types.SendMessageBatchRequestEntry{}
	return sqsqueue.New(f, map[monitor.Location]string{"eu-west-1": "home", "us-east-1": "away"}, nil, func() time.Time { return now })
}

func batch(location monitor.Location, in time.Duration) schedule.Batch {
	return schedule.Batch{Location: location, Scheduled: now.Add(in), Monitors: []monitor.ID{"m"}}
}

func TestSend(t *testing.T) {
	f := &fake{}
	q := queue(f)
	batches := []schedule.Batch{batch("eu-west-1", -time.Minute), batch("us-east-1", 2500*time.Millisecond), batch("eu-west-1", time.Hour)}
	for range 20 {
		batches = append(batches, batch("eu-west-1", 0))
	}
	if err := q.Send(context.Background(), batches); err != nil {
		t.Fatal(err)
	}
	if len(f.sent["home"]) != 22 || len(f.sent["away"]) != 1 || f.calls != 4 {
		t.Errorf("sent %d home, %d away, in %d calls; want 22, 1 and 4", len(f.sent["home"]), len(f.sent["away"]), f.calls)
	}
	for i, want := range map[int]int32{0: 0, 1: 900} {
		if got := f.sent["home"][i].DelaySeconds; got != want {
			t.Errorf("message %d is delayed %d s, want %d", i, got, want)
		}
	}
	if got := f.sent["away"][0].DelaySeconds; got != 3 {
		t.Errorf("2.5 s became a delay of %d s, want 3: never early", got)
	}
	var back schedule.Batch
	if err := json.Unmarshal([]byte(*f.sent["away"][0].MessageBody), &back); err != nil || back.Key() != batches[1].Key() {
		t.Errorf("message: %v, %+v", err, back)
	}
}

func TestFailures(t *testing.T) {
	once := &fake{fail: func(call int, e types.SendMessageBatchRequestEntry) bool { return call == 1 && *e.Id == "1" }}
	if err := queue(once).Send(context.Background(), []schedule.Batch{batch("eu-west-1", 0), batch("eu-west-1", 0)}); err != nil || len(once.sent["home"]) != 2 {
		t.Errorf("one message failed once: %v, %d sent", err, len(once.sent["home"]))
	}
	always := &fake{fail: func(int, types.SendMessageBatchRequestEntry) bool { return true }}
	if err := queue(always).Send(context.Background(), []schedule.Batch{batch("eu-west-1", 0)}); err == nil || !strings.Contains(err.Error(), "InternalError") {
		t.Errorf("a message that always fails: %v", err)
	}
	gone := &fake{err: errors.New("unreachable")}
	if err := queue(gone).Send(context.Background(), []schedule.Batch{batch("eu-west-1", 0)}); err == nil {
		t.Error("no error from an SQS that does not answer")
	}
	if err := queue(&fake{}).Send(context.Background(), []schedule.Batch{batch("mars-1", 0)}); err == nil || !strings.Contains(err.Error(), "mars-1") {
		t.Errorf("a location without a queue: %v", err)
	}
}

// TestUnreachable: a location whose queue fails, or that has none, does not keep
// the others from theirs.
func TestUnreachable(t *testing.T) {
	f := &fake{fail: func(_ int, e types.SendMessageBatchRequestEntry) bool {
		return strings.Contains(*e.MessageBody, "us-east-1")
	}}
	err := queue(f).Send(context.Background(), []schedule.Batch{batch("us-east-1", 0), batch("mars-1", 0), batch("eu-west-1", 0)})
	if err == nil || !strings.Contains(err.Error(), "mars-1") || !strings.Contains(err.Error(), "queue away") {
		t.Errorf("the error names not both: %v", err)
	}
	if len(f.sent["home"]) != 1 {
		t.Errorf("%d messages reached the queue that works, want 1", len(f.sent["home"]))
	}
}

// transport keeps what would have gone out.
type transport struct{ hosts, scopes []string }

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.hosts = append(t.hosts, r.URL.Host)
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=id/")
	scope, _, _ = strings.Cut(scope, ",")
	t.scopes = append(t.scopes, strings.Split(scope, "/")[1])
	return nil, errors.New("no network")
}

// TestRegion: a message for another Region's queue goes to SQS of that Region and
// is signed for it.
func TestRegion(t *testing.T) {
	sent := &transport{}
	client := sqs.New(sqs.Options{
		Region: "eu-west-1", HTTPClient: &http.Client{Transport: sent}, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
		}),
	})
	q := sqsqueue.New(client, map[monitor.Location]string{
		"eu-west-1": "https://sqs.eu-west-1.amazonaws.com/123456789012/sonde-ProbeQueue",
		"*":         "https://sqs.*.amazonaws.com/123456789012/sonde-ProbeQueue",
	}, nil, func() time.Time { return now })
	err := q.Send(context.Background(), []schedule.Batch{batch("eu-west-1", 0), batch("us-east-1", 0)})
	if err == nil || !strings.Contains(err.Error(), "https://sqs.us-east-1.amazonaws.com/") {
		t.Errorf("the error does not name the queue: %v", err)
	}
	want := []string{"sqs.eu-west-1.amazonaws.com", "sqs.us-east-1.amazonaws.com"}
	if diff := cmp.Diff(want, sent.hosts); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"eu-west-1", "us-east-1"}, sent.scopes); diff != "" {
		t.Errorf("signed for (-want +got):\n%s", diff)
	}
}

// TestJourneys: batches of browser journeys go where browsers are, and where none
// are to the ordinary probe, which says so; no other batch is lost by that.
func TestJourneys(t *testing.T) {
	f := &fake{sent: map[string][]types.SendMessageBatchRequestEntry{}, missing: []string{"browser-us-east-1"}}
	q := sqsqueue.New(f, map[monitor.Location]string{"*": "probe-*"}, map[monitor.Location]string{"*": "browser-*"}, func() time.Time { return now })
	var batches []schedule.Batch
	for _, location := range []monitor.Location{"eu-west-1", "us-east-1"} {
		journey := batch(location, 0)
		journey.Browser = true
		batches = append(batches, journey, batch(location, 0))
	}
	if err := q.Send(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for url, entries := range f.sent {
		got[url] = len(entries)
	}
	want := map[string]int{"browser-eu-west-1": 1, "probe-eu-west-1": 1, "probe-us-east-1": 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	f.missing = []string{"browser-us-east-1", "probe-us-east-1"}
	err := q.Send(t.Context(), batches)
	if err == nil || !strings.Contains(err.Error(), "us-east-1 does not exist") {
		t.Errorf("no queue at all: %v", err)
	}
}
