package config_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/api/nodetest"
	"github.com/sondehq/sonde/internal/config"
)

const languageServer = "yaml-language-server@1.24.0"

// editor speaks the Language Server Protocol to yaml-language-server, as editors
// do.
type editor struct {
	t    *testing.T
	in   io.Writer
	out  *bufio.Reader
	next int
	dir  string
	seen map[string][]diagnostic // by URI, the newest
}

type position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

type diagnostic struct {
	Range struct {
		Start position `json:"start"`
	} `json:"range"`
	Message string `json:"message"`
}

type message struct {
	ID     *json.RawMessage `json:"id,omitempty"`
	Method string           `json:"method,omitempty"`
	Params json.RawMessage  `json:"params,omitempty"`
	Result json.RawMessage  `json:"result,omitempty"`
	Error  json.RawMessage  `json:"error,omitempty"`
}

// open starts the server in a folder that holds the schema beside the files.
func open(t *testing.T) *editor {
	t.Helper()
	modules := nodetest.Modules(t, languageServer)
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(modules, "yaml-language-server", "bin", "yaml-language-server"), "--stdio")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	e := &editor{t: t, in: in, out: bufio.NewReader(out), dir: t.TempDir(), seen: map[string][]diagnostic{}}
	if err := os.WriteFile(filepath.Join(e.dir, "monitors.schema.json"), config.Schema(), 0o600); err != nil {
		t.Fatal(err)
	}
	e.ask("initialize", map[string]any{"processId": nil, "rootUri": "file://" + e.dir, "capabilities": map[string]any{
		"textDocument": map[string]any{"completion": map[string]any{"completionItem": map[string]any{"snippetSupport": true}}}}}, nil)
	e.tell("initialized", map[string]any{})
	return e
}

func (e *editor) send(v map[string]any) {
	v["jsonrpc"] = "2.0"
	text, err := json.Marshal(v)
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(e.in, "Content-Length: %d\r\n\r\n%s", len(text), text); err != nil {
		e.t.Fatal(err)
	}
}

func (e *editor) tell(method string, params any) {
	e.send(map[string]any{"method": method, "params": params})
}

// receive reads one message, and does what the server asks of an editor.
func (e *editor) receive() message {
	header, err := textproto.NewReader(e.out).ReadMIMEHeader()
	if err != nil {
		e.t.Fatal(err)
	}
	n, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		e.t.Fatal(err)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(e.out, text); err != nil {
		e.t.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		e.t.Fatal(err)
	}
	switch {
	case m.Method == "workspace/configuration":
		settings := map[string]any{"validate": true, "completion": true, "hover": true, "schemaStore": map[string]any{"enable": false}}
		e.send(map[string]any{"id": m.ID, "result": []any{settings, map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}}})
	case m.Method != "" && m.ID != nil:
		e.send(map[string]any{"id": m.ID, "result": nil})
	case m.Method == "textDocument/publishDiagnostics":
		var p struct {
			URI         string       `json:"uri"`
			Diagnostics []diagnostic `json:"diagnostics"`
		}
		if err := json.Unmarshal(m.Params, &p); err != nil {
			e.t.Fatal(err)
		}
		e.seen[p.URI] = p.Diagnostics
	}
	return m
}

// ask sends a request and waits for its answer.
func (e *editor) ask(method string, params, into any) {
	e.t.Helper()
	e.next++
	e.send(map[string]any{"id": e.next, "method": method, "params": params})
	for {
		m := e.receive()
		if m.Method != "" || m.ID == nil || string(*m.ID) != strconv.Itoa(e.next) {
			continue
		}
		if m.Error != nil {
			e.t.Fatalf("%s: %s", method, m.Error)
		}
		if into != nil {
			if err := json.Unmarshal(m.Result, into); err != nil {
				e.t.Fatal(err)
			}
		}
		return
	}
}

