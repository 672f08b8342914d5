package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parseJSON reads JSON into the tree that YAML gives, with the places. JSON is not
// read as YAML, because YAML takes neither surrogate pairs nor long keys.
func parseJSON(text []byte) (*yaml.Node, error) {
	p := &jsonParser{text: text, decoder: json.NewDecoder(bytes.NewReader(text)), line: 1}
	p.decoder.UseNumber()
	root, err := p.value(0)
	if err == nil {
		if _, err = p.decoder.Token(); err == io.EOF {
			return root, nil
		}
		err = fmt.Errorf("more text after the end")
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("it ends too early")
	}
	at := p.place(int(p.decoder.InputOffset()))
	return nil, fmt.Errorf("%d:%d: not JSON: %w", at.Line, at.Column, err)
}

type jsonParser struct {
	text    []byte
	decoder *json.Decoder
	line    int
	begin   int // offset of that line
	seen    int // offset up to which lines were counted
}

// place is where an offset is; offsets may only grow.
func (p *jsonParser) place(offset int) *yaml.Node {
	for offset < len(p.text) && bytes.IndexByte([]byte(" \t\r\n,:"), p.text[offset]) >= 0 {
		offset++
	}
	for ; p.seen < offset; p.seen++ {
		if p.text[p.seen] == '\n' {
			p.line, p.begin = p.line+1, p.seen+1
		}
	}
	return &yaml.Node{Line: p.line, Column: 1 + utf8.RuneCount(p.text[p.begin:offset])}
}

func (p *jsonParser) value(depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested too deeply")
	}
	n := p.place(int(p.decoder.InputOffset()))
	token, err := p.decoder.Token()
	if err != nil {
		return nil, err
	}
	n.Kind = yaml.ScalarNode
	switch v := token.(type) {
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(v)
	case json.Number:
		n.Tag, n.Value = "!!float", v.String()
	case string:
		n.Tag, n.Value = "!!str", v
	case json.Delim:
		n.Kind = yaml.SequenceNode
		if v == '{' {
			n.Kind = yaml.MappingNode
		}
		for p.decoder.More() {
			if v == '{' { // a key, then a value
				key, err := p.value(depth + 1)
				if err != nil {
					return nil, err
				}
				n.Content = append(n.Content, key)
			}
			one, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, one)
		}
		if _, err := p.decoder.Token(); err != nil {
			return nil, err
		}
	}
	return n, nil
}
