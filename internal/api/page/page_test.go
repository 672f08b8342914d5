package page_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the test must not depend on the system's zones

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/api/page/pagetest"
	"github.com/sondehq/sonde/internal/api/page/words"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

var now = time.Date(2019, 5, 29, 2, 35, 0, 0, time.UTC) // 28 May, 19:35 PDT

var allLinks = page.Links{Subscribe: true, Atom: true, RSS: true, Calendar: true}

// text is what a function of the package returned, with plain spaces.
func text(t *testing.T) func([]byte, error) string {
	t.Helper()
	return func(body []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(string(body))
	}
}

// speaker is a language by its tag.
func speaker(t *testing.T, tag string) *words.Language {
	t.Helper()
	l, found := words.Match("", tag)
	if !found {
		t.Fatalf("there is no %s", tag)
	}
	return l
}

// TestWeight: twenty services with ninety days each, in the middle of an outage,
// with all there is to link to.
func TestWeight(t *testing.T) {
	body, err := page.Status(page.View{Snapshot: pagetest.Outage(now, 20), Now: now, Links: allLinks})
	if err != nil {
		t.Fatal(err)
	}
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	_, _ = z.Write(body)
	_ = z.Close()
	script := regexp.MustCompile(`(?s)<script>(.*)</script>`).FindSubmatch(body)
	t.Logf("a page of 20 services has %d bytes, %d gzipped, its script %d", len(body), small.Len(), len(script[1]))
	if len(body) > 30_000 || small.Len() > 9_000 || len(script[1]) > 2_000 {
		t.Errorf("%d bytes, %d gzipped, script %d; want at most 30,000, 9,000 and 2,000", len(body), small.Len(), len(script[1]))
	}
}

func TestOverall(t *testing.T) {
	services := func(statuses ...monitor.Status) page.View {
		var v page.View
		for _, s := range statuses {
			v.Services = append(v.Services, store.ServiceView{Status: s})
		}
		return v
	}
	with := func(v page.View, i store.IncidentView) page.View { v.Incidents = append(v.Incidents, i); return v }
	stale := services(monitor.Operational)
	stale.Stale = true
	for name, test := range map[string]struct {
		view   page.View
		status monitor.Status
		text   string
	}{
		"fine":          {services(monitor.Operational, monitor.Operational), monitor.Operational, "All systems operational"},
		"nothing":       {services(), monitor.NotKnown, "No data yet"},
		"stale":         {stale, monitor.NotKnown, "The current state is not known"},
		"at risk":       {services(monitor.Operational, monitor.AtRisk), monitor.AtRisk, "All systems work, some without redundancy"},
		"one of two":    {services(monitor.Operational, monitor.MajorOutage), monitor.PartialOutage, "Some services are down"},
		"all":           {services(monitor.MajorOutage, monitor.MajorOutage), monitor.MajorOutage, "All services are down"},
		"work":          {services(monitor.Operational, monitor.InMaintenance), monitor.InMaintenance, "Maintenance is going on"},
		"newer":         {services(monitor.Operational, "splendid"), monitor.NotKnown, "The state of some services is not known"},
		"draining":      {with(services(monitor.Operational), store.IncidentView{State: incident.Draining}), monitor.Operational, "Service is restored; some networks may take longer"},
		"by hand":       {with(services(monitor.Operational), store.IncidentView{State: incident.Open, Impact: monitor.ImpactMinor}), monitor.DegradedPerf, "We are looking into a problem"},
		"over":          {with(services(monitor.Operational), store.IncidentView{State: incident.Resolved, Impact: monitor.ImpactMinor}), monitor.Operational, "All systems operational"},
		"without harm":  {with(services(monitor.Operational), store.IncidentView{State: incident.Open, Impact: monitor.ImpactNone}), monitor.Operational, "All systems operational"},
		"worse anyways": {with(services(monitor.MajorOutage), store.IncidentView{State: incident.Draining}), monitor.MajorOutage, "All services are down"},
	} {
		if status, text := page.Overall(test.view); status != test.status || text != test.text {
			t.Errorf("%s: got %s, %q; want %s, %q", name, status, text, test.status, test.text)
		}
	}
}

