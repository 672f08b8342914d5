// Package template reads the CloudFormation that a SAM template becomes, with
// its parameters, conditions and intrinsic functions resolved: what a deployment
// of it would make. Tests deploy it to emulators and check it; nothing that is
// shipped uses it.
package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Account is the AWS account that everything is resolved for.
const Account = "123456789012"

// Resource is one resource of a stack, resolved.
type Resource struct {
	ID             string
	Type           string // such as AWS::SQS::Queue
	Properties     map[string]any
	DeletionPolicy string
	Metadata       map[string]any
}

// Stack is a template as it would be deployed. Names and ARNs are made from the
// stack's name and the resource's id.
type Stack struct {
	Name, Region string
	Resources    map[string]Resource
	Outputs      map[string]string
	Parameters   map[string]Parameter
}

// Parameter is a parameter as the template declares it.
type Parameter struct {
	Type                  string
	Default               any
	AllowedPattern        string
	AllowedValues         []any
	MinValue, MaxValue    any
	Description           string
	ConstraintDescription string
}

// Options say what a stack is deployed with.
type Options struct {
	Name, Region string
	Parameters   map[string]string
	QueueBase    string // what a queue's URL begins with; by default that of SQS
}

type document struct {
	Parameters map[string]Parameter
	Mappings   map[string]map[string]map[string]any
	Conditions map[string]any
	Resources  map[string]struct {
		Type, Condition, DeletionPolicy string
		Properties                      map[string]any
		Metadata                        map[string]any
	}
	Outputs map[string]struct {
		Condition string
		Value     any
	}
}

// Parse resolves a translated template: CloudFormation in JSON.
func Parse(source []byte, opts Options) (*Stack, error) {
	var doc document
	if err := json.Unmarshal(source, &doc); err != nil {
		return nil, fmt.Errorf("parse template: %w", err)
	}
	if opts.QueueBase == "" {
		opts.QueueBase = "https://sqs." + opts.Region + ".amazonaws.com"
	}
	r := &resolver{doc: &doc, opts: opts}
	s := &Stack{Name: opts.Name, Region: opts.Region, Resources: map[string]Resource{}, Outputs: map[string]string{}, Parameters: doc.Parameters}
	for name := range opts.Parameters {
		if _, has := doc.Parameters[name]; !has {
			return nil, fmt.Errorf("the template has no parameter %s", name)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(doc.Resources)) {
		d := doc.Resources[id]
		if d.Condition != "" && !r.condition(d.Condition) {
			continue
		}
		properties, _ := r.value(anyMap(d.Properties)).(map[string]any)
		s.Resources[id] = Resource{ID: id, Type: d.Type, Properties: properties, DeletionPolicy: d.DeletionPolicy, Metadata: d.Metadata}
	}
	for id, o := range doc.Outputs {
		if o.Condition == "" || r.condition(o.Condition) {
			s.Outputs[id] = text(r.value(o.Value))
		}
	}
	return s, r.err
}

// Of returns the resources of a type, by id.
func (s *Stack) Of(kind string) []Resource {
	var out []Resource
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		if s.Resources[id].Type == kind {
			out = append(out, s.Resources[id])
		}
	}
	return out
}

// Get follows a path of keys and list indices through a resource's properties;
// nil where it ends early.
func (r Resource) Get(path ...string) any { return Get(anyMap(r.Properties), path...) }

// Text is Get as text; empty if it is none.
func (r Resource) Text(path ...string) string { return text(r.Get(path...)) }

