package widget_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/api/widget"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestWeight: who embeds the widget pays for less than 5 kB.
func TestWeight(t *testing.T) {
	for _, test := range []struct {
		of   func() (widget.Script, error)
		path string
		most int
	}{
		{widget.Status, "/widget.js", 5_000},
		{widget.Affected, "/affected.js", 10_000},
	} {
		script, err := test.of()
		if err != nil {
			t.Fatal(err)
		}
		var small bytes.Buffer
		z := gzip.NewWriter(&small)
		if _, err := z.Write(script.Body); err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, %d compressed", script.Path, len(script.Body), small.Len())
		if script.Path != test.path || small.Len() >= test.most {
			t.Errorf("%s is %d bytes compressed, want less than %d", script.Path, small.Len(), test.most)
		}
		if !strings.HasPrefix(script.Integrity, "sha384-") || !strings.HasPrefix(script.Versioned, strings.TrimSuffix(test.path, "js")) {
			t.Errorf("got %q, %q", script.Integrity, script.Versioned)
		}
		for _, never := range []string{"/*texts*/ {}", "innerHTML", "eval(", ".style."} {
			if bytes.Contains(script.Body, []byte(never)) {
				t.Errorf("%s holds %s", script.Path, never)
			}
		}
	}
}

func TestChoose(t *testing.T) {
	for _, test := range []struct{ name, asked, accept, want string }{
		{"asked for", "de", "fr", "de"},
		{"asked for with a region", "JA-jp", "", "ja"},
		{"asked for what there is not", "xx", "fr", "fr"},
		{"header", "", "es-MX,es;q=0.9,en;q=0.8", "es"},
		{"by weight", "", "en;q=0.5, fr;q=0.8", "fr"},
		{"first of equals", "", "de, fr", "de"},
		{"refused", "", "de;q=0, fr;q=0.1", "fr"},
		{"unknown language", "", "tlh, ja;q=0.2", "ja"},
		{"bad weight", "", "de;q=x, es;q=NaN", "en"},
		{"nothing", "", "", "en"},
	} {
		if got := widget.Choose(test.asked, test.accept); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("de", "fr;q=0.5,*")
	f.Fuzz(func(t *testing.T, asked, accept string) {
		if got := widget.Choose(asked, accept); !strings.Contains("en de fr es ja", got) || len(got) != 2 {
			t.Errorf("got %q", got)
		}
	})
}

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func view() widget.View {
	return widget.View{
		Status: monitor.PartialOutage,
		Snapshot: store.Snapshot{
			Generated: now, Fresh: 3 * time.Minute, Site: monitor.Site{Name: "Acme <b>", URL: "https://status.example.com", TimeZone: "UTC"},
			Services: []store.ServiceView{
				{ID: "app", Name: "App <script>alert(1)</script>", Status: monitor.MajorOutage, Browser: &monitor.BrowserCheck{
					URL: "https://app.example.com/health", Old: []string{"https://old.example.com:8443/"}, New: []string{"https://new.example.com/", "https://app.example.com/new"},
				}},
				{ID: "mail", Name: "Mail", Status: monitor.Operational},
			},
			Incidents: []store.IncidentView{{
				ID: "i-1", Title: "App down", State: incident.Open, Services: []monitor.ServiceID{"app"}, DNSUntil: now.Add(time.Hour),
				Updates: []store.UpdateView{{At: now, Text: strings.Repeat("word ", 100)}},
			}},
		},
	}
}

func TestEmbed(t *testing.T) {
	for _, test := range []struct {
		name, form, lang string
		change           func(*widget.View)
		want, never      []string
	}{
		{"pill", "pill", "en", nil, []string{`href="https://status.example.com/"`, "Some services are down", `<base target="_blank">`, "box pill part"}, []string{"<b>", "App down", "Mail"}},
		{"no such form", "x", "de", nil, []string{"box pill part", `lang="de"`, "Einige Dienste sind ausgefallen"}, nil},
		{"list", "list", "fr", nil, []string{"&lt;script&gt;", "Panne", "Opérationnel"}, []string{"<script"}},
		{"banner", "banner", "en", nil, []string{"App down", "https://status.example.com/incidents/i-1", "https://status.example.com/affected", "…"}, []string{"Mail"}},
		{"stale", "list", "en", func(v *widget.View) { v.Stale = true }, []string{"The current state is not known", "2026-11-23 10:00 UTC", "box list none"}, []string{`class="ok"`, "Operational"}},
		{"a state of a later version", "list", "en", func(v *widget.View) { v.Status, v.Services[1].Status = "splendid", "splendid" }, []string{"box list none", "Unknown"}, []string{`class="ok"`}},
		{"never made", "banner", "en", func(v *widget.View) { *v = widget.View{Stale: true} }, []string{"The current state is not known"}, []string{"1970", "0001"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := view()
			if test.change != nil {
				test.change(&v)
			}
			body, err := widget.Embed(v, test.form, test.lang)
			if err != nil {
				t.Fatal(err)
			}
			holds(t, string(body), test.want, test.never)
		})
	}
}

func holds(t *testing.T, text string, want, never []string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(text, s) {
			t.Errorf("%q is missing in\n%s", s, text)
		}
	}
	for _, s := range never {
		if strings.Contains(text, s) {
			t.Errorf("%q is in\n%s", s, text)
		}
	}
}