// TestTexts: what a worried reader looks for, in each language.
func TestTexts(t *testing.T) {
	outage := page.View{Snapshot: pagetest.Outage(now, 8), Now: now}
	for tag, want := range map[string][]string{
		"en": {"Some services are down", "late by 10 min", "Since <time", "for 1 h 35 min", "America/Los Angeles (PDT, UTC−7)", `<time datetime="2019-05-29T01:55:00Z">18:55 PDT</time>`},
		"de": {"Einige Dienste sind ausgefallen", "Verspätung 10 Min.", "Dauer 1 Std. 35 Min."},
		"fr": {"Certains services sont en panne", "retard de 10 min"},
		"es": {"Algunos servicios están caídos", "retraso de 10 min"},
		"ja": {"一部のサービスが停止しています", "10分遅れ", "1時間35分経過"},
	} {
		v := outage
		v.Lang = speaker(t, tag)
		got := text(t)(page.Status(v))
		for _, w := range append(want, `<html lang="`+tag+`" dir="ltr">`) {
			if !strings.Contains(got, w) {
				t.Errorf("%s: the page does not say %q", tag, w)
			}
		}
	}
}

// pages are all pages of a view.
func pages(t *testing.T, v page.View) map[string]string {
	t.Helper()
	out := map[string]string{}
	out["status"] = text(t)(page.Status(v))
	out["history"] = text(t)(page.History(v))
	for _, i := range v.Incidents {
		out["incident "+i.ID] = text(t)(page.Incident(v, i))
	}
	for _, s := range v.Services[:min(len(v.Services), 8)] {
		out["service "+string(s.ID)] = text(t)(page.Service(v, s))
	}
	out["missing"] = text(t)(page.Missing(v))
	out["failed"] = text(t)(page.Failed(v))
	return out
}

// TestKeys: no page says the key of a message that no catalogue has, and none
// leaves a placeholder open.
func TestKeys(t *testing.T) {
	key := regexp.MustCompile(`>[^<]*\b(banner|status|phase|impact|fact|window|monitor|outcome|flush|response|history|maintenance|subscribe)\.[a-z0-9_]+\b[^<]*<|\{[a-z_0-9]+\}`)
	asset := regexp.MustCompile(`(?s)<(script|style)>.*?</(script|style)>`)
	for _, l := range words.All() {
		for _, state := range pagetest.States(now) {
			if state.Name == "hostile" {
				continue // its names are full of braces
			}
			v := page.View{Snapshot: state.Snapshot, Now: now, Empty: state.Empty, Stale: state.Snapshot.IsStale(now), Lang: l, Links: allLinks}
			for name, html := range pages(t, v) {
				if found := key.FindString(asset.ReplaceAllString(html, "")); found != "" {
					t.Errorf("%s, %s, %s: %q", l.Tag, state.Name, name, found)
				}
			}
		}
	}
}

