package importer_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/importer"
	"github.com/sondehq/sonde/internal/monitor"
)

var update = flag.Bool("update", false, "write the goldens anew")

// marker begins every secret of the test data.
const marker = "s3cr3t"

// sources is the files of a tool; beside blackbox.yml a prometheus.yml may lie.
func sources(t testing.TB, tool string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.yaml", "*.yml", "*.json"} {
		found, err := filepath.Glob(filepath.Join("testdata", tool, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if !strings.HasSuffix(path, ".prometheus.yml") {
				all = append(all, path)
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("no test data of %s", tool)
	}
	return all
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// options takes the prometheus.yml that lies beside a source.
func options(t testing.TB, path string, home monitor.Location) importer.Options {
	t.Helper()
	opts := importer.Options{Home: home}
	beside := strings.TrimSuffix(path, filepath.Ext(path)) + ".prometheus.yml"
	if _, err := os.Stat(beside); err == nil {
		opts.Prometheus = importer.File{Name: filepath.Base(beside), Text: read(t, beside)}
	}
	return opts
}

// sound checks what every result promises.
func sound(r *importer.Result, err error, home monitor.Location) error {
	if err != nil {
		return nil
	}
	cfg, err := config.Load("monitors.yaml", r.Text, config.Options{Home: home})
	if err != nil {
		return fmt.Errorf("the result is not valid: %w\n%s", err, r.Text)
	}
	if len(cfg.Monitors) != r.Monitors {
		return fmt.Errorf("%d monitors, and %d are said", len(cfg.Monitors), r.Monitors)
	}
	return nil
}

// TestGolden: what every source becomes, with every warning; it is valid here and
// on AWS, holds no secret, and is the same twice.
func TestGolden(t *testing.T) {
	for _, tool := range importer.Tools {
		for _, path := range sources(t, tool) {
			t.Run(tool+"/"+filepath.Base(path), func(t *testing.T) {
				file := importer.File{Name: filepath.Base(path), Text: read(t, path)}
				got, err := importer.Import(tool, []importer.File{file}, options(t, path, monitor.Local))
				if bad := sound(got, err, monitor.Local); bad != nil {
					t.Fatal(bad)
				}
				if again, _ := importer.Import(tool, []importer.File{file}, options(t, path, monitor.Local)); !cmp.Equal(got, again) {
					t.Errorf("twice: %s", cmp.Diff(got, again))
				}
				onAWS, errAWS := importer.Import(tool, []importer.File{file}, options(t, path, "us-east-1"))
				if bad := sound(onAWS, errAWS, "us-east-1"); bad != nil {
					t.Error(bad)
				}
				var out strings.Builder
				out.Write(got.Text)
				if err != nil {
					fmt.Fprintf(&out, "error: %v\n", err)
				}
				out.WriteString("---\n")
				for _, w := range got.Warnings {
					fmt.Fprintln(&out, w)
				}
				fmt.Fprintf(&out, "secrets: %v\n", got.Secrets)
				if at := strings.Index(out.String(), marker); at >= 0 {
					t.Errorf("a secret is shown: %s", out.String()[max(0, at-100):min(at+50, out.Len())])
				}
				golden(t, path+".golden", out.String())
			})
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(read(t, path)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestLimits: what is no source is an error that says so, and soon.
func TestLimits(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), c-1)
	}
	for _, tool := range importer.Tools {
		for name, c := range map[string]struct{ text, want string }{
			"empty":       {"", "empty|too early"},
			"binary":      {"\xff\xfe\x00", "UTF-8"},
			"large":       {strings.Repeat("#", importer.MaxSource+1), "8 MiB"},
			"list":        {"[]", "nothing"},
			"text":        {"\"hello\"", "nothing"},
			"no YAML":     {"{", "not"},
			"bomb":        {bomb + "endpoints: *j\nsites: *j\nmodules: *j\nsuites: *j\n", "nothing|not JSON"},
			"a ConfigMap": {"kind: ConfigMap\ndata: {config.yaml: x}", "kubectl get configmap|not JSON"},
			"deep":        {strings.Repeat("[", 9000), "not|nothing"},
		} {
			t.Run(tool+" "+name, func(t *testing.T) {
				r, err := importer.Import(tool, []importer.File{{Name: "f", Text: []byte(c.text)}}, importer.Options{})
				if err == nil {
					t.Fatalf("no error; %s", r.Text)
				}
				for want := range strings.SplitSeq(c.want, "|") {
					if strings.Contains(err.Error(), want) {
						return
					}
				}
				t.Errorf("error %q, want %q in it", err, c.want)
			})
		}
	}
}

// TestSeveral: files that Gatus takes together, in any order; names of two files do
// not clash, and warnings stay with their file.
func TestSeveral(t *testing.T) {
	files := []importer.File{
		{Name: "a.yaml", Text: []byte("endpoints: [{name: app, url: \"https://a.example.com\", alerts: [{type: slack}]}]")},
		{Name: "b.yaml", Text: []byte("unheard: of\nendpoints: [{name: app, url: \"https://b.example.com\"}]")},
		{Name: "global.yaml", Text: []byte("alerting: {slack: {default-alert: {failure-threshold: 7}}}")},
	}
	r, err := importer.Import("gatus", files, importer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := "# Made by `sonde import gatus`. What to set, and what was not carried over, it has said.\n\nmonitors:\n" +
		"  - id: app\n    http: https://a.example.com\n    confirm: 7\n\n  - id: app-2\n    name: app\n    http: https://b.example.com\n"
	if diff := cmp.Diff(want, string(r.Text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(r.Warnings) != 1 || r.Warnings[0].File != "b.yaml" {
		t.Errorf("warnings %v", r.Warnings)
	}
}

// TestBig: thousands of endpoints; what a file cannot hold is said.
func TestBig(t *testing.T) {
	for _, c := range []struct{ endpoints, monitors, warnings int }{{3000, 3000, 0}, {5001, 5000, 1}} {
		var b strings.Builder
		b.WriteString("endpoints:\n")
		for i := range c.endpoints {
			fmt.Fprintf(&b, "  - {name: e%d, url: \"https://e%d.example.com\", conditions: [\"[STATUS] == 200\"]}\n", i, i)
		}
		r, err := importer.Import("gatus", []importer.File{{Name: "f", Text: []byte(b.String())}}, importer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if bad := sound(r, err, monitor.Local); bad != nil || r.Monitors != c.monitors || len(r.Warnings) != c.warnings {
			t.Errorf("%d endpoints: %d monitors, warnings %v, %v", c.endpoints, r.Monitors, r.Warnings, bad)
		}
	}
	long := strings.Repeat("x", 2<<20)
	_, err := importer.Import("gatus", []importer.File{{Name: "f", Text: []byte("endpoints: [{name: a, url: https://example.com, body: " + long + "}]")}}, importer.Options{})
	if err == nil || !errors.Is(err, importer.ErrNothing) {
		t.Errorf("a body that no file can hold: %v", err)
	}
}

func BenchmarkGatus(b *testing.B) {
	file := importer.File{Name: "f", Text: read(b, "testdata/gatus/everything.yaml")}
	b.SetBytes(int64(len(file.Text)))
	for b.Loop() {
		if _, err := importer.Import("gatus", []importer.File{file}, importer.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestOwnVariables: a secret of the file does not get the name of another one that
// the file takes from the environment.
func TestOwnVariables(t *testing.T) {
	text := "endpoints: [{name: app, url: \"https://a.example.com/?token=abcdef\"}, {name: b, url: \"https://b.example.com\", headers: {X-Token: \"${APP_TOKEN}\"}}]"
	r, err := importer.Import("gatus", []importer.File{{Name: "f", Text: []byte(text)}}, importer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"token=${env:APP_TOKEN_2}", "X-Token: ${env:APP_TOKEN}\n"} {
		if !strings.Contains(string(r.Text), want) {
			t.Errorf("no %s in\n%s", want, r.Text)
		}
	}
}

// TestParameters: secrets of the source become parameters; a path that is none is
// refused.
func TestParameters(t *testing.T) {
	file := importer.File{Name: "f", Text: read(t, "testdata/gatus/everything.yaml")}
	for _, path := range []string{"sonde", "/sonde/", "/a b", "/${env:A}"} {
		if _, err := importer.Import("gatus", []importer.File{file}, importer.Options{Parameters: path}); err == nil {
			t.Errorf("%q was taken", path)
		}
	}
	r, err := importer.Import("gatus", []importer.File{file}, importer.Options{Parameters: "/sonde/prod"})
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for _, ref := range r.Secrets {
		if ref.Source == monitor.SourceEnv {
			env = append(env, ref.Name)
		}
	}
	if diff := cmp.Diff([]string{"ORDERS_TOKEN", "TENANT"}, env); diff != "" { // the source's own
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(r.Text), "${ssm:/sonde/prod/OAUTH_CLIENT_SECRET}") || strings.Contains(string(r.Text), marker) {
		t.Errorf("%s", r.Text)
	}
}

func TestUnknownTool(t *testing.T) {
	if _, err := importer.Import("nagios", []importer.File{{}}, importer.Options{}); err == nil || errors.Is(err, importer.ErrNothing) {
		t.Errorf("error %v", err)
	}
}

func fuzz(f *testing.F, tool string) {
	for _, path := range sources(f, tool) {
		f.Add(read(f, path))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, home := range []monitor.Location{monitor.Local, "us-east-1"} {
			opts := importer.Options{Home: home}
			if tool == "blackbox" {
				opts.Targets = []string{"https://example.com", "example.com:25", "http_2xx=http://a"}
			}
			r, err := importer.Import(tool, []importer.File{{Name: "f", Text: text}}, opts)
			if err != nil && strings.Contains(err.Error(), "not valid") {
				t.Fatal(err)
			}
			if bad := sound(r, err, home); bad != nil {
				t.Fatal(bad)
			}
			for _, w := range r.Warnings {
				_ = w.String()
			}
		}
	})
}

// The fuzz tests: no panic, and what comes out is valid.
func FuzzGatus(f *testing.F)    { fuzz(f, "gatus") }
func FuzzUpptime(f *testing.F)  { fuzz(f, "upptime") }
func FuzzKuma(f *testing.F)     { fuzz(f, "kuma") }
func FuzzBlackbox(f *testing.F) { fuzz(f, "blackbox") }

func FuzzPrometheus(f *testing.F) {
	f.Add(read(f, "testdata/blackbox/everything.prometheus.yml"))
	blackbox := importer.File{Name: "blackbox.yml", Text: read(f, "testdata/blackbox/everything.yml")}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := importer.Import("blackbox", []importer.File{blackbox}, importer.Options{Prometheus: importer.File{Name: "p", Text: text}})
		if bad := sound(r, err, monitor.Local); bad != nil || err != nil && strings.Contains(err.Error(), "not valid") {
			t.Fatal(bad, err)
		}
	})
}
