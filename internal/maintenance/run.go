package maintenance

import (
	"crypto/sha256"
	"encoding/base32"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Run is a window that has begun, as it came to be.
type Run struct {
	ID       string              `json:"id"`
	Plan     monitor.PlanID      `json:"plan"`
	Title    string              `json:"title"`
	Text     string              `json:"text,omitempty"`
	All      bool                `json:"all,omitempty"` // of all services
	Services []monitor.ServiceID `json:"services,omitempty"`

	Planned time.Time `json:"planned"` // when it was to begin
	From    time.Time `json:"from"`    // when it did: not before it was planned
	To      time.Time `json:"to"`      // when it is to end
	Ended   time.Time `json:"ended,omitzero"`
	EndedBy string    `json:"ended_by,omitempty"` // who ended it early; empty: it ended as planned
	Updated time.Time `json:"updated"`
	Created time.Time `json:"created"`      // when it was planned
	By      string    `json:"by,omitempty"` // who planned it

	// Joined and Left are when a service was put into its plan, or taken out of
	// it, while it lasted.
	Joined map[monitor.ServiceID]time.Time `json:"joined,omitempty"`
	Left   map[monitor.ServiceID]time.Time `json:"left,omitempty"`

	// Told is when which tier heard that it began: those hear of its end.
	Told map[monitor.TierID]time.Time `json:"told,omitempty"`
	// ToldTo is until when each of them was told that it lasts.
	ToldTo map[monitor.TierID]time.Time `json:"told_to,omitempty"`
}

// RunID derives the id of a run from its plan and when it was to begin: twelve
// lower-case letters and digits, known before it begins.
func RunID(plan monitor.PlanID, planned time.Time) string {
	return digest("maintenance", string(plan), planned.UTC().Format(time.RFC3339Nano))
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}

// IsOver reports whether it has ended.
func (r *Run) IsOver() bool { return !r.Ended.IsZero() }

// End is when it ended, or is to end.
func (r *Run) End() time.Time {
	if r.IsOver() {
		return r.Ended
	}
	return r.To
}

// Of is the part of the run that is one of a service; false if there is none.
func (r *Run) Of(id monitor.ServiceID) (Window, bool) {
	if !r.All && !slices.Contains(r.Services, id) && r.Left[id].IsZero() {
		return Window{}, false
	}
	w := Window{later(r.From, r.Joined[id]), r.End()}
	if left := r.Left[id]; !left.IsZero() && left.Before(w.To) {
		w.To = left
	}
	return w, w.To.After(w.From)
}

func (r Run) clone() Run {
	r.Services = slices.Clone(r.Services)
	r.Joined, r.Left = maps.Clone(r.Joined), maps.Clone(r.Left)
	r.Told, r.ToldTo = maps.Clone(r.Told), maps.Clone(r.ToldTo)
	return r
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// begin makes a window a run.
func begin(p monitor.Plan, w Window, now time.Time) Run {
	return Run{
		ID: RunID(p.ID, w.From), Plan: p.ID, Title: p.Title, Text: p.Text, All: len(p.Services) == 0, Services: slices.Clone(p.Services),
		Planned: w.From, From: later(w.From, p.Since), To: w.To, Updated: now, Created: p.Created, By: p.By,
	}
}

// follow brings a run that is going on in line with the window of its plan, and
// reports whether that changed anything. It may be over by that.
func follow(r *Run, p monitor.Plan, w Window, now time.Time) (changed bool) {
	w.To = earlier(w.To, r.From.Add(MaxDuration)) // then another run goes on
	if !r.To.Equal(w.To) {
		// One that is made to have ended has lasted until that was said.
		end := later(w.To, earlier(r.To, later(p.Since, p.Cancelled)))
		r.To, changed = earlier(end, later(w.To, now)), true
		if !p.Cancelled.IsZero() && w.To.Equal(p.Cancelled) {
			r.To, r.EndedBy = p.Cancelled, p.CancelledBy
		}
	}
	if !r.Planned.Equal(w.From) {
		r.Planned, changed = w.From, true
	}
	if r.Title != p.Title || r.Text != p.Text {
		r.Title, r.Text, changed = p.Title, p.Text, true
	}
	if all := len(p.Services) == 0; all != r.All || !slices.Equal(r.Services, p.Services) {
		changed = r.staff(p, now) || changed
	}
	return changed
}

// goesOn reports whether the window of a run that is over goes on after it, as
// another run: it was made longer, or planned anew, when it had ended, or it has
// lasted for as long as one run may. What a person ended does not begin again.
func (r *Run) goesOn(p monitor.Plan, w Window) bool {
	return r.EndedBy == "" && w.To.After(r.Ended) && (!p.Since.Before(r.Ended) || r.Ended.Equal(r.From.Add(MaxDuration)))
}

// EndedEarly is the run of the window that a plan is in at a time, if a person
// ended it: it does not begin again, whatever the plan is changed to.
func EndedEarly(p monitor.Plan, runs []Run, now time.Time) (Run, bool) {
	windows, err := Windows(p, now, now.Add(time.Nanosecond))
	if err != nil {
		return Run{}, false
	}
	for _, r := range runs {
		if r.Plan == p.ID && r.EndedBy != "" && slices.ContainsFunc(windows, func(w Window) bool { return w.From.Equal(r.Planned) }) {
			return r, true
		}
	}
	return Run{}, false
}

// staff gives a run the services that its plan has now, and remembers since when.
func (r *Run) staff(p monitor.Plan, now time.Time) bool {
	at := earlier(later(p.Since, r.From), now)
	if r.Joined == nil {
		r.Joined = map[monitor.ServiceID]time.Time{}
	}
	if r.Left == nil {
		r.Left = map[monitor.ServiceID]time.Time{}
	}
	for _, id := range p.Services {
		if !r.All && !slices.Contains(r.Services, id) {
			r.Joined[id] = at
		}
		delete(r.Left, id)
	}
	for _, id := range r.Services {
		if len(p.Services) > 0 && !slices.Contains(p.Services, id) {
			r.Left[id] = at
		}
	}
	r.All, r.Services = len(p.Services) == 0, slices.Clone(p.Services)
	return true
}
