package infra_test

import (
	"slices"
	"strings"
	"testing"
)

// statement is one statement of any policy in a template.
type statement struct {
	where              string
	key                bool // of a key policy
	actions, resources []string
	leadingKeys        []string
}

// statements finds them all, wherever they stand, in both branches of
// conditions.
func statements(s stack) []statement {
	var all []statement
	for id, r := range s.resources {
		visit(r.properties, func(o object) {
			if o["Effect"] != "Allow" || o["Action"] == nil || o["Action"] == "sts:AssumeRole" {
				return
			}
			all = append(all, statement{
				where: id + " " + text(o["Sid"]), key: r.kind == "AWS::KMS::Key",
				actions: texts(o["Action"]), resources: texts(o["Resource"]),
				leadingKeys: keysOf(o),
			})
		})
	}
	return all
}

func keysOf(statement object) []string {
	keys := at(statement, "Condition", "ForAllValues:StringLike", "dynamodb:LeadingKeys")
	if keys == nil {
		return nil
	}
	return texts(keys)
}

func visit(v any, call func(object)) {
	switch of := v.(type) {
	case object:
		call(of)
		for _, e := range of {
			visit(e, call)
		}
	case []any:
		for _, e := range of {
			visit(e, call)
		}
	}
}

// anyResource are the actions that may name all resources, and why.
var anyResource = map[string]string{
	"xray:PutTraceSegments":    "X-Ray has no resources for it (Service Authorization Reference)",
	"xray:PutTelemetryRecords": "X-Ray has no resources for it (Service Authorization Reference)",
}

// wildcards are the resources that may hold an asterisk, and why.
var wildcards = map[string]string{
	"${Copy.Arn}/*":         "the objects of one bucket: pages of incidents, which have any id",
	"${Table.Arn}/stream/*": "a table's streams, whose names hold the time they were made",
	"arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${SecretsPath}*": "the secrets that monitors.yaml may name",
	"arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:${ProbeQueue.QueueName}":               "one queue by its name, in the Region of each location",
	"arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:${AWS::StackName}-BrowserQueue":        "the same of browser journeys",
}

// perItem are the actions on the table that are known by their partition key.
var perItem = []string{
	"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem",
}

var ofStreams = []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}

// TestPolicies: each statement names its actions and its resources, and of the
// table no more than partitions.
func TestPolicies(t *testing.T) {
	all(t, func(t *testing.T, s stack) {
		all := statements(s)
		if len(all) < 5 {
			t.Fatalf("only %d statements were found", len(all))
		}
		for _, st := range all {
			if st.key {
				checkKeyStatement(t, st)
			} else {
				checkStatement(t, st)
			}
		}
	})
}

// checkKeyStatement: in a key policy "*" is the key itself, and the account must
// have all actions, or nobody can change the key again (KMS Developer Guide,
// "Default key policy").
func checkKeyStatement(t *testing.T, st statement) {
	t.Helper()
	want := []string{"kms:GenerateDataKey", "kms:Decrypt"}
	if strings.HasSuffix(st.where, " Account") {
		want = []string{"kms:*"}
	}
	if !slices.Equal(st.actions, want) {
		t.Errorf("%s allows %v, want %v", st.where, st.actions, want)
	}
}

func checkStatement(t *testing.T, st statement) {
	t.Helper()
	for _, action := range st.actions {
		if strings.Contains(action, "*") {
			t.Errorf("%s allows %s: name the actions", st.where, action)
		}
		if _, may := anyResource[action]; slices.Contains(st.resources, "*") && !may {
			t.Errorf(`%s allows %s on "*": name the resources`, st.where, action)
		}
		if strings.HasPrefix(action, "dynamodb:") && !slices.Contains(perItem, action) && !slices.Contains(ofStreams, action) {
			t.Errorf("%s allows %s, which no function needs", st.where, action)
		}
		if slices.Contains(perItem, action) && len(st.leadingKeys) == 0 {
			t.Errorf("%s allows %s on every partition: add dynamodb:LeadingKeys", st.where, action)
		}
	}
	for _, r := range st.resources {
		if _, may := wildcards[r]; strings.Contains(r, "*") && r != "*" && !may {
			t.Errorf("%s is about %s: name the resource", st.where, r)
		}
	}
	for _, key := range st.leadingKeys {
		if key == "*" || strings.Count(key, "*") > 1 || strings.Contains(key, "*") && !strings.HasSuffix(key, "#*") {
			t.Errorf("%s: leading key %s is wider than a kind of partition", st.where, key)
		}
	}
}

// TestMaintenance: who reads and writes planned maintenance and corrections may.
func TestMaintenance(t *testing.T) {
	may := map[string][]string{}
	for _, st := range statements(load(t, "template.yaml")) {
		for _, action := range st.actions {
			for _, key := range st.leadingKeys {
				may[key] = append(may[key], st.where[:strings.Index(st.where, " ")]+" "+action)
			}
		}
	}
	for key, want := range map[string][]string{
		"MAINTENANCE": {"DetectRole dynamodb:Query", "SweepRole dynamodb:Query", "SweepRole dynamodb:PutItem", "RollupRole dynamodb:Query"},
		"CORRECTIONS": {"RollupRole dynamodb:Query"},
	} {
		for _, one := range want {
			if !slices.Contains(may[key], one) {
				t.Errorf("no statement allows %s on %s; allowed are %v", one, key, may[key])
			}
		}
	}
}

// TestNoManagedPolicies: those that SAM adds by itself allow everything on "*".
func TestNoManagedPolicies(t *testing.T) {
	all(t, func(t *testing.T, s stack) {
		for _, role := range s.must(t, "AWS::IAM::Role") {
			if got := role.at("ManagedPolicyArns"); got != nil {
				t.Errorf("%s has managed policies: %v", role.id, got)
			}
		}
	})
}

// TestLocationIsNoWiderThanHome: a function in another Region may do what it may
// do at home, and nothing else.
func TestLocationIsNoWiderThanHome(t *testing.T) {
	home := map[string]bool{}
	for _, st := range statements(load(t, "template.yaml")) {
		for _, action := range st.actions {
			home[st.where+" "+action+" "+strings.Join(st.leadingKeys, " ")] = true
		}
	}
	for _, st := range statements(load(t, "infra/location.yaml")) {
		for _, action := range st.actions {
			if !home[st.where+" "+action+" "+strings.Join(st.leadingKeys, " ")] {
				t.Errorf("%s allows %s on %v, which it may not at home", st.where, action, st.leadingKeys)
			}
		}
	}
}
