package config_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

var update = flag.Bool("update", false, "write the golden files anew")

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no files (%v)", pattern, err)
	}
	return paths
}

// problemForm is file:line:col: path: what is wrong (hint).
var problemForm = regexp.MustCompile(`^[a-z0-9-]+\.yaml(:[1-9]\d*:[1-9]\d*)?: ([$a-zA-Z_0-9.<\[\]-]+: )?\S.*$`)

func TestBad(t *testing.T) {
	for _, path := range glob(t, "testdata/bad/*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			text := read(t, path)
			cfg, err := config.Load(filepath.Base(path), text, config.Options{Home: "us-west-2"})
			var problems config.Errors
			if cfg != nil || !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("got config %v and error %v, want config.Errors only", cfg, err)
			}
			var out strings.Builder
			for _, p := range problems {
				if !problemForm.MatchString(p.Error()) {
					t.Errorf("form of the problem: %s", p)
				}
				out.WriteString(p.Error() + "\n" + p.Excerpt(text))
			}
			golden := strings.TrimSuffix(path, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(read(t, golden)), out.String()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOneMistake holds every bad file to exactly one problem: one mistake must not
// be told twice. Those called many have one in each line.
func TestOneMistake(t *testing.T) {
	for _, path := range glob(t, "testdata/bad/*.yaml") {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "many") {
			continue
		}
		_, err := config.Load(name, read(t, path), config.Options{Home: "us-west-2"})
		var problems config.Errors
		if errors.As(err, &problems) && len(problems) != 1 {
			t.Errorf("%s: %d problems, want 1:\n%v", name, len(problems), err)
		}
	}
}

func TestGenerated(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'i'; c++ {
		one := "*" + string(c-1)
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Join(slices.Repeat([]string{one}, 9), ", "))
	}
	listBomb := "monitors:\n  - &a {id: a, http: &h {url: https://example.com}, expect: &e ["
	listBomb += strings.Repeat("status == 200, ", 1000) + "]}\n"
	for i := range 2000 {
		listBomb += fmt.Sprintf("  - {<<: *a, id: m%d}\n", i)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"size", "# " + strings.Repeat("x", config.MaxFile), "f.yaml: the file is larger than 1048576 bytes (1 MiB)"},
		{"bomb", bomb + "monitors: *i\n", ""},
		{"merge bomb", listBomb, "too many values"},
		{"flow depth", "monitors: " + strings.Repeat("[", 20000) + strings.Repeat("]", 20000), ""},
		{"mapping depth", "monitors: " + strings.Repeat("{a: ", 9000) + "b" + strings.Repeat("}", 9000), ""},
		{"alias of itself", "monitors: &a\n  - *a\n", ""},
		{"merge of itself", "monitors:\n  - &a\n    id: a\n    <<: *a\n    tcp: a:1\n", ""},
		{"nested merges of themselves", "monitors:\n  - &a {id: a, tcp: \"a:1\", <<: [*a, [*a, *a], *a]}\n", ""},
		{"not UTF-8", "monitors:\n  - id: a\n    name: \xff\xfe\n    tcp: a:1\n", "f.yaml: the file is not UTF-8 (save the file as UTF-8)"},
		{"UTF-16", "\xff\xfem\x00o\x00", "f.yaml: the file is not UTF-8 (save the file as UTF-8)"},
		{"monitors", many(config.MaxMonitors + 1), "monitors: 5001 monitors are more than 5000 (use several stacks)"},
		{"problems", "monitors:\n" + strings.Repeat("  - {}\n", 300), "more problems"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			began := time.Now()
			cfg, err := config.Load("f.yaml", []byte(tt.text), config.Options{Home: monitor.Local})
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			var problems config.Errors
			if cfg != nil || !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("got config %v and error %v, want config.Errors only", cfg != nil, err)
			}
			if len(err.Error()) > 100_000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %.500q, want %q in it", err, tt.want)
			}
			t.Logf("%.300s", err)
		})
	}
}

func many(n int) string {
	var b strings.Builder
	b.WriteString("monitors:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {id: m%d, http: {url: \"https://%d.example.com/health\"}, expect: [status == 200]}\n", i, i)
	}
	return b.String()
}

func TestMaxMonitors(t *testing.T) {
	cfg, err := config.Load("f.yaml", []byte(many(config.MaxMonitors)), config.Options{Home: monitor.Local})
	if err != nil || len(cfg.Monitors) != config.MaxMonitors {
		t.Fatalf("error %v", err)
	}
	if err := sound(cfg); err != nil {
		t.Error(err)
	}
}

