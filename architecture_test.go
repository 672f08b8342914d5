package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rule says what a package may import of ours, and what it must not import at
// all. A path that ends in /... stands for all below it too.
type rule struct {
	packages string
	may      []string // of ours; nil: not restricted
	never    []string // of anybody's, even through others
	reason   string
}

var pureNever = []string{"context", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "github.com/aws/aws-sdk-go-v2/..."}

var rules = []rule{
	{"internal/zone", []string{}, pureNever, "it loads what is embedded"},
	{"internal/monitor", []string{"internal/cron", "internal/zone"}, nil, "the vocabulary stands below everything"},
	{"internal/cron", []string{}, pureNever, "pure rules take (state, input, now) and do no I/O"},
	{"internal/schedule", []string{"internal/monitor"}, pureNever, "pure rules take (state, input, now) and do no I/O"},
	{"internal/detect", []string{"internal/monitor"}, pureNever, "pure rules take (state, input, now) and do no I/O"},
	{"internal/incident", []string{"internal/monitor"}, pureNever, "pure rules take (state, input, now) and do no I/O"},
	{"internal/maintenance", []string{"internal/monitor", "internal/cron", "internal/incident", "internal/zone"}, pureNever, "pure rules take (state, input, now) and do no I/O"},
	{"internal/uptime", []string{"internal/monitor"}, nil, "pure rules take (state, input, now) and do no I/O"},
	{"internal/cost", []string{"internal/monitor", "internal/schedule"}, pureNever, "pure rules take (state, input, now) and do no I/O"},
	{"internal/importer", []string{"internal/config", "internal/monitor", "internal/probe/expect"}, []string{"context", "log/slog", "math/rand", "math/rand/v2", "net/http", "os/exec"}, "an import is a function of the files that it is given"},
	{"internal/report", []string{"internal/monitor", "internal/incident", "internal/uptime"}, []string{"context", "net", "os", "github.com/aws/aws-sdk-go-v2/..."}, "a report computes nothing and asks nobody"},
	{"internal/doctor", []string{"internal/monitor"}, pureNever, "pure rules take (state, input, now) and do no I/O"},
	{"internal/table", []string{}, []string{"go.etcd.io/bbolt", "github.com/aws/aws-sdk-go-v2/..."}, "a port knows no engine"},
	{"internal/table/bolt", []string{"internal/table"}, []string{"github.com/aws/aws-sdk-go-v2/..."}, "an adapter knows its port and one third party"},
	{"internal/table/memory", []string{"internal/table"}, []string{"go.etcd.io/bbolt", "github.com/aws/aws-sdk-go-v2/..."}, "an adapter knows its port and one third party"},
	{"internal/table/socket", []string{"internal/table"}, []string{"go.etcd.io/bbolt", "github.com/aws/aws-sdk-go-v2/..."}, "an adapter knows its port and one third party"},
	{"internal/table/dynamo", []string{"internal/table"}, []string{"go.etcd.io/bbolt"}, "an adapter knows its port and one third party"},
	{"internal/probe", []string{"internal/monitor", "internal/probe/expect"}, []string{"github.com/aws/aws-sdk-go-v2/...", "go.etcd.io/bbolt"}, "probes run anywhere"},
	{"internal/probe/zoo", []string{"internal/monitor"}, nil, "targets know nothing of who visits them"},
	{"internal/notify", []string{"internal/monitor", "internal/incident", "internal/zone"}, []string{"github.com/aws/aws-sdk-go-v2/..."}, "texts know no carrier"},
	{"internal/notify/sns", []string{"internal/monitor", "internal/notify"}, []string{"go.etcd.io/bbolt"}, "an adapter knows its port and one third party"},
	{"internal/notify/inbox", []string{"internal/monitor", "internal/notify"}, []string{"github.com/aws/aws-sdk-go-v2/..."}, "an adapter knows its port and one third party"},
	{"internal/store", []string{"internal/monitor", "internal/schedule", "internal/detect", "internal/incident", "internal/maintenance", "internal/uptime", "internal/table"},
		[]string{"go.etcd.io/bbolt", "github.com/aws/aws-sdk-go-v2/..."}, "entities stand on the port, not on an engine"},
	{"internal/pipeline", []string{"internal/monitor", "internal/schedule", "internal/detect", "internal/incident", "internal/maintenance", "internal/uptime",
		"internal/table", "internal/notify", "internal/store"},
		[]string{"go.etcd.io/bbolt", "github.com/aws/aws-sdk-go-v2/..."}, "the stages are the same on AWS and on one machine"},
	{"internal/reach", []string{"internal/incident", "internal/store", "internal/notify/inbox"}, []string{"go.etcd.io/bbolt", "github.com/aws/aws-sdk-go-v2/..."}, "what an owner is told is the same on AWS and on one machine"},
	{"internal/api/...", []string{"internal/monitor", "internal/incident", "internal/uptime", "internal/store", "internal/zone", "internal/api/page", "internal/api/page/words", "internal/api/manual", "internal/api/statuspage", "internal/api/widget", "internal/api/subscribe",
		"internal/api/badge", "internal/api/feed", "internal/api/gatus", "internal/api/kuma", "internal/api/metrics", "internal/api/sample"},
		[]string{"go.etcd.io/bbolt", "github.com/aws/aws-sdk-go-v2/..."}, "the API reads snapshots and nothing else"},
	{"internal/api/statuspage", []string{"internal/monitor", "internal/incident", "internal/store"}, pureNever, "a view is a function of a snapshot"},
	{"internal/api/sample", []string{"internal/monitor", "internal/store"}, pureNever, "a view is a function of a snapshot"},
	{"internal/api/badge", []string{"internal/monitor", "internal/store", "internal/uptime"}, pureNever, "a view is a function of a snapshot"},
	{"internal/api/feed", []string{"internal/incident", "internal/store"}, pureNever, "a view is a function of a snapshot"},
	{"internal/api/gatus", []string{"internal/monitor", "internal/store", "internal/uptime", "internal/api/badge", "internal/api/sample"}, pureNever, "a view is a function of a snapshot"},
	{"internal/api/kuma", []string{"internal/monitor", "internal/incident", "internal/store", "internal/uptime", "internal/api/badge", "internal/api/sample"}, pureNever, "a view is a function of a snapshot"},
	{"internal/api/metrics", []string{"internal/monitor", "internal/incident", "internal/store", "internal/api/gatus", "internal/api/sample"}, pureNever, "a view is a function of a snapshot"},
	{"internal/api/page/words", []string{"internal/uptime"}, pureNever, "a language is texts, and asks nobody"},
	{"functions/api", nil, []string{"github.com/chromedp/..."}, "the tests of the page drive a browser, the page does not"},
	{"functions/probe", nil, []string{"github.com/chromedp/..."}, "journeys are run by functions/browser alone: this one is loaded at each cold start"},
	{"functions/dispatch", nil, []string{"github.com/chromedp/..."}, "journeys are run by functions/browser alone: this one is loaded at each cold start"},
	{"functions/detect", nil, []string{"github.com/chromedp/..."}, "journeys are run by functions/browser alone: this one is loaded at each cold start"},
	{"functions/notify", nil, []string{"github.com/chromedp/..."}, "journeys are run by functions/browser alone: this one is loaded at each cold start"},
	{"functions/sweep", nil, []string{"github.com/chromedp/..."}, "journeys are run by functions/browser alone: this one is loaded at each cold start"},
	{"functions/rollup", nil, []string{"github.com/chromedp/..."}, "journeys are run by functions/browser alone: this one is loaded at each cold start"},
	{"functions/publish", nil, []string{"github.com/chromedp/..."}, "journeys are run by functions/browser alone: this one is loaded at each cold start"},
	{"internal/probe", nil, []string{"github.com/chromedp/..."}, "probe/browser alone drives a browser"},
	{"internal/local", nil, []string{"github.com/aws/aws-sdk-go-v2/..."}, "`sonde up` needs no AWS"},
	{"internal/sim", nil, []string{"go.etcd.io/bbolt", "github.com/aws/aws-sdk-go-v2/...", "testing"}, "a world that is played needs no disk, no AWS and no clock"},
	{"internal/demo", []string{}, nil, "the fleet knows nothing of Sonde"},
	{"functions/...", nil, []string{"time/tzdata", "go.etcd.io/bbolt", "go.yaml.in/yaml/v3", "github.com/spf13/cobra", "testing"}, "a Lambda binary links no embedded store, no YAML, no command, no test helper, and internal/zone instead of time/tzdata, which is seven times larger"},
	{"internal/cloud/secrets", []string{"internal/monitor"}, []string{"github.com/aws/aws-sdk-go-v2/service/...", "github.com/aws/aws-sdk-go-v2/config"}, "one signed call needs no client of a service"},
	{"internal/publish", []string{"internal/store"}, []string{"github.com/aws/aws-sdk-go-v2/..."}, "the copy is what the API answers, wherever it is put"},
	{"internal/cloud/bucket", []string{"internal/publish", "internal/cloud/signed"}, []string{"github.com/aws/aws-sdk-go-v2/service/...", "github.com/aws/aws-sdk-go-v2/config"}, "an adapter knows its port and one third party"},
	{"internal/cloud/signed", []string{}, []string{"github.com/aws/aws-sdk-go-v2/service/...", "github.com/aws/aws-sdk-go-v2/config"}, "one signed call needs no client of a service"},
	{"internal/cloud/subscriptions", []string{"internal/monitor", "internal/api/subscribe", "internal/cloud/signed"}, []string{"github.com/aws/aws-sdk-go-v2/service/...", "github.com/aws/aws-sdk-go-v2/config"}, "an adapter knows its port and one third party"},
	{"internal/api/subscribe", []string{"internal/monitor"}, []string{"github.com/aws/aws-sdk-go-v2/..."}, "what a visitor is told depends on no carrier"},
	{"internal/cloud/function", nil, []string{"github.com/aws/aws-sdk-go-v2/config", module + "/internal/probe/..."}, "what all functions share must be small: it is loaded at each cold start"},
	{".", []string{"internal/cli"}, nil, "main only starts the command"},
}

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

