// Package functions_test drives each built function as a process, under a
// Lambda runtime API, against DynamoDB Local and stand-ins for SQS and SNS.
package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sondehq/sonde/internal/cloud/runtimetest"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/dynamo"
	"github.com/sondehq/sonde/internal/table/dynamo/dynamotest"
)

// binaries is where TestMain has built the functions.
var binaries string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sonde-functions-")
	if err == nil {
		binaries = dir
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", dir+"/", "./dispatch", "./probe", "./detect", "./notify", "./sweep", "./rollup", "./api", "./publish", "./browser")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build functions:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// world is what a function finds around it.
type world struct {
	t     testing.TB
	store *store.Store
	env   []string
	sqs   *recorder
	sns   *recorder
}

func now() time.Time { return time.Now().UTC() }

func newWorld(t testing.TB) *world {
	t.Helper()
	endpoint := dynamotest.Start(t)
	client := dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	name := fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()), time.Now().UnixNano())
	if _, err := client.CreateTable(context.Background(), dynamo.CreateInput(name)); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: store.New(dynamo.New(client, name, now), now)}
	w.sqs = newRecorder(t, func(r *http.Request, body []byte) string {
		var in struct {
			Entries []struct{ Id, MessageBody string }
		}
		_ = json.Unmarshal(body, &in)
		var ok []map[string]string
		for _, e := range in.Entries {
			ok = append(ok, map[string]string{"Id": e.Id, "MessageId": e.Id, "MD5OfMessageBody": md5Hex(e.MessageBody)})
		}
		out, _ := json.Marshal(map[string]any{"Successful": ok})
		return string(out)
	})
	w.sns = newRecorder(t, func(*http.Request, []byte) string {
		return `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>`
	})
	w.env = []string{
		"SONDE_TABLE=" + name, "SONDE_LOCATION=eu-west-1", "AWS_REGION=eu-west-1",
		`SONDE_QUEUES={"eu-west-1":"` + w.sqs.url + `/queue"}`,
		`SONDE_TOPICS={"oncall":"arn:aws:sns:eu-west-1:123456789012:oncall"}`,
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL_DYNAMODB=" + endpoint, "AWS_ENDPOINT_URL_SQS=" + w.sqs.url, "AWS_ENDPOINT_URL_SNS=" + w.sns.url,
	}
	return w
}

// configure stores a configuration with one monitor, confirmed by one result.
func (w *world) configure() {
	w.t.Helper()
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Test", TimeZone: "UTC"}, Locations: []monitor.Location{"eu-west-1"},
		Monitors: []monitor.Monitor{{
			ID: "web", Name: "Web", Service: "web", Every: 30 * time.Second, Timeout: 2 * time.Second, Confirm: 1, Recover: 1,
			Locations: []monitor.Location{"eu-west-1"}, Private: true, TCP: &monitor.TCP{Address: "127.0.0.1:1"},
		}},
		Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web"}, Needs: 1}},
		Tiers:    []monitor.Tier{{ID: "oncall", Name: "On-call", Impact: monitor.ImpactMinor}},
	}
	if _, err := w.store.PutConfig(context.Background(), cfg, 0, "test"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) start(name string) *runtimetest.Function {
	return runtimetest.Start(w.t, filepath.Join(binaries, name), w.env...)
}

// event reads a sample, brought to the present.
func event(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	at := now().Add(-2 * time.Second).Truncate(time.Second)
	return []byte(strings.NewReplacer(
		"2026-11-23T04:00:00.000Z", at.Format("2006-01-02T15:04:05.000Z"),
		"2026-11-23T04:00:00Z", at.Format(time.RFC3339),
		"2026-11-23T04:00:00.120Z", at.Add(120*time.Millisecond).Format(time.RFC3339Nano),
		"2026-11-23T04:00:01Z", at.Add(time.Second).Format(time.RFC3339),
	).Replace(string(text)))
}

func TestDispatch(t *testing.T) {
	w := newWorld(t)
	f := w.start("dispatch")
	if a := f.Invoke(event(t, "dispatch")); a.Failed {
		t.Errorf("without a configuration: %s", a.Payload)
	}
	w.configure()
	if a := w.start("dispatch").Invoke(event(t, "dispatch")); a.Failed {
		t.Fatalf("dispatch: %s", a.Payload)
	}
	sent := strings.Join(w.sqs.bodies(), "\n")
	if got := strings.Count(sent, `\"monitors\":[\"web\"]`); got != 2 {
		t.Errorf("a 30 s monitor was queued %d times for one minute, want 2:\n%s", got, sent)
	}
	if a := f.Invoke(event(t, "dispatch-malformed")); !a.Failed {
		t.Errorf("malformed tick: got %s, want an error", a.Payload)
	}
}

