package widget

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// View is a snapshot as it is shown at a time.
type View struct {
	store.Snapshot
	Status monitor.Status // of everything
	Stale  bool           // too old to say anything about now, or never made
}

// Forms are the shapes of the widget; the first is the default.
var forms = [...]string{"pill", "list", "banner"}

// look is how a state appears: a colour class and a sign, so that no colour
// stands alone.
type look struct{ Class, Sign string }

var states = [...]monitor.Status{
	monitor.Operational, monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage, monitor.MajorOutage, monitor.InMaintenance, monitor.NotKnown,
}

var looks = [...]look{{"ok", "✓"}, {"warn", "!"}, {"warn", "!"}, {"part", "◐"}, {"bad", "✕"}, {"plan", "⚙"}, {"none", "?"}}

// rank is the place of a state in the texts; one that is not known to this
// version is unknown, and never green.
func rank(s monitor.Status) int {
	if at := slices.Index(states[:], s); at >= 0 {
		return at
	}
	return len(states) - 1
}

// statusTexts is the part "status" of a language.
type statusTexts struct {
	Words     []string `json:"words"`
	Sentences []string `json:"sentences"`
	Stale     string   `json:"stale"`
	Page      string   `json:"page"`
	Last      string   `json:"last"`
	Affected  string   `json:"affected"`
}

var style = sync.OnceValues(func() (string, error) {
	text, err := files.ReadFile("widget.css")
	return strings.TrimSpace(string(text)), err
})

// Style is what the pages of this package and of subscriptions look like, and
// its source for a policy, such as 'sha256-…'.
func Style() (css, source string, err error) {
	css, err = style()
	sum := sha256.Sum256([]byte(css))
	return css, "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", err
}

var templates = sync.OnceValues(func() (*template.Template, error) {
	css, err := style()
	if err != nil {
		return nil, err
	}
	return template.New("widget").Funcs(template.FuncMap{"style": func() template.CSS { return template.CSS(css) }}).ParseFS(files, "*.html")
})

func execute(name string, v any) ([]byte, error) {
	t, err := templates()
	if err != nil {
		return nil, fmt.Errorf("parse page: %w", err)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, name, v); err != nil {
		return nil, fmt.Errorf("make page: %w", err)
	}
	return out.Bytes(), nil
}

// openIncident is an incident as the banner shows it.
type openIncident struct{ ID, Title, Latest string }

// line is a service in the list.
type line struct {
	Name, Word string
	Look       look
}

// Embed is the page for a frame, complete without scripts; Home is where its
// links lead: the address of the page with a slash at its end.
func Embed(v View, form, lang string) ([]byte, error) {
	t, err := part[statusTexts](lang, "status")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(forms[:], form) {
		form = forms[0]
	}
	at := rank(v.Status)
	sentence := t.Sentences[at]
	if v.Stale {
		at, sentence = rank(monitor.NotKnown), t.Stale
	}
	data := struct {
		View
		Lang, Form, Sentence, Home, Last, LastISO string
		Look                                      look
		Text                                      statusTexts
		Open                                      []openIncident
		Services                                  []line
	}{View: v, Lang: lang, Form: form, Sentence: sentence, Home: v.Site.URL + "/", Look: looks[at], Text: t}
	if v.Stale && !v.Generated.IsZero() {
		data.Last, data.LastISO = v.Generated.UTC().Format("2006-01-02 15:04 UTC"), v.Generated.UTC().Format(time.RFC3339)
	}
	for _, s := range v.Services {
		at := rank(s.Status)
		if v.Stale {
			at = rank(monitor.NotKnown)
		}
		data.Services = append(data.Services, line{s.Name, t.Words[at], looks[at]})
	}
	for _, i := range v.Incidents {
		if i.State != incident.Resolved && len(data.Open) < 3 && !v.Stale {
			data.Open = append(data.Open, openIncident{i.ID, i.Title, latest(i)})
		}
	}
	return execute("embed.html", data)
}

// latest is the newest update, not longer than a banner bears.
func latest(i store.IncidentView) string {
	if len(i.Updates) == 0 {
		return ""
	}
	text := []rune(i.Updates[0].Text)
	if len(text) > 280 {
		return string(text[:279]) + "…"
	}
	return string(text)
}

// EmbedPolicy is the Content-Security-Policy of the frame page. Who may frame
// it are the origins given; any, if there are none: the page shows only what is
// public, takes no input and knows no visitor, so that there is nothing in it
// that a hostile frame could make somebody click.
func EmbedPolicy(origins []string) (string, error) {
	_, source, err := Style()
	if err != nil {
		return "", err
	}
	ancestors := "*"
	if len(origins) > 0 {
		ancestors = strings.Join(origins, " ")
	}
	return "default-src 'none'; style-src " + source + "; base-uri 'none'; form-action 'none'; frame-ancestors " + ancestors, nil
}
