package probe_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

func TestHeartbeat(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		name    string
		ping    monitor.Ping
		err     error
		outcome monitor.Outcome
		kind    monitor.FailureKind
		detail  string
	}{
		{"in time", monitor.Ping{Since: ago(100 * time.Hour), At: ago(59 * time.Minute)}, nil, "up", "", ""},
		{"in grace", monitor.Ping{Since: ago(100 * time.Hour), At: ago(65 * time.Minute)}, nil, "up", "", ""},
		{"late", monitor.Ping{Since: ago(100 * time.Hour), At: ago(66 * time.Minute)}, nil, "down", "heartbeat", "last pinged 1h6m0s ago"},
		{"failed", monitor.Ping{Since: ago(100 * time.Hour), At: ago(time.Minute), Failed: true, Detail: "exit\x1b[31m 3"}, nil, "down", "heartbeat", "3"},
		{"never", monitor.Ping{Since: ago(2 * time.Hour)}, nil, "down", "heartbeat", "never pinged"},
		{"first period", monitor.Ping{Since: ago(time.Minute)}, nil, "up", "", ""},
		{"pinged ahead of the clock", monitor.Ping{Since: ago(time.Hour), At: ago(-time.Minute)}, nil, "up", "", ""},
		{"not set up", monitor.Ping{}, nil, "not_run", "internal", "no token"},
		{"unreadable", monitor.Ping{}, errors.New("disk\nfull"), "not_run", "internal", "disk full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := probe.New(probe.Env{
				Now:      func() time.Time { return now },
				LastPing: func(context.Context, monitor.ID) (monitor.Ping, error) { return c.ping, c.err },
			}, probe.Options{})
			m := monitor.Monitor{ID: "job", Timeout: time.Second, Heartbeat: &monitor.Heartbeat{Every: time.Hour, Grace: 5 * time.Minute}}
			r := e.Run(t.Context(), []monitor.Check{{Monitor: m}})[0]
			want(t, r, c.outcome, c.kind, c.detail)
			if r.Failure != nil {
				clean(t, r.Failure.Detail)
			}
			if !r.Started.Equal(now) {
				t.Errorf("started %s", r.Started)
			}
		})
	}
	t.Run("no store", func(t *testing.T) {
		want(t, run(t, monitor.Monitor{Heartbeat: &monitor.Heartbeat{Every: time.Hour}}), "not_run", "internal", "")
	})
}
