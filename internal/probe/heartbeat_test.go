package probe_test

import (
	"context"
	"errors"
	"strings"
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

// TestHeartbeatRuns: a job that says when it begins.
func TestHeartbeatRuns(t *testing.T) {
	night := &monitor.Heartbeat{Cron: "0 2 * * *", TimeZone: "America/Los_Angeles", Grace: 30 * time.Minute, MaxRun: time.Hour} // 10:00 UTC in winter
	hourly := &monitor.Heartbeat{Every: time.Hour, Grace: 5 * time.Minute}
	day := func(clock string) time.Time {
		at, err := time.Parse("2 15:04:05", clock)
		if err != nil {
			t.Fatal(err)
		}
		return at.AddDate(2026, 0, 0) // January 2026
	}
	for _, c := range []struct {
		name   string
		h      *monitor.Heartbeat
		now    string
		beats  []string // time, signal and exit code
		down   string
		expect string
	}{
		{"cron in time", night, "6 09:59:00", []string{"5 10:20:00 success 0"}, "", "!running && exit_code == 0"},
		{"cron in grace", night, "6 10:29:00", []string{"5 10:20:00 success 0"}, "", ""},
		{"cron late", night, "6 10:31:00", []string{"5 10:20:00 success 0"}, "last pinged 24h11m0s ago; expected at 0 2 * * * America/Los_Angeles, by 2026-01-06 10:30:00 UTC", ""},
		{"a little early", night, "6 10:40:00", []string{"6 09:59:59 start 0"}, "", "running"},
		{"runs", night, "6 10:50:00", []string{"5 10:20:00 success 0", "6 10:00:01 start 0"}, "", "running && age_s > 80000"},
		{"runs too long", night, "6 11:01:00", []string{"5 10:20:00 success 0", "6 10:00:00 start 0"}, "the job has run since 2026-01-06 10:00:00 UTC, 1h1m0s ago; it may run for 1h0m0s", ""},
		{"ended", night, "6 11:30:00", []string{"6 10:00:00 start 0", "6 10:45:00 success 0"}, "", "run_s == 2700"},
		{"ended twice", night, "6 11:30:00", []string{"6 10:00:00 start 0", "6 10:45:00 success 0", "6 10:45:02 success 0"}, "", "run_s == 2700"},
		{"failed", night, "6 11:30:00", []string{"6 10:00:00 start 0", "6 10:45:00 fail 3"}, "reported a failure 45m0s ago, exit code 3, after 45m0s: out of disk", ""},
		{"began again after a failure", night, "6 11:30:00", []string{"6 10:45:00 fail 3", "6 11:29:00 start 0"}, "reported a failure", ""},
		{"good again", night, "6 11:30:00", []string{"6 10:45:00 fail 3", "6 11:00:00 success 0"}, "", "exit_code == 0"},
		{"hangs until it is due again", hourly, "6 12:06:00", []string{"6 11:00:00 start 0"}, "the job began 1h6m0s ago and has not ended; it was due again at 2026-01-06 12:00:00 UTC", ""},
		{"longer than expected", night, "6 11:30:00", []string{"6 10:00:00 start 0", "6 10:45:00 success 0"}, "run_s < 1800 (run_s was 2700)", "run_s < 1800"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ping := monitor.Ping{Since: day("1 00:00:00")}
			for _, beat := range c.beats {
				parts := strings.Fields(beat)
				b := monitor.Beat{Signal: monitor.Signal(parts[2]), Exit: int(parts[3][0] - '0')}
				if b.Signal == monitor.SignalFail {
					b.Text = "out of disk"
				}
				ping = ping.Heard(b, day(parts[0]+" "+parts[1]))
			}
			e := probe.New(probe.Env{
				Now:      func() time.Time { return day(c.now) },
				LastPing: func(context.Context, monitor.ID) (monitor.Ping, error) { return ping, nil },
			}, probe.Options{})
			m := monitor.Monitor{ID: "job", Timeout: time.Second, Heartbeat: c.h}
			if c.expect != "" {
				m.Expect = []string{c.expect}
			}
			r := e.Run(t.Context(), []monitor.Check{{Monitor: m}})[0]
			if c.down == "" {
				want(t, r, "up", "", "")
			} else if r.Outcome != "down" || !strings.Contains(r.Failure.Detail, c.down) {
				t.Errorf("got %s %+v, want down: %s", r.Outcome, r.Failure, c.down)
			}
		})
	}
}
