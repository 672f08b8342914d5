package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// Script is everything that happens from outside. Times are counted from Start.
type Script struct {
	Seed   uint64 // of the small latencies
	Start  time.Time
	Length time.Duration // until nothing happens any more
	Settle time.Duration // the quiet time after it

	Config  *monitor.Config
	Plans   []monitor.Plan // maintenance, beside what Config has
	Changes []Change       // of the configuration
	Outages []Outage
	Moves   []Move
	Endings []Ending // of certificates
	Faults  []Fault
	Acts    []Act

	Addresses map[monitor.ID]string // of targets, as host:port; without one, results name none
}

// Outage is a time in which a monitor finds its target not up.
type Outage struct {
	Monitor monitor.ID
	From    monitor.Location // empty: from everywhere
	Begins  time.Duration    // inclusive
	Ends    time.Duration    // exclusive
	Outcome monitor.Outcome
	Failure monitor.Failure
}

// Change puts another configuration in force.
type Change struct {
	At     time.Duration
	Config *monitor.Config
}

// Act is what a person does to the oldest open incident, if there is one.
type Act struct {
	At    time.Duration
	Do    Deed
	By    string
	Text  string         // of an update; why something is declined
	Phase incident.Phase // of an update
	Next  time.Duration  // of an update: until the next one
	Tier  monitor.TierID // to publish to, or not

	Service monitor.ServiceID // of what is opened
	Impact  monitor.Impact    // of what is opened
}

// Deed is what an Act does.
type Deed string

// The deeds.
const (
	Acknowledge Deed = "ack"
	Post        Deed = "update"
	Publish     Deed = "publish"
	Decline     Deed = "decline"
	Declare     Deed = "open"    // an incident that no monitor sees
	Resolve     Deed = "resolve" // the oldest of these
)

// Fault is one thing that goes wrong. Those that strike an operation strike one of
// their stage at or after their time: time stands still within a run, so Skip says
// which of the run's.
type Fault struct {
	At    time.Duration
	Kind  Trouble
	Stage Stage            // that it strikes; empty: any
	Place monitor.Location // of what belongs to a location; empty: any
	For   time.Duration    // how long it lasts, or delays; how wrong a clock is
	Times int              // how many operations it strikes; 0 is one
	Skip  int              // how many operations that it might strike it lets through before
	Minor bool             // it strikes what is written again every minute, too
}

// Trouble is a kind of fault.
type Trouble string

// The troubles.
const (
	CrashBeforeWrite Trouble = "crash before write"  // the function dies, nothing is written
	CrashAfterWrite  Trouble = "crash after write"   // it is written, then the function dies
	LostAnswer       Trouble = "write answer lost"   // it is written, and the function is told that it failed
	Throttle         Trouble = "throttle"            // the table refuses a read or a write
	ThrottleRead     Trouble = "throttle of reads"   // the table refuses a read
	ThrottleWrite    Trouble = "throttle of writes"  // the table refuses a write
	Conflict         Trouble = "conflict"            // the table says that somebody else was faster
	Interleave       Trouble = "interleave"          // another stage runs between the reads and the write
	Stall            Trouble = "stall"               // the function stands still between its reads and its write
	CrashBeforeSend  Trouble = "crash before send"   // the function dies before the carrier has the message
	CrashAfterSend   Trouble = "crash after send"    // the carrier has it, then the function dies
	CarrierFails     Trouble = "carrier fails"       // the carrier refuses
	CarrierRefuses   Trouble = "carrier refuses"     // for good, as it says
	CarrierUnclear   Trouble = "carrier answer lost" // the carrier has it, and the function is told that it failed
	QueueFails       Trouble = "queue fails"         // nothing is queued
	QueueTwice       Trouble = "queue twice"         // a batch comes twice, the second one later
	QueueLate        Trouble = "queue late"          // a batch comes later, others overtake it
	StreamTwice      Trouble = "stream twice"        // a record comes twice, the second one later
	StreamLate       Trouble = "stream late"         // a record comes later, others overtake it
	WakeTwice        Trouble = "wake twice"          // Notify is called twice for one notification
	WakeLate         Trouble = "wake late"           // Notify is called later
	WakeLost         Trouble = "wake lost"           // Notify is never called for a notification
	Silent           Trouble = "silent location"     // no check runs there
	Skew             Trouble = "skewed clock"        // of the probes of a location
	ScheduleMissed   Trouble = "schedule missed"     // a scheduled stage is not called
	ScheduleTwice    Trouble = "schedule twice"      // it is called twice
	ScheduleLate     Trouble = "schedule late"       // it is called later
)

