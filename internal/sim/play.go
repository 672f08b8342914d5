package sim

import (
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Outcome is what became of a script.
type Outcome struct {
	Transcript string
	Mail       []Delivery
	Violations []Violation
}

// Play runs a script, in which outages decide what checks find. An error means
// that the script itself is impossible.
func Play(s Script) (Outcome, error) {
	w := newWorld(s, s.find)
	if err := w.run(); err != nil {
		return Outcome{Transcript: w.lines.String()}, err
	}
	w.check()
	for _, v := range w.books.violations {
		w.lines.add("VIOLATION %s", v)
	}
	return Outcome{Transcript: w.lines.String(), Mail: w.books.mail, Violations: w.books.violations}, nil
}

// find says what a check finds: the worst of the outages that it falls into, and what
// moves show of DNS.
func (s *Script) find(c monitor.Check, now time.Time) monitor.Result {
	r := monitor.Result{Outcome: monitor.OutcomeUp, Address: s.Addresses[c.Monitor.ID], Timing: monitor.Timing{Total: 20 * time.Millisecond}}
	at := now.Sub(s.Start)
	for i := range s.Outages {
		o := &s.Outages[i]
		if o.Monitor != c.Monitor.ID || at < o.Begins || at >= o.Ends || o.From != "" && o.From != c.Location {
			continue
		}
		if r.Outcome == monitor.OutcomeUp || o.Outcome == monitor.OutcomeDown {
			r.Outcome, r.Failure = o.Outcome, &o.Failure
		}
	}
	s.resolve(&r, c, at)
	s.until(&r, c, at)
	return r
}
