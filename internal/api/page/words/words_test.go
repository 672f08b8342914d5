package words_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/sondehq/sonde/internal/api/page/words"
)

var placeholder = regexp.MustCompile(`\{[a-z_0-9]*\}`)

// file is a catalogue as it is written, each message with its forms.
type file struct {
	Months      []string                   `json:"months"`
	ShortMonths []string                   `json:"short_months"`
	Weekdays    []string                   `json:"weekdays"`
	Dir         string                     `json:"dir"`
	Dates       map[string]string          `json:"dates"`
	Messages    map[string]json.RawMessage `json:"messages"`
}

func read(t *testing.T, tag string) file {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("catalogue", tag+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatalf("%s: %v", tag, err)
	}
	return f
}

func formsOf(t *testing.T, raw json.RawMessage) map[string]string {
	t.Helper()
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return map[string]string{"other": one}
	}
	var forms map[string]string
	if err := json.Unmarshal(raw, &forms); err != nil {
		t.Fatal(err)
	}
	return forms
}

func placeholders(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(placeholder.FindAllString(text, -1))))
}

// TestCatalogues: every language has every message of English, with the same
// placeholders, and every plural form that its grammar has.
func TestCatalogues(t *testing.T) {
	english := read(t, "en")
	found, err := filepath.Glob("catalogue/*.json")
	if err != nil || len(found) != len(words.All()) {
		t.Fatalf("%d catalogues for %d languages, %v", len(found), len(words.All()), err)
	}
	for _, l := range words.All() {
		f := read(t, l.Tag)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(english.Messages)), slices.Sorted(maps.Keys(f.Messages))); diff != "" {
			t.Errorf("%s: messages (-English +%s):\n%s", l.Tag, l.Tag, diff)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(english.Dates)), slices.Sorted(maps.Keys(f.Dates))); diff != "" {
			t.Errorf("%s: dates (-English +%s):\n%s", l.Tag, l.Tag, diff)
		}
		if len(f.Months) != 12 || len(f.ShortMonths) != 12 || len(f.Weekdays) != 7 || l.Name == "" || f.Dir != "ltr" && f.Dir != "rtl" {
			t.Errorf("%s: %d months, %d short ones, %d weekdays, direction %q", l.Tag, len(f.Months), len(f.ShortMonths), len(f.Weekdays), f.Dir)
		}
		for key, raw := range f.Messages {
			checkMessage(t, l.Tag+" "+key, language.MustParse(l.Tag), formsOf(t, english.Messages[key]), formsOf(t, raw))
		}
	}
}