// TestUsed: every message that a template or the code names is in the catalogue.
func TestUsed(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("files/*.html")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\b[TH]\s?\(?"([a-z_.0-9]+)"`)
	for _, path := range append(paths, more...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllSubmatch(text, -1) {
			if k := string(m[1]); !strings.HasSuffix(k, ".") && speaker(t, "de").Text(k) == k {
				t.Errorf("%s names the message %q, which no catalogue has", path, k)
			}
		}
	}
}

// TestDays: a bad day leads to its incident, or to the service's page where there
// are several or none.
func TestDays(t *testing.T) {
	got := text(t)(page.Status(page.View{Snapshot: pagetest.Outage(now, 8), Now: now}))
	for _, want := range []string{`<a href="/incidents/now"><title>28 May: down for 1 h 35 min</title><path class="bad" d="M89 5h1"/></a>`} {
		if !strings.Contains(got, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	s := pagetest.Site(now, 8)
	s.Services[1].Days[10] = store.DayView{Date: "2019-03-10", Known: true, DownS: 60, Uptime: 0.999, Worst: monitor.MajorOutage}
	got = text(t)(page.Status(page.View{Snapshot: s, Now: now, Lang: speaker(t, "de"), Chosen: true}))
	if want := `<a href="/services/s1?lang=de#d2019-03-10"><title>10. März: 1 Min. ausgefallen</title>`; !strings.Contains(got, want) {
		t.Errorf("the page has no %s", want)
	}
}

// TestDayWithoutMidnight: a day that begins at 1 h, since clocks jump over its midnight,
// keeps its name.
func TestDayWithoutMidnight(t *testing.T) {
	s := pagetest.Site(now, 8)
	s.Site.TimeZone = "America/Sao_Paulo"
	s.Services[1].Days[10] = store.DayView{Date: "2018-11-04", Known: true, DownS: 60, Uptime: 0.999, Worst: monitor.MajorOutage}
	view := page.View{Snapshot: s, Now: now}
	if got := text(t)(page.Status(view)); !strings.Contains(got, `<title>4 Nov 2018: down for 1 min</title>`) {
		t.Errorf("the page calls the day otherwise: %q", regexp.MustCompile("<title>[^<]*down[^<]*</title>").FindAllString(got, -1))
	}
	if got := text(t)(page.Service(view, s.Services[1])); !strings.Contains(got, `4 Nov 2018`) {
		t.Error("the service's page calls the day otherwise")
	}
}

// TestMonths: months are shown as they were measured, newest first; what is not all
// of the time is never 100 %.
func TestMonths(t *testing.T) {
	s := pagetest.Site(now, 1)
	v := &s.Services[0]
	v.Months = []store.WindowView{
		{Window: "2019-03", Coverage: 0},
		{Window: "2019-04", Known: true, Uptime: 0.99999999, Coverage: 1, DownS: 1, Frozen: true},
		{Window: "2019-05", Known: true, Uptime: 0.9964, Coverage: 1, DownS: 8640},
	}
	got := text(t)(page.Service(page.View{Snapshot: s, Now: now}, *v))
	at := -1
	for _, want := range []string{
		`May 2019 (in part)</th><td class="m">99.640%</td><td class="m">2 h 24 min</td>`, `April 2019</th><td class="m">99.999%</td><td class="m">1 s</td>`, `March 2019</th>`,
	} {
		next := strings.Index(got, want)
		if next <= at {
			t.Errorf("no %s in its place:\n%s", want, got[strings.Index(got, "<table>"):strings.Index(got, "</table>")])
		}
		at = next
	}
}

// TestForm: a page offers what is served, and nothing else.
func TestForm(t *testing.T) {
	s := pagetest.Site(now, 2)
	without := text(t)(page.Status(page.View{Snapshot: s, Now: now}))
	if strings.Contains(without, "/subscribe") || strings.Contains(without, "history.atom") {
		t.Error("the page offers what is not served")
	}
	one := text(t)(page.Service(page.View{Snapshot: s, Now: now, Links: allLinks}, s.Services[1]))
	for _, want := range []string{`action="/subscribe"`, `name="email" type="email"`, `name="service" value="s1"`, `/history.atom`, `/history.rss`, `/maintenance.ics`} {
		if !strings.Contains(one, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// BenchmarkStatus makes the page of 1,000 monitors in 100 services.
func BenchmarkStatus(b *testing.B) {
	s := pagetest.Outage(now, 100)
	for i := range s.Services {
		m := s.Services[i].Monitors
		for range 4 {
			m = append(m, s.Services[i].Monitors...)
		}
		s.Services[i].Monitors = m
	}
	v := page.View{Snapshot: s, Now: now, Zone: time.UTC, Links: allLinks}
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		body, err := page.Status(v)
		if err != nil {
			b.Fatal(err)
		}
		size = len(body)
	}
	b.ReportMetric(float64(size), "bytes")
}

// TestLasted: an outage has one length. The sign before it is none of it, nor is the
// wait for old DNS answers after it.
func TestLasted(t *testing.T) {
	draining := pagetest.States(now)
	at := slices.IndexFunc(draining, func(s pagetest.State) bool { return s.Name == "draining" })
	v := page.View{Snapshot: draining[at].Snapshot, Now: now, Lang: speaker(t, "en")}
	over := v.Incidents[0]
	over.State, over.Phase, over.Resolved = incident.Resolved, incident.Done, now
	for name, test := range map[string]struct {
		of   store.IncidentView
		want []string
	}{
		"draining": {v.Incidents[0], []string{"First sign", "Started", "Restored", "Lasted</dt><dd>6 h 50 min"}},
		"over":     {over, []string{"First sign", "Started", "Restored", "Resolved", "Lasted</dt><dd>6 h 50 min"}},
	} {
		got := strings.ReplaceAll(text(t)(page.Incident(v, test.of)), "\n", "")
		for _, w := range test.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: the page does not say %q:\n%s", name, w, got)
			}
		}
	}
}
