package zoo

import (
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// jobs is heartbeats: what a job says of itself, and when.
func jobs(c *cage) {
	now := time.Now()
	put := func(name string, p monitor.Ping, kind monitor.FailureKind, says string, expect ...string) {
		m := monitor.Monitor{Expect: expect, Heartbeat: &monitor.Heartbeat{Every: time.Hour, Grace: time.Minute, MaxRun: time.Hour}}
		a := c.put(name, m, kind, "", says)
		p.Monitor = a.Monitor.ID
		a.Ping = &p
	}
	long := strings.Repeat(Nasty, monitor.MaxPingText/len(Nasty))
	put("failed, and hurts", monitor.Ping{At: now, Failed: true, Exit: 255, Detail: long}, "heartbeat", "reported a failure")
	put("well, and hurts", monitor.Ping{At: now, Detail: long}, "expect", "text was", `text == "fine"`)
	put("late", monitor.Ping{At: now.Add(-2 * time.Hour)}, "heartbeat", "last pinged 2h")
	put("never", monitor.Ping{Since: now.Add(-2 * time.Hour)}, "heartbeat", "never pinged")
	put("without an end", monitor.Ping{At: now.Add(-3 * time.Hour), Started: now.Add(-2 * time.Hour)}, "heartbeat", "it may run for 1h")
	put("from the future", monitor.Ping{At: now.AddDate(50, 0, 0)}, "", "")
	put("from the beginning of time", monitor.Ping{At: time.Unix(1, 0)}, "heartbeat", "last pinged")
	put("ran for ages", monitor.Ping{At: now, Run: 1<<63 - 1, Failed: true, Exit: -5}, "heartbeat", "reported a failure")
}
