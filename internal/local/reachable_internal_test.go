package local

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestReachable: the owner of a machine sees in the inbox which tiers a test has
// reached, and that it went no further; the public page does not say it.
func TestReachable(t *testing.T) {
	ctx := t.Context()
	s, err := Open(Options{Data: t.TempDir(), Addr: "127.0.0.1:0", Console: NewConsole(io.Discard, false, slog.LevelError)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	page := func() string {
		w := httptest.NewRecorder()
		s.inbox.ServeHTTP(w, httptest.NewRequest("GET", "/inbox", nil))
		return w.Body.String()
	}
	if got := page(); strings.Contains(got, "rehearse") {
		t.Errorf("without a configuration:\n%s", got)
	}
	cfg := &monitor.Config{Site: monitor.Site{Name: "Intervals", TimeZone: "UTC"}, Tiers: []monitor.Tier{{ID: "oncall"}, {ID: "customers", Public: true}}}
	if _, err := s.Apply(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if got := page(); !strings.Contains(got, "<li>Never rehearsed: `sonde rehearse` tests each tier&#39;s way</li>") {
		t.Errorf("before the first:\n%s", got)
	}
	if err := s.stages.Rehearse(ctx, cfg, store.Rehearsal{At: now()}, nil, store.Rehearsal{}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.stages.Notify(ctx); err != nil {
		t.Fatal(err)
	}
	if got := page(); !strings.Contains(got, "ago: 1 of 2 tiers reachable, in the inbox of this machine only: nothing is mailed, no phone rings</li><li>customers: never tried</li>") {
		t.Errorf("after it:\n%s", got)
	}
}
