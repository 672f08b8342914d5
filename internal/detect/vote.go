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
	Check   string                      `json:"check,omitempty"` // its id
	Shows   monitor.State               `json:"shows"`           // suspect, recovering, or unknown
	Ballots map[monitor.Location]Ballot `json:"ballots"`
	Asked   map[monitor.Location]int    `json:"asked,omitempty"` // the last re-check asked of each location

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

// count adds a result to its location's ballot. It reports false for one that
// does not count: from before the vote, or not newer than the last.
func (v *Vote) count(r *monitor.Result, window int) bool {
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
	if window > 0 {
		b.Recent = b.Recent.count(r)
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
		need = min(need, locations/2+1)
	}
	ending := needGood(need, locations)
	confirm, recover := max(m.Confirm, 1), max(m.Recover, 1)
	if known.Settled == monitor.Unknown && known.Was != monitor.Down && known.Was != monitor.Degraded {
		recover = 1 // nothing was wrong before: the first good result says so
	}
	window := m.Window
	if known.Settled == monitor.Down {
		window = 0 // an outage ends by good results in a row
	}
	down := func(b Ballot) (Run, bool) {
		if window > 0 {
			return Run{b.Recent.down(window), b.Recent.Fell}, b.Recent.down(window) >= confirm
		}
		return b.Down, b.Down.Length >= confirm
	}
	// A run of down (or up) that may yet be long enough is waited for, before
	// the location counts as merely degraded.
	rest := func(r Run, enough int) bool { return deadline || r.Length == 0 || r.Length >= enough }
	poor := func(b Ballot) (Run, bool) {
		if window > 0 {
			n := b.Recent.down(window)
			return Run{b.Recent.poor(window), b.Recent.First}, b.Recent.poor(window) >= confirm && (deadline || n == 0 || !b.Recent.mayStill(m))
		}
		return b.Poor, b.Poor.Length >= confirm && rest(b.Down, confirm)
	}
	alive := func(b Ballot) (Run, bool) { return b.Alive, b.Alive.Length >= recover && rest(b.Good, recover) }
	good := func(b Ballot) (Run, bool) { return b.Good, b.Good.Length >= recover }

	type way struct {
		to   monitor.State
		need int
		runs func(Ballot) (Run, bool)
	}
	ways := []way{{monitor.Down, need, down}, {monitor.Up, ending, good}}
	switch known.Settled {
	case monitor.Down:
		ways, need = []way{{monitor.Up, ending, good}, {monitor.Degraded, ending, alive}}, ending
	case monitor.Up, monitor.Unknown:
		ways = append(ways, way{monitor.Degraded, need, poor})
	}
	for _, w := range ways {
		if w.to == known.Settled {
			continue
		}
		if got := v.agreeing(w.runs); len(got) >= w.need && w.need > 0 {
			return v.confirmed(w.to, got, w.runs, locations)
		}
	}
	return v.refutation(m, known.Settled, locations, need, deadline)
}

// needGood is how many locations must find a monitor good again. Where less than
// half are enough for an outage, it lasts until they are not any more: otherwise
// it would end and begin anew with each check.
func needGood(need, locations int) int { return max(need, locations-need+1) }

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

// refutation: so many locations last said the settled state that the need of
// the vote can no longer be met by the others.
func (v *Vote) refutation(m monitor.Monitor, settled monitor.State, locations, need int, deadline bool) verdict {
	same := 0
	for _, b := range v.Ballots {
		if m.Window > 0 && settled != monitor.Down && b.Recent.mayStill(m) {
			continue // it may yet fail often enough
		}
		if agrees(settled, b.Outcome) || m.Window > 0 && settled == monitor.Up && b.Recent.poor(m.Window) < m.Confirm {
			same++
		}
	}
	if deadline || settled != monitor.Unknown && same > locations-need {
		return verdict{decided: true, refuted: true, agree: same, of: locations}
	}
	return verdict{}
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
		text += ": " + string(d.failure.Kind) + ": " + d.failure.Detail
	}
	return text
}