// Get follows a path of keys and list indices through a value.
func Get(v any, path ...string) any {
	for _, step := range path {
		switch of := v.(type) {
		case map[string]any:
			v = of[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(of) {
				return nil
			}
			v = of[i]
		default:
			return nil
		}
	}
	return v
}

// Texts reads a value that is one text or a list of them.
func Texts(v any) []string {
	switch of := v.(type) {
	case nil:
		return nil
	case []any:
		var out []string
		for _, e := range of {
			out = append(out, text(e))
		}
		return out
	}
	return []string{text(v)}
}

// List reads a value that is one thing or a list of them.
func List(v any) []any {
	switch of := v.(type) {
	case nil:
		return nil
	case []any:
		return of
	}
	return []any{v}
}

func text(v any) string {
	switch of := v.(type) {
	case nil:
		return ""
	case string:
		return of
	case float64:
		return strconv.FormatFloat(of, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func anyMap(m map[string]any) any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// resolver evaluates intrinsic functions. It keeps the first error.
type resolver struct {
	doc  *document
	opts Options
	err  error
}

func (r *resolver) fail(format string, args ...any) any {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	return ""
}

type absent struct{}

func (r *resolver) value(v any) any {
	switch of := v.(type) {
	case map[string]any:
		if len(of) == 1 {
			for name, arg := range of {
				if out, is := r.call(name, arg); is {
					return out
				}
			}
		}
		out := map[string]any{}
		for k, e := range of {
			if value := r.value(e); value != (absent{}) {
				out[k] = value
			}
		}
		return out
	case []any:
		out := []any{}
		for _, e := range of {
			if value := r.value(e); value != (absent{}) {
				out = append(out, value)
			}
		}
		return out
	}
	return v
}

// call evaluates one function; false if it is none.
func (r *resolver) call(name string, arg any) (out any, is bool) {
	switch name {
	case "Ref":
		return r.ref(text(arg)), true
	case "Fn::GetAtt":
		if parts, list := arg.([]any); list {
			return r.attribute(text(parts[0]), text(parts[1])), true
		}
		id, attribute, _ := strings.Cut(text(arg), ".")
		return r.attribute(id, attribute), true
	case "Fn::Sub":
		return r.sub(arg), true
	case "Fn::Join":
		return strings.Join(Texts(r.value(Get(arg, "1"))), text(Get(arg, "0"))), true
	case "Fn::Split":
		var parts []any
		for _, p := range strings.Split(text(r.value(Get(arg, "1"))), text(Get(arg, "0"))) {
			parts = append(parts, p)
		}
		return parts, true
	case "Fn::Select":
		return Get(r.value(Get(arg, "1")), text(r.value(Get(arg, "0")))), true
	case "Fn::FindInMap":
		return r.doc.Mappings[text(r.value(Get(arg, "0")))][text(r.value(Get(arg, "1")))][text(r.value(Get(arg, "2")))], true
	case "Fn::If":
		branch := "2"
		if r.condition(text(Get(arg, "0"))) {
			branch = "1"
		}
		return r.value(Get(arg, branch)), true
	}
	if strings.HasPrefix(name, "Fn::") {
		return r.fail("the function %s is not known", name), true
	}
	return nil, false
}

func (r *resolver) condition(name string) bool {
	c, has := r.doc.Conditions[name]
	if !has {
		r.fail("there is no condition %s", name)
		return false
	}
	return r.truth(c)
}

func (r *resolver) truth(v any) bool {
	of, _ := v.(map[string]any)
	for name, arg := range of {
		switch args := List(arg); name {
		case "Fn::Equals":
			return text(r.value(args[0])) == text(r.value(args[1]))
		case "Fn::Not":
			return !r.truth(args[0])
		case "Fn::And":
			return !slices.ContainsFunc(args, func(a any) bool { return !r.truth(a) })
		case "Fn::Or":
			return slices.ContainsFunc(args, r.truth)
		case "Condition":
			return r.condition(text(arg))
		}
	}
	r.fail("condition %v is not known", v)
	return false
}

func (r *resolver) sub(arg any) any {
	source, vars := text(arg), map[string]any{}
	if parts, list := arg.([]any); list {
		source = text(parts[0])
		vars, _ = r.value(parts[1]).(map[string]any)
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(source, "${")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		source = after
		switch v, own := vars[name]; {
		case strings.HasPrefix(name, "!"):
			out.WriteString("${" + name[1:] + "}")
		case own:
			out.WriteString(text(v))
		case strings.Contains(name, ".") && !strings.Contains(name, "::"):
			id, attribute, _ := strings.Cut(name, ".")
			out.WriteString(text(r.attribute(id, attribute)))
		default:
			out.WriteString(text(r.ref(name)))
		}
	}
}

func (r *resolver) ref(name string) any {
	switch name {
	case "AWS::Region":
		return r.opts.Region
	case "AWS::AccountId":
		return Account
	case "AWS::Partition":
		return "aws"
	case "AWS::URLSuffix":
		return "amazonaws.com"
	case "AWS::StackName":
		return r.opts.Name
	case "AWS::StackId":
		return r.arn("cloudformation", "stack/"+r.opts.Name+"/1")
	case "AWS::NoValue":
		return absent{}
	}
	if p, has := r.doc.Parameters[name]; has {
		value, given := r.opts.Parameters[name]
		if !given {
			value = text(p.Default)
		}
		if strings.HasPrefix(p.Type, "List<") || p.Type == "CommaDelimitedList" {
			list := []any{}
			for part := range strings.SplitSeq(value, ",") {
				if part != "" {
					list = append(list, strings.TrimSpace(part))
				}
			}
			return list
		}
		return value
	}
	d, has := r.doc.Resources[name]
	if !has {
		return r.fail("nothing is called %s", name)
	}
	switch d.Type {
	case "AWS::SQS::Queue":
		return r.opts.QueueBase + "/" + Account + "/" + r.physical(name)
	case "AWS::SNS::Topic":
		return r.arn("sns", r.physical(name))
	}
	return r.physical(name)
}

// physical is the name that a resource gets.
func (r *resolver) physical(id string) string {
	d := r.doc.Resources[id]
	for _, property := range []string{"TableName", "QueueName", "TopicName", "FunctionName", "LogGroupName", "RoleName"} {
		if given, has := d.Properties[property]; has {
			return text(r.value(given))
		}
	}
	if d.Type == "AWS::KMS::Key" {
		return "00000000-0000-4000-8000-000000000000"
	}
	return r.opts.Name + "-" + id
}

func (r *resolver) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + r.opts.Region + ":" + Account + ":" + rest
}

func (r *resolver) attribute(id, attribute string) any {
	d, has := r.doc.Resources[id]
	if !has {
		return r.fail("nothing is called %s", id)
	}
	name := r.physical(id)
	if attribute != "Arn" {
		switch d.Type + "." + attribute {
		case "AWS::DynamoDB::Table.StreamArn":
			return r.arn("dynamodb", "table/"+name+"/stream/2026-01-01T00:00:00.000")
		case "AWS::SQS::Queue.QueueName", "AWS::SNS::Topic.TopicName":
			return name
		case "AWS::SQS::Queue.QueueUrl":
			return r.ref(id)
		}
		return name + "." + attribute
	}
	switch d.Type {
	case "AWS::DynamoDB::Table":
		return r.arn("dynamodb", "table/"+name)
	case "AWS::SQS::Queue":
		return r.arn("sqs", name)
	case "AWS::Lambda::Function":
		return r.arn("lambda", "function:"+name)
	case "AWS::IAM::Role":
		return "arn:aws:iam::" + Account + ":role/" + name
	case "AWS::KMS::Key":
		return r.arn("kms", "key/"+name)
	case "AWS::Logs::LogGroup":
		return r.arn("logs", "log-group:"+name+":*")
	case "AWS::SNS::Topic":
		return r.arn("sns", name)
	case "AWS::S3::Bucket":
		return "arn:aws:s3:::" + name
	}
	return r.arn(strings.ToLower(strings.Split(d.Type, "::")[1]), name)
}