func TestProbe(t *testing.T) {
	w := newWorld(t)
	w.configure()
	f := w.start("probe")
	for range 2 { // the same message twice is one batch
		var out events.SQSEventResponse
		f.Invoke(event(t, "probe")).JSON(t, &out)
		if len(out.BatchItemFailures) != 0 {
			t.Fatalf("failures: %v\n%s", out.BatchItemFailures, f.Log())
		}
	}
	batches, err := w.store.Batches(context.Background(), 0, now().Add(-time.Minute), now())
	if err != nil {
		t.Fatal(err)
	}
	if len(batches) == 0 || len(batches[0].Results) != 1 {
		t.Fatalf("batches: %+v", batches)
	}
	// Loopback is where the runtime API lives: blocked, whatever the monitor says.
	if r := batches[0].Results[0]; r.Outcome != monitor.OutcomeDown || r.Failure == nil || r.Failure.Kind != monitor.FailBlocked {
		t.Errorf("result: %+v %+v", r, r.Failure)
	}
	var out events.SQSEventResponse
	f.Invoke(event(t, "probe-malformed")).JSON(t, &out)
	if len(out.BatchItemFailures) != 1 {
		t.Errorf("malformed message: got %v, want it reported as failed", out.BatchItemFailures)
	}
}

func TestDetectThenNotify(t *testing.T) {
	w := newWorld(t)
	w.configure()
	ctx := context.Background()
	f := w.start("detect")
	sample := event(t, "detect")
	for range 2 { // a record that comes again changes nothing
		var out events.DynamoDBEventResponse
		f.Invoke(sample).JSON(t, &out)
		if len(out.BatchItemFailures) != 0 {
			t.Fatalf("failures: %v\n%s", out.BatchItemFailures, f.Log())
		}
	}
	state, err := w.store.State(ctx, "web")
	if err != nil || state.Status != monitor.MajorOutage {
		t.Fatalf("state: %+v, %v", state, err)
	}
	board, err := w.store.Board(ctx)
	if err != nil || len(board.Open) != 1 {
		t.Fatalf("open incidents: %+v, %v", board.Open, err)
	}
	var out events.DynamoDBEventResponse
	f.Invoke(event(t, "detect-malformed")).JSON(t, &out)
	if len(out.BatchItemFailures) != 0 {
		t.Errorf("malformed record: got %v, want it set aside, so that it does not stop the others", out.BatchItemFailures)
	}
	if asides, err := w.store.Asides(ctx, 10); err != nil || len(asides) != 1 || !strings.Contains(asides[0].Reason, "kind is") {
		t.Errorf("set aside: %+v, %v, want the malformed record", asides, err)
	}

	n := w.start("notify")
	for range 2 {
		var out events.DynamoDBEventResponse
		n.Invoke(event(t, "notify")).JSON(t, &out)
		if len(out.BatchItemFailures) != 0 {
			t.Fatalf("failures: %v\n%s", out.BatchItemFailures, n.Log())
		}
	}
	published := w.sns.bodies()
	if len(published) != 1 {
		t.Fatalf("published %d messages, want 1", len(published))
	}
	form, err := url.ParseQuery(published[0])
	if err != nil || form.Get("TopicArn") != "arn:aws:sns:eu-west-1:123456789012:oncall" || !strings.HasPrefix(form.Get("Subject"), "ALARM: ") {
		t.Errorf("published: %v, %v", form, err)
	}
	receipts, err := w.store.Receipts(ctx, board.Open[0].ID)
	if err != nil || len(receipts) != 1 || receipts[0].Event != string(incident.EventOpened) {
		t.Errorf("receipts: %+v, %v", receipts, err)
	}
	if a := n.Invoke(event(t, "notify-malformed")); !a.Failed {
		t.Errorf("malformed event: got %s, want an error", a.Payload)
	}
}

func TestSweepRollupApi(t *testing.T) {
	w := newWorld(t)
	w.configure()
	for _, name := range []string{"sweep", "rollup"} {
		f := w.start(name)
		if a := f.Invoke(event(t, name)); a.Failed {
			t.Errorf("%s: %s\n%s", name, a.Payload, f.Log())
		}
		if a := f.Invoke(event(t, name+"-malformed")); !a.Failed {
			t.Errorf("%s, malformed: got %s, want an error", name, a.Payload)
		}
	}
	f := w.start("api")
	var out events.APIGatewayV2HTTPResponse
	f.Invoke(event(t, "api")).JSON(t, &out)
	var status struct {
		Services []struct{ ID, Status string }
	}
	if err := json.Unmarshal([]byte(out.Body), &status); err != nil || out.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", out.StatusCode, err, out.Body)
	}
	if len(status.Services) != 1 || status.Services[0].ID != "web" {
		t.Errorf("services: %+v", status.Services)
	}
	if a := f.Invoke(event(t, "api-malformed")); !a.Failed {
		t.Errorf("malformed request: got %s, want an error", a.Payload)
	}
}

// TestMissingSetting: a function that is wired wrongly says what is missing.
func TestMissingSetting(t *testing.T) {
	for _, name := range []string{"dispatch", "probe", "detect", "notify", "sweep", "rollup", "api", "publish", "browser"} {
		out, err := exec.Command(filepath.Join(binaries, name)).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "SONDE_TABLE is not set") {
			t.Errorf("%s without settings: %v: %s", name, err, out)
		}
	}
}

// recorder is a stand-in for an AWS service: it keeps what it is sent.
type recorder struct {
	url string
	mu  sync.Mutex
	all []string
}

func newRecorder(t testing.TB, answer func(*http.Request, []byte) string) *recorder {
	r := new(recorder)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		r.all = append(r.all, string(body))
		r.mu.Unlock()
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, answer(request, body))
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *recorder) bodies() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.all...)
}