func TestGood(t *testing.T) {
	for _, path := range glob(t, "testdata/good/*.yaml") {
		for _, home := range []monitor.Location{"us-west-2", monitor.Local} {
			t.Run(filepath.Base(path)+" "+string(home), func(t *testing.T) {
				cfg, err := config.Read(path, config.Options{Home: home})
				if err != nil {
					t.Fatal(err)
				}
				if err := sound(cfg); err != nil {
					t.Error(err)
				}
				if cfg.Home() != home {
					t.Errorf("home %s, want %s", cfg.Home(), home)
				}
			})
		}
	}
}

func TestDesign(t *testing.T) {
	url := "https://app.example.com/health"
	all := []monitor.Location{"us-west-2", "us-east-1", "eu-west-1"}
	http := func(address string) *monitor.HTTP {
		return &monitor.HTTP{URL: url, Method: "GET", Address: address, MaxRedirects: 5, MaxBody: 1 << 20, Traceparent: true}
	}
	common := monitor.Monitor{Every: time.Minute, Timeout: 10 * time.Second, Confirm: 2, Recover: 2, Recheck: 3 * time.Second, Locations: all}
	with := func(id monitor.ID, service monitor.ServiceID, change func(*monitor.Monitor)) monitor.Monitor {
		m := common
		m.ID, m.Name, m.Service = id, string(id), service
		m.Flapping = monitor.Flap{Changes: 6, Within: 30 * time.Minute}
		change(&m)
		return m
	}
	want := &monitor.Config{
		Site:      monitor.Site{Name: "Intervals", URL: "https://status.example.com", TimeZone: "America/Los_Angeles"},
		Locations: all,
		Monitors: []monitor.Monitor{
			with("app", "app", func(m *monitor.Monitor) {
				m.Every, m.HTTP = 30*time.Second, http("")
				m.Expect = []string{"status == 200", `body.status == "ok"`}
				m.Warn = []string{"cert_days > 14", "total_ms < 800"}
			}),
			with("app-dns", "app", func(m *monitor.Monitor) {
				m.DNS = &monitor.DNS{Name: "app.example.com", Type: "A", Resolvers: []string{"1.1.1.1", "8.8.8.8", "9.9.9.9"}, Answers: []string{"203.0.113.20"}}
			}),
			with("lb-primary", "balancers", func(m *monitor.Monitor) {
				m.HTTP, m.Expect = http("203.0.113.10"), []string{"status == 200", "total_ms < 2000"}
			}),
			with("lb-secondary", "balancers", func(m *monitor.Monitor) {
				m.HTTP, m.Expect = http("203.0.113.11"), []string{"status == 200"}
			}),
			with("nightly-backup", "nightly-backup", func(m *monitor.Monitor) {
				m.Heartbeat = &monitor.Heartbeat{Every: 24 * time.Hour, Grace: time.Hour}
				m.Confirm, m.Recover, m.Locations = 1, 1, all[:1]
			}),
		},
		Services: []monitor.Service{
			{ID: "balancers", Name: "Load balancers", Monitors: []monitor.ID{"lb-primary", "lb-secondary"}, Needs: 1},
			{ID: "app", Name: "Web application", Monitors: []monitor.ID{"app", "app-dns"}, Needs: 2, DependsOn: []monitor.ServiceID{"balancers"}},
			{ID: "nightly-backup", Name: "nightly-backup", Monitors: []monitor.ID{"nightly-backup"}, Needs: 1},
		},
		Tiers: []monitor.Tier{
			{ID: "oncall", Name: "oncall", Impact: monitor.ImpactMinor, Remind: 30 * time.Minute, Nag: 45 * time.Minute},
			{ID: "administrators", Name: "administrators", After: 5 * time.Minute, Impact: monitor.ImpactMajor},
			{ID: "customers", Name: "customers", After: 20 * time.Minute, Impact: monitor.ImpactMajor, Public: true, Hold: 15 * time.Minute},
		},
	}
	got, err := config.Read("testdata/good/design.yaml", config.Options{Home: "us-west-2"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func monitors(t *testing.T, path string) map[monitor.ID]monitor.Monitor {
	t.Helper()
	cfg, err := config.Read(path, config.Options{Home: "us-west-2"})
	if err != nil {
		t.Fatal(err)
	}
	all := map[monitor.ID]monitor.Monitor{}
	for _, m := range cfg.Monitors {
		all[m.ID] = m
	}
	return all
}

func TestShorthand(t *testing.T) {
	all := monitors(t, "testdata/good/shorthand.yaml")
	if m := all["web"]; m.HTTP.URL != "https://example.com" || m.HTTP.Method != "GET" || m.Every != time.Minute || m.Timeout != 10*time.Second {
		t.Errorf("web: %+v", m)
	}
	if all["port"].TCP.Address != "example.com:587" || all["cert"].TLS.Address != "example.com:443" {
		t.Error("tcp or tls")
	}
	if d := all["name"].DNS; d.Name != "example.com" || d.Type != "A" {
		t.Errorf("dns: %+v", d)
	}
	if h := all["job"].Heartbeat; h.Every != 24*time.Hour || h.Grace != 0 {
		t.Errorf("heartbeat: %+v", h)
	}
	if diff := cmp.Diff([]string{"status == 200"}, all["one"].Expect); diff != "" {
		t.Error(diff)
	}
}

func TestDNSKeys(t *testing.T) {
	all := monitors(t, "testdata/good/dns.yaml")
	for _, c := range []struct {
		id   monitor.ID
		want *monitor.DNS
	}{
		{"cutover", &monitor.DNS{Name: "app.example.com", Type: "A", Needs: 3, Answers: []string{"203.0.113.20", "203.0.113.21"},
			Resolvers: []string{"1.1.1.1", "9.9.9.9:5353", "tls://9.9.9.9", "tls://dns.example.com:8853"}}},
		{"zone", &monitor.DNS{Name: "example.com", Type: "SOA", Authoritative: true, Needs: 1}},
		{"gone", &monitor.DNS{Name: "old.example.com", Type: "A", RCode: "NXDOMAIN"}},
		{"mail", &monitor.DNS{Name: "example.com", Type: "MX", Contains: []string{"10 mail.example.com"}, Matches: []string{`^\d+ mail\d?\.example\.com$`}}},
		{"back", &monitor.DNS{Name: "203.0.113.20", Type: "PTR"}},
	} {
		if diff := cmp.Diff(c.want, all[c.id].DNS); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.id, diff)
		}
	}
	if m := all["name"]; m.Domain.Name != "example.com" || m.Every != 6*time.Hour {
		t.Errorf("name: every %s, %+v", m.Every, m.Domain)
	}
	if m := all["other"]; m.Domain.Server != "https://rdap.example.net/v1/" || m.Every != 24*time.Hour {
		t.Errorf("other: every %s, %+v", m.Every, m.Domain)
	}
}

func TestAnchors(t *testing.T) {
	all := monitors(t, "testdata/good/anchors.yaml")
	other, third := all["other"], all["third"]
	if other.Every != 30*time.Second || other.HTTP.URL != "https://example.com/b" || other.HTTP.Method != "HEAD" || other.HTTP.Headers["X-Key"] != "${env:KEY}" {
		t.Errorf("other: %+v %+v", other, other.HTTP)
	}
	if fifth := all["fifth"]; fifth.Every != 30*time.Second || fifth.Timeout != 3*time.Second || fifth.HTTP.Method != "HEAD" {
		t.Errorf("fifth, by two merges: %+v", fifth)
	}
	if third.Every != 2*time.Minute || third.HTTP.URL != "https://example.com/a" || len(third.Expect) != 1 {
		t.Errorf("third: %+v", third)
	}
}

func TestDefaults(t *testing.T) {
	all := monitors(t, "testdata/good/defaults.yaml")
	a, b, c := all["a"], all["b"], all["c"]
	if a.Every != 5*time.Second || a.Timeout != 2*time.Second || a.Confirm != 3 || a.Recover != 4 || a.Recheck != time.Second || !a.Private {
		t.Errorf("a: %+v", a)
	}
	if b.Every != 2*time.Minute || b.Timeout != 30*time.Second || b.Confirm != 1 || b.Recover != 1 || b.Private {
		t.Errorf("b: %+v", b)
	}
	if c.Confirm != 1 || c.Recover != 1 {
		t.Errorf("c: a heartbeat needs no second look: %+v", c)
	}
}

// sound checks what every loaded configuration promises.
func sound(cfg *monitor.Config) error {
	if len(cfg.Monitors) == 0 || len(cfg.Locations) == 0 {
		return errors.New("no monitors or locations")
	}
	owner := map[monitor.ID]monitor.ServiceID{}
	shard, used := 0, map[int]int{}
	for _, s := range cfg.Services {
		for _, id := range s.Monitors {
			if owner[id] != "" {
				return fmt.Errorf("monitor %s is in %s and %s", id, owner[id], s.ID)
			}
			owner[id] = s.ID
		}
		if s.Shard != shard && s.Shard != shard+1 {
			return fmt.Errorf("service %s: shard %d after %d", s.ID, s.Shard, shard)
		}
		shard = s.Shard
		used[shard] += len(s.Monitors)
		if s.Needs < 1 || s.Needs > len(s.Monitors) {
			return fmt.Errorf("service %s needs %d of %d", s.ID, s.Needs, len(s.Monitors))
		}
	}
	if cfg.Services[0].Shard != 0 {
		return errors.New("the first shard is not 0")
	}
	for n, count := range used {
		if count > monitor.ShardMonitors {
			return fmt.Errorf("shard %d has %d monitors", n, count)
		}
	}
	if len(owner) != len(cfg.Monitors) {
		return fmt.Errorf("%d monitors, %d in services", len(cfg.Monitors), len(owner))
	}
	for i, m := range cfg.Monitors {
		if i > 0 && cfg.Monitors[i-1].ID >= m.ID {
			return fmt.Errorf("%s is not after %s", m.ID, cfg.Monitors[i-1].ID)
		}
		if m.Service == "" || owner[m.ID] != m.Service {
			return fmt.Errorf("monitor %s: service %q, and %q lists it", m.ID, m.Service, owner[m.ID])
		}
		if m.Timeout <= 0 || m.Timeout > m.Every || m.Every < monitor.MinEvery || m.Every%time.Second != 0 {
			return fmt.Errorf("monitor %s: every %s, timeout %s", m.ID, m.Every, m.Timeout)
		}
		if m.Confirm < 1 || m.Recover < 1 || len(m.Locations) == 0 || m.Quorum > len(m.Locations) && m.Locations[0] != monitor.Local {
			return fmt.Errorf("monitor %s: %+v", m.ID, m)
		}
		for _, l := range m.Locations {
			if !slices.Contains(cfg.Locations, l) {
				return fmt.Errorf("monitor %s: location %s is not one of the configuration", m.ID, l)
			}
		}
	}
	return nil
}

// FuzzLoad: no panic; a sound configuration or problems; the same twice.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml"} {
		for _, path := range glob(f, pattern) {
			f.Add(read(f, path))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, home := range []monitor.Location{"us-west-2", monitor.Local} {
			cfg, err := config.Load("f.yaml", text, config.Options{Home: home})
			again, errAgain := config.Load("f.yaml", text, config.Options{Home: home})
			if diff := cmp.Diff(cfg, again); diff != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
				t.Fatalf("loaded twice: %s\n%v\n%v", diff, err, errAgain)
			}
			if err == nil {
				if err := sound(cfg); err != nil {
					t.Fatal(err)
				}
				continue
			}
			var problems config.Errors
			if cfg != nil || !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("config %v, error %v", cfg, err)
			}
			for _, p := range problems {
				_ = p.Excerpt(text)
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	text := []byte(many(2000))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := config.Load("f.yaml", text, config.Options{Home: monitor.Local}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestVotes(t *testing.T) {
	type votes struct {
		Confirm, Window int
		Flapping        monitor.Flap
		Shadow          bool
	}
	all := monitors(t, "testdata/good/votes.yaml")
	for id, want := range map[monitor.ID]votes{
		"window": {3, 5, monitor.Flap{}, false},
		"row":    {2, 0, monitor.Flap{Changes: 4, Within: time.Hour}, false},
		"own":    {2, 3, monitor.Flap{}, false},
		"job":    {1, 0, monitor.Flap{}, false},
		"old":    {3, 5, monitor.Flap{}, true},
	} {
		m := all[id]
		if diff := cmp.Diff(want, votes{m.Confirm, m.Window, m.Flapping, m.Shadow}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

func TestPolicies(t *testing.T) {
	cfg, err := config.Read("testdata/good/policies.yaml", config.Options{Home: "us-west-2"})
	if err != nil {
		t.Fatal(err)
	}
	type policy struct {
		Nag   time.Duration
		Quiet *monitor.Quiet
	}
	want := map[monitor.TierID]policy{
		"oncall":    {30 * time.Minute, &monitor.Quiet{From: 22 * 60, To: 7*60 + 30, TimeZone: "Europe/Berlin", Below: monitor.ImpactMajor}},
		"silent":    {},
		"own":       {time.Hour, &monitor.Quiet{From: 0, To: 24*60 - 1, TimeZone: "Asia/Tokyo", Below: monitor.ImpactCritical}},
		"late":      {},
		"customers": {},
	}
	for _, tier := range cfg.Tiers {
		if diff := cmp.Diff(want[tier.ID], policy{tier.Nag, tier.Quiet}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tier.ID, diff)
		}
	}
	five, none := 5*time.Minute, time.Duration(0)
	for id, want := range map[monitor.ServiceID]map[monitor.TierID]monitor.Override{
		"web":  {"customers": {After: &five, Impact: monitor.ImpactMinor}},
		"blog": {"customers": {Never: true}, "oncall": {After: &none}},
	} {
		svc, _ := cfg.Service(id)
		if diff := cmp.Diff(want, svc.Tiers); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}
