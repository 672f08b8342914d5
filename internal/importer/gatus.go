package importer

import (
	"fmt"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The defaults of Gatus (README of TwiN/gatus, v5).
const (
	gatusEvery    = time.Minute
	gatusTimeout  = 10 * time.Second
	gatusFailures = 3
	gatusSuccess  = 2
)

// gatusFile is a config.yaml that is being read.
type gatusFile struct {
	*source
	alerts map[string]*object // default-alert by type
	remind time.Duration
}

// gatus reads the config.yaml of Gatus, or the files of a folder, which it takes
// together: what one says of alerts holds for the endpoints of the others.
func (b *builder) gatus(files []File) error {
	alerts := map[string]*object{}
	var all []*object
	var read []*gatusFile
	for _, file := range files {
		s, root, err := b.open(file, false)
		if err != nil {
			return err
		}
		o := s.object(root, "")
		if o == nil {
			return fmt.Errorf("%s: %w", file.Name, ErrNothing)
		}
		g := &gatusFile{source: s, alerts: alerts}
		g.alerting(o.below("alerting"))
		all, read = append(all, o), append(read, g)
	}
	remind := time.Duration(0)
	for i, g := range read {
		g.file(all[i])
		if g.remind > 0 && (remind == 0 || g.remind < remind) {
			remind = g.remind
		}
	}
	if remind > 0 {
		b.doc.Tiers = append(b.doc.Tiers, &tierOut{ID: "oncall", Name: "On-call", Remind: span(min(max(remind, time.Minute), 7*24*time.Hour))})
	}
	return nil
}

// file reads all but the alerts.
func (g *gatusFile) file(o *object) {
	g.ui(o.below("ui"))
	o.objects("endpoints", g.endpoint)
	o.objects("external-endpoints", g.external)
	o.objects("suites", g.suite)
	if m := o.below("maintenance"); m != nil {
		g.maintenance(m, "all")
	}
	o.skip("debug", "metrics", "concurrency", "disable-monitoring-lock", "skip-invalid-config-update")
	o.lost("Sonde keeps its results in its own table", "history cannot be carried over", "storage")
	o.lost("who may see the page is not a matter of monitors.yaml", "the page is public; services with internal: true are not on it", "security")
	o.lost("the page's address is not a matter of monitors.yaml", "see `sonde up --help`", "web")
	o.lost("announcements are not part of the configuration", "post them with `sonde incident open`", "announcements")
	o.lost("Sonde compares locations instead", "add locations: to monitors.yaml", "connectivity")
	o.lost("Sonde does not read other instances", "import their files, too", "remote")
	o.lost("Sonde makes no tunnels", "run `sonde up` inside the network", "tunneling")
	for _, name := range o.names {
		if strings.HasPrefix(name, "x-") || o.values[name].Anchor != "" { // what is meant for others to refer to
			o.skip(name)
		}
	}
	o.rest()
}

// environment makes of $NAME and ${NAME} references, and of $$ one $.
func environment(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	return os.Expand(text, func(name string) string {
		if name == "$" {
			return "$"
		}
		return "${env:" + name + "}"
	})
}

// sent is a text that goes to the target.
func (o *object) sent(key string) string { return environment(o.text(key)) }

// plain is a text that is shown, in which no variable can stand.
func (o *object) plain(key string) string {
	text := environment(o.text(key))
	if !strings.Contains(text, "${") {
		return text
	}
	o.warn(o.values[key], o.join(key), "write it out", "an environment variable can stand only in what is sent to a target: it is left out here")
	return loneRefs.ReplaceAllString(text, "")
}

// alerting keeps the default alerts of each provider.
func (g *gatusFile) alerting(o *object) {
	if o == nil {
		return
	}
	for _, name := range o.names {
		p := o.below(name)
		if p == nil {
			continue
		}
		if d := p.below("default-alert"); d != nil {
			g.alerts[name] = d
		}
		if len(p.names) > 0 && !(len(p.names) == 1 && p.has("default-alert")) {
			g.warn(o.keys[name], o.join(name), "subscribe it to the SNS topic of a tier, by e-mail, SMS, HTTPS or chat", "%s is not carried over, and none of its addresses and keys: Sonde tells tiers, each with a topic of Amazon SNS", name)
		}
	}
}

func (g *gatusFile) ui(o *object) {
	if o == nil {
		return
	}
	name := o.plain("header")
	if name == "" {
		name = o.plain("title")
	}
	o.skip("title", "description", "dashboard-heading", "dashboard-subheading", "dark-mode", "default-sort-by", "default-filter-by", "login-subtitle", "favicon")
	o.lost("how the page looks is not part of monitors.yaml", "", "logo", "link", "buttons", "custom-css")
	o.rest()
	if name = line(name); name != "" {
		g.doc.Site = &siteOut{Name: name}
	}
}

// common reads what every kind of endpoint has, and adds the monitor.
func (g *gatusFile) common(o *object, e *entry) {
	e.group = o.plain("group")
	e.Paused = strings.EqualFold(o.text("enabled"), "false")
	g.thresholds(o, e)
	o.objects("maintenance-windows", func(m *object) { g.maintenance(m, e.ID) })
	o.lost("what the page shows of an endpoint is not set one by one", "services with internal: true are not on the page", "ui")
	o.lost("labels of metrics are not carried over", "", "extra-labels", "labels")
}

// thresholds are those of the alert that is told first.
func (g *gatusFile) thresholds(o *object, e *entry) {
	failures, success, any := 0, 0, false
	o.objects("alerts", func(a *object) {
		d := g.alerts[a.text("type")]
		usual := func(key string, n int) int {
			if d != nil {
				n = d.number(key, n)
			}
			return a.number(key, n)
		}
		f, s := usual("failure-threshold", gatusFailures), usual("success-threshold", gatusSuccess)
		a.skip("description") // what the alert says of itself
		every := a.duration("minimum-reminder-interval", 0)
		if every == 0 && d != nil {
			every = d.duration("minimum-reminder-interval", 0)
		}
		if every > 0 && (g.remind == 0 || every < g.remind) {
			g.remind = every
		}
		if a.text("enabled") == "false" {
			return
		}
		if a.text("send-on-resolved") == "false" {
			g.once("resolved", a.keys["send-on-resolved"], a.join("send-on-resolved"), "", "whoever hears of a beginning hears of the end: an alert cannot end in silence")
		}
		a.lost("a tier is told in one way", "use tiers: for other people", "provider-override")
		a.rest()
		if any && (f != failures || s != success) {
			g.warn(a.at, a.path, "use the after: of tiers to tell some later", "alerts with other thresholds than the first: a monitor has one confirm and one recover, the lowest is taken")
			f, s = min(f, failures), min(s, success)
		}
		failures, success, any = f, s, true
	})
	if !any {
		return
	}
	if e.Heartbeat != nil {
		return // what a job reports needs no second look
	}
	e.Confirm, e.Recover = bounded(failures, 1, 10, 2), bounded(success, 1, 10, 2)
}

// bounded is a number within bounds; 0 if that is the usual one.
func bounded(v, least, most, usual int) int {
	if v = min(max(v, least), most); v == usual {
		return 0
	}
	return v
}

// external is what somebody else measures, and reports.
func (g *gatusFile) external(o *object) {
	name := o.plain("name")
	e := o.entry(name, nodeText(o.values["group"])+"-"+name)
	every := 24 * time.Hour
	if h := o.below("heartbeat"); h != nil {
		every = h.duration("interval", every)
		h.rest()
	} else {
		o.warn(o.at, o.path, "set every: to how often it reports", "no heartbeat interval: a ping is expected once in 24h")
	}
	e.Heartbeat = &heartbeatOut{Every: span(min(max(every, time.Second), 366*24*time.Hour))}
	o.skip("token")
	o.once("token", o.at, o.path, "make a new token with `sonde heartbeat "+e.ID+"`, and let the job ping /ping/TOKEN, or /ping/TOKEN/fail",
		"tokens of external endpoints are not carried over, and the address to report to is another")
	g.common(o, e)
	o.rest()
	g.add(e)
}

// maintenance is a window of Gatus, for all services or for one.
func (g *gatusFile) maintenance(o *object, of string) {
	start, length, zone := o.plain("start"), o.duration("duration", 0), o.plain("timezone")
	days := o.texts("every")
	enabled := o.values["enabled"] == nil || o.truth("enabled")
	o.rest()
	if !enabled || start == "" {
		return
	}
	cron, ok := cronOf(start, days)
	if !ok {
		g.warn(o.at, o.path, "see maintenance: in the README", "the start of a window is hh:mm, and its days are those of the week: it is left out")
		return
	}
	title := "Maintenance"
	g.doc.Maintenance = append(g.doc.Maintenance, &planOut{ID: g.id("maintenance-"+strings.TrimPrefix(of, "all"), "maintenance"), Title: title, Services: []string{of},
		Cron: cron, Zone: zone, Duration: span(length), from: g.source, node: o.at, path: o.path})
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// cronOf is a time of day, on some days of the week, as a cron expression.
func cronOf(start string, days []string) (string, bool) {
	at, err := time.Parse("15:04", start)
	if err != nil {
		return "", false
	}
	on := "*"
	for i, day := range days {
		n := -1
		for j, name := range weekdays {
			if strings.EqualFold(strings.TrimSpace(day), name) {
				n = j
			}
		}
		if n < 0 {
			return "", false
		}
		if i == 0 {
			on = ""
		} else {
			on += ","
		}
		on += string(rune('0' + n))
	}
	return fmt.Sprintf("%d %d * * %s", at.Minute(), at.Hour(), on), true
}

// nodeText is the text of a single value; empty for others.
func nodeText(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}