const module = "github.com/sondehq/sonde"

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func ours(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

func matches(pattern, path string) bool {
	if under, all := strings.CutSuffix(pattern, "/..."); all {
		return path == under || strings.HasPrefix(path, under+"/")
	}
	return pattern == path
}

// TestImports: who may import whom, with the reason for each rule.
func TestImports(t *testing.T) {
	all := packages(t)
	for _, r := range rules {
		found := false
		for _, p := range all {
			name, _ := ours(p.ImportPath)
			if !matches(r.packages, name) {
				continue
			}
			found = true
			for _, path := range p.Imports {
				if other, is := ours(path); is && r.may != nil && !slices.Contains(r.may, other) {
					t.Errorf("%s imports %s: %s", name, other, r.reason)
				}
			}
			for _, pattern := range r.never {
				// Pure packages may use standard packages that use these.
				paths := p.Deps
				if !strings.Contains(pattern, ".") {
					paths = p.Imports
				}
				for _, path := range paths {
					if matches(pattern, path) {
						t.Errorf("%s links %s: %s", name, path, r.reason)
					}
				}
			}
		}
		if !found {
			t.Errorf("the rule for %s matches no package", r.packages)
		}
	}
}

// TestClock: pure packages get the time as an argument, and tests do not wait
// for it.
func TestClock(t *testing.T) {
	clock := regexp.MustCompile(`\btime\.(Now|Since|Until|Sleep|After|NewTimer|NewTicker)\(`)
	sleep := regexp.MustCompile(`\btime\.Sleep\(`)
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		pure := slices.Contains([]string{"internal/monitor", "internal/schedule", "internal/detect", "internal/incident", "internal/maintenance", "internal/uptime", "internal/cost", "internal/doctor", "internal/store", "internal/sim"}, dir)
		for i, line := range strings.Split(string(text), "\n") {
			isTest := strings.HasSuffix(path, "_test.go")
			if pure && !isTest && clock.MatchString(line) {
				t.Errorf("%s:%d: a pure package reads the clock: %s", path, i+1, strings.TrimSpace(line))
			}
			if isTest && path != "architecture_test.go" && sleep.MatchString(line) {
				t.Errorf("%s:%d: a test sleeps: %s", path, i+1, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestColdStart: what functions link compiles no regular expression and no
// template before it is needed.
func TestColdStart(t *testing.T) {
	compile := regexp.MustCompile(`^(var )?\t?\w+ += (regexp|template)\.`)
	for _, p := range packages(t) {
		name, _ := ours(p.ImportPath)
		if !matches("functions/...", name) {
			continue
		}
		for _, path := range append(p.Deps, p.ImportPath) {
			dir, is := ours(path)
			if !is {
				continue
			}
			files, err := filepath.Glob(filepath.Join(dir, "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for i, line := range strings.Split(string(text), "\n") {
					if compile.MatchString(line) && !strings.HasSuffix(file, "_test.go") {
						t.Errorf("%s:%d: compiled at each cold start of %s: use sync.OnceValue", file, i+1, name)
					}
				}
			}
		}
	}
}

// TestTopLevel: no other folders than the design names.
func TestTopLevel(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	for path := range strings.Lines(string(out)) {
		top, _, nested := strings.Cut(strings.TrimSpace(path), "/")
		if nested && !strings.HasPrefix(top, ".") && !slices.Contains([]string{"functions", "internal", "infra", "events"}, top) {
			t.Errorf("%s: the top level holds functions, internal, infra, events and files only", strings.TrimSpace(path))
		}
	}
}

// TestPackageDocs: every package says what it is.
func TestPackageDocs(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Doc}}\t{{len .GoFiles}}", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) == 3 && fields[1] == "" && fields[2] != "0" {
			t.Errorf("%s has no package comment", fields[0])
		}
	}
}