// edit opens a file whose first line names the schema. | is taken out of the text:
// it is where the caret is.
func (e *editor) edit(name, text string) (uri string, caret position) {
	e.t.Helper()
	text = "# yaml-language-server: $schema=monitors.schema.json\n" + text
	if at := strings.IndexByte(text, '|'); at >= 0 {
		caret = position{strings.Count(text[:at], "\n"), at - 1 - strings.LastIndexByte(text[:at], '\n')}
		text = text[:at] + text[at+1:]
	}
	uri = "file://" + filepath.Join(e.dir, name)
	e.tell("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "yaml", "version": 1, "text": text}})
	return uri, caret
}

// diagnostics waits until the server has judged a file.
func (e *editor) diagnostics(name, text string) []string {
	e.t.Helper()
	uri, _ := e.edit(name, text)
	for {
		if found, judged := e.seen[uri]; judged {
			out := []string{}
			for _, d := range found {
				first, _, _ := strings.Cut(d.Message, "\n")
				out = append(out, fmt.Sprintf("%2d:%d: %s", d.Range.Start.Line, d.Range.Start.Character+1, first))
			}
			slices.Sort(out)
			return out
		}
		e.receive()
	}
}

// TestEditorDiagnostics: what an editor marks, and where. Lines are those of the
// text without the first one.
func TestEditorDiagnostics(t *testing.T) {
	e := open(t)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"good.yaml", string(read(t, "testdata/good/design.yaml")), []string{}},
		{"shorthand.yaml", string(read(t, "testdata/good/shorthand.yaml")), []string{}},
		{"talks.yaml", string(read(t, "testdata/good/talks.yaml")), []string{}},
		{"http.yaml", string(read(t, "testdata/good/http.yaml")), []string{}},
		{"start.yaml", string(read(t, "../importer/testdata/start.golden")), []string{}},
		{"empty.yaml", "site: {name: Example}\n", []string{" 1:1: Missing property \"monitors\"."}},
		{"mistakes.yaml", `
site: {naem: Example}
monitors:
  - id: My App
    http:
      url: app.example.com
      method: FETCH
    evry: 30s
    confirm: 20
    timeout: 30
  - http: https://example.com
`, []string{
			" 2:8: Property naem is not allowed.",
			" 4:9: An id is a lower-case letter or digit, then up to 62 of these and hyphens.",
			" 6:12: Expected something such as https://example.com/health.",
			` 7:15: Value is not accepted. Valid values: "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE".`,
			" 8:5: Property evry is not allowed.",
			" 9:14: Expected a number from 1 to 10, or x of y such as 3 of 5.",
			"10:14: Expected a duration such as 30s, 5m or 24h.",
			`11:5: Missing property "id".`,
		}},
		{"kinds.yaml", `
monitors:
  - id: none
  - id: two
    http: https://example.com
    tcp: example.com:443
`, []string{
			" 3:5: A monitor is of exactly one kind: http, tcp, heartbeat and so on.",
			" 4:5: Matches multiple schemas when only one must validate.",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, e.diagnostics(c.name, c.text)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEditorCompletion: what an editor proposes at the caret.
func TestEditorCompletion(t *testing.T) {
	e := open(t)
	for _, c := range []struct {
		name, text string
		want       []string // some of them
	}{
		{"top.yaml", "|", []string{"monitors", "site", "services", "tiers", "locations", "defaults", "maintenance"}},
		{"monitor.yaml", "monitors:\n  - id: app\n    |\n", []string{"http", "tcp", "heartbeat", "expect", "every", "confirm"}},
		{"method.yaml", "monitors:\n  - id: app\n    http:\n      url: https://example.com\n      method: |\n", []string{"GET", "HEAD", "POST"}},
		{"http.yaml", "monitors:\n  - id: app\n    http:\n      url: https://example.com\n      |\n", []string{"method", "headers", "auth", "steps", "resolve"}},
		{"impact.yaml", "tiers:\n  - id: oncall\n    impact: |\n", []string{"minor", "major", "critical"}},
		{"snippet.yaml", "monitors:\n  - |\n", []string{"id", "http monitor", "heartbeat monitor"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			uri, caret := e.edit(c.name, c.text)
			var got struct {
				Items []struct {
					Label         string `json:"label"`
					Documentation any    `json:"documentation"`
				} `json:"items"`
			}
			e.ask("textDocument/completion", map[string]any{"textDocument": map[string]any{"uri": uri}, "position": caret}, &got)
			have := map[string]bool{}
			var all []string
			for _, item := range got.Items {
				have[item.Label] = true
				all = append(all, item.Label)
			}
			for _, want := range c.want {
				if !have[want] {
					t.Errorf("%s is not proposed, only %s", want, strings.Join(all, ", "))
				}
			}
		})
	}
}

// TestEditorHover: what an editor says of a key.
func TestEditorHover(t *testing.T) {
	e := open(t)
	for _, c := range []struct{ name, text, want string }{
		{"every.yaml", "monitors:\n  - id: app\n    http: https://example.com\n    ev|ery: 30s\n", "From one check to the next; 1m by default, at least 5s"},
		{"needs.yaml", "services:\n  - id: app\n    ne|eds: 1\n    monitors: [app]\n", "How many of its monitors must be up; all by default"},
		{"http.yaml", "monitors:\n  - id: app\n    ht|tp: https://example.com\n", "Asks for a URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			uri, caret := e.edit(c.name, c.text)
			var got struct {
				Contents struct {
					Value string `json:"value"`
				} `json:"contents"`
			}
			e.ask("textDocument/hover", map[string]any{"textDocument": map[string]any{"uri": uri}, "position": caret}, &got)
			if !strings.Contains(strings.ReplaceAll(got.Contents.Value, "&nbsp;", " "), c.want) {
				t.Errorf("hover %q, want %q in it", got.Contents.Value, c.want)
			}
		})
	}
}
