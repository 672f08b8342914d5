package detect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Vote is an open question about one monitor.
type Vote struct {
	Opened  time.Time                   `json:"opened"`          // scheduled time of the first contrary result
	At      time.Time                   `json:"at,omitzero"`     // when that was counted: it may have come late
	Check   string                      `json:"check,omitempty"` // its id
	Shows   monitor.State               `json:"shows"`           // suspect, recovering, or unknown
	Ballots map[monitor.Location]Ballot `json:"ballots"`
	Asked   map[monitor.Location]int    `json:"asked,omitempty"` // the last re-check asked of each location
	Again   bool                        `json:"again,omitempty"` // those not answered have been asked for once more

	// Before is the monitor's failure as it was, which stands again if the
	// vote is refuted.
	Before *monitor.Failure `json:"before,omitempty"`
}

// Ballot is what one location has said since the vote opened: its last outcome,
// and how long the run of results is that were at least that bad, or that good,
// with the scheduled time of the first of each run.
type Ballot struct {
	Last    Mark             `json:"last"`
	Outcome monitor.Outcome  `json:"outcome"`
	Failure *monitor.Failure `json:"failure,omitempty"` // of the first result in a row with the last outcome that was not up
	Down    Run              `json:"down"`              // down in a row
	Poor    Run              `json:"poor"`              // down or degraded in a row
	Alive   Run              `json:"alive"`             // up or degraded in a row
	Good    Run              `json:"good"`              // up in a row
	Recent  Recent           `json:"recent,omitzero"`   // of monitors that confirm over a window
}

// Run is a number of results in a row.
type Run struct {
	Length int       `json:"n,omitempty"`
	First  time.Time `json:"first,omitzero"`
}

func (r Run) count(holds bool, at time.Time) Run {
	switch {
	case !holds:
		return Run{}
	case r.Length == 0:
		return Run{1, at}
	}
	return Run{r.Length + 1, r.First}
}

// since is when the location began to say what it said last.
func (b Ballot) since() time.Time {
	switch b.Outcome {
	case monitor.OutcomeUp:
		return b.Good.First
	case monitor.OutcomeDown:
		return b.Down.First
	}
	return b.Poor.First
}

func (v *Vote) clone() *Vote {
	c := *v
	c.Ballots = orMake(maps.Clone(v.Ballots))
	c.Asked = orMake(maps.Clone(v.Asked))
	return &c
}

// count adds a result to its location's ballot, which over a window begins with
// what was kept of the vote before. It reports false for one that
// does not count: from before the vote, or not newer than the last.
func (v *Vote) count(r *monitor.Result, m monitor.Monitor, kept map[monitor.Location]Recent) bool {
	b, spoke := v.Ballots[r.Location]
	if r.Scheduled.Before(v.Opened) || spoke && !b.Last.Before(markOf(r)) {
		return false
	}
	up, down := r.Outcome == monitor.OutcomeUp, r.Outcome == monitor.OutcomeDown
	if !up && b.Outcome != r.Outcome {
		b.Failure = r.Failure
	}
	b.Last, b.Outcome = markOf(r), r.Outcome
	b.Down = b.Down.count(down, r.Scheduled)
	b.Poor = b.Poor.count(!up, r.Scheduled)
	b.Alive = b.Alive.count(!down, r.Scheduled)
	b.Good = b.Good.count(up, r.Scheduled)
	if m.Window > 0 {
		if !spoke {
			b.Recent = kept[r.Location].aged(m, r.Scheduled)
		}
		b.Recent = b.Recent.count(r, m.Window)
	}
	v.Ballots[r.Location] = b
	return true
}

// verdict is how a vote stands.
type verdict struct {
	decided bool
	refuted bool
	to      monitor.State // where it settles, if confirmed
	since   time.Time     // of the first result of the runs that agree
	agree   int           // locations that agree
	of      int           // locations that had a say
	failure *monitor.Failure
	where   []monitor.Location // that agree, sorted
}

