package monitor

import "time"

// Signal is what a job says with a ping.
type Signal string

// The signals.
const (
	SignalStart   Signal = "start"
	SignalSuccess Signal = "success"
	SignalFail    Signal = "fail"
)

// MaxPingText is how many bytes of a ping's body are kept.
const MaxPingText = 4 << 10

// Beat is one ping.
type Beat struct {
	Signal Signal
	Exit   int    // the job's exit code, where it told one; otherwise 0
	Text   string // the first part of the body, at most MaxPingText bytes
}

// Ping is what is known of a heartbeat's job: its last end, and whether it has
// begun since.
type Ping struct {
	Monitor ID            `json:"monitor"`
	Since   time.Time     `json:"since"`            // when it was first expected: its token was made
	At      time.Time     `json:"at,omitzero"`      // when it last ended; zero if it has not yet
	Started time.Time     `json:"started,omitzero"` // when it last began, if it said so
	Run     time.Duration `json:"run,omitempty"`    // how long the last run took; 0 where it did not say when it began
	Failed  bool          `json:"failed,omitempty"` // the last end was a failure
	Exit    int           `json:"exit,omitempty"`   // exit code of the last end
	Detail  string        `json:"detail,omitempty"` // what it said at its last end
}

// Running reports whether the job has begun and not ended since.
func (p Ping) Running() bool { return p.Started.After(p.At) }

// Heard is the ping after a beat at a time. A beat that comes twice changes
// little: the run's length is kept by the first end.
func (p Ping) Heard(b Beat, now time.Time) Ping {
	if b.Signal == SignalStart {
		p.Started = now
		return p
	}
	if p.Running() {
		p.Run = now.Sub(p.Started)
	} else if now.Sub(p.At) > repeat {
		p.Run = 0 // this one did not say when it began
	}
	p.At, p.Failed, p.Exit, p.Detail = now, b.Signal == SignalFail, b.Exit, b.Text
	return p
}

// repeat is how soon after an end another one is taken for the same.
const repeat = time.Minute
