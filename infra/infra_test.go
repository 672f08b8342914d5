package infra_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/pipeline"
)

func TestFunctions(t *testing.T) {
	each(t, func(t *testing.T, s stack) {
		roles := map[string]string{}
		for _, f := range s.must(t, "AWS::Lambda::Function") {
			name := strings.TrimSuffix(f.id, "Function")
			if got := text(f.at("Runtime")) + " " + strings.Join(texts(f.at("Architectures")), " "); got != "provided.al2023 arm64" {
				t.Errorf("%s runs on %s", f.id, got)
			}
			if got := text(f.at("LoggingConfig", "LogFormat")); got != "JSON" {
				t.Errorf("%s logs as %q, not JSON", f.id, got)
			}
			logs := s.resources[target(f.at("LoggingConfig", "LogGroup"))]
			if logs.id != name+"Logs" || logs.at("RetentionInDays") == nil {
				t.Errorf("%s logs to %q, with retention %v: want a group of its own that forgets", f.id, logs.id, logs.at("RetentionInDays"))
			}
			role := target(f.at("Role"))
			if other, taken := roles[role]; taken || role == "" {
				t.Errorf("%s has the role %q, which is that of %q: each has its own", f.id, role, other)
			}
			roles[role] = f.id
			checkLogging(t, s.resources[role], logs.id)
			if _, err := os.Stat(filepath.Join("..", "functions", strings.ToLower(name), "main.go")); err != nil {
				t.Errorf("%s has no code: %v", f.id, err)
			}
		}
	})
}

// checkLogging: a role may write to the log of its function, and to no other.
func checkLogging(t *testing.T, role resource, logs string) {
	t.Helper()
	found := false
	visit(role.properties, func(o object) {
		if o["Action"] == nil || !strings.Contains(strings.Join(texts(o["Action"]), " "), "logs:") {
			return
		}
		found = true
		if got := text(o["Resource"]); got != "${"+logs+".Arn}" {
			t.Errorf("%s may write to the log %s, want %s", role.id, got, logs)
		}
	})
	if !found {
		t.Errorf("%s may not write logs", role.id)
	}
}

// deadLetter reports for each queue whether something sets messages aside there.
func deadLetter(s stack) map[string]bool {
	is := map[string]bool{}
	for _, r := range s.resources {
		for _, to := range []any{
			r.at("RedrivePolicy", "deadLetterTargetArn"), r.at("DestinationConfig", "OnFailure", "Destination"),
		} {
			if to != nil {
				is[target(to)] = true
			}
		}
	}
	return is
}

func TestQueues(t *testing.T) {
	each(t, func(t *testing.T, s stack) {
		aside := deadLetter(s)
		for _, q := range s.must(t, "AWS::SQS::Queue") {
			if q.at("SqsManagedSseEnabled") != true {
				t.Errorf("%s is not encrypted", q.id)
			}
			if q.at("RedrivePolicy") == nil && !aside[q.id] {
				t.Errorf("%s has no dead-letter queue, and is none", q.id)
			}
			if aside[q.id] && text(q.at("MessageRetentionPeriod")) != "1209600" {
				t.Errorf("%s forgets before the 14 days that SQS can keep", q.id)
			}
			if aside[q.id] && !alarmed(s, "ApproximateNumberOfMessagesVisible", q.id) {
				t.Errorf("nobody is told that messages are in %s", q.id)
			}
			if !aside[q.id] && !alarmed(s, "ApproximateAgeOfOldestMessage", q.id) {
				t.Errorf("nobody is told that messages wait in %s", q.id)
			}
		}
	})
}

// alarmed reports whether an alarm watches a metric of a resource.
func alarmed(s stack, metric, id string) bool {
	for _, alarm := range s.of("AWS::CloudWatch::Alarm") {
		found := false
		visit(alarm.properties, func(o object) {
			found = found || o["MetricName"] == metric && target(at(o, "Dimensions", 0, "Value")) == id
		})
		if found {
			return true
		}
	}
	return false
}

