package manual

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// document is what of an OpenAPI description stands on the page.
type document struct {
	Info struct{ Title, Version, Summary, Description string }
	Tags []struct{ Name, Description string }

	Paths map[string]struct {
		Parameters []parameter
		Get, Post  *operation
	}
	Components struct {
		Parameters map[string]parameter
		Responses  map[string]struct{ Description string }
		Schemas    map[string]json.RawMessage
	}
}

type operation struct {
	OperationID, Summary, Description string
	Tags                              []string
	Parameters                        []parameter
	Responses                         map[string]struct {
		Ref         string `json:"$ref"`
		Description string
		Content     map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
		}
	}
}

type parameter struct {
	Ref                   string `json:"$ref"`
	Name, In, Description string
	Schema                struct {
		Type, Pattern string
		Default       any
	}
}

func parse(text []byte) (manual, error) {
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return manual{}, err
	}
	m := manual{Title: doc.Info.Title, Version: doc.Info.Version, Summary: doc.Info.Summary, Text: doc.Info.Description}
	for _, tag := range doc.Tags {
		c := chapter{Name: tag.Name, Text: tag.Description}
		for path, item := range doc.Paths {
			for verb, op := range map[string]*operation{"GET": item.Get, "POST": item.Post} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					c.Calls = append(c.Calls, doc.read(verb, path, item.Parameters, op))
				}
			}
		}
		sort.Slice(c.Calls, func(i, j int) bool { return c.Calls[i].Path+" "+c.Calls[i].Verb < c.Calls[j].Path+" "+c.Calls[j].Verb }) // slices.SortFunc is 6 KB more for each type, in a function that must start fast
		m.Chapters = append(m.Chapters, c)
	}
	for name, s := range doc.Components.Schemas {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, s, "", "  "); err != nil {
			return m, err
		}
		m.Schemas = append(m.Schemas, schema{Name: name, Text: pretty.String()})
	}
	sort.Slice(m.Schemas, func(i, j int) bool { return m.Schemas[i].Name < m.Schemas[j].Name })
	return m, nil
}

// last is the name that a reference ends in.
func last(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

func (d *document) read(verb, path string, shared []parameter, op *operation) call {
	c := call{ID: op.OperationID, Verb: verb, Path: path, Summary: op.Summary, Text: op.Description}
	for _, p := range slices.Concat(shared, op.Parameters) {
		if p.Ref != "" {
			p = d.Components.Parameters[last(p.Ref)]
		}
		one := field{Name: p.Name, In: p.In, Text: p.Description, Form: strings.TrimSpace(p.Schema.Type + " " + p.Schema.Pattern)}
		if p.Schema.Default != nil {
			one.Default = fmt.Sprint(p.Schema.Default)
		}
		c.Parameters = append(c.Parameters, one)
	}
	for status, r := range op.Responses {
		one := answer{Status: status, Text: r.Description}
		if r.Ref != "" {
			one.Text = d.Components.Responses[last(r.Ref)].Description
		}
		for _, content := range r.Content {
			if name := last(content.Schema.Ref); name != "" { // a page or a picture has none
				one.Schema = name
			}
		}
		c.Answers = append(c.Answers, one)
	}
	sort.Slice(c.Answers, func(i, j int) bool { return c.Answers[i].Status < c.Answers[j].Status })
	return c
}
