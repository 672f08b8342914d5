package infra_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestFunctions(t *testing.T) {
	all(t, func(t *testing.T, s stack) {
		roles := map[string]string{}
		for _, f := range s.must(t, "AWS::Lambda::Function") {
			name := strings.TrimSuffix(f.id, "Function")
			if got := text(f.at("Runtime")) + " " + strings.Join(texts(f.at("Architectures")), " "); got != "provided.al2023 arm64" && (text(f.at("PackageType")) != "Image" || got != " arm64") {
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

// TestParameters: a wrong value is refused before anything is made of it, and
// the default, if there is one, is a right one.
func TestParameters(t *testing.T) {
	for _, name := range append(slices.Clone(templates), browser, "infra/alarms.yaml") {
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