func TestMappings(t *testing.T) {
	each(t, func(t *testing.T, s stack) {
		for _, m := range s.must(t, "AWS::Lambda::EventSourceMapping") {
			if !slices.Contains(texts(m.at("FunctionResponseTypes")), "ReportBatchItemFailures") {
				t.Errorf("%s fails a whole batch for one record", m.id)
			}
			source := s.resources[target(m.at("EventSourceArn"))]
			function := s.resources[target(m.at("FunctionName"))]
			if source.kind == "AWS::SQS::Queue" {
				checkQueueMapping(t, m, source, function)
			} else {
				checkStreamMapping(t, s, m, function)
			}
		}
	})
}

// checkQueueMapping: the visibility timeout is six times that of the function
// (Lambda Developer Guide, "Using Lambda with Amazon SQS").
func checkQueueMapping(t *testing.T, m, queue, function resource) {
	t.Helper()
	visibility, _ := queue.at("VisibilityTimeout").(float64)
	timeout, _ := function.at("Timeout").(float64)
	if timeout == 0 || visibility < 6*timeout {
		t.Errorf("%s: messages come again after %v s while %s may run for %v s", m.id, visibility, function.id, timeout)
	}
	if m.at("ScalingConfig", "MaximumConcurrency") == nil {
		t.Errorf("%s may take all of the account's concurrency", m.id)
	}
}

func checkStreamMapping(t *testing.T, s stack, m, function resource) {
	t.Helper()
	if n, is := m.at("MaximumRetryAttempts").(float64); !is || n < 0 {
		t.Errorf("%s retries without end: one bad record stops its shard for a day", m.id)
	}
	if m.at("BisectBatchOnFunctionError") != true {
		t.Errorf("%s does not look for the bad record in a batch", m.id)
	}
	if n, is := m.at("MaximumRecordAgeInSeconds").(float64); !is || n < 0 {
		t.Errorf("%s has no age at which a record is set aside", m.id)
	}
	if got := s.resources[target(m.at("DestinationConfig", "OnFailure", "Destination"))].kind; got != "AWS::SQS::Queue" {
		t.Errorf("%s sets records aside in %q, want a queue", m.id, got)
	}
	if got := text(m.at("StartingPosition")); got != "TRIM_HORIZON" {
		t.Errorf("%s starts at %s: records would be lost while it is made", m.id, got)
	}
	if !alarmed(s, "IteratorAge", function.id) {
		t.Errorf("nobody is told that records wait for %s", function.id)
	}
}

// TestStreamFilters: each consumer of the stream gets its own kind of row, as the
// sample events show it, and not the other's.
func TestStreamFilters(t *testing.T) {
	s := load(t, "template.yaml")
	events := map[string]string{"DetectFunction": "detect", "NotifyFunction": "notify"}
	for _, m := range s.must(t, "AWS::Lambda::EventSourceMapping") {
		own, is := events[target(m.at("FunctionName"))]
		if !is {
			continue
		}
		var pattern any
		if err := json.Unmarshal([]byte(text(m.at("FilterCriteria", "Filters", 0, "Pattern"))), &pattern); err != nil {
			t.Fatalf("%s has no filter that can be read: %v", m.id, err)
		}
		for _, name := range events {
			record := at(sample(t, name), "Records", 0)
			if got, want := passes(pattern, record), name == own; got != want {
				t.Errorf("%s: a record of events/%s.json passes the filter: %v, want %v", m.id, name, got, want)
			}
			if removed, is := record.(object); is {
				removed["eventName"] = "REMOVE"
				if passes(pattern, removed) {
					t.Errorf("%s takes rows that were removed", m.id)
				}
			}
		}
	}
}

func sample(t *testing.T, name string) (event any) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "events", name+".json"))
	if err == nil {
		err = json.Unmarshal(source, &event)
	}
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// passes evaluates a filter of lists of texts (Lambda Developer Guide, "Filter
// rule syntax").
func passes(pattern, value any) bool {
	switch of := pattern.(type) {
	case object:
		for name, sub := range of {
			if !passes(sub, at(value, name)) {
				return false
			}
		}
		return true
	case []any:
		return slices.Contains(of, value)
	}
	return false
}

