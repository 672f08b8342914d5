package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// probeHeartbeat reads what the monitor's job said last. The job is down when it
// said that it failed, when it runs longer than it may, and when no sign of life
// has come by the time the next one was due, with grace. That it has begun is a
// sign of life, and takes back no failure.
func probeHeartbeat(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	var o Observation
	if env.LastPing == nil {
		return notRun("heartbeats cannot be read here")
	}
	ping, err := env.LastPing(ctx, m.ID)
	if err != nil {
		return notRun(printable("read heartbeat: "+err.Error(), maxDetail))
	}
	if ping.Since.IsZero() && ping.At.IsZero() {
		return notRun("the heartbeat has no token yet: make one with sonde heartbeat")
	}
	now := env.Now()
	ended := ping.At
	if ended.IsZero() {
		ended = ping.Since
	}
	o.Values = expect.Values{
		"age_s": now.Sub(ended).Seconds(), "run_s": ping.Run.Seconds(), "running": ping.Running(), "exit_code": ping.Exit, "text": ping.Detail,
	}
	o.Failure = judgePing(m.Heartbeat, ping, now)
	if o.Failure != nil {
		o.Body = printable(ping.Detail, keptBody)
	}
	return o
}

func judgePing(h *monitor.Heartbeat, ping monitor.Ping, now time.Time) *monitor.Failure {
	last := latest(ping.Since, ping.At, ping.Started)
	due := h.Due(last)
	ago := func(t time.Time) string { return now.Sub(t).Round(time.Second).String() + " ago" }
	switch {
	case ping.Failed:
		return fail(monitor.FailHeartbeat, "the job reported a failure %s%s", ago(ping.At), said(ping))
	case ping.Running() && h.MaxRun > 0 && now.Sub(ping.Started) > h.MaxRun:
		return fail(monitor.FailHeartbeat, "the job has run since %s, %s; it may run for %s", clock(ping.Started), ago(ping.Started), h.MaxRun)
	case due.IsZero() || !now.After(due.Add(h.Grace)):
		return nil
	case ping.Running():
		return fail(monitor.FailHeartbeat, "the job began %s and has not ended; it was due again at %s", ago(ping.Started), clock(due))
	case ping.At.IsZero():
		return fail(monitor.FailHeartbeat, "never pinged since it was set up %s; expected %s, first by %s", ago(ping.Since), h.Rhythm(), clock(due.Add(h.Grace)))
	}
	return fail(monitor.FailHeartbeat, "last pinged %s; expected %s, by %s with %s of grace", ago(ping.At), h.Rhythm(), clock(due.Add(h.Grace)), h.Grace)
}

// said is what a job reported with its failure.
func said(ping monitor.Ping) string {
	text := ""
	if ping.Exit != 0 {
		text = fmt.Sprintf(", exit code %d", ping.Exit)
	}
	if ping.Run > 0 {
		text += ", after " + ping.Run.Round(time.Second).String()
	}
	if ping.Detail != "" {
		text += ": " + ping.Detail
	}
	return text
}

func latest(times ...time.Time) (t time.Time) {
	for _, one := range times {
		if one.After(t) {
			t = one
		}
	}
	return t
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
