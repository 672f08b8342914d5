package monitor

import (
	"time"

	"github.com/sondehq/sonde/internal/cron"
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
// wait until the hours end. They stand on the wall clock, as cron has it: a time
// that clocks leave out in spring comes as much later, and one that there is twice
// in autumn is the first. So quiet hours that end at 01:30 do not begin again when
// the clock is put back.
type Quiet struct {
	From     int    `json:"from"` // minutes after midnight
	To       int    `json:"to"`   // as well; before From: of the next day
	TimeZone string `json:"time_zone"`
	Below    Impact `json:"below"` // impacts below this one wait
}

// Until reports whether a time is within the quiet hours, and when they end, which
// is after it. A zone that this system does not know has none: nobody is spared by
// mistake.
func (q *Quiet) Until(now time.Time) (time.Time, bool) {
	if q == nil || q.From == q.To {
		return time.Time{}, false
	}
	in, err := zone.Load(q.TimeZone)
	if err != nil {
		return time.Time{}, false
	}
	y, m, d := now.In(in).Date()
	var until time.Time
	// Those of the day before last the longest; where a zone leaves out a day, of
	// the one before that. Those of one day may go over into those of the next.
	for day := d - 2; day <= d+1; day++ {
		at := func(day, minutes int) time.Time {
			return cron.Instant(time.Date(y, m, day, 0, minutes, 0, 0, time.UTC), in)
		}
		from, to := at(day, q.From), at(day, q.To)
		if q.To < q.From {
			to = at(day+1, q.To)
		}
		within := !now.Before(from) || !until.IsZero() && !until.Before(from)
		if within && to.After(now) && to.After(until) {
			until = to
		}
	}
	return until, !until.IsZero()
}