// TestSchedules: a call that is late or fails is soon given up, since the next
// one does its work; Scheduler's own default is a day and 185 attempts, and that
// of Lambda's queue six hours.
func TestSchedules(t *testing.T) {
	each(t, func(t *testing.T, s stack) {
		for _, r := range s.must(t, "AWS::Scheduler::Schedule") {
			checkGivenUp(t, r.id, r.at("Target", "RetryPolicy", "MaximumEventAgeInSeconds"), r.at("Target", "RetryPolicy", "MaximumRetryAttempts"))
			if name := r.at("Name"); name != nil {
				t.Errorf("%s is named %v: a second stack would collide with it", r.id, name)
			}
			if role := target(r.at("Target", "RoleArn")); role != "SchedulerRole" {
				t.Errorf("%s has the role %s", r.id, role)
			}
			function := target(r.at("Target", "Arn"))
			checkInput(t, function, text(r.at("Target", "Input")))
			calls := s.resources[strings.TrimSuffix(function, "Function")+"Calls"]
			if calls.kind != "AWS::Lambda::EventInvokeConfig" || target(calls.at("FunctionName")) != function {
				t.Errorf("%s: Lambda would try failed calls of %s for six hours", r.id, function)
				continue
			}
			checkGivenUp(t, calls.id, calls.at("MaximumEventAgeInSeconds"), calls.at("MaximumRetryAttempts"))
		}
	})
}

func checkGivenUp(t *testing.T, id string, age, attempts any) {
	t.Helper()
	if age != 60.0 {
		t.Errorf("%s gives a call up after %v s, want 60", id, age)
	}
	if n, is := attempts.(float64); !is || n > 2 {
		t.Errorf("%s tries %v times again, want 2 at most", id, attempts)
	}
}

// checkInput: a schedule sends what the function's sample event shows.
func checkInput(t *testing.T, function, input string) {
	t.Helper()
	var got map[string]string
	if err := json.Unmarshal([]byte(input), &got); err != nil || got["scheduled"] != "<aws.scheduler.scheduled-time>" {
		t.Errorf("%s gets %s, not the time it was scheduled for", function, input)
	}
	want, _ := sample(t, strings.ToLower(strings.TrimSuffix(function, "Function"))).(object)
	for name := range got {
		if _, has := want[name]; !has {
			t.Errorf("%s gets %q, which its sample event does not have", function, name)
		}
	}
}

func TestTable(t *testing.T) {
	s := load(t, "template.yaml")
	for _, table := range s.must(t, "AWS::DynamoDB::Table") {
		if table.deletionPolicy != "Retain" || table.at("DeletionProtectionEnabled") != true {
			t.Error("the table is not kept when the stack is deleted")
		}
		if table.at("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") != true {
			t.Error("the table cannot be restored to a point in time")
		}
		if got := text(table.at("StreamSpecification", "StreamViewType")); got != "NEW_IMAGE" {
			t.Errorf("the stream shows %s", got)
		}
		if table.at("TimeToLiveSpecification", "Enabled") != true || table.at("TimeToLiveSpecification", "AttributeName") != "expires" {
			t.Errorf("rows do not expire: %v", table.at("TimeToLiveSpecification"))
		}
	}
}

// TestTopics: all are encrypted with a key that is kept and rotated; alarms, and
// those who publish, may use it.
func TestTopics(t *testing.T) {
	each(t, func(t *testing.T, s stack) {
		for _, topic := range s.must(t, "AWS::SNS::Topic") {
			key := s.resources[target(topic.at("KmsMasterKeyId"))]
			if key.kind != "AWS::KMS::Key" || key.at("EnableKeyRotation") != true {
				t.Errorf("%s is encrypted with %q, want a key of ours that rotates", topic.id, key.id)
			}
			if s.name == "template.yaml" && key.deletionPolicy != "Retain" {
				t.Errorf("the key is not kept when the stack is deleted")
			}
			if !alarmed(s, "NumberOfNotificationsFailed", topic.id) {
				t.Errorf("nobody is told that %s does not reach its subscribers", topic.id)
			}
		}
		for _, role := range s.of("AWS::IAM::Role") {
			actions := ""
			visit(role.properties, func(o object) { actions += " " + strings.Join(texts(o["Action"]), " ") })
			if strings.Contains(actions, "sns:Publish") && (!strings.Contains(actions, "kms:GenerateDataKey") || !strings.Contains(actions, "kms:Decrypt")) {
				t.Errorf("%s may publish, but not use the key of the topics", role.id)
			}
		}
	})
}

