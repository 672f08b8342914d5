package platformtest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cloud/template"
)

// Options say how a stack is deployed.
type Options struct {
	Name, Region string
	Template     string // path in the project, such as template.yaml
	Parameters   map[string]string

	// Beat is how often a schedule fires where it is not as the template says;
	// by the id of the function.
	Beat map[string]time.Duration

	// Visibility, if set, is the visibility timeout of all queues: tests cannot
	// wait nine minutes.
	Visibility time.Duration

	// Fault decides what becomes of each call of AWS.
	Fault Fault

	// Stream changes what the stream mappings deliver.
	Stream Mangle

	// Binaries is a folder of functions to run in place of the platform's.
	Binaries string

	// Env is added to the environment of all functions.
	Env []string
}

// Stack is a deployed template.
type Stack struct {
	*template.Stack
	platform  *Platform
	t         testing.TB
	opts      Options
	functions map[string]*function
	running   sync.WaitGroup
	stop      context.CancelFunc

	mu         sync.Mutex
	objects    map[string][]byte // of its buckets, by path
	complaints []string
	fault      Fault
}

// Deploy makes what a template says. Start starts it; it ends with the test. What
// its functions do against their policies fails the test.
func (p *Platform) Deploy(t testing.TB, opts Options) *Stack {
	t.Helper()
	s := &Stack{platform: p, t: t, opts: opts, functions: map[string]*function{}, fault: opts.Fault}
	python := filepath.Join(Environment(t, p.root, "sam"), "python")
	command := exec.Command(python, filepath.Join(p.root, "infra", "translate.py"), filepath.Join(p.root, opts.Template))
	command.Env = []string{"AWS_DEFAULT_REGION=" + opts.Region}
	source, err := command.Output()
	if err != nil {
		t.Fatalf("translate %s: %v", opts.Template, err)
	}
	if s.Stack, err = template.Parse(source, template.Options{
		Name: opts.Name, Region: opts.Region, Parameters: opts.Parameters, QueueBase: p.moto,
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.create(t.Context()); err != nil {
		t.Fatalf("deploy %s: %v", opts.Template, err)
	}
	t.Cleanup(s.end)
	return s
}

// Start starts the stack's schedules and mappings.
func (s *Stack) Start() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	for _, r := range s.Of("AWS::Lambda::EventSourceMapping") {
		s.running.Go(func() { s.run(ctx, r) })
	}
	for _, r := range s.Of("AWS::Scheduler::Schedule") {
		s.running.Go(func() { s.schedule(ctx, r) })
	}
}

// end stops the stack, and reports what it complained about.
func (s *Stack) end() {
	if s.stop != nil {
		s.stop()
	}
	s.running.Wait()
	for _, id := range slices.Sorted(maps.Keys(s.functions)) {
		f := s.functions[id]
		f.end()
		if s.t.Failed() {
			s.t.Logf("log of %s:\n%s", id, f.log())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.complaints {
		s.t.Error(c)
	}
}

func (s *Stack) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.complaints, text) {
		s.complaints = append(s.complaints, text)
	}
}

// SetFault changes what becomes of calls from now on.
func (s *Stack) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *Stack) verdict(c Call) Verdict {
	s.mu.Lock()
	f := s.fault
	s.mu.Unlock()
	if f == nil {
		return Verdict{}
	}
	return f(c)
}

func (s *Stack) arn(service, name string) string { return arnIn(s.Region)(service, name) }

// TopicARN is the ARN of a topic by its id in the template.
func (s *Stack) TopicARN(id string) string { return s.arn("sns", s.opts.Name+"-"+id) }

// Encrypted reports whether a topic has a key of its own.
func (s *Stack) Encrypted(topicARN string) bool { return s.keyOf(topicARN) != "" }

func (s *Stack) keyOf(topicARN string) string {
	for _, topic := range s.Of("AWS::SNS::Topic") {
		if s.TopicARN(topic.ID) == topicARN {
			key := topic.Text("KmsMasterKeyId")
			if key != "" && !strings.HasPrefix(key, "arn:") {
				key = s.arn("kms", "key/"+key)
			}
			return key
		}
	}
	return ""
}

// Mail is what was published to a topic so far, by its id in the template.
func (s *Stack) Mail(topic string) []Mail {
	s.platform.mu.Lock()
	defer s.platform.mu.Unlock()
	return slices.Clone(s.platform.mail[s.TopicARN(topic)])
}

// Usage is what a function has used of AWS so far: calls by service and
// operation, and "read units" and "write units" of DynamoDB.
func (s *Stack) Usage(function string) map[string]float64 {
	p := s.functions[function].proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.usage)
}

