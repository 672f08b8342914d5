package platformtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/cloud/template"
)

// access is one thing that a request asks for: an action on a resource, and for
// DynamoDB the partition key it touches.
type access struct {
	action, resource string
	leadingKey       string // or the protocol of a subscription; empty: none, or all
}

func (a access) String() string {
	if a.leadingKey == "" {
		return a.action + " on " + a.resource
	}
	return a.action + " on " + a.resource + " key " + a.leadingKey
}

// policy is the statements of a role.
type policy []statement

type statement struct {
	sid, effect        string
	actions, resources []string
	leadingKeys        []string // dynamodb:LeadingKeys or sns:Protocol, where the condition narrows to it
	others             []string // conditions that are not understood here: the statement then grants nothing
}

// policyOf reads the inline policies of a role.
func policyOf(role template.Resource) policy {
	var p policy
	for _, inline := range template.List(role.Get("Policies")) {
		for _, s := range template.List(template.Get(inline, "PolicyDocument", "Statement")) {
			st := statement{
				sid: fmt.Sprint(template.Get(s, "Sid")), effect: fmt.Sprint(template.Get(s, "Effect")),
				actions: template.Texts(template.Get(s, "Action")), resources: template.Texts(template.Get(s, "Resource")),
			}
			conditions, _ := template.Get(s, "Condition").(map[string]any)
			for operator, of := range conditions {
				keys, _ := of.(map[string]any)
				for key, values := range keys {
					switch {
					case key == "dynamodb:LeadingKeys" && strings.HasPrefix(operator, "ForAllValues:String"):
						st.leadingKeys = template.Texts(values)
					case key == "sns:Protocol" && operator == "StringEquals":
						st.leadingKeys = template.Texts(values)
					case strings.HasPrefix(key, "kms:"): // about the service in between, which here is none
					default:
						st.others = append(st.others, operator+" "+key)
					}
				}
			}
			p = append(p, st)
		}
	}
	return p
}

// allows evaluates a policy as IAM does (IAM User Guide, "Policy evaluation
// logic"): one statement must allow, none may deny.
func (p policy) allows(a access) (sid string, ok bool) {
	for _, s := range p {
		if len(s.others) > 0 || !anyMatches(s.actions, a.action) || !anyMatches(s.resources, a.resource) {
			continue
		}
		if len(s.leadingKeys) > 0 && !anyMatches(s.leadingKeys, a.leadingKey) {
			continue
		}
		if s.effect == "Deny" {
			return s.sid, false
		}
		sid, ok = s.sid, true
	}
	return sid, ok
}

// actions are all actions that a policy allows.
func (p policy) actions() []string {
	var all []string
	for _, s := range p {
		if s.effect == "Allow" {
			all = append(all, s.actions...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func anyMatches(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return wildcard(pattern, text) })
}

func wildcard(pattern, text string) bool {
	quoted := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("(?is)^" + quoted + "$").MatchString(text)
}

// objectAccess reads what a request to S3 asks for, with the bucket in its path (S3
// API reference, PutObject).
func objectAccess(method, path string) (access, error) {
	if bucket, key, is := strings.Cut(strings.TrimPrefix(path, "/"), "/"); is && key != "" && method == http.MethodPut {
		return access{"s3:PutObject", "arn:aws:s3:::" + bucket + "/" + key, ""}, nil
	}
	return access{}, fmt.Errorf("a call of S3 that the platform does not know: %s %s", method, path)
}

// accessesOf reads what a request asks for: its service, its operation, and
// every access that IAM would check (Service Authorization Reference).
func accessesOf(target string, body []byte, arn func(service, name string) string) (service, operation string, all []access, err error) {
	if target == "" {
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("Action") == "" {
			return "", "", nil, fmt.Errorf("a request without a target: %.80s", body)
		}
		return "sns", form.Get("Action"), []access{{"sns:" + form.Get("Action"), form.Get("TopicArn"), form.Get("Protocol")}}, nil
	}
	prefix, operation, _ := strings.Cut(target, ".")
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return "", "", nil, fmt.Errorf("%s: %w", target, err)
	}
	switch {
	case strings.HasPrefix(prefix, "DynamoDB_"):
		all, err := tableAccesses(operation, in, arn)
		return "dynamodb", operation, all, err
	case prefix == "AmazonSQS":
		queue := fmt.Sprint(in["QueueUrl"])
		name := queue[strings.LastIndex(queue, "/")+1:]
		return "sqs", operation, []access{{"sqs:" + strings.TrimSuffix(operation, "Batch"), arn("sqs", name), ""}}, nil
	case prefix == "AmazonSSM":
		return "ssm", operation, []access{{"ssm:" + operation, arn("ssm", "parameter"+fmt.Sprint(in["Name"])), ""}}, nil
	}
	return "", "", nil, fmt.Errorf("a call that the platform does not know: %s", target)
}

func tableAccesses(operation string, in map[string]any, arn func(service, name string) string) ([]access, error) {
	on := func(action string, of any, key string) access {
		return access{"dynamodb:" + action, arn("dynamodb", "table/"+fmt.Sprint(template.Get(of, "TableName"))), key}
	}
	switch operation {
	case "GetItem", "DeleteItem", "UpdateItem":
		return []access{on(operation, in, leading(in["Key"]))}, nil
	case "PutItem":
		return []access{on(operation, in, leading(in["Item"]))}, nil
	case "Query":
		return []access{on(operation, in, queried(in))}, nil
	case "BatchGetItem":
		var all []access
		requests, _ := in["RequestItems"].(map[string]any)
		for _, table := range slices.Sorted(maps.Keys(requests)) {
			for _, key := range template.List(template.Get(requests[table], "Keys")) {
				all = append(all, access{"dynamodb:BatchGetItem", arn("dynamodb", "table/"+table), leading(key)})
			}
		}
		return all, nil
	case "TransactWriteItems":
		var all []access
		for _, item := range template.List(in["TransactItems"]) {
			of, _ := item.(map[string]any)
			for verb, call := range of {
				key := leading(template.Get(call, "Key"))
				action := verb + "Item"
				if verb == "ConditionCheck" {
					action = "ConditionCheckItem"
				}
				if verb == "Put" {
					key = leading(template.Get(call, "Item"))
				}
				all = append(all, on(action, call, key))
			}
		}
		return all, nil
	}
	return nil, fmt.Errorf("dynamodb %s: not known to the platform", operation)
}

func leading(key any) string {
	if pk := template.Get(key, "pk", "S"); pk != nil {
		return fmt.Sprint(pk)
	}
	return ""
}

var equalsPK = regexp.MustCompile(`(#?\w+) *= *(:\w+)`)

// queried is the partition key that a query asks for.
func queried(in map[string]any) string {
	m := equalsPK.FindStringSubmatch(fmt.Sprint(in["KeyConditionExpression"]))
	if m == nil {
		return ""
	}
	return fmt.Sprint(template.Get(in, "ExpressionAttributeValues", m[2], "S"))
}
