package importer

import (
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

var camelCase = regexp.MustCompile(`([a-z0-9])([A-Z])`)

var gatusContext = regexp.MustCompile(`\[CONTEXT\]\.([A-Za-z0-9_.-]+)`)

// suite is endpoints in a row: an http monitor with steps.
func (g *gatusFile) suite(o *object) {
	name := o.plain("name")
	e := o.entry(name, nodeText(o.values["group"])+"-"+name)
	e.HTTP = &httpOut{}
	literals, saved := map[string]string{}, map[string]bool{}
	if c := o.below("context"); c != nil {
		for _, key := range c.names {
			literals[key] = c.header(c.keys[key], c.join(key), e.ID, key, environment(c.text(key)))
		}
	}
	o.objects("endpoints", func(one *object) {
		p := &gatusEndpoint{gatusFile: g, o: one, e: e, data: func(text string) string {
			return gatusContext.ReplaceAllStringFunc(text, func(found string) string {
				key := gatusContext.FindStringSubmatch(found)[1]
				if value, has := literals[key]; has {
					return value
				}
				if saved[key] {
					return "${" + savedName(key) + "}"
				}
				return found
			})
		}}
		if step := p.step(); step != nil {
			for key := range step.Save {
				saved[key] = true
			}
			step.Save = renamed(step.Save)
			e.HTTP.Steps = append(e.HTTP.Steps, step)
		}
	})
	g.common(o, e)
	e.times(o.duration("interval", gatusEvery*10), o.duration("timeout", time.Minute))
	o.rest()
	g.add(e)
}

// step makes one endpoint of a suite a step; nil if it is none of http.
func (p *gatusEndpoint) step() *stepOut {
	o := p.o
	whole := p.e
	p.e = &entry{ID: whole.ID, from: p.source, node: o.at, path: o.path}
	url := o.values["url"]
	if text := strings.ToLower(p.data(nodeText(url))); !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
		p.warn(o.at, o.path, "make a monitor of its own of it", "a step of a suite is http: it is left out")
		return nil
	}
	o.values["url"] = &yaml.Node{Kind: yaml.ScalarNode, Value: p.data(nodeText(url)), Line: url.Line, Column: url.Column}
	if !p.target() {
		return nil
	}
	p.client()
	p.conditions()
	h := p.e.HTTP
	if h.Insecure {
		whole.HTTP.Insecure = true
	}
	if h.Cert != nil {
		whole.HTTP.Cert = h.Cert
	}
	if h.Redirects != "" || h.Resolver != "" || h.Family != "" {
		whole.HTTP.Redirects, whole.HTTP.Resolver, whole.HTTP.Family = h.Redirects, h.Resolver, h.Family
		p.once("suite", o.keys["client"], o.join("client"), "", "redirects, resolver and network are settings of all steps together")
	}
	whole.reach(p.host)
	s := &stepOut{Name: shortName(o.plain("name")), URL: h.URL, Method: h.Method, Headers: h.Headers, Body: h.Body, JSON: h.JSON, Auth: h.Auth, Expect: p.e.Expect, Warn: p.e.Warn, Save: map[string]string{}}
	p.store(s)
	o.skip("enabled", "interval", "group", "ui")
	o.lost("a step after one that fails is not made", "let a job of yours clean up", "always-run")
	o.lost("a step has no alerts: the monitor has", "", "alerts")
	o.rest()
	return s
}

// store reads what later steps use.
func (p *gatusEndpoint) store(s *stepOut) {
	st := p.o.below("store")
	if st == nil {
		return
	}
	for _, key := range st.names {
		text := st.text(key)
		m := gatusPlace.FindStringSubmatch(text)
		from, ok := "", false
		if m != nil && m[1] == "" {
			switch strings.ToUpper(m[2]) {
			case "BODY":
				from, ok = jsonPath("body", m[3], false)
				if m[3] == "" {
					from, ok = "trim(text)", true
				}
			case "STATUS":
				from, ok = "status", true
			case "RESPONSE_TIME":
				from, ok = "total_ms", true
			}
		}
		if !ok || !monitor.IsSavedName(savedName(key)) {
			st.warn(st.keys[key], st.join(key), "write it by hand into save:", "%q is not carried over", text)
			continue
		}
		s.Save[key] = from
	}
}

// savedName is a name that a step may save under.
func savedName(key string) string {
	if monitor.IsSavedName(key) {
		return key
	}
	name := strings.ReplaceAll(slug(camelCase.ReplaceAllString(key, "${1}_${2}")), "-", "_")
	return name[:min(len(name), 40)]
}

func renamed(save map[string]string) map[string]string {
	out := map[string]string{}
	for key, from := range save {
		out[savedName(key)] = from
	}
	return out
}

// shortName is a name that a step may have.
func shortName(text string) string {
	text = line(text)
	for len(text) > 60 {
		r := []rune(text)
		text = string(r[:len(r)-1])
	}
	return text
}
