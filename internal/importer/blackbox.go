package importer

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The defaults of Prometheus (Configuration, global).
const (
	scrapeEvery   = time.Minute
	scrapeTimeout = 10 * time.Second
)

// ErrNoTargets is the error of a blackbox.yml that comes alone: it says how to
// look, and not at what.
var ErrNoTargets = errors.New("a blackbox.yml has modules and no targets: give them with --prometheus prometheus.yml, or with --targets")

// probeTarget is one thing that a module is asked to look at.
type probeTarget struct {
	module, target string
	group          string
	every, timeout time.Duration
	from           *source
	node           *yaml.Node
	path           string
}

// blackbox reads the blackbox.yml of blackbox_exporter, and the targets that
// Prometheus, or the caller, has for its modules.
func (b *builder) blackbox(files []File, opts Options) error {
	file := files[0]
	if len(files) > 1 {
		return fmt.Errorf("%s: one blackbox.yml is read at a time: import the other into a file of its own", files[1].Name)
	}
	s, root, err := b.open(file, false)
	if err != nil {
		return err
	}
	o := s.object(root, "")
	if o == nil {
		return ErrNothing
	}
	modules := o.below("modules")
	o.rest()
	if modules == nil || len(modules.names) == 0 {
		return fmt.Errorf("%s: %w: expected modules", file.Name, ErrNothing)
	}
	var targets []probeTarget
	if len(opts.Prometheus.Text) > 0 {
		if targets, err = b.prometheus(opts.Prometheus); err != nil {
			return err
		}
	}
	given := &source{builder: b, file: "--targets"}
	b.files[given.file] = len(b.files)
	for _, text := range opts.Targets {
		if t, ok := given.target(text, modules); ok {
			targets = append(targets, t)
		}
	}
	if len(targets) == 0 && len(b.warnings) == 0 {
		return fmt.Errorf("%s: %w", file.Name, ErrNoTargets)
	}
	s.targets(modules, targets)
	return nil
}

// targets makes a monitor of every target.
func (s *source) targets(modules *object, targets []probeTarget) {
	used := map[string]bool{}
	for _, t := range targets {
		if modules.values[t.module] == nil {
			t.from.warn(t.node, t.path, "give the blackbox.yml that has it", "there is no module %q: %s is left out", t.module, s.hide(t.target))
			continue
		}
		used[t.module] = true
		if m := modules.below(t.module); m != nil {
			p := &blackboxProbe{source: s, m: m, t: t}
			p.monitor()
		}
	}
	for _, name := range modules.names {
		if !used[name] {
			s.warn(modules.keys[name], modules.join(name), "", "no target asks for the module %s: it is not carried over", name)
		}
	}
}

// target reads MODULE=TARGET, or a TARGET that one module fits.
func (s *source) target(text string, modules *object) (probeTarget, bool) {
	t := probeTarget{target: text, every: scrapeEvery, timeout: scrapeTimeout, from: s}
	if name, rest, is := strings.Cut(text, "="); is && modules.values[name] != nil {
		t.module, t.target = name, rest
		return t, true
	}
	want := "icmp"
	scheme, _, isURL := strings.Cut(text, "://")
	switch {
	case isURL && strings.HasPrefix(scheme, "ws"):
		want = "websocket"
	case isURL:
		want = "http"
	case strings.Contains(text, ":"):
		want = "tcp"
	}
	var fit []string
	for _, name := range modules.names {
		if o := modules.below(name); o != nil && (o.text("prober") == want || len(modules.names) == 1) {
			fit = append(fit, name)
		}
	}
	usual := map[string]string{"http": "http_2xx", "tcp": "tcp_connect", "icmp": "icmp"}[want]
	switch {
	case slices.Contains(fit, usual):
		t.module = usual
	case len(fit) == 1:
		t.module = fit[0]
	default:
		s.warn(nil, "", "write MODULE="+text, "%d modules fit %s: it is left out", len(fit), text)
		return t, false
	}
	return t, true
}

// prometheus reads the scrape_configs that go through blackbox_exporter.
func (b *builder) prometheus(file File) ([]probeTarget, error) {
	s, root, err := b.open(file, false)
	if err != nil {
		return nil, err
	}
	o := s.object(root, "")
	if o == nil {
		return nil, ErrNothing
	}
	every, timeout := scrapeEvery, scrapeTimeout
	if g := o.below("global"); g != nil {
		every, timeout = g.prometheusDuration("scrape_interval", every), g.prometheusDuration("scrape_timeout", timeout)
	}
	var all []probeTarget
	o.objects("scrape_configs", func(job *object) {
		all = append(all, s.job(job, every, timeout)...)
	})
	if len(all) == 0 {
		s.warn(root, "", "a job has metrics_path: /probe, and params: {module: [...]}", "no scrape_configs of blackbox_exporter with static_configs are found")
	}
	return all, nil
}

// job is the targets of one job; of none that asks no blackbox_exporter.
func (s *source) job(job *object, every, timeout time.Duration) []probeTarget {
	module := ""
	if params := job.below("params"); params != nil {
		if names := params.texts("module"); len(names) > 0 {
			module = names[0]
		}
	}
	if path := job.text("metrics_path"); path != "/probe" && module == "" {
		return nil // of another exporter
	}
	group := job.text("job_name")
	t := probeTarget{module: module, group: group, from: s, every: job.prometheusDuration("scrape_interval", every)}
	t.timeout = min(job.prometheusDuration("scrape_timeout", timeout), t.every)
	var all []probeTarget
	job.objects("static_configs", func(c *object) {
		one := t
		if labels := c.below("labels"); labels != nil {
			for _, name := range []string{"__param_module", "module"} {
				if own := labels.text(name); own != "" {
					one.module = own
				}
			}
		}
		c.list("targets", func(n *yaml.Node, path string) {
			one.target, one.node, one.path = nodeText(n), n, path
			all = append(all, one)
		})
	})
	for _, name := range job.names {
		if strings.HasSuffix(name, "_sd_configs") {
			s.warn(job.keys[name], job.join(name), "give what it finds with --targets MODULE=TARGET", "targets that are discovered are not carried over")
		}
	}
	return all
}

var prometheusForm = regexp.MustCompile(`^(?:(\d{1,4})w)?(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,8})s)?(?:(\d{1,9})ms)?$`)

// prometheusDuration is a duration of Prometheus, which has days and weeks.
func (o *object) prometheusDuration(key string, usual time.Duration) time.Duration {
	text := o.text(key)
	if text == "" {
		return usual
	}
	m := prometheusForm.FindStringSubmatch(text)
	if m == nil {
		o.warn(o.values[key], o.join(key), "", "expected a duration: %s is taken", span(usual))
		return usual
	}
	var d time.Duration
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second, time.Millisecond} {
		n, _ := strconv.Atoi(m[i+1])
		d += time.Duration(n) * unit
	}
	return d
}
