package detect

import (
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Expiry is until when what a monitor checks is valid: the certificate that is
// the first to end of a chain, or a registration. Of several that stand behind one
// name the first to end counts, whichever location sees it. It gives way to a later
// one only when that alone was seen for some time: see Later.
type Expiry struct {
	At     time.Time        `json:"at,omitzero"`     // zero: nothing that ends is seen any more
	Issued time.Time        `json:"issued,omitzero"` // zero: not known
	From   monitor.Location `json:"from,omitempty"`  // which saw it; empty: any may say that it is gone
	Since  time.Time        `json:"since,omitzero"`  // results scheduled before do not count: they are late
	About  uint32           `json:"about,omitempty"` // what it is of, see about; 0: not known
	Doubt  bool             `json:"doubt,omitempty"` // of another target, or from before a pause: not told of until it is seen again
	Later  *Later           `json:"later,omitempty"`
	Told   []Told           `json:"notices,omitempty"` // at most maxTold
}

// Later is a later end, or none at all, that is seen in the place of the one that
// counts.
type Later struct {
	Since time.Time `json:"since"`           // since when it alone is seen
	At    time.Time `json:"at,omitzero"`     // zero: nothing that ends
	Seen  bool      `json:"seen,omitempty"`  // it was, at Since or after
	Own   bool      `json:"own,omitempty"`   // by the location that saw the earlier one, too
	Mixed bool      `json:"mixed,omitempty"` // the earlier one was seen again meanwhile, at Since or later by less than a quarter of what is waited
}

// Told is an end that people were told of.
type Told struct {
	At     time.Time `json:"at"`
	Days   int       `json:"days"`             // the least number of days before; 0: that it has ended
	Open   bool      `json:"open,omitempty"`   // they were not told yet that it is put off
	Closed bool      `json:"closed,omitempty"` // they were, at least once
}

// Expiring says that a certificate or a registration is about to end, or that
// it was renewed. It is no change of state: it neither hides an outage nor counts
// as one.
type Expiring struct {
	Monitor monitor.ID // one that the configuration may not hold any more, if it is renewed
	At      time.Time  // when it ends; zero, if it is renewed: it is not watched any more, or not there
	Days    int        // how many days before that people are told; 0: it has ended
	Renewed bool       // it was about to end, and is not any more; Days is what was told of it last
	Was     time.Time  // when it would have ended, if it was renewed
}

// warnings are how many days before an end people are told of it, most first,
// unless the monitor has its own.
var warnings = []int{30, 14, 7, 3, 1}

const (
	// slack is how far apart two ends are that count as one: some servers make
	// chains in which that differs by seconds.
	slack = time.Minute

	// settled is for how long a later end alone must be seen before it counts, and
	// settledAgain the same after the earlier one has come back once: one of many
	// servers behind a name may have been left out, and is met seldom.
	settled      = time.Hour
	settledAgain = 24 * time.Hour

	// maxTold is how many ends that were told are remembered. Those people have open
	// are never forgotten; of more they are not told.
	maxTold = 16

	day = 24 * time.Hour
)

// valid is the monitor's expiry after a result, and whether that is news. While
// one end is seen and no other, nothing is.
func (d *Monitor) valid(m *monitor.Monitor, r *monitor.Result) (*Expiry, bool) {
	e := d.Expiry
	switch {
	case e == nil && r.Expires.IsZero():
		return nil, false
	case e == nil:
		return (&Expiry{}).take(m, r), true
	case r.Scheduled.Before(e.Since):
		return e, false
	case r.Expires.IsZero():
		if e.At.IsZero() || r.Outcome != monitor.OutcomeUp && r.Outcome != monitor.OutcomeDegraded {
			return e, false // a failure says nothing of it
		}
		return e.later(m, r)
	case e.At.IsZero() || r.Expires.Before(e.At.Add(-slack)):
		return e.take(m, r), true
	case r.Expires.After(e.At.Add(slack)):
		return e.later(m, r)
	case e.Doubt || e.Later != nil:
		return e.again(m, r)
	}
	return e, false
}

// take makes a result's end the one that counts.
func (e *Expiry) take(m *monitor.Monitor, r *monitor.Result) *Expiry {
	next := &Expiry{At: r.Expires, Issued: r.Issued, From: r.Location, Since: r.Scheduled, About: about(m), Told: e.Told}
	if i := e.told(r.Expires); i >= 0 {
		next.At = e.Told[i].At // by which people know it
	}
	return next
}

// later counts a result that shows a later end, or nothing that ends. It counts when
// it alone has been seen for long enough, by the location that saw the earlier one,
// too; after twice as long by those that spoke.
func (e *Expiry) later(m *monitor.Monitor, r *monitor.Result) (*Expiry, bool) {
	l, next := e.Later, *e
	own := r.Location == e.From || !slices.Contains(m.Locations, e.From)
	if l == nil || !l.Seen && !r.Scheduled.Before(l.Since) {
		next.Later = &Later{Since: r.Scheduled, At: r.Expires, Seen: true, Own: own, Mixed: l != nil}
		return &next, true
	}
	switch run, wait := r.Scheduled.Sub(l.Since), e.settling(m); {
	case run >= 2*wait, run >= wait && own:
		if r.Expires.IsZero() && len(e.Told) == 0 {
			return nil, true
		}
		return e.take(m, r), true
	case own && !l.Own && run >= 0:
		next.Later = &Later{Since: l.Since, At: l.At, Seen: l.Seen, Own: true, Mixed: l.Mixed}
		return &next, true
	}
	return e, false
}

// again counts a result that shows the end that counts, after another was seen or
// while it is in doubt. Where both are seen in turn, it is not noted each time.
func (e *Expiry) again(m *monitor.Monitor, r *monitor.Result) (*Expiry, bool) {
	l, next := e.Later, *e
	switch {
	case l == nil:
	case r.Scheduled.Before(l.Since), l.Mixed && r.Scheduled.Sub(l.Since) < e.settling(m)/4:
		return e, false
	case l.Seen:
		next.Later = &Later{Since: r.Scheduled, At: l.At, Mixed: true}
	default:
		next.Later = nil
	}
	next.From, next.Doubt = r.Location, false
	return &next, true
}

// settling is for how long a later end alone must be seen before it counts: two
// rounds at least, and no large part of a short life.
func (e *Expiry) settling(m *monitor.Monitor) time.Duration {
	if e.Doubt {
		return m.Every
	}
	if i := e.told(e.At); i >= 0 && e.Told[i].Closed {
		return max(settledAgain, 10*m.Every)
	}
	wait := settled
	if life := e.life(); life > 0 {
		wait = min(wait, life/8)
	}
	return max(wait, 2*m.Every)
}

// life is for how long what ends is valid from its beginning; 0 if that is not known.
func (e *Expiry) life() time.Duration {
	if e.Issued.IsZero() {
		return 0
	}
	return max(e.At.Sub(e.Issued), 0)
}

// told is where in what was told an end stands; -1 if it does not.
func (e *Expiry) told(at time.Time) int {
	return slices.IndexFunc(e.Told, func(t Told) bool { return t.At.Sub(at).Abs() <= slack })
}

// near is which of the warnings is due, 0 for the end itself, and whether any is. One
// that comes before two thirds of a life are over is none: such a certificate
// is renewed by a program, which has not begun yet.
func (e *Expiry) near(m *monitor.Monitor, now time.Time) (days int, is bool) {
	list := warnings
	if m.Expiry != nil {
		list = m.Expiry
	}
	left, life := e.At.Sub(now), e.life()
	if e.At.IsZero() || len(list) == 0 {
		return 0, false
	}
	for _, n := range list {
		if span := time.Duration(n) * day; left <= span && (life == 0 || 3*span < life) {
			days, is = n, true
		}
	}
	if left <= 0 {
		days, is = 0, true
	}
	return days, is
}

// holds reports whether an end is not to be told of now: where it was seen a later
// one is, and that is not decided yet.
func (e *Expiry) holds(m *monitor.Monitor, now time.Time) bool {
	if e.Doubt || e.Later == nil || !e.Later.Own {
		return e.Doubt
	}
	wait, run := e.settling(m), now.Sub(e.Later.Since)
	both := e.Later.Mixed && run < wait/4+2*m.Every
	return !both && run < 2*wait
}

// expiry tells of an end that has come near, each of the warnings once, the most
// urgent only; and of every one that was told of and is put off, so that an alarm
// that it began ends.
func (s *stepper) expiry(m monitor.Monitor) {
	d := s.out.Details[m.ID]
	e := d.Expiry
	if e == nil {
		return
	}
	told, tell := e.Told, len(s.fx.Expiring)
	for i, t := range e.Told {
		if t.Open && !e.Doubt && e.outlasts(t) {
			if tell == len(s.fx.Expiring) {
				told = slices.Clone(told)
			}
			told[i].Open, told[i].Closed = false, true
			s.fx.Expiring = append(s.fx.Expiring, Expiring{Monitor: m.ID, At: e.At, Days: t.Days, Renewed: true, Was: t.At})
		}
	}
	if days, near := e.near(&m, s.now); near && !m.Shadow && !e.holds(&m, s.now) {
		if now, is := remember(told, e, days); is {
			told = now
			s.fx.Expiring = append(s.fx.Expiring, Expiring{Monitor: m.ID, At: e.At, Days: days})
		}
	}
	if tell == len(s.fx.Expiring) {
		return
	}
	next := *e
	next.Told = told
	d = d.clone()
	d.Expiry = &next
	s.put(m.ID, d)
}

// outlasts reports whether an end that was told of is over: what is seen ends later.
func (e *Expiry) outlasts(t Told) bool { return e.At.IsZero() || e.At.After(t.At.Add(slack)) }

// remember adds to what was told that the end that counts is, and reports whether
// that is news. What is over is forgotten first.
func remember(told []Told, e *Expiry, days int) ([]Told, bool) {
	i := e.told(e.At)
	if i >= 0 && told[i].Days <= days {
		return told, false
	}
	told = slices.Clone(told)
	if i >= 0 {
		told[i].Days, told[i].Open = days, true
		return told, true
	}
	if len(told) >= maxTold {
		over := slices.IndexFunc(told, func(t Told) bool { return !t.Open })
		if over < 0 {
			return told, false
		}
		told = slices.Delete(told, over, over+1)
	}
	return append(told, Told{At: e.At, Days: days, Open: true}), true
}

// doubts puts what is known of an end in doubt, if what it is of has changed or was
// not looked at for a while: results will say whether it is there still.
func (s *stepper) doubts(m *monitor.Monitor, d Monitor) Monitor {
	next := *d.Expiry
	next.Doubt, next.From, next.Since, next.Later, next.About = true, "", s.now, nil, about(m)
	d = d.clone()
	d.Expiry = &next
	s.put(m.ID, d)
	return d
}

// leaves tells that the ends of a monitor that leaves the service are put off, as far
// as that is so: none is watched any more where the monitor is removed or watches
// something else; where it moves to another service that one goes on, and does not
// know of what was put off just before.
func (s *stepper) leaves(id monitor.ID, e *Expiry) {
	if e == nil {
		return
	}
	left := Expiry{}
	if m, known := s.cfg.Monitor(id); known && (e.About == 0 || e.About == about(&m)) {
		left.At = e.At
		if e.Later != nil && !e.Later.Mixed {
			left.At = e.Later.At
		}
	}
	for _, t := range e.Told {
		if t.Open && left.outlasts(t) {
			s.fx.Expiring = append(s.fx.Expiring, Expiring{Monitor: id, At: left.At, Days: t.Days, Renewed: true, Was: t.At})
		}
	}
}

// about is a number for what a monitor's certificate or registration is of: it is
// another where that is. It is never 0.
func about(m *monitor.Monitor) uint32 {
	s := sum(2166136261)
	switch {
	case m.HTTP != nil:
		s = s.origin(m.HTTP.URL).add(m.HTTP.Address)
		for i := range m.HTTP.Steps {
			s = s.origin(m.HTTP.Steps[i].URL)
		}
	case m.TLS != nil:
		s = s.add(m.TLS.Address).add(m.TLS.ServerName)
	case m.Domain != nil:
		s = s.add(m.Domain.Name)
	case m.GRPC != nil:
		s = s.add(m.GRPC.Address).add(m.GRPC.ServerName)
	case m.TCP != nil:
		s = s.add(m.TCP.Address)
	case m.WebSocket != nil:
		s = s.origin(m.WebSocket.URL)
	case m.Browser != nil:
		s = s.origin(m.Browser.URL)
	}
	return max(uint32(s), 1)
}

// sum is a hash (FNV-1a) that needs no memory.
type sum uint32

func (s sum) add(text string) sum {
	for i := range len(text) {
		s = (s ^ sum(text[i])) * 16777619
	}
	return (s ^ 0xff) * 16777619 // a byte that no text holds
}

// origin adds scheme, host and port of a URL: a path, a query or a password is no
// part of what a certificate is for.
func (s sum) origin(url string) sum {
	scheme, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return s.add(scheme).add(rest[strings.LastIndexByte(rest, '@')+1:])
}
