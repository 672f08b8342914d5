package uptime

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Figures are what a service's window came to, with all that they can be traced
// to. Those of a finished month are frozen: kept as they are.
type Figures struct {
	Service monitor.ServiceID `json:"service"`
	Monitor monitor.ID        `json:"monitor,omitempty"` // empty: of the service itself
	Name    string            `json:"name,omitempty"`    // of frozen ones: what it was called
	Month   string            `json:"month,omitempty"`   // 2019-05, of frozen ones
	Zone    string            `json:"zone,omitempty"`    // whose month it is; of frozen ones
	Window

	Adjusted Seconds  `json:"adjusted"`
	Raw      Seconds  `json:"raw"` // as measured
	Outages  []Outage `json:"outages"`

	Exclusions  []Exclusion  `json:"exclusions"`  // that share time with the window, by time
	Corrections []Correction `json:"corrections"` // the same, in the order in which they were made

	// Frozen is when they were; zero: they are not. Amended says what they were
	// before each correction that came later, oldest first.
	Frozen  time.Time `json:"frozen,omitzero"`
	Amended []Amended `json:"amended,omitempty"`

	// Turns is what was measured, of frozen ones: with exclusions and corrections it
	// gives all the rest, so that a correction changes only what it says. Empty: it
	// was not kept.
	Turns []Turn `json:"turns,omitempty"`

	// Monitors are the figures of the service's monitors, of frozen ones. Why they
	// are what they are, the service's say.
	Monitors []Figures `json:"monitors,omitempty"`
}

// Amended is what frozen figures were before a correction, or before one was
// withdrawn.
type Amended struct {
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	Reason     string    `json:"reason"`
	Correction string    `json:"correction"` // its id
	Withdrawn  bool      `json:"withdrawn,omitempty"`
	Before     Seconds   `json:"before"` // adjusted
}

// History is all that figures are made from: the timeline, and why it is not what
// was measured.
type History struct {
	*Timeline
	Exclusions  []Exclusion
	Corrections []Correction
	Flips       []monitor.Flip // of the service and of its monitors
}

// Monitor is the history of one of the service's monitors, as far as the flips of
// this one reach; they must reach to the present. What it was before the first of
// them, that one says; where there is none, it is what it settled in, since then.
// The service's maintenance and corrections are its own.
func (h History) Monitor(id monitor.ID, settled monitor.State, since time.Time) History {
	flips := Select(h.Flips, id)
	initial := ""
	switch {
	case len(flips) > 0:
		initial = slices.MinFunc(flips, inEffect).From
	case !since.IsZero():
		flips = []monitor.Flip{{Monitor: id, To: string(settled), At: since, Decided: since}}
	}
	line := NewTimeline(flips, initial, h.Exclusions, h.Corrections...)
	return History{Timeline: line, Exclusions: h.Exclusions, Corrections: h.Corrections, Flips: flips}
}

// Figures are those of a window.
func (h History) Figures(id monitor.ServiceID, w Window) Figures {
	f := Figures{
		Service: id, Window: w, Adjusted: h.Tally(w), Raw: h.Raw(w), Outages: h.Outages(w),
		Exclusions: []Exclusion{}, Corrections: []Correction{},
	}
	for _, e := range h.Exclusions {
		if !(Window{e.From, e.To}).Intersect(w).IsEmpty() {
			f.Exclusions = append(f.Exclusions, e)
		}
	}
	for _, c := range inOrder(h.Corrections) {
		if !(Window{c.From, c.To}).Intersect(w).IsEmpty() {
			f.Corrections = append(f.Corrections, c)
		}
	}
	return f
}

// MonitorFigures are those of one of the service's monitors.
func (h History) MonitorFigures(service monitor.ServiceID, id monitor.ID, name string, w Window) Figures {
	f := h.Figures(service, w)
	f.Monitor, f.Name, f.Exclusions, f.Corrections = id, name, nil, nil
	return f
}

// Freeze is the figures of a month as they are kept, with what was measured.
func (h History) Freeze(f Figures, month, zone string, now time.Time) Figures {
	f.Month, f.Zone, f.Frozen, f.Turns = month, zone, now, h.Measured(f.Window)
	return f
}

// IsTraced reports whether frozen figures can be corrected by what they hold.
func (f Figures) IsTraced() bool { return len(f.Turns) > 0 }

// Amend is frozen figures with one more correction, with what they were before. All
// that it does not speak of stays as it was frozen. The figures must be traced.
func (f Figures) Amend(c Correction) Figures {
	return f.amended(append(slices.Clone(f.Corrections), c), Amended{At: c.At, By: c.By, Reason: c.Reason, Correction: c.ID, Before: f.Adjusted})
}

// Withdraw is frozen figures without a correction that was taken back.
func (f Figures) Withdraw(c Correction) Figures {
	left := slices.DeleteFunc(slices.Clone(f.Corrections), func(other Correction) bool { return other.ID == c.ID })
	by := Withdrawal{}
	if c.Withdrawn != nil {
		by = *c.Withdrawn
	}
	return f.amended(left, Amended{At: by.At, By: by.By, Reason: by.Reason, Correction: c.ID, Withdrawn: true, Before: f.Adjusted})
}

// Replace is frozen figures that are not traced, computed anew.
func (f Figures) Replace(fresh Figures, change Amended) Figures {
	fresh.Name, fresh.Month, fresh.Zone, fresh.Frozen, fresh.Monitors = f.Name, f.Month, f.Zone, f.Frozen, f.Monitors
	change.Before = f.Adjusted
	fresh.Amended = append(slices.Clone(f.Amended), change)
	return fresh
}

func (f Figures) amended(corrections []Correction, change Amended) Figures {
	out := f.over(corrections)
	out.Amended = append(slices.Clone(f.Amended), change)
	out.Monitors = slices.Clone(f.Monitors)
	for i, m := range out.Monitors {
		if !m.IsTraced() {
			continue // it stays as it was
		}
		m.Exclusions = f.Exclusions
		m = m.over(corrections)
		m.Exclusions, m.Corrections = nil, nil
		out.Monitors[i] = m
	}
	return out
}

// over is the figures with these corrections laid over what was measured.
func (f Figures) over(corrections []Correction) Figures {
	flips := make([]monitor.Flip, len(f.Turns))
	for i, turn := range f.Turns {
		flips[i] = monitor.Flip{To: string(turn.Status), At: turn.At, Decided: turn.At}
	}
	line := History{Timeline: NewTimeline(flips, "", f.Exclusions, corrections...), Exclusions: f.Exclusions, Corrections: corrections}
	fresh := line.Figures(f.Service, f.Window)
	f.Adjusted, f.Raw, f.Outages, f.Corrections = fresh.Adjusted, fresh.Raw, fresh.Outages, fresh.Corrections
	return f
}
