// Package publish keeps a copy of what the API serves in a store of objects that
// works while the API does not: pages, JSON, feeds and scripts, as the API itself
// answers.
//
// A copy cannot know how old it is when somebody reads it. So it never speaks of
// the present: it is made as of the moment when its news end, with every state
// unknown, the incidents as last known, and the time of the last news. It needs
// no script for that, and a reader of its JSON sees "stale": true.
//
// A Publisher writes when what visitors care for has changed, and otherwise every
// five minutes, so that the time of the last news is not much too old; of that
// only objects whose text has changed. It keeps what it wrote in memory: after a
// start all is written once. Writing twice is harmless. It is not safe for
// concurrent use.
package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/store"
)

// Object is one file of the copy.
type Object struct {
	ContentType  string
	CacheControl string
	Body         []byte
}

// Objects takes the copy. Put replaces an object; a repeat is safe.
type Objects interface {
	Put(ctx context.Context, key string, o Object) error
}

// Reader reads the snapshot, and its version, 0 while there is none.
type Reader interface {
	Snapshot(ctx context.Context) (store.Snapshot, int64, error)
}

// API makes the handler that answers from a snapshot at a time.
type API func(Reader, func() time.Time) http.Handler

// Publisher makes copies.
type Publisher struct {
	reader  Reader
	api     API
	objects Objects
	now     func() time.Time

	written map[string][sha256.Size]byte
	content [sha256.Size]byte // of the snapshot that was written last
	at      time.Time         // when
}

const (
	every = 5 * time.Minute
	// The copy stands in for minutes: nobody is to keep it when the API is back.
	caching = "public, max-age=10, stale-if-error=86400"
)

// New returns a publisher.
func New(reader Reader, api API, objects Objects, now func() time.Time) *Publisher {
	return &Publisher{reader: reader, api: api, objects: objects, now: now, written: map[string][sha256.Size]byte{}}
}

// paths is what is copied. The API's answer to a path that it does not have is
// not. What stands under a name with a hash is never removed: pages that were
// written for an older version go on working.
var paths = [...]string{
	"/index.html", "/history", "/affected", "/affected.json", "/embed", "/history.atom", "/history.rss", "/maintenance.ics",
	"/api/v1/status", "/api/v1/incidents", "/api/v1/services", "/api/v1/maintenance",
	"/api/v2/summary.json", "/api/v2/status.json", "/api/v2/components.json", "/api/v2/incidents.json", "/api/v2/incidents/unresolved.json",
	"/api/v2/scheduled-maintenances.json", "/api/v2/scheduled-maintenances/upcoming.json", "/api/v2/scheduled-maintenances/active.json",
	"/widget.js", "/affected.js",
}

// Publish writes what is due, and returns how many objects that were. What
// failed is written the next time.
func (p *Publisher) Publish(ctx context.Context, extra ...string) (written int, err error) {
	snapshot, version, err := p.reader.Snapshot(ctx)
	if err != nil {
		return 0, fmt.Errorf("read snapshot: %w", err)
	}
	if version == 0 {
		return 0, nil // nothing was ever measured
	}
	content, err := fingerprint(snapshot)
	if err != nil {
		return 0, err
	}
	now := p.now()
	if content == p.content && now.Sub(p.at) < every {
		return 0, nil
	}
	ended := snapshot.Generated.Add(snapshot.Fresh + time.Second)
	handler := p.api(fixed{snapshot, version}, func() time.Time { return ended })
	var failed error
	all := append(append([]string{}, paths[:]...), extra...)
	for _, inc := range snapshot.Incidents {
		all = append(all, "/incidents/"+inc.ID, "/api/v1/incidents/"+inc.ID)
	}
	for _, path := range all {
		changed, err := p.copy(ctx, handler, path)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("copy %s: %w", path, err))
		}
		if changed {
			written++
		}
	}
	if failed == nil {
		p.content, p.at = content, now
	}
	return written, failed
}

// copy writes the answer to a path, if it is one and differs from what was
// written last.
func (p *Publisher) copy(ctx context.Context, handler http.Handler, path string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return false, err
	}
	answer := &answer{header: http.Header{}, status: http.StatusOK}
	handler.ServeHTTP(answer, request)
	if answer.status == http.StatusNotFound {
		return false, nil
	}
	if answer.status != http.StatusOK {
		return false, fmt.Errorf("the API answers with status %d", answer.status)
	}
	o := Object{ContentType: answer.header.Get("Content-Type"), CacheControl: caching, Body: answer.body.Bytes()}
	if strings.Contains(answer.header.Get("Cache-Control"), "immutable") {
		o.CacheControl = answer.header.Get("Cache-Control")
	}
	if policy := answer.header.Get("Content-Security-Policy"); policy != "" {
		o.Body = withPolicy(o.Body, policy)
	}
	sum := sha256.Sum256(o.Body)
	if p.written[path] == sum {
		return false, nil
	}
	if err := p.objects.Put(ctx, strings.TrimPrefix(path, "/"), o); err != nil {
		return false, err
	}
	p.written[path] = sum
	return true, nil
}

// withPolicy puts a page's policy into the page: objects have no such header. Who
// may frame it cannot be said there, and a page of the copy shows nothing but
// what is public.
func withPolicy(body []byte, policy string) []byte {
	var kept []string
	for directive := range strings.SplitSeq(policy, ";") {
		if directive = strings.TrimSpace(directive); directive != "" && !strings.HasPrefix(directive, "frame-ancestors") {
			kept = append(kept, directive)
		}
	}
	meta := `<meta http-equiv="Content-Security-Policy" content="` + strings.ReplaceAll(strings.Join(kept, "; "), `"`, "&quot;") + `">`
	return bytes.Replace(body, []byte("<head>"), []byte("<head>\n"+meta), 1)
}

// fingerprint is of what visitors care for: not of when it was found out.
func fingerprint(s store.Snapshot) (sum [sha256.Size]byte, err error) {
	s.Generated, s.Measured, s.Locations = time.Time{}, time.Time{}, nil
	text, err := json.Marshal(s)
	if err != nil {
		return sum, fmt.Errorf("encode snapshot: %w", err)
	}
	return sha256.Sum256(text), nil
}

// fixed reads one snapshot again and again.
type fixed struct {
	snapshot store.Snapshot
	version  int64
}

func (f fixed) Snapshot(context.Context) (store.Snapshot, int64, error) {
	return f.snapshot, f.version, nil
}

// answer keeps what a handler answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
