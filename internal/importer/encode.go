package importer

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// span is a duration as people write it.
type span time.Duration

// String leaves out the zero parts that Go writes.
func (d span) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalYAML implements yaml.Marshaler.
func (d span) MarshalYAML() (any, error) { return d.String(), nil }

// lone is the text that stands for a whole mapping that has nothing else; more is
// the mapping.
func lone[T any](all *T, text string, only T, more any) (any, error) {
	if reflect.DeepEqual(*all, only) {
		return text, nil
	}
	return more, nil
}

// MarshalYAML implements yaml.Marshaler, like those below: a text alone stands for
// the first key.
func (h *httpOut) MarshalYAML() (any, error) {
	if len(h.Headers) == 0 {
		h.Headers = nil
	}
	type plain httpOut
	return lone(h, h.URL, httpOut{URL: h.URL}, (*plain)(h))
}

func (t *tcpOut) MarshalYAML() (any, error) {
	type plain tcpOut
	return lone(t, t.Address, tcpOut{Address: t.Address}, (*plain)(t))
}

func (t *tlsOut) MarshalYAML() (any, error) {
	type plain tlsOut
	return lone(t, t.Address, tlsOut{Address: t.Address}, (*plain)(t))
}

func (d *dnsOut) MarshalYAML() (any, error) {
	type plain dnsOut
	return lone(d, d.Name, dnsOut{Name: d.Name}, (*plain)(d))
}

func (g *grpcOut) MarshalYAML() (any, error) {
	type plain grpcOut
	return lone(g, g.Address, grpcOut{Address: g.Address}, (*plain)(g))
}

func (w *webSocketOut) MarshalYAML() (any, error) {
	type plain webSocketOut
	return lone(w, w.URL, webSocketOut{URL: w.URL}, (*plain)(w))
}

func (p *icmpOut) MarshalYAML() (any, error) {
	type plain icmpOut
	return lone(p, p.Address, icmpOut{Address: p.Address}, (*plain)(p))
}

func (h *heartbeatOut) MarshalYAML() (any, error) {
	type plain heartbeatOut
	return lone(h, h.Every.String(), heartbeatOut{Every: h.Every}, (*plain)(h))
}

// encode writes a value as YAML.
func encode(v any) ([]byte, error) {
	var tree yaml.Node
	if err := tree.Encode(v); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	stand := standIns{}
	stand.in(&tree)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&tree); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return stand.out(out.Bytes()), e.Close()
}

// standIns are characters of the private use area that stand for those beyond the
// first 65,536, such as emoji, while YAML is written: the library would write
// \U0001F6D2 for them, which nobody can read.
type standIns map[rune]rune // the character to what stands for it

const (
	firstStandIn = '\ue000'
	lastStandIn  = '\uf8ff'
)

// in puts them in, unless a text has such characters itself.
func (s standIns) in(n *yaml.Node) {
	own := false
	visit(n, func(n *yaml.Node) {
		own = own || strings.ContainsFunc(n.Value, func(c rune) bool { return c >= firstStandIn && c <= lastStandIn })
	})
	if own {
		return
	}
	visit(n, func(n *yaml.Node) {
		n.Value = strings.Map(func(c rune) rune {
			if c <= 0xffff || s[c] == 0 && len(s) > lastStandIn-firstStandIn {
				return c
			}
			if s[c] == 0 {
				s[c] = firstStandIn + rune(len(s))
			}
			return s[c]
		}, n.Value)
	})
}

// out takes them out again.
func (s standIns) out(text []byte) []byte {
	if len(s) == 0 {
		return text
	}
	back := map[rune]rune{}
	for c, stand := range s {
		back[stand] = c
	}
	return bytes.Map(func(c rune) rune {
		if own, is := back[c]; is {
			return own
		}
		return c
	}, text)
}

// visit calls for every single value of a tree.
func visit(n *yaml.Node, call func(*yaml.Node)) {
	if n.Kind == yaml.ScalarNode {
		call(n)
	}
	for _, one := range n.Content {
		visit(one, call)
	}
}

// text is the whole document, with an empty line between monitors.
func (d *document) text(head string) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(head)
	section := func(name string, apart bool, items ...any) error {
		if len(items) > 0 {
			fmt.Fprintf(&out, "\n%s:\n", name)
		}
		for i, item := range items {
			text, err := encode([]any{item})
			if err != nil {
				return err
			}
			if i > 0 && apart {
				out.WriteByte('\n')
			}
			for line := range bytes.Lines(text) {
				if len(bytes.TrimSpace(line)) > 0 {
					out.WriteString("  ")
				}
				out.Write(line)
			}
		}
		return nil
	}
	if d.Site != nil {
		text, err := encode(map[string]any{"site": d.Site})
		if err != nil {
			return nil, err
		}
		out.WriteString("\n")
		out.Write(text)
	}
	if d.Defaults != (defaultsOut{}) {
		text, err := encode(map[string]any{"defaults": d.Defaults})
		if err != nil {
			return nil, err
		}
		out.WriteString("\n")
		out.Write(text)
	}
	for _, s := range []struct {
		name  string
		apart bool
		items []any
	}{{"monitors", true, anyOf(d.Monitors)}, {"services", false, anyOf(d.Services)}, {"tiers", false, anyOf(d.Tiers)}, {"maintenance", false, anyOf(d.Maintenance)}} {
		if err := section(s.name, s.apart, s.items...); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

func anyOf[T any](items []T) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out
}