func TestEmbedPolicy(t *testing.T) {
	for _, test := range []struct {
		origins []string
		want    string
	}{
		{nil, "frame-ancestors *"},
		{[]string{"https://a.example", "https://b.example"}, "frame-ancestors https://a.example https://b.example"},
	} {
		got, err := widget.EmbedPolicy(test.origins)
		if err != nil || !strings.HasPrefix(got, "default-src 'none'; style-src 'sha256-") || !strings.HasSuffix(got, test.want) {
			t.Errorf("got %q, %v, want %q", got, err, test.want)
		}
	}
}

// TestAffectedPolicy: only what is listed may be connected to, each origin once.
func TestAffectedPolicy(t *testing.T) {
	got, err := widget.AffectedPolicy(view())
	if err != nil || !strings.Contains(got, "; connect-src 'self' https://app.example.com https://old.example.com:8443 https://new.example.com; ") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTests(t *testing.T) {
	v := view()
	got, err := widget.TestsOf(v, "", "de")
	want := widget.Tests{Services: []widget.Test{{
		ID: "app", Name: v.Services[0].Name, Status: monitor.MajorOutage, Word: "Ausfall", URL: "https://app.example.com/health",
		Old: []string{"https://old.example.com:8443/"}, New: []string{"https://new.example.com/", "https://app.example.com/new"}, Until: now.Add(time.Hour),
	}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, tests differ (-want +got):\n%s", err, diff)
	}
	v.Stale = true
	v.Incidents[0].State = incident.Resolved
	got, err = widget.TestsOf(v, "app", "en")
	if err != nil || !got.Stale || got.Services[0].Status != monitor.NotKnown || !got.Services[0].Until.IsZero() {
		t.Errorf("stale: got %+v, %v", got, err)
	}
	if got, _ := widget.TestsOf(v, "mail", "en"); len(got.Services) != 0 {
		t.Errorf("nothing to try: got %+v", got)
	}
	if !widget.HasTests(v.Snapshot, v.Incidents[0]) || widget.HasTests(v.Snapshot, store.IncidentView{Services: []monitor.ServiceID{"mail"}}) {
		t.Error("HasTests is wrong")
	}
}

func TestAffectedPage(t *testing.T) {
	for _, lang := range widget.Languages() {
		body, err := widget.AffectedPage(view(), "app", lang)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, string(body), []string{`lang="` + lang + `"`, `<sonde-affected src="/" service="app"`, "<code>chrome://net-internals/#dns</code>", "ipconfig /flushdns", `integrity="sha384-`}, []string{"{0}", "<no value>", "Acme <b>"})
	}
	v := view()
	v.Services = v.Services[1:]
	body, err := widget.AffectedPage(v, "", "en")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, string(body), []string{"There is nothing that a browser could test here", "ipconfig"}, []string{"<sonde-affected"})
}
