package incident

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Change is what became of a service.
type Change struct {
	Service      monitor.ServiceID
	Status       monitor.Status
	At           time.Time // since when
	Alive, Total int       // monitors
	Reason       string
	Detail       string // what failed, for operators
	Check        string // the id of the check that began it

	// Gone is that nothing of it is watched any more, by the configuration: nobody will
	// say that it is fine, nor that it is not. Its status is not known.
	Gone bool

	Flapping bool          // one of its monitors keeps changing
	Shared   []string      // what its failures may have in common with others'
	Drain    time.Time     // until when old DNS answers were seen to last; zero: none
	TTL      time.Duration // how long DNS answers of its names are kept; 0: not known
	Voting   bool          // a vote is open: what fails may be other in a moment
	OnlyDNS  bool          // all that is left of it is old DNS answers
	Old      string        // what is found at addresses that were in use before, in words; see detect.Service.Old
	// Contested is that a vote is open on a failure that was seen before At: the
	// service may turn out to be broken still.
	Contested bool
	// Muted is until when the service is in planned maintenance; zero: it is not.
	// Status is what is measured all the same.
	Muted time.Time
}

// isFine reports whether the service needs no incident any more.
func (c Change) isFine() bool { return c.Gone || isFine(c.Status) || c.OnlyDNS && !c.Status.IsOutage() }

// isSilent reports whether nothing is heard from a location, of which it then sees no
// monitor.
func (c Change) isSilent() bool {
	_, prober := c.Service.Prober()
	return prober && c.Total == 0 && !isFine(c.Status)
}

// View is what is known of a service around the one that changed.
type View struct {
	Change
	Decided time.Time // when it was known; zero: at the time of the change
	Suspect bool      // a vote is open that may make it worse
}

// World is what Step looks at: the open incidents, and at least the services
// that the changed one depends on and those that depend on it, through any
// number of steps.
type World struct {
	Open     []Incident
	Services map[monitor.ServiceID]View

	// Past is incidents that are over, as far as it is known that a new one would
	// have their id, and when they ended: a service that is as it was before is told
	// of anew.
	Past map[string]time.Time
}

// Effects is what is to be stored: incidents that are new or changed, each
// once; their updates; and the notifications that are due now.
type Effects struct {
	Incidents     []Incident
	Updates       []Update
	Notifications []Notification

	// Waits means that a vote must end first, a dependency's before it is known
	// where the change belongs, or the service's own before its incident is over;
	// the caller brings the change again, soon.
	Waits bool
}

// isFine reports whether a service needs no incident any more.
func isFine(status monitor.Status) bool {
	return status == monitor.Operational || status == monitor.InMaintenance
}

// is reports whether a change says nothing new of a service.
func (a Affected) is(c Change) bool {
	if c.Gone {
		return !a.Restored.IsZero() && !a.Flapping && !a.Unknown
	}
	if !a.Muted.Equal(c.Muted) && a.Restored.IsZero() && !isFine(c.Status) {
		return false
	}
	if c.Status == monitor.NotKnown {
		return a.Unknown || a.Gone // it is watched again: nothing is known of it yet
	}
	if a.change().isSilent() != c.isSilent() {
		return false
	}
	return a.Status == c.Status && a.Alive == c.Alive && !a.Unknown && a.Restored.IsZero() != c.isFine() && a.Flapping == c.Flapping
}

// asSaid is a change of a service of which a person has said how it is: what is
// measured counts where it is worse than that. Planned maintenance accounts for what is
// measured, not for what people say.
func (a Affected) asSaid(c Change) Change {
	if a.Declared != "" && c.Status.Impact().Rank() <= a.Declared.Impact().Rank() {
		c.Status, c.Alive, c.Total, c.Flapping, c.OnlyDNS, c.Gone, c.Muted = a.Declared, 0, 0, false, false, false, time.Time{}
	}
	return c
}

func affected(svc monitor.Service, c Change, cause bool) Affected {
	return Affected{
		ID: svc.ID, Name: svc.Name, Internal: svc.Internal, Cause: cause, Worst: c.Status, Least: c.Alive,
		Status: c.Status, Since: c.At, Alive: c.Alive, Total: c.Total, Muted: c.Muted, Gone: c.Gone, Flapping: c.Flapping, Shared: c.Shared,
	}
}