// tally judges the vote. At the deadline the locations that spoke decide, and
// what they do not confirm is refuted.
func (v *Vote) tally(m monitor.Monitor, known Monitor, deadline bool) verdict {
	locations, need := max(len(m.Locations), 1), m.Need()
	if deadline {
		locations = len(v.Ballots)
		need = needOf(m, locations)
	}
	ending := needGood(need, locations)
	confirm, recover := max(m.Confirm, 1), max(m.Recover, 1)
	if known.Settled == monitor.Unknown && (deadline || known.Was != monitor.Down && known.Was != monitor.Degraded) {
		recover = 1 // nothing was wrong before, or nothing is shown to be wrong: the first good result says so
	}
	window := m.Window
	if known.Settled == monitor.Down {
		window = 0 // an outage ends by good results in a row
	}
	down := func(b Ballot) (Run, bool) {
		if window > 0 {
			return Run{b.Recent.down(window), b.Recent.first(b.Recent.Down)}, b.Recent.down(window) >= confirm
		}
		return b.Down, b.Down.Length >= confirm
	}
	// A run of down (or up) that may yet be long enough is waited for, before
	// the location counts as merely degraded.
	rest := func(r Run, enough int) bool { return deadline || r.Length == 0 || r.Length >= enough }
	poor := func(b Ballot) (Run, bool) {
		if window > 0 {
			n := b.Recent.down(window)
			return Run{b.Recent.poor(window), b.Recent.first(b.Recent.Poor)}, b.Recent.poor(window) >= confirm && (deadline || n == 0 || !b.Recent.mayStill(m))
		}
		return b.Poor, b.Poor.Length >= confirm && rest(b.Down, confirm)
	}
	alive := func(b Ballot) (Run, bool) { return b.Alive, b.Alive.Length >= recover && rest(b.Good, recover) }
	good := func(b Ballot) (Run, bool) { return b.Good, b.Good.Length >= recover }

	runs := map[monitor.State]func(Ballot) (Run, bool){monitor.Down: down, monitor.Up: good, monitor.Degraded: poor}
	if known.Settled == monitor.Down {
		runs[monitor.Degraded] = alive
	}
	all := ways(known.Settled, need, ending)
	for _, w := range all {
		if got := v.agreeing(runs[w.to]); len(got) >= w.need && w.need > 0 {
			return v.confirmed(w.to, got, runs[w.to], locations)
		}
	}
	return v.refutation(m, known.Settled, all, locations, deadline)
}

// way is a state that a vote may settle on, how many locations that takes, and
// which outcomes of theirs bear it.
type way struct {
	to   monitor.State
	need int
	fits func(monitor.Outcome) bool
}

// ways are the states that a vote may lead to, the first of which that is met
// it takes.
func ways(settled monitor.State, need, ending int) []way {
	isUp := func(o monitor.Outcome) bool { return o == monitor.OutcomeUp }
	isDown := func(o monitor.Outcome) bool { return o == monitor.OutcomeDown }
	notUp := func(o monitor.Outcome) bool { return o != monitor.OutcomeUp }
	notDown := func(o monitor.Outcome) bool { return o != monitor.OutcomeDown }
	switch settled {
	case monitor.Up:
		return []way{{monitor.Down, need, isDown}, {monitor.Degraded, need, notUp}}
	case monitor.Degraded:
		return []way{{monitor.Down, need, isDown}, {monitor.Up, ending, isUp}}
	case monitor.Down:
		return []way{{monitor.Up, ending, isUp}, {monitor.Degraded, ending, notDown}}
	}
	return []way{{monitor.Down, need, isDown}, {monitor.Up, ending, isUp}, {monitor.Degraded, need, notUp}}
}

// needOf is how many locations must agree if so many are heard: not more than a
// majority of them where some are silent.
func needOf(m monitor.Monitor, heard int) int {
	if heard >= len(m.Locations) {
		return m.Need()
	}
	return min(m.Need(), heard/2+1)
}

