package config

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

const maxBeat = 366 * 24 * time.Hour

// heartbeatForm is a heartbeat as it stands in the file.
type heartbeatForm struct {
	*monitor.Heartbeat
	cron, zone cursor
}

func (e *entry) readHeartbeat(r *reader, c cursor) {
	e.is(c)
	h := &heartbeatForm{Heartbeat: &monitor.Heartbeat{}}
	e.m.Heartbeat = h.Heartbeat
	shorthand(r, c, h, heartbeatKeys, func(c cursor) { r.duration(c, &h.Every, time.Second, maxBeat) })
	switch {
	case r.reported(c.path):
	case h.Every == 0 && h.Cron == "":
		r.report(c.key, c.path, "", "every or cron is missing")
	case h.Every != 0 && h.Cron != "":
		r.report(h.cron.key, h.cron.path, "leave one of them out", "a heartbeat is expected every so often, or at the times of cron, not both")
	case h.zone.node != nil && h.Cron == "":
		r.report(h.zone.key, h.zone.path, "", "time_zone is for cron")
	case h.Cron != "":
		h.check(r)
	}
}

// check reads the cron expression, once the zone is known.
func (h *heartbeatForm) check(r *reader) {
	if h.TimeZone == "" {
		h.TimeZone = "UTC"
	}
	if _, err := h.Schedule(); err != nil {
		r.report(h.cron.node, h.cron.path, "", "%v", err)
	}
}

var heartbeatKeys = keys[heartbeatForm]{
	{"every", "from one ping to the next", func(r *reader, c cursor, h *heartbeatForm) { r.duration(c, &h.Every, time.Second, maxBeat) }},
	{"cron", "five fields that say when the job begins, such as 30 2 * * *", func(r *reader, c cursor, h *heartbeatForm) { h.cron = c; r.text(c, &h.Cron) }},
	{"time_zone", "IANA zone of cron; UTC by default", func(r *reader, c cursor, h *heartbeatForm) { h.zone = c; r.zone(c, &h.TimeZone) }},
	{"grace", "how much later a ping may be", func(r *reader, c cursor, h *heartbeatForm) { r.duration(c, &h.Grace, 0, maxBeat) }},
	{"max_run", "how long the job may run, from /start to its end; until the next ping is due by default", func(r *reader, c cursor, h *heartbeatForm) { r.duration(c, &h.MaxRun, time.Second, maxBeat) }},
}