func TestAlarms(t *testing.T) {
	each(t, func(t *testing.T, s stack) {
		for _, alarm := range s.must(t, "AWS::CloudWatch::Alarm") {
			for _, end := range []string{"AlarmActions", "OKActions"} {
				if got := texts(alarm.at(end)); !slices.Equal(got, []string{"${OperationsTopic}"}) {
					t.Errorf("%s: %s is %v", alarm.id, end, got)
				}
			}
			silence := strings.HasSuffix(alarm.id, "Silent")
			want := "notBreaching"
			if silence {
				want = "breaching"
			}
			if got := text(alarm.at("TreatMissingData")); got != want {
				t.Errorf("%s takes missing data as %q, want %s", alarm.id, got, want)
			}
			if silence && text(alarm.at("Namespace")) == "AWS/DynamoDB" {
				t.Errorf("%s never fires: alarms on AWS/DynamoDB ignore missing data", alarm.id)
			}
			if text(alarm.at("AlarmDescription")) == "" {
				t.Errorf("%s does not say what to do", alarm.id)
			}
		}
		for _, f := range s.must(t, "AWS::Lambda::Function") {
			for _, metric := range []string{"Errors", "Throttles"} {
				if !alarmed(s, metric, f.id) {
					t.Errorf("nobody is told of %s of %s", metric, f.id)
				}
			}
		}
		for _, id := range []string{"DispatchFunction", "ProbeFunction"} {
			if !alarmed(s, "Invocations", id) {
				t.Errorf("nobody is told that %s is not called", id)
			}
		}
	})
}

// TestMetrics: alarms and dashboard watch metrics that the functions emit.
func TestMetrics(t *testing.T) {
	emitted := []string{
		pipeline.ChecksRun, pipeline.ChecksLate, pipeline.ChecksFailedToRun, pipeline.Votes, pipeline.NotificationsSent,
		pipeline.NotificationsFailed, pipeline.SecondsToTell, pipeline.SetAside,
	}
	each(t, func(t *testing.T, s stack) {
		watched := 0
		for _, alarm := range s.must(t, "AWS::CloudWatch::Alarm") {
			if text(alarm.at("Namespace")) != cloud.Namespace {
				continue
			}
			watched++
			if name := text(alarm.at("MetricName")); !slices.Contains(emitted, name) {
				t.Errorf("%s watches %s, which nothing emits", alarm.id, name)
			}
			if got := text(alarm.at("Dimensions", 0, "Name")) + " " + text(alarm.at("Dimensions", 0, "Value")); got != cloud.Dimension+" ${AWS::StackName}" {
				t.Errorf("%s watches %s", alarm.id, got)
			}
		}
		if watched == 0 {
			t.Error("no alarm watches a metric of ours")
		}
		for _, f := range s.must(t, "AWS::Lambda::Function") {
			if got := text(f.at("Environment", "Variables", "SONDE_STACK")); got != "${AWS::StackName}" {
				t.Errorf("%s files its metrics under %q", f.id, got)
			}
		}
	})
	body, _ := at(load(t, "template.yaml").resources["Alarms.Dashboard"].at("DashboardBody"), "Fn::Sub").(string)
	for _, m := range regexp.MustCompile(`"Sonde","(\w+)","(\w+)"`).FindAllStringSubmatch(body, -1) {
		if !slices.Contains(emitted, m[1]) || m[2] != cloud.Dimension {
			t.Errorf("the dashboard shows %s by %s, which nothing emits", m[1], m[2])
		}
	}
}

