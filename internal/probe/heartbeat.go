package probe

import (
	"context"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// probeHeartbeat reads when the monitor was last pinged. It is late when neither
// a ping nor its beginning is younger than its period and grace.
func probeHeartbeat(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	var o Observation
	if env.LastPing == nil {
		return notRun("heartbeats cannot be read here")
	}
	ping, err := env.LastPing(ctx, m.ID)
	if err != nil {
		return notRun(printable("read heartbeat: "+err.Error(), maxDetail))
	}
	last := ping.At
	if last.IsZero() {
		last = ping.Since
	}
	if last.IsZero() {
		return notRun("the heartbeat has no token yet: make one with sonde heartbeat")
	}
	age := env.Now().Sub(last)
	o.Values = expect.Values{"age_s": age.Seconds()}
	switch {
	case ping.Failed:
		o.Failure = fail(monitor.FailHeartbeat, "the job reported a failure %s ago: %s", age.Round(time.Second), ping.Detail)
	case age > m.Heartbeat.Every+m.Heartbeat.Grace && ping.At.IsZero():
		o.Failure = fail(monitor.FailHeartbeat, "never pinged since it was set up %s ago; expected every %s", age.Round(time.Second), m.Heartbeat.Every)
	case age > m.Heartbeat.Every+m.Heartbeat.Grace:
		o.Failure = fail(monitor.FailHeartbeat, "last pinged %s ago; expected every %s, with %s of grace", age.Round(time.Second), m.Heartbeat.Every, m.Heartbeat.Grace)
	}
	return o
}