// Stage names a function.
type Stage string

// The stages. Person is somebody at the command line.
const (
	Dispatch Stage = "dispatch"
	Probe    Stage = "probe"
	Detect   Stage = "detect"
	Notify   Stage = "notify"
	Sweep    Stage = "sweep"
	Rollup   Stage = "rollup"
	Person   Stage = "person"
)

// String is the script for people: what is watched, and what happens when.
func (s Script) String() string {
	var b strings.Builder
	line := func(at time.Duration, format string, args ...any) {
		_, _ = fmt.Fprintf(&b, "  %9.3f  %s\n", at.Seconds(), fmt.Sprintf(format, args...))
	}
	_, _ = fmt.Fprintf(&b, "script of %s and %s more:\n", s.Length, s.Settle)
	for _, svc := range s.Config.Services {
		_, _ = fmt.Fprintf(&b, "  service %s, needs %d of %v, depends on %v, internal: %t\n", svc.ID, svc.Needs, svc.Monitors, svc.DependsOn, svc.Internal)
		for _, t := range s.Config.Tiers {
			if o, has := svc.Tiers[t.ID]; has {
				after := t.After
				if o.After != nil {
					after = *o.After
				}
				_, _ = fmt.Fprintf(&b, "    to %s after %s, impact %q, never: %t\n", t.ID, after, o.Impact, o.Never)
			}
		}
	}
	for _, m := range s.Config.Monitors {
		_, _ = fmt.Fprintf(&b, "  monitor %s every %s, confirm %d, recover %d, recheck %s, from %v\n", m.ID, m.Every, m.Confirm, m.Recover, m.Recheck, m.Locations)
		if at := s.Addresses[m.ID]; m.Shadow || at != "" {
			_, _ = fmt.Fprintf(&b, "    at %q, in the shadow: %t\n", at, m.Shadow)
		}
		if m.Window > 0 || m.Flapping.Changes > 0 {
			_, _ = fmt.Fprintf(&b, "    of %d, flaps with %d changes within %s\n", m.Window, m.Flapping.Changes, m.Flapping.Within)
		}
	}
	for _, t := range s.Config.Tiers {
		_, _ = fmt.Fprintf(&b, "  tier %s after %s, hold %s, impact %s, remind %s, public: %t, machine: %t\n", t.ID, t.After, t.Hold, t.Impact, t.Remind, t.Public, t.Machine)
		if q := t.Quiet; q != nil {
			_, _ = fmt.Fprintf(&b, "    quiet from minute %d to %d, below %s\n", q.From, q.To, q.Below)
		}
	}
	for _, p := range s.Plans {
		line(p.Starts.Sub(s.Start), "maintenance %s of %v until %s, cron %q for %s", p.ID, p.Services, p.Ends.Sub(s.Start), p.Cron, p.Duration)
	}
	for _, o := range s.Outages {
		line(o.Begins, "%s %s from %q until %.3f", o.Monitor, o.Outcome, o.From, o.Ends.Seconds())
	}
	for _, m := range s.Moves {
		line(m.At, "%s moves, old answers until %s, or %s later; warns: %t", m.Monitor, m.At+m.TTL, m.Stale, m.Degrades)
	}
	for _, e := range s.Endings {
		line(e.Renewed, "the certificate of %s ends at %s; renewed to %s", e.Monitor, e.At, e.To)
	}
	for _, c := range s.Changes {
		line(c.At, "another configuration")
	}
	for _, a := range s.Acts {
		line(a.At, "%s does: %s %s", a.By, a.Do, a.Tier)
	}
	for _, f := range s.Faults {
		line(f.At, "fault: %s, stage %q, place %q, for %s, %d times after %d", f.Kind, f.Stage, f.Place, f.For, max(f.Times, 1), f.Skip)
	}
	return b.String()
}
