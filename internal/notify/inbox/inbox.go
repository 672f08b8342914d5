// Package inbox keeps the messages of one machine and shows them as SNS would
// carry them: each e-mail with its subject, each SMS with its length, a column
// for each tier. It is a page for the operator of that machine, not for the
// public.
package inbox

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

// Entry is a message that has arrived.
type Entry struct {
	At      time.Time      `json:"at"`
	Message notify.Message `json:"message"`
}

// Inbox keeps the latest messages of every tier. It may be used from several
// goroutines.
type Inbox struct {
	mu      sync.Mutex
	keep    int
	entries []Entry // oldest first
}

// New returns an inbox that keeps so many messages a tier.
func New(keep int) *Inbox { return &Inbox{keep: keep} }

// Add shows a message.
func (i *Inbox) Add(at time.Time, m notify.Message) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.entries = append(i.entries, Entry{at, m})
	of, first := 0, -1
	for at, e := range i.entries {
		if e.Message.Tier == m.Tier {
			of++
			if first < 0 {
				first = at
			}
		}
	}
	if of > i.keep {
		i.entries = slices.Delete(i.entries, first, first+1)
	}
}

// List returns the messages, newest first.
func (i *Inbox) List() []Entry {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := slices.Clone(i.entries)
	slices.Reverse(list)
	return list
}

//go:embed inbox.html
var source string

// shown is an entry as the page needs it.
type shown struct {
	Entry
	Septets int
	Event   string
}

type column struct {
	Tier    monitor.TierID
	Entries []shown
}

// page is parsed when it is first asked for.
var page = sync.OnceValues(func() (*template.Template, error) {
	return template.New("inbox").Funcs(template.FuncMap{"indent": indent}).Parse(source)
})

func indent(text string) string {
	var pretty any
	if json.Unmarshal([]byte(text), &pretty) != nil {
		return text
	}
	out, _ := json.MarshalIndent(pretty, "", "  ")
	return string(out)
}

// ServeHTTP shows the messages: as a page, or as JSON where the path ends in
// .json.
func (i *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the inbox can only be read", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	list := i.List()
	if strings.HasSuffix(r.URL.Path, ".json") {
		w.Header().Set("Content-Type", "application/json")
		if list == nil {
			list = []Entry{}
		}
		_ = json.NewEncoder(w).Encode(list)
		return
	}
	t, err := page()
	if err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_ = t.Execute(w, columns(list))
}

// columns groups messages by tier, in the order in which tiers first heard.
func columns(list []Entry) []column {
	var out []column
	for _, e := range slices.Backward(list) {
		at := slices.IndexFunc(out, func(c column) bool { return c.Tier == e.Message.Tier })
		if at < 0 {
			out = append(out, column{Tier: e.Message.Tier})
			at = len(out) - 1
		}
		septets, _ := notify.GSM7(e.Message.SMS)
		out[at].Entries = append([]shown{{e, septets, e.Message.Attributes["event"]}}, out[at].Entries...)
	}
	return out
}
