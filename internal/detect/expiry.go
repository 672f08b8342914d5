package detect

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Expiry is until when what a monitor checks is valid: the certificate that is
// the first to end of a chain, or a registration.
type Expiry struct {
	At   time.Time        `json:"at"`
	From monitor.Location `json:"from"`           // which saw it
	Told int              `json:"told,omitempty"` // the least number of days before its end that was told of
	Past bool             `json:"past,omitempty"` // its end was told of
	Was  time.Time        `json:"was,omitzero"`   // the end that was told of and is put off since
}

// Expiring says that a certificate or a registration is about to end, or that
// it was renewed. It is no change of state: it neither hides an outage nor counts
// as one.
type Expiring struct {
	Monitor monitor.ID
	At      time.Time // when it ends
	Days    int       // how many days before that people are told; 0: it has ended
	Renewed bool      // it was about to end, and is not any more
	Was     time.Time // when it would have ended, if it was renewed
}

// warnings are how many days before an end people are told of it.
var warnings = []int{30, 14, 7, 3, 1}

// slack is how far apart two ends are that count as one: some servers make
// chains in which that differs by seconds.
const slack = time.Minute

// valid is the monitor's expiry after a result, and whether that is news. The
// earliest end counts, whichever location sees it; only that location's own later
// word puts it off, or any where that location does not check any more.
func (d *Monitor) valid(m *monitor.Monitor, r *monitor.Result) (*Expiry, bool) {
	e := d.Expiry
	switch {
	case r.Expires.IsZero():
		return e, false
	case e == nil:
		return &Expiry{At: r.Expires, From: r.Location}, true
	case r.Expires.Before(e.At.Add(-slack)):
		next := *e
		next.At, next.From = r.Expires, r.Location
		return &next, true
	case r.Expires.After(e.At.Add(slack)) && (r.Location == e.From || !slices.Contains(m.Locations, e.From)):
		next := &Expiry{At: r.Expires, From: r.Location}
		if e.Told > 0 || e.Past {
			next.Was = e.At
		}
		return next, true
	}
	return e, false
}

// expiry tells of an end that has come near, each of the warnings once, the most
// urgent only; and of one that was put off after people were told.
func (s *stepper) expiry(m monitor.Monitor) {
	d := s.out.Details[m.ID]
	e := d.Expiry
	if e == nil || m.Shadow {
		return
	}
	left, next := e.At.Sub(s.now), *e
	next.Past = left <= 0
	for _, days := range warnings {
		if left <= time.Duration(days)*24*time.Hour {
			next.Told = days
		}
	}
	tell := Expiring{Monitor: m.ID, At: e.At, Days: next.Told}
	switch {
	case next.Past && !e.Past:
		tell.Days = 0
	case next.Told != 0 && (e.Told == 0 || next.Told < e.Told) && !next.Past:
		next.Was = time.Time{} // renewed, and near its end again
	case !e.Was.IsZero() && next.Told == 0:
		tell.Renewed, tell.Was, next.Was = true, e.Was, time.Time{}
	default:
		return
	}
	d = d.clone()
	d.Expiry = &next
	s.put(m.ID, d)
	s.fx.Expiring = append(s.fx.Expiring, tell)
}
