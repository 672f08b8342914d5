package inbox

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

//go:embed inbox.html
var source string

//go:embed inbox.css
var style string

// view is the page, which is made when it is first asked for.
type view struct {
	page   *template.Template
	policy string // its Content-Security-Policy
}

var parsed = sync.OnceValues(func() (view, error) {
	page, err := template.New("inbox").Funcs(template.FuncMap{"indent": indent}).Parse(source)
	sum := sha256.Sum256([]byte(style))
	return view{page, "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}, err
})

// indent makes a machine body readable.
func indent(text string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(text), "", "  ") != nil {
		return text
	}
	return out.String()
}

// facts is what the page shows.
type facts struct {
	Style   template.CSS
	Refresh bool
	MaxSMS  int
	Notes   []string
	Tiers   []column
}

type column struct {
	Tier    monitor.TierID
	Entries []Entry
}

// ServeHTTP shows the messages: as a page that loads itself again every five
// seconds, without that for ?refresh=0, or as JSON where the path ends in .json.
func (i *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the inbox can only be read", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	list := i.List()
	if strings.HasSuffix(r.URL.Path, ".json") {
		w.Header().Set("Content-Type", "application/json")
		if list == nil {
			list = []Entry{}
		}
		_ = json.NewEncoder(w).Encode(list)
		return
	}
	var notes []string
	if i.note != nil {
		notes = i.note(r.Context())
	}
	v, err := parsed()
	var out bytes.Buffer
	if err == nil {
		err = v.page.Execute(&out, facts{template.CSS(style), r.URL.Query().Get("refresh") != "0", notify.MaxSMS, notes, columns(list)})
	}
	if err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", v.policy)
	_, _ = w.Write(out.Bytes())
}

// columns groups messages by tier, newest first, in the order in which the
// tiers first heard of anything.
func columns(list []Entry) []column {
	var out []column
	for _, e := range slices.Backward(list) {
		at := slices.IndexFunc(out, func(c column) bool { return c.Tier == e.Message.Tier })
		if at < 0 {
			out = append(out, column{Tier: e.Message.Tier})
			at = len(out) - 1
		}
		out[at].Entries = append(out[at].Entries, e)
	}
	for _, c := range out {
		slices.Reverse(c.Entries)
	}
	return out
}
