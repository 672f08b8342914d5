package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/monitor"
)

// pinged keeps what was recorded.
type pinged struct {
	*fake
	tokens []string
	beats  []monitor.Beat
}

func (p *pinged) RecordPing(_ context.Context, token string, beat monitor.Beat) (bool, error) {
	p.tokens, p.beats = append(p.tokens, token), append(p.beats, beat)
	return false, nil
}

// FuzzPing: whatever path and body come, at most one ping is recorded, of a
// bounded text and an exit code that there is; the answer never repeats what came.
func FuzzPing(f *testing.F) {
	for _, seed := range [][3]string{{"POST", "token", "hello"}, {"GET", "token/3", ""}, {"POST", "token/256", ""}, {"HEAD", "a/../b/fail", "\xff\x00"}, {"POST", "token/+1", "x"}, {"PUT", "%2f/start", "x"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if !slices.Contains(methods, method) {
			method = "POST"
		}
		p := &pinged{fake: night()}
		r := httptest.NewRequest(method, "/", strings.NewReader(body))
		r.URL = &url.URL{Path: "/ping/" + path}
		w := httptest.NewRecorder()
		api.New(api.Deps{Reader: p, Pinger: p, Now: func() time.Time { return t0 }}).ServeHTTP(w, r)
		if len(p.beats) > 1 || p.reads > 1 || w.Code >= http.StatusInternalServerError {
			t.Fatalf("%d pings, %d reads, status %d", len(p.beats), p.reads, w.Code)
		}
		for i, b := range p.beats {
			failed := b.Signal == monitor.SignalFail
			if p.tokens[i] == "" || len(b.Text) > monitor.MaxPingText || !utf8.ValidString(b.Text) || b.Exit < 0 || b.Exit > 255 || b.Exit != 0 && !failed {
				t.Errorf("%q records %q: %+v", path, p.tokens[i], b)
			}
			if w.Body.String() != "OK\n" && method != "HEAD" {
				t.Errorf("answers %q", w.Body)
			}
		}
	})
}