// Unused are the actions that policies allow and no function has needed so far,
// by function. Those that Lambda itself needs for mappings and logs count as
// used.
func (s *Stack) Unused() map[string][]string {
	out := map[string][]string{}
	for id, f := range s.functions {
		out[id] = []string{}
		f.proxy.mu.Lock()
		for _, action := range f.proxy.policy.actions() {
			service, _, _ := strings.Cut(action, ":")
			if !f.proxy.used[action] && service != "logs" && service != "xray" && !slices.Contains(ofMappings, action) {
				out[id] = append(out[id], action)
			}
		}
		f.proxy.mu.Unlock()
	}
	return out
}

// Invoke calls a function as API Gateway does, and returns its answer.
func (s *Stack) Invoke(function string, event []byte) ([]byte, error) {
	answer, err := s.functions[function].invoke(context.Background(), event)
	return answer.Payload, err
}

// Object is what a function has put into one of the stack's buckets, by the
// bucket's id.
func (s *Stack) Object(bucket, key string) (body []byte, has bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, has = s.objects["/"+s.opts.Name+"-"+bucket+"/"+key]
	return body, has
}

func (s *Stack) keep(path string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects == nil {
		s.objects = map[string][]byte{}
	}
	s.objects[path] = body
}

// Log is what a function's processes have written so far.
func (s *Stack) Log(function string) string { return s.functions[function].log() }

// QueueDepth is how many messages a queue holds, seen or not, by its id.
func (s *Stack) QueueDepth(id string) (n int) {
	var out struct{ Attributes map[string]string }
	err := post(context.Background(), s.platform.moto, "sqs", s.Region, "AmazonSQS.GetQueueAttributes",
		map[string]any{"QueueUrl": s.queueURL(id), "AttributeNames": []string{"All"}}, &out)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
		var k int
		_, _ = fmt.Sscan(out.Attributes[name], &k)
		n += k
	}
	return n
}

func (s *Stack) queueURL(id string) string {
	return s.platform.moto + "/" + template.Account + "/" + s.opts.Name + "-" + id
}

// create makes table, queues, topics and functions.
func (s *Stack) create(ctx context.Context) error {
	for _, r := range s.Of("AWS::DynamoDB::Table") {
		in := map[string]any{"TableName": s.opts.Name + "-" + r.ID, "StreamSpecification": map[string]any{
			"StreamEnabled": true, "StreamViewType": r.Text("StreamSpecification", "StreamViewType"),
		}}
		for _, name := range []string{"AttributeDefinitions", "KeySchema", "BillingMode"} {
			in[name] = r.Get(name)
		}
		if err := post(ctx, s.platform.dynamo, "dynamodb", s.Region, "DynamoDB_20120810.CreateTable", in, nil); err != nil {
			return err
		}
	}
	queues := s.Of("AWS::SQS::Queue")
	slices.SortStableFunc(queues, func(a, b template.Resource) int { // dead-letter queues first
		return strings.Compare(a.Text("RedrivePolicy", "deadLetterTargetArn"), b.Text("RedrivePolicy", "deadLetterTargetArn"))
	})
	for _, r := range queues {
		if err := s.createQueue(ctx, r); err != nil {
			return err
		}
	}
	for _, r := range s.Of("AWS::SNS::Topic") {
		if err := s.createTopic(ctx, r.ID); err != nil {
			return err
		}
	}
	for _, r := range s.Of("AWS::Lambda::Function") {
		f, err := s.newFunction(r)
		if err != nil {
			return err
		}
		s.functions[r.ID] = f
	}
	return nil
}

func (s *Stack) createQueue(ctx context.Context, r template.Resource) error {
	attributes := map[string]string{}
	for _, name := range []string{"VisibilityTimeout", "MessageRetentionPeriod"} {
		if v := r.Text(name); v != "" {
			attributes[name] = v
		}
	}
	if s.opts.Visibility > 0 {
		attributes["VisibilityTimeout"] = fmt.Sprint(int(s.opts.Visibility / time.Second))
	}
	if redrive := r.Get("RedrivePolicy"); redrive != nil {
		text, err := json.Marshal(redrive)
		if err != nil {
			return err
		}
		attributes["RedrivePolicy"] = string(text)
	}
	name := s.opts.Name + "-" + r.ID
	return post(ctx, s.platform.moto, "sqs", s.Region, "AmazonSQS.CreateQueue", map[string]any{"QueueName": name, "Attributes": attributes}, nil)
}

func (s *Stack) createTopic(ctx context.Context, id string) error {
	for _, form := range []url.Values{
		{"Action": {"CreateTopic"}, "Name": {s.opts.Name + "-" + id}},
		{"Action": {"Subscribe"}, "TopicArn": {s.TopicARN(id)}, "Protocol": {"http"}, "Endpoint": {s.platform.sink.URL + "/" + id}},
	} {
		header := http.Header{
			"Content-Type":  {"application/x-www-form-urlencoded"},
			"Authorization": {authorization("sns", s.Region)},
		}
		status, answer, err := call(ctx, s.platform.moto, header, []byte(form.Encode()))
		if err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("%s %s: %d: %s", form.Get("Action"), id, status, answer)
		}
	}
	return nil
}
