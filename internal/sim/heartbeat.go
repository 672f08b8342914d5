package sim

import (
	"context"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// listen is what a check of a heartbeat finds: what the shipped probe says of the
// last ping.
func (n *network) listen(m monitor.Monitor, now time.Time) monitor.Result {
	seen := probe.Probes[monitor.KindHeartbeat](context.Background(), m, &probe.Env{
		Now:      func() time.Time { return now },
		LastPing: func(context.Context, monitor.ID) (monitor.Ping, error) { return n.pings[m.ID], nil },
	})
	r := seen.Result
	r.Outcome = monitor.OutcomeUp
	if seen.Failure != nil {
		r.Outcome = monitor.OutcomeDown
		return r
	}
	return n.expects(r, m, seen.Values)
}

// beat lets the jobs of all heartbeats of a configuration that has come in force
// report: once now, then whenever the next ping is due.
func (p *playing) beat(cfg *monitor.Config) {
	p.net.cfg = cfg
	for _, m := range cfg.Monitors {
		if _, beats := p.net.pings[m.ID]; m.Heartbeat != nil && !beats {
			p.net.pings[m.ID] = monitor.Ping{Monitor: m.ID, Since: p.world.now}
			p.ping(m.ID)
		}
	}
}

// ping is a job's end, and plans the next one.
func (p *playing) ping(id monitor.ID) {
	m, has := p.net.cfg.Monitor(id)
	if !has || m.Heartbeat == nil {
		delete(p.net.pings, id)
		return
	}
	if p.net.breaks(m, "") == nil {
		p.net.pings[id] = p.net.pings[id].Heard(monitor.Beat{Signal: monitor.SignalSuccess}, p.world.now)
	}
	if due := m.Heartbeat.Due(p.world.now); !due.IsZero() {
		p.world.at(due, func() { p.ping(id) })
	}
}

// mended lets jobs report at once that are up again: those of heartbeats that were
// silent before.
func (p *playing) mended(silent []monitor.ID) {
	for _, id := range silent {
		if m, has := p.net.cfg.Monitor(id); has && p.net.breaks(m, "") == nil {
			p.net.pings[id] = p.net.pings[id].Heard(monitor.Beat{Signal: monitor.SignalSuccess}, p.world.now)
		}
	}
}

// silent are the heartbeats whose jobs do not report.
func (n *network) silent() (all []monitor.ID) {
	for _, m := range n.cfg.Monitors {
		if m.Heartbeat != nil && n.breaks(m, "") != nil {
			all = append(all, m.ID)
		}
	}
	return all
}
