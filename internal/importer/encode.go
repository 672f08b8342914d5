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
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return out.Bytes(), e.Close()
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
