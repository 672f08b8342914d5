package infra_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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
	eachAndBrowser(t, func(t *testing.T, s stack) {
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

func TestMappings(t *testing.T) {
	eachAndBrowser(t, func(t *testing.T, s stack) {
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
	eachAndSite(t, func(t *testing.T, s stack) {
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

// TestQueueNames: the home stack finds the queue of a location by the name that
// the location's template gives it.
func TestQueueNames(t *testing.T) {
	home, location := load(t, "template.yaml"), load(t, "infra/location.yaml")
	name := text(home.resources["ProbeQueue"].at("QueueName"))
	if other := text(location.resources["ProbeQueue"].at("QueueName")); name != other || name == "" {
		t.Errorf("the probe queue is called %q at home and %q elsewhere", name, other)
	}
	if got := text(load(t, browser).resources["BrowserQueue"].at("QueueName")); got != "${HomeStack}-BrowserQueue" {
		t.Errorf("the queue of browser journeys is called %q", got)
	}
	for id, want := range map[string]bool{"DispatchFunction": false, "DetectFunction": true} {
		var queues map[string]string
		if err := json.Unmarshal([]byte(text(home.resources[id].at("Environment", "Variables", "SONDE_QUEUES"))), &queues); err != nil {
			t.Fatalf("%s: SONDE_QUEUES: %v", id, err)
		}
		if (queues["*"] == "https://sqs.*.${AWS::URLSuffix}/${AWS::AccountId}/${ProbeQueue.QueueName}") != want {
			t.Errorf("%s knows the queues %v; those of other Regions: want %v", id, queues, want)
		}
		region := map[bool]string{true: "*", false: "${AWS::Region}"}[want]
		journeys := `{"` + region + `":"https://sqs.` + region + `.${AWS::URLSuffix}/${AWS::AccountId}/${AWS::StackName}-BrowserQueue"}`
		for _, s := range []stack{home, location} {
			if f, has := s.resources[id]; has && text(f.at("Environment", "Variables", "SONDE_BROWSER_QUEUES")) != journeys {
				t.Errorf("%s: %s sends browser journeys to %s, want %s", s.name, id, text(f.at("Environment", "Variables", "SONDE_BROWSER_QUEUES")), journeys)
			}
		}
	}
}
