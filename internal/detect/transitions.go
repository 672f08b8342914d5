package detect

import "github.com/sondehq/sonde/internal/monitor"

// Event is what can happen to a monitor.
type Event string

// The events.
const (
	Worse             Event = "worse"              // a first result worse than the settled state: a vote opens
	Better            Event = "better"             // a first result better than the settled state: a vote opens
	ConfirmedDown     Event = "confirmed_down"     // enough locations saw enough failing results in a row
	ConfirmedDegraded Event = "confirmed_degraded" // the same for degraded ones
	ConfirmedUp       Event = "confirmed_up"       // the same for good ones
	Refuted           Event = "refuted"            // too many locations disagree with the vote
	Silent            Event = "silent"             // no location has reported for too long
	Pause             Event = "pause"              // the configuration pauses it
	Resume            Event = "resume"             // the configuration no longer pauses it
)

// Transition is where an event leads and why. The reason appears in flips,
// logs and messages.
type Transition struct {
	To     monitor.State // empty: back to the settled state
	Reason string
}

// Transitions is the whole of the monitor's state machine: for each state that
// shows, each event that can happen in it. An event that is not listed cannot
// happen there, and Step ignores it.
//
// Suspect and recovering are votes: leaving them by confirmation records a
// flip unless the monitor settles where it was.
var transitions = map[monitor.State]map[Event]Transition{
	monitor.Up: {
		Worse:  {monitor.Suspect, "first contrary result, checking again from every location"},
		Silent: {monitor.Unknown, "no results from any location"},
		Pause:  {monitor.Paused, "paused by configuration"},
	},
	monitor.Degraded: {
		Worse:  {monitor.Suspect, "first failing result, checking again from every location"},
		Better: {monitor.Recovering, "first good result, checking again from every location"},
		Silent: {monitor.Unknown, "no results from any location"},
		Pause:  {monitor.Paused, "paused by configuration"},
	},
	monitor.Suspect: {
		ConfirmedDown:     {monitor.Down, "outage confirmed"},
		ConfirmedDegraded: {monitor.Degraded, "degradation confirmed"},
		ConfirmedUp:       {monitor.Up, "good results confirmed"},
		Refuted:           {"", "not confirmed by the other checks"},
		Silent:            {monitor.Unknown, "no results from any location"},
		Pause:             {monitor.Paused, "paused by configuration"},
	},
	monitor.Down: {
		Better: {monitor.Recovering, "first good result, checking again from every location"},
		Silent: {monitor.Unknown, "no results from any location"},
		Pause:  {monitor.Paused, "paused by configuration"},
	},
	monitor.Recovering: {
		ConfirmedUp:       {monitor.Up, "recovery confirmed"},
		ConfirmedDegraded: {monitor.Degraded, "partial recovery confirmed"},
		ConfirmedDown:     {monitor.Down, "outage confirmed"},
		Refuted:           {"", "recovery not confirmed by the other checks"},
		Silent:            {monitor.Unknown, "no results from any location"},
		Pause:             {monitor.Paused, "paused by configuration"},
	},
	monitor.Unknown: {
		Worse:       {monitor.Suspect, "first result is failing, checking again from every location"},
		Better:      {monitor.Unknown, "first result is good"},
		ConfirmedUp: {monitor.Up, "good results"},
		Refuted:     {"", "not confirmed by the other checks"},
		Pause:       {monitor.Paused, "paused by configuration"},
	},
	monitor.Paused: {
		Resume: {monitor.Unknown, "no longer paused by configuration"},
	},
}

// Next looks an event up in the transition table. It reports false where the
// event cannot happen in that state.
func Next(state monitor.State, event Event) (Transition, bool) {
	t, ok := transitions[state][event]
	return t, ok
}

// confirmation is the event of a vote that settled on a state.
func confirmation(to monitor.State) Event {
	switch to {
	case monitor.Down:
		return ConfirmedDown
	case monitor.Degraded:
		return ConfirmedDegraded
	}
	return ConfirmedUp
}
