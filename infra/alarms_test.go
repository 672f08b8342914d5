package infra_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/cloud"
	"github.com/sondehq/sonde/internal/pipeline"
)

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

func TestAlarms(t *testing.T) {
	eachAndBrowser(t, func(t *testing.T, s stack) {
		topic, called := "${OperationsTopic}", []string{"DispatchFunction", "ProbeFunction"}
		if s.name == browser { // nobody need have journeys
			topic, called = "${AlarmTopicArn}", nil
		}
		for _, alarm := range s.must(t, "AWS::CloudWatch::Alarm") {
			for _, end := range []string{"AlarmActions", "OKActions"} {
				if got := texts(alarm.at(end)); !slices.Equal(got, []string{topic}) {
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
		for _, id := range called {
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

// TestAlarmsCounted: README.md counts the alarms, since each costs something.
func TestAlarmsCounted(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	count := func(template string) int { return len(load(t, template).must(t, "AWS::CloudWatch::Alarm")) }
	want := fmt.Sprintf("The home stack has %d alarms, a location %d", count("template.yaml"), count("infra/location.yaml"))
	if !strings.Contains(string(text), want) {
		t.Errorf("README.md does not say: %s", want)
	}
}
