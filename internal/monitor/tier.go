package monitor

import (
	"time"

	"github.com/sondehq/sonde/internal/zone"
)

// Override is what of a tier's settings is another for one service; nil and
// empty: as the tier has it.
type Override struct {
	After  *time.Duration `json:"after,omitempty"`
	Impact Impact         `json:"impact,omitempty"`
	Never  bool           `json:"never,omitempty"` // it does not hear of the service
}

// Quiet is the hours in which a tier is spared messages of lesser impacts: they
// wait until the hours end.
type Quiet struct {
	From     int    `json:"from"` // minutes after midnight
	To       int    `json:"to"`   // as well; before From: of the next day
	TimeZone string `json:"time_zone"`
	Below    Impact `json:"below"` // impacts below this one wait
}

// Until reports whether a time is within the quiet hours, and when they end. A
// zone that this system does not know has none: nobody is spared by mistake.
func (q *Quiet) Until(now time.Time) (time.Time, bool) {
	if q == nil || q.From == q.To {
		return time.Time{}, false
	}
	in, err := zone.Load(q.TimeZone)
	if err != nil {
		return time.Time{}, false
	}
	local := now.In(in)
	y, m, d := local.Date()
	minute := local.Hour()*60 + local.Minute()
	at := func(day int) time.Time { return time.Date(y, m, d+day, 0, q.To, 0, 0, in).UTC() }
	switch {
	case q.From < q.To && minute >= q.From && minute < q.To, q.From > q.To && minute < q.To:
		return at(0), true
	case q.From > q.To && minute >= q.From:
		return at(1), true
	}
	return time.Time{}, false
}
