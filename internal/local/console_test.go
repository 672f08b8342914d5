package local_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestConsoleFailure: a false expectation of warn: is called so, as in messages.
func TestConsoleFailure(t *testing.T) {
	for _, warn := range []bool{false, true} {
		var out strings.Builder
		log := slog.New(local.NewConsole(&out, false, slog.LevelInfo))
		log.Info("check", "monitor", "shop", "outcome", monitor.OutcomeDegraded, "location", monitor.Local,
			"failure", monitor.FailExpect, "warn", warn, "detail", "cert_days > 14 (cert_days was 3)", "attempt", 0)
		want := map[bool]string{false: "shop degraded from local: expect: cert_days > 14", true: "shop degraded from local: warn: cert_days > 14"}[warn]
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}