func checkMessage(t *testing.T, name string, tag language.Tag, english, forms map[string]string) {
	t.Helper()
	want := placeholders(english["other"])
	for form, text := range forms {
		if diff := cmp.Diff(want, placeholders(text)); diff != "" {
			t.Errorf("%s, %s: placeholders (-English +here):\n%s", name, form, diff)
		}
		if text == "" || strings.TrimFunc(text, unicode.IsSpace) != text {
			t.Errorf("%s, %s: %q is empty or begins or ends with a space", name, form, text)
		}
	}
	if len(english) == 1 && len(forms) == 1 {
		return
	}
	names := map[plural.Form]string{plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}
	for _, n := range []int{0, 1, 2, 3, 5, 11, 21, 100, 1_000_000} {
		if form := names[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]; forms[form] == "" {
			t.Errorf("%s: no form %q, which %d needs", name, form, n)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		header, asked string
		want          string
		explicit      bool
	}{
		{"", "", "en", false},
		{"de-CH, en;q=0.5", "", "de", false},
		{"fr-CA;q=0.9, es;q=0.8", "", "fr", false},
		{"ja", "", "ja", false},
		{"pt-BR, es;q=0.3", "", "es", false},
		{"sw", "", "en", false},
		{"de", "es", "es", true},
		{"de", "es-419", "es", true},
		{"de", "ko", "de", false},
		{"de", "<script>", "de", false},
		{"de", strings.Repeat("a", 5000), "de", false},
		{strings.Repeat("de,", 5000), "", "en", false},
		{";;;=,q", "", "en", false},
	} {
		l, explicit := words.Match(test.header, test.asked)
		if l.Tag != test.want || explicit != test.explicit {
			t.Errorf("Match(%.20q, %.20q) = %s, %t; want %s, %t", test.header, test.asked, l.Tag, explicit, test.want, test.explicit)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("de-CH, en;q=0.5", "fr")
	f.Fuzz(func(t *testing.T, header, asked string) {
		if l, _ := words.Match(header, asked); l == nil || l.Tag == "" {
			t.Errorf("no language for %q, %q", header, asked)
		}
	})
}

func speaker(t *testing.T, tag string) *words.Language {
	t.Helper()
	l, explicit := words.Match("", tag)
	if !explicit {
		t.Fatalf("no %s", tag)
	}
	return l
}

func TestTexts(t *testing.T) {
	now := time.Date(2019, 5, 29, 1, 30, 0, 0, time.UTC)
	before := time.Date(2018, 3, 4, 18, 5, 0, 0, time.UTC)
	for _, test := range []struct {
		tag  string
		want []string
	}{
		{"en", []string{"99.98%", "6 h 50 min", "1 day", "2 days 3 h", "45 s", "01:30", "4 Mar 2018, 18:05", "Sunday, 4 March", "March 2018", "1 incident", "2 incidents", "8.5 ms", "120 ms"}},
		{"de", []string{"99,98 %", "6 Std. 50 Min.", "1 Tag", "2 Tage 3 Std.", "45 Sek.", "01:30", "4. März 2018, 18:05", "Sonntag, 4. März", "März 2018", "1 Störung", "2 Störungen", "8,5 ms", "120 ms"}},
		{"fr", []string{"99,98 %", "6 h 50 min", "1 jour", "2 jours 3 h", "45 s", "01:30", "4 mars 2018, 18:05", "dimanche 4 mars", "mars 2018", "1 incident", "2 incidents", "8,5 ms", "120 ms"}},
		{"es", []string{"99,98 %", "6 h 50 min", "1 día", "2 días 3 h", "45 s", "01:30", "4 mar 2018, 18:05", "domingo, 4 de marzo", "marzo de 2018", "1 incidente", "2 incidentes", "8,5 ms", "120 ms"}},
		{"ja", []string{"99.98%", "6時間50分", "1日", "2日3時間", "45秒", "01:30", "2018年3月4日 18:05", "3月4日（日曜日）", "2018年3月", "1件の障害", "2件の障害", "8.5ミリ秒", "120ミリ秒"}},
	} {
		l := speaker(t, test.tag)
		got := []string{
			l.Percent(0.99989, 2), l.Span(6*time.Hour + 50*time.Minute + 10*time.Second), l.Span(24 * time.Hour), l.Span(51 * time.Hour), l.Span(45 * time.Second),
			l.At(now, now), l.At(before, now), l.Long(before), l.Month(before), l.Text("history.count", "n", 1), l.Text("history.count", "n", 2), l.MS(8.5), l.MS(120.4),
		}
		for i := range got {
			got[i] = strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(got[i])
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.tag, diff)
		}
	}
}

func TestEdges(t *testing.T) {
	l := words.English()
	for name, test := range map[string]struct{ got, want string }{
		"unknown key":          {l.Text("nothing", "n", 1), "nothing"},
		"negative span":        {l.Span(-time.Hour), "0 s"},
		"just under an hour":   {l.Span(59*time.Minute + 40*time.Second), "1 h"},
		"braces in a value":    {l.Text("resolved_after", "span", "{span} {time}"), "Resolved after {span} {time}"},
		"zero value says keys": {(&words.Language{}).Text("past"), "past"},
		"offset":               {words.Offset(time.Date(2019, 5, 1, 0, 0, 0, 0, time.FixedZone("", -7*3600))), "UTC−7"},
		"half an hour":         {words.Offset(time.Date(2019, 5, 1, 0, 0, 0, 0, time.FixedZone("", 5*3600+1800))), "UTC+5:30"},
		"no letters":           {words.Abbreviation(time.Date(2019, 5, 1, 0, 0, 0, 0, time.FixedZone("-03", -3*3600))), "UTC−3"},
		"letters":              {words.Abbreviation(time.Date(2019, 5, 1, 0, 0, 0, 0, time.FixedZone("PDT", -7*3600))), "PDT"},
	} {
		if got := strings.ReplaceAll(test.got, "\u00a0", " "); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