// needGood is how many locations must find a monitor good again: so many that
// those left are not enough for an outage. It is the exact complement of need,
// so that where a monitor settles depends on what its locations say, and never
// on which state it came from.
//
// Fewer would end an outage that begins anew with the next check: those left
// are still enough for it. More would hold one up that would not begin: of two
// locations one is no outage, and if it goes on failing when the other works
// again, a need of two would keep the monitor down for as long as that route is
// blocked. That is no invitation to flap: of locations that each say the same
// as before, either need are down or needGood are good, never both and never
// neither; so the same answers settle the same way, however often they are
// given, and it takes a location that has changed its mind, for Confirm or
// Recover results in a row, to change the monitor.
func needGood(need, locations int) int { return locations - need + 1 }

func (v *Vote) agreeing(runs func(Ballot) (Run, bool)) []monitor.Location {
	var got []monitor.Location
	for _, location := range slices.Sorted(maps.Keys(v.Ballots)) {
		if _, ok := runs(v.Ballots[location]); ok {
			got = append(got, location)
		}
	}
	return got
}

func (v *Vote) confirmed(to monitor.State, got []monitor.Location, runs func(Ballot) (Run, bool), of int) verdict {
	out := verdict{decided: true, to: to, agree: len(got), of: of, where: got}
	for _, location := range got {
		b := v.Ballots[location]
		run, _ := runs(b)
		if out.since.IsZero() || run.First.Before(out.since) {
			out.since, out.failure = run.First, b.Failure
		}
	}
	return out
}

// refutation: none of the ways can be met any more, whatever those say that have
// not spoken yet, since the others last said something else. In an unknown
// monitor there is nothing to go back to before the deadline: what cannot be
// down or degraded there is about to be up.
func (v *Vote) refutation(m monitor.Monitor, settled monitor.State, all []way, locations int, deadline bool) verdict {
	same := 0
	for _, b := range v.Ballots {
		if agrees(settled, b.Outcome) {
			same++
		}
	}
	out := verdict{decided: true, refuted: true, agree: same, of: locations}
	if deadline {
		return out
	}
	open := func(w way) bool {
		fit := locations - len(v.Ballots)
		for _, b := range v.Ballots {
			if w.borne(m, settled, b) {
				fit++
			}
		}
		return fit >= w.need
	}
	if settled == monitor.Unknown || slices.ContainsFunc(all, open) {
		return verdict{}
	}
	return out
}

// borne reports whether a location that has spoken may be, or come to be, one of
// those that bear the way: what it said last fits; or, over a window, it fails
// often enough, or may yet.
func (w way) borne(m monitor.Monitor, settled monitor.State, b Ballot) bool {
	if m.Window == 0 || settled == monitor.Down || w.to == monitor.Up {
		return w.fits(b.Outcome)
	}
	if w.to == monitor.Down {
		return mayStill(m, b.Recent.N, b.Recent.Down) || b.Recent.down(m.Window) >= m.Confirm
	}
	return b.Recent.mayStill(m) || b.Recent.poor(m.Window) >= m.Confirm
}

// agrees reports whether an outcome is what a settled state stands for.
func agrees(settled monitor.State, o monitor.Outcome) bool {
	switch settled {
	case monitor.Up:
		return o == monitor.OutcomeUp
	case monitor.Degraded:
		return o == monitor.OutcomeDegraded
	case monitor.Down:
		return o == monitor.OutcomeDown
	}
	return false
}

// worse reports whether an outcome is worse than a settled state. Anything but
// up is worse than unknown.
func worse(settled monitor.State, o monitor.Outcome) bool {
	switch settled {
	case monitor.Up, monitor.Unknown:
		return o != monitor.OutcomeUp
	case monitor.Degraded:
		return o == monitor.OutcomeDown
	}
	return false
}

// explain says how a confirmed vote came about: "2 of 3 locations (a, b): why".
func (d verdict) explain(to monitor.State) string {
	names := make([]string, len(d.where))
	for i, location := range d.where {
		names[i] = string(location)
	}
	var text string
	if d.of > 1 {
		text = fmt.Sprintf("%d of %d locations (%s)", d.agree, d.of, strings.Join(names, ", "))
	} else {
		text = "from " + strings.Join(names, ", ")
	}
	if to != monitor.Up && d.failure != nil {
		text += ": " + d.failure.String()
	}
	return text
}
