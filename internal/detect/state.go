package detect

import (
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Service is the state of one service and of all its monitors: one item, and
// the unit of consistency.
type Service struct {
	Service monitor.ServiceID            `json:"service"`
	Status  monitor.Status               `json:"status"`
	Since   time.Time                    `json:"since"`             // of the status
	Flipped bool                         `json:"flipped,omitempty"` // Since is the time of a flip
	Decided time.Time                    `json:"decided"`           // when the status was decided: results may come late
	Check   string                       `json:"check,omitempty"`   // the id of the check that began it
	Alive   int                          `json:"alive"`             // monitors that count as up or degraded
	Total   int                          `json:"total"`             // monitors that are not paused
	States  map[monitor.ID]monitor.State `json:"states"`
	Details map[monitor.ID]Monitor       `json:"monitors"`
	Config  int64                        `json:"config"` // version of the configuration it was last brought in line with

	// Window is planned maintenance, going on, to come, or the last that is over;
	// Maintained is when one before that ended. Status and Since know nothing of
	// it: they are what is measured.
	Window     *Window   `json:"window,omitempty"`
	Maintained time.Time `json:"maintained,omitzero"`
}

// Monitor is what is known of one monitor.
type Monitor struct {
	// Settled is what the monitor counts as: up, degraded, down, unknown or
	// paused. Was is what it was before it became unknown.
	Settled monitor.State `json:"settled"`
	Was     monitor.State `json:"was,omitempty"`
	Since   time.Time     `json:"since"`             // of Settled, dated back
	Flipped bool          `json:"flipped,omitempty"` // Since is the time of a flip
	Reason  string        `json:"reason,omitempty"`

	// Shadow is that it counts for nothing: known also when the configuration
	// does not name it any more.
	Shadow bool `json:"shadow,omitempty"`

	// Failure is what fails now: the first failure of the present outage or of the
	// open vote, until most locations find one of another kind, or at another place.
	// Others is who finds something else.
	Failure *monitor.Failure           `json:"failure,omitempty"`
	Others  map[monitor.Location]Other `json:"others,omitempty"`

	// Agreed is how many of how many locations agree on Settled. Of an outage,
	// Where is which: those that decided it, and each that has joined since.
	Agreed int                `json:"agreed,omitempty"`
	Of     int                `json:"of,omitempty"`
	Where  []monitor.Location `json:"where,omitempty"` // sorted

	// Shared names what the failure may have in common with those of other
	// services: an address, a certificate, a resolver.
	Shared []string `json:"shared,omitempty"`

	// Turns is when it last changed, oldest first, and Flaps since when it
	// changes too often; zero while it does not.
	Turns []time.Time `json:"turns,omitempty"`
	Flaps time.Time   `json:"flaps,omitzero"`

	// Expiry is until when what it checks is valid, as far as it has one.
	Expiry *Expiry `json:"expiry,omitempty"`

	// Drains is until when old DNS answers were seen to last, and TTL the largest
	// TTL of its answers ever seen: a cache that asked just before the record
	// changed keeps the old answer for as long.
	Drains time.Time     `json:"drains,omitzero"`
	TTL    time.Duration `json:"ttl,omitempty"`

	Vote    *Vote                        `json:"vote,omitempty"`
	Marks   map[monitor.Location]Mark    `json:"marks,omitempty"` // what was counted last, as of the last change
	Dissent map[monitor.Location]Dissent `json:"dissent,omitempty"`
	Recent  map[monitor.Location]Recent  `json:"recent,omitempty"` // what was bad in votes that were refuted, of monitors that confirm over a window
}

// Shown is what the monitor shows to people: that it flaps, if it does; else its
// State.
func (m Monitor) Shown() monitor.State {
	if !m.Flaps.IsZero() {
		return monitor.Flapping
	}
	return m.State()
}

// State is Settled, or suspect or recovering while a vote is open. In an unknown
// monitor only a failing result makes a suspect.
func (m Monitor) State() monitor.State {
	if m.Vote == nil {
		return m.Settled
	}
	return m.Vote.Shows
}

// known reports whether the settled state has a beginning that results can be
// older than. Since when a new monitor is unknown is only since when it is known
// of; after a silence it is since the first check that did not come.
func (m Monitor) known() bool { return m.Settled != monitor.Unknown || m.Was != "" }

// Mark orders the results of one location: by scheduled time, then attempt.
type Mark struct {
	Scheduled time.Time `json:"scheduled"`
	Attempt   int       `json:"attempt,omitempty"`
}

// Before reports whether m was scheduled before n.
func (m Mark) Before(n Mark) bool {
	if !m.Scheduled.Equal(n.Scheduled) {
		return m.Scheduled.Before(n.Scheduled)
	}
	return m.Attempt < n.Attempt
}

// beforeAny is the attempt of a mark that is older than all results scheduled
// for its time.
const beforeAny = -1

func markOf(r *monitor.Result) Mark { return Mark{r.Scheduled, r.Attempt} }

// Dissent is a location that disagrees with the settled state.
type Dissent struct {
	Outcome monitor.Outcome  `json:"outcome"`
	Since   time.Time        `json:"since"`
	Failure *monitor.Failure `json:"failure,omitempty"`
}

// Recheck asks for one more check of a monitor from one location.
type Recheck struct {
	Monitor  monitor.ID
	Location monitor.Location
	Attempt  int
	At       time.Time // not before
}

// Effects is what follows from a step, in the order of happening.
type Effects struct {
	Changed  bool // the state differs from the one passed in, and must be stored
	Flips    []monitor.Flip
	Rechecks []Recheck
	Evidence []monitor.Result // the failing results that opened votes
	Expiring []Expiring
	Ignored  int // results that were repeats, late, or of no known monitor
}

// clone copies what Step may change. Votes and marks are replaced, never
// changed in place, by those who clone them in turn.
func (s Service) clone() Service {
	s.Details = maps.Clone(s.Details)
	if s.Details == nil {
		s.Details = map[monitor.ID]Monitor{}
	}
	s.States = maps.Clone(s.States)
	if s.States == nil {
		s.States = map[monitor.ID]monitor.State{}
	}
	return s
}

func (m Monitor) clone() Monitor {
	if m.Vote != nil {
		m.Vote = m.Vote.clone()
	}
	m.Turns = slices.Clone(m.Turns)
	m.Where = slices.Clone(m.Where)
	m.Marks = orMake(maps.Clone(m.Marks))
	m.Dissent = orMake(maps.Clone(m.Dissent))
	return m
}

func orMake[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}