// TestDashboard: its text is JSON, and names what the stack has.
func TestDashboard(t *testing.T) {
	for _, d := range load(t, "template.yaml").must(t, "AWS::CloudWatch::Dashboard") {
		body, _ := at(d.at("DashboardBody"), "Fn::Sub").(string)
		var dashboard struct{ Widgets []any }
		if err := json.Unmarshal([]byte(body), &dashboard); err != nil || len(dashboard.Widgets) == 0 {
			t.Errorf("%s: %d widgets, %v", d.id, len(dashboard.Widgets), err)
		}
		for _, m := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(body, -1) {
			if _, has := parse(t, "infra/alarms.yaml", translate(t, "infra/alarms.yaml")).parameters[m[1]]; !has {
				t.Errorf("%s shows ${%s}, which is no parameter", d.id, m[1])
			}
		}
	}
}

// TestParameters: a wrong value is refused before anything is made of it, and
// the default, if there is one, is a right one.
func TestParameters(t *testing.T) {
	for _, name := range append(slices.Clone(templates), "infra/alarms.yaml") {
		for id, p := range parse(t, name, translate(t, name)).parameters {
			pattern, hasPattern := p["AllowedPattern"].(string)
			_, hasRange := p["MinValue"]
			if !hasPattern && p["AllowedValues"] == nil && (!hasRange || p["MaxValue"] == nil) {
				t.Errorf("%s: %s takes any value", name, id)
			}
			if p["Description"] == nil {
				t.Errorf("%s: %s has no description", name, id)
			}
			if (hasPattern || hasRange) && p["ConstraintDescription"] == nil {
				t.Errorf("%s: %s does not say what it wants", name, id)
			}
			if preset, has := p["Default"]; has && hasPattern && !regexp.MustCompile(pattern).MatchString(fmt.Sprint(preset)) {
				t.Errorf("%s: the default of %s, %v, does not match its pattern", name, id, preset)
			}
		}
	}
}

func TestPatterns(t *testing.T) {
	parameters := load(t, "template.yaml").parameters
	for _, c := range []struct {
		parameter, value string
		want             bool
	}{
		{"OncallEmail", "oncall@example.com", true},
		{"OncallEmail", "oncall at example.com", false},
		{"OncallPhone", "+12065550100", true},
		{"OncallPhone", "206 555 0100", false},
		{"AllowedOrigins", "https://www.example.com,http://localhost:8080", true},
		{"AllowedOrigins", "www.example.com", false},
		{"AllowedOrigins", "https://www.example.com/path", false},
		{"SecretsPath", "/sonde/prod/", true},
		{"SecretsPath", "/", false},
		{"SecretsPath", "/sonde", false},
		{"PingUrl", "https://hc.example.com/6b0c", true},
		{"PingUrl", "http://hc.example.com/6b0c", false},
	} {
		pattern, _ := parameters[c.parameter]["AllowedPattern"].(string)
		if got := regexp.MustCompile(pattern).MatchString(c.value); got != c.want {
			t.Errorf("%s takes %q: %v, want %v", c.parameter, c.value, got, c.want)
		}
	}
}

// TestQueueNames: the home stack finds the queue of a location by the name that
// the location's template gives it.
func TestQueueNames(t *testing.T) {
	home, location := load(t, "template.yaml"), load(t, "infra/location.yaml")
	name := text(home.resources["ProbeQueue"].at("QueueName"))
	if other := text(location.resources["ProbeQueue"].at("QueueName")); name != other || name == "" {
		t.Errorf("the probe queue is called %q at home and %q elsewhere", name, other)
	}
	for id, want := range map[string]bool{"DispatchFunction": false, "DetectFunction": true} {
		var queues map[string]string
		if err := json.Unmarshal([]byte(text(home.resources[id].at("Environment", "Variables", "SONDE_QUEUES"))), &queues); err != nil {
			t.Fatalf("%s: SONDE_QUEUES: %v", id, err)
		}
		if (queues["*"] == "https://sqs.*.${AWS::URLSuffix}/${AWS::AccountId}/${ProbeQueue.QueueName}") != want {
			t.Errorf("%s knows the queues %v; those of other Regions: want %v", id, queues, want)
		}
	}
}
