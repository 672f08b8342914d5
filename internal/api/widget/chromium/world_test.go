package chromium_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// world is the servers that the browser's names lead to: status.example is the
// site, page.example somebody's page, *.up.example answer, *.gone.example hang
// up, *.nowhere.example are not in the DNS.
type world struct {
	site, page atomic.Pointer[http.Handler]
	up, gone   string // host:port
}

var names = newWorld()

func newWorld() *world {
	w := &world{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		handler := http.NotFoundHandler() // what *.up.example answers: an answer is an answer
		switch r.Host {
		case "status.example":
			handler = *w.site.Load()
		case "page.example":
			handler = *w.page.Load()
		}
		handler.ServeHTTP(out, r)
	}))
	server.Config.ErrorLog = nil
	server.StartTLS()
	w.up = server.Listener.Addr().String()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	w.gone = listener.Addr().String()
	return w
}

func (w *world) rules() string {
	return fmt.Sprintf("MAP *.gone.example %s, MAP *.nowhere.example ~NOTFOUND, MAP *.up.example %s, MAP status.example %s, MAP page.example %s", w.gone, w.up, w.up, w.up)
}

// serve puts a site and a page in place. The page is under the policy of a very
// careful owner: nothing but the site's scripts and connections to it.
func (w *world) serve(site http.Handler, body string, more ...string) {
	w.site.Store(&site)
	page := http.Handler(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/html; charset=utf-8")
		out.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; script-src https://status.example; connect-src https://status.example "+strings.Join(more, " ")+
			"; style-src 'none'; frame-src https://status.example; base-uri 'none'; require-trusted-types-for 'script'")
		_, _ = fmt.Fprintf(out, `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Page</title><link rel="icon" href="data:,"></head><body><main><h1>Somebody’s page</h1>%s</main></body></html>`, body)
	}))
	w.page.Store(&page)
}

const script = `<script type="module" src="https://status.example/widget.js"></script>`

// reader is a snapshot that a test may change.
type reader struct{ view }

// view has a name that is not the method's.
type view = store.Snapshot

func (r *reader) Snapshot(context.Context) (store.Snapshot, int64, error) { return r.view, 1, nil }

// sonde is the real API over a snapshot.
func sonde(r *reader) http.Handler {
	return api.New(api.Deps{Reader: r, Now: func() time.Time { return r.Generated }})
}

func snapshot(statuses ...monitor.Status) *reader {
	s := store.Snapshot{Generated: time.Now().UTC(), Fresh: time.Minute, Site: monitor.Site{Name: "Acme", URL: "https://status.example", TimeZone: "UTC"}}
	for i, status := range statuses {
		id := monitor.ServiceID(fmt.Sprintf("service-%d", i))
		s.Services = append(s.Services, store.ServiceView{ID: id, Name: fmt.Sprintf("Service %d", i), Status: status, Since: s.Generated})
	}
	return &reader{s}
}

func (r *reader) incident(title, text string) *reader {
	r.Incidents = append(r.Incidents, store.IncidentView{
		ID: "i-1", Title: title, State: incident.Open, Phase: "investigating", Impact: monitor.ImpactMajor, Worst: monitor.ImpactMajor,
		Opened: r.Generated, Updated: r.Generated, Services: []monitor.ServiceID{"service-0"},
		Updates: []store.UpdateView{{At: r.Generated, Phase: "investigating", Text: text}},
	})
	return r
}

// answering is a site whose status is this text.
func answering(status int, body string) http.Handler {
	scripts := sonde(snapshot())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !bytes.HasSuffix([]byte(r.URL.Path), []byte("/api/v1/status")) {
			scripts.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}
